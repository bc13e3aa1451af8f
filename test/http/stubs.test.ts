import { expect, test } from "vitest";
import { http, type Stub, startLab } from "../../index.ts";
import { type Address, ask } from "./dialogue.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

async function texts(to: Address, ...lines: string[]): Promise<string[]> {
  const all: string[] = [];
  for (const line of lines) all.push((await ask(to, line)).body);
  return all;
}

test("a stub answers before the files, others go on to them", async () => {
  const stubs: Stub[] = [{ path: "/hello", answer: { body: "Hi!", headers: { "X-A": "b" } } }];
  await using lab = await startLab({ web: http({ stubs }) });
  const answer = await ask(lab.servers.web, "GET /hello");
  expect(answer).toMatchObject({ status: 200, body: "Hi!", headers: { "x-a": "b" } });
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect((await ask(lab.servers.web, "GET /")).body).toBe("Hello, world!");
  expect((await ask(lab.servers.web, "HEAD /hello")).headers["content-length"]).toBe("3");
});

test("method, path, query, headers and body decide, and the stub that was added last is tried first", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const answer = (body: string) => ({ body });
  web.stub({ path: "/**", answer: answer("any") });
  web.stub({ path: "/a/*", answer: answer("star") });
  web.stub({ path: /^\/r\d+$/g, answer: answer("pattern") });
  web.stub({ path: "/a/b.c", method: "post", answer: answer("method") });
  web.stub({ path: "/q", query: { x: "1", y: /^2/ }, answer: answer("query") });
  web.stub({ path: "/h", headers: { "X-Kind": /^t/ }, answer: answer("headers") });
  web.stub({ path: "/b", body: { json: { a: { b: 1 }, c: [1, { d: 2 }] } }, answer: answer("json") });
  web.stub({ path: "/b", body: /^text/, answer: answer("text") });
  expect(await texts(web, "GET /a/x", "GET /a/x/y", "GET /r12", "GET /r12", "GET /rx")).toEqual([
    "star",
    "any",
    "pattern",
    "pattern",
    "any",
  ]);
  expect(await texts(web, "POST /a/b.c", "GET /a/b.c", "POST /a/bxc")).toEqual(["method", "star", "star"]);
  expect(await texts(web, "GET /q?y=22&x=1", "GET /q?x=1", "GET /q?x=0&y=2")).toEqual([
    "query",
    "any",
    "any",
  ]);
  expect((await ask(web, "GET /h", { "x-kind": "tea" })).body).toBe("headers");
  expect((await ask(web, "GET /h", { "x-kind": "cup" })).body).toBe("any");
  const posted = async (body: string) => (await ask(web, "POST /b", JSON_TYPE, body)).body;
  expect(await posted('{"a":{"b":1,"more":0},"c":[1,{"d":2,"e":3}],"f":0}')).toBe("json");
  expect(await posted('{"a":{"b":2},"c":[1,{"d":2}]}')).toBe("any");
  expect(await posted('{"a":{"b":1},"c":[1,{"d":2},3]}')).toBe("any");
  expect(await posted("text and more")).toBe("text");
});

test("a slash at the end of a path makes no difference", async () => {
  await using lab = await startLab({ web: http({ stubs: [{ path: "/users/", answer: { body: "all" } }] }) });
  expect(await texts(lab.servers.web, "GET /users/", "GET /users")).toEqual(["all", "all"]);
  lab.servers.web.stub({ path: "/api/**", answer: { body: "below" } });
  lab.servers.web.stub({ path: "/docs/**/index", answer: { body: "index" } });
  expect(
    await texts(lab.servers.web, "GET /api/", "GET /api/a/b", "GET /docs/index", "GET /docs/a/b/index"),
  ).toEqual(["below", "below", "index", "index"]);
  expect((await ask(lab.servers.web, "GET /apis")).status).toBe(404);
});

test("a header's letters are a byte each, whatever the body is", async () => {
  const headers = { "X-Name": "Müller" };
  const stubs = ["ü", { name: "ü" }, new Uint8Array([252]), undefined].map((body, index) => ({
    path: `/${index}`,
    answer: { headers, body },
  }));
  await using lab = await startLab({ web: http({ stubs }) });
  for (const { path } of stubs) {
    expect((await ask(lab.servers.web, `GET ${path}`)).headers["x-name"]).toBe("Müller");
  }
});

test("a header may have several values, and chunks have no length", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const headers = { "Set-Cookie": ["a=1", "b=2"], "Transfer-Encoding": "chunked" };
  web.stub({ path: "/x", answer: { headers, body: "x" } });
  const answer = await fetch(`${web.url}/x`);
  expect([answer.headers.getSetCookie(), answer.headers.has("content-length")]).toEqual([
    ["a=1", "b=2"],
    false,
  ]);
  expect(await answer.text()).toBe("x");
});

test("an answer without content has no length, whatever its stub says", async () => {
  const answer = { status: 204, headers: { "Content-Length": "5" }, body: "hello" };
  await using lab = await startLab({ web: http({ stubs: [{ path: "/x", answer }] }) });
  const { headers, body } = await ask(lab.servers.web, "GET /x");
  expect([headers["content-length"], body]).toEqual([undefined, ""]);
});

test("answers come in order, and the last one stays", async () => {
  const stubs: Stub[] = [
    { path: "/x", answer: [{ status: 503, times: 2 }, { body: "once" }, { body: { n: 1 } }] },
  ];
  await using lab = await startLab({ web: http({ stubs }) });
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await ask(lab.servers.web, "GET /x")).status);
  expect(statuses).toEqual([503, 503, 200]);
  const last = await ask(lab.servers.web, "GET /x");
  expect([last.headers["content-type"], JSON.parse(last.body)]).toEqual([
    "application/json; charset=utf-8",
    { n: 1 },
  ]);
  expect(JSON.parse((await ask(lab.servers.web, "GET /x")).body)).toEqual({ n: 1 });
});

test("a function answers, and calls are told", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const users = web.stub({
    path: "/users/:id",
    answer: ({ params, query, body }) => ({
      status: 201,
      body: `${params.id} ${query.get("q")} ${body}`,
      delay: 5,
    }),
  });
  expect(await ask(lab.servers.web, "PUT /users/7%20a?q=1", {}, "data")).toMatchObject({
    status: 201,
    body: "7 a 1 data",
  });
  expect(users.calls).toMatchObject([
    { method: "PUT", path: "/users/7 a", params: { id: "7 a" }, body: "data" },
  ]);
  expect(users.count).toBe(1);
  users[Symbol.dispose]();
  expect((await ask(lab.servers.web, "GET /users/7")).status).toBe(404);
  web.stub({
    path: "/broken",
    answer: () => {
      throw new Error("secret");
    },
  });
  const broken = await ask(lab.servers.web, "GET /broken");
  expect(broken.status).toBe(500);
  expect(broken.body).not.toContain("secret");
});

test("server-sent events", async () => {
  const events = [
    { data: "one\ntwo", id: "1" },
    { data: { n: 2 }, event: "count" },
  ];
  await using lab = await startLab({ web: http({ stubs: [{ path: "/e", answer: { events, delay: 1 } }] }) });
  const response = await fetch(`${lab.servers.web.url}/e`);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await response.text()).toBe('id: 1\ndata: one\ndata: two\n\nevent: count\ndata: {"n":2}\n\n');
});

test("a request that no stub answers is told why", async () => {
  const stubs: Stub[] = [
    { path: "/a", method: "POST", headers: { "X-Key": "secret" }, answer: {} },
    { path: "/b", method: "POST", body: "right", answer: {} },
  ];
  await using lab = await startLab({ web: http({ stubs }) });
  const { web } = lab.servers;
  const miss = await ask(web, "GET /a", { "X-Key": "mine" });
  expect(miss.status).toBe(404);
  expect(miss.body).toContain("the method is GET, not POST, and the header X-Key is another");
  expect(miss.body).not.toMatch(/secret|mine/);
  expect((await ask(web, "POST /b", {}, "wrong")).body).toContain("the body is another");
  const odd = await ask(web, "PATCH /b");
  expect([odd.status, odd.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS, PUT, DELETE"]);
  expect(odd.body).toContain("the method is PATCH, not POST");
  expect((await ask(web, "GET /index.html")).status).toBe(200);
  expect(web.unmatched).toMatchObject([
    { method: "GET", url: "/a", nearest: expect.stringContaining("not POST") },
    { method: "POST", url: "/b", nearest: expect.stringContaining("the body is another") },
    { method: "PATCH", url: "/b" },
  ]);
});

test("a reset brings back the stubs of the start, with their first answers", async () => {
  const stubs: Stub[] = [{ path: "/x", answer: [{ body: "first" }, { body: "second" }] }];
  await using lab = await startLab({ web: http({ stubs }) });
  const { web } = lab.servers;
  web.stub({ path: "/y", answer: { body: "y" } });
  expect(await texts(web, "GET /x", "GET /x", "GET /y")).toEqual(["first", "second", "y"]);
  await ask(web, "GET /nothing");
  await lab.reset();
  expect(web.unmatched).toEqual([]);
  expect((await texts(web, "GET /x"))[0]).toBe("first");
  expect((await ask(web, "GET /y")).status).toBe(404);
});

test("a stub that cannot be is refused", async () => {
  const answer = { status: 200 };
  await using lab = await startLab({ web: http() });
  for (const stub of [
    { path: "x", answer },
    { path: "/x?y=1", answer },
    { path: "/:a/:a", answer },
    { path: "/x", answer: { headers: { "X-A": "a\r\nb" } } },
    { path: "/x", answer: { headers: { "X A": "a" } } },
    { path: "/x", answer: [] },
    { path: "/x", answer: { status: 99 } },
    { path: "/x", answer: { delay: -1 } },
    { path: "/x", answer: { times: 0 } },
    { path: "/x", answer: { sttus: 200 } },
    { path: "/x", mehtod: "GET", answer },
    { path: "/x", method: 5 as never, answer },
    { path: "/x", query: { id: 7 as never }, answer },
    { path: "/x", query: "id=7" as never, answer },
    { path: "/x", headers: { "x-id": null as never }, answer },
    { path: "/x", body: { item: "tea" } as never, answer },
    { path: "/x", body: 7 as never, answer },
    { path: "/x", answer: { headers: { "X-A": undefined as never } } },
    { path: "/x", answer: { headers: { "X-A": ["a", null as never] } } },
    { path: "/x", answer: { headers: { Trailer: "X-A" } } },
    { path: "/x", answer: { delay: "5" as never } },
    { path: "/x", answer: { body: () => "a" } },
    { path: "/x", answer: { body: new Map([["a", 1]]) } },
    { path: "/x", answer: { body: 5n } },
    { path: "/x", answer: { events: [{ data: () => "a" }] } },
    { path: "/x", answer: { events: [{ event: "a" } as never] } },
    { path: "/x", answer: { events: [{ data: 1, event: "a\nb" }] } },
    { path: "/x", answer: { events: "a" as never } },
  ]) {
    expect(() => lab.servers.web.stub(stub)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    await expect(startLab({ web: http({ stubs: [stub] }) })).rejects.toMatchObject({ code: "BAD_OPTION" });
  }
});

test("fault rules see what stubs answer", async () => {
  await using lab = await startLab({ web: http({ stubs: [{ path: "/x", answer: { body: "x" } }] }) });
  lab.faults.add({
    when: { server: "web", verb: "GET" },
    times: 1,
    fault: { kind: "reply", with: { code: 500, text: "No" } },
  });
  expect((await ask(lab.servers.web, "GET /x")).status).toBe(500);
  expect((await ask(lab.servers.web, "GET /x")).body).toBe("x");
});

test.each<[string, unknown]>([
  ["a status", { status: 9999 }],
  ["a header", { headers: { "a b": "c" } }],
  ["an event", { events: [{}] }],
  ["a text", "Hello"],
  ["nothing", undefined],
  ["an unknown field", { statusCode: 200 }],
])("a function that answers with what cannot be, %s, is a 500 that the log explains", async (_what, made) => {
  await using lab = await startLab({ web: http() });
  lab.servers.web.stub({ path: "/x", answer: () => made as never });
  expect((await ask(lab.servers.web, "GET /x")).status).toBe(500);
  const told = [...lab.transcript].filter((event) => event.type === "error");
  expect(told).toMatchObject([{ code: "BAD_OPTION", message: expect.stringMatching(/^A stub /) }]);
});

test("a RegExp in what the JSON of a body has to have stands for a text", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  web.stub({ path: "/x", body: { json: { list: [{ item: /^tea/g }] } }, answer: {} });
  const status = async (item: unknown) =>
    (await ask(web, "POST /x", {}, JSON.stringify({ list: [{ item, count: 1 }] }))).status;
  expect([await status("tea"), await status("teapot"), await status("coffee"), await status({})]).toEqual([
    200, 200, 404, 404,
  ]);
});
