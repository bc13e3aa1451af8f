import { expect, test } from "vitest";
import { type Account, http, startLab, type WireEvent } from "../../index.ts";
import { ask, basic, FOO, request, say } from "./dialogue.ts";

const READER: Account = { name: "ann", password: "pw", permissions: "elr" };

test("everybody may read; writing asks to log in; who may not is refused", async () => {
  await using lab = await startLab(
    { web: http() },
    { accounts: [READER, { name: "bob", password: "b:o b", permissions: "elrdw" }] },
  );
  const { web } = lab.servers;
  expect((await ask(web, "GET /")).status).toBe(200);
  const asked = await ask(web, "PUT /x", {}, "x");
  expect(asked.status).toBe(401);
  expect(asked.headers["www-authenticate"]).toBe('Basic realm="wirelab", charset="UTF-8"');
  expect((await ask(web, "DELETE /index.html")).status).toBe(401);
  const refused = await ask(web, "PUT /x", basic("ann", "pw"), "x");
  expect(refused.status).toBe(403);
  expect(refused.headers).not.toHaveProperty("www-authenticate");
  expect((await ask(web, "DELETE /index.html", basic("ann", "pw"))).status).toBe(403);
  expect((await ask(web, "PUT /x", basic("bob", "b:o b"), "x")).status).toBe(201);
  expect((await ask(web, "DELETE /x", basic("bob", "b:o b"))).status).toBe(204);
});

test("letters for some paths count for those who log in and for those who do not", async () => {
  const accounts: Account[] = [
    { name: "anonymous", permissions: "elr", paths: { "/private": "" } },
    { name: "ann", password: "pw", permissions: "elr", paths: { "/in": "elrwd", "/private/hers": "elr" } },
  ];
  const files = { "/in/a": "a", "/private/hers/x": "x", "/private/y": "y" };
  await using lab = await startLab({ web: http() }, { accounts, files });
  const { web } = lab.servers;
  const ann = basic("ann", "pw");
  expect((await ask(web, "GET /in/a")).status).toBe(200);
  expect((await ask(web, "GET /private/y")).status).toBe(401);
  expect((await ask(web, "GET /private/hers/x", ann)).body).toBe("x");
  expect((await ask(web, "PUT /in/b", ann, "b")).status).toBe(201);
  expect((await ask(web, "PUT /b", ann, "b")).status).toBe(403);
  expect((await ask(web, "DELETE /in/b", ann)).status).toBe(204);
  expect((await ask(web, "GET /in/?list", ann)).body).toMatch(
    /name="delete" value="a"[\s\S]*<form id="upload"/,
  );
  expect((await ask(web, "GET /?list", ann)).body).not.toContain('<form id="upload"');
});

test("a token of another scheme names nobody", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const token = { Authorization: "Bearer Zm9vOmJhcg==" };
  expect((await ask(web, "GET /", token)).body).toBe("Hello, world!");
  for (const line of ["PUT /x", "GET /_/basic-auth"]) {
    const { status, headers } = await ask(web, line, token);
    expect([line, status, headers["www-authenticate"]]).toEqual([
      line,
      401,
      expect.stringContaining("Basic"),
    ]);
  }
});

test("wrong credentials are refused even where none are needed", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  for (const Authorization of [
    basic("foo", "baz").Authorization,
    basic("nobody", "bar").Authorization,
    basic("", "").Authorization,
    "Basic",
    "Basic !!!",
    "Basic Zm9v",
    "",
  ]) {
    const answer = await ask(web, "GET /", { Authorization });
    expect([Authorization, answer.status]).toEqual([Authorization, 401]);
    expect(answer.headers).toHaveProperty("www-authenticate");
  }
  const lower = FOO.Authorization.replace("Basic", "bAsIc");
  expect((await ask(web, "GET /", { Authorization: lower })).status).toBe(200);
});

test("names and passwords are UTF-8", async () => {
  await using lab = await startLab(
    { web: http() },
    { accounts: [{ name: "jürgen", password: "pässwörd€" }] },
  );
  expect((await ask(lab.servers.web, "GET /", basic("jürgen", "pässwörd€"))).status).toBe(200);
});

test("whoever logs in on a page outside his home is led home, where nothing leads out", async () => {
  const accounts = [{ name: "ann", password: "pw", home: "/home/ann", permissions: "elr" }];
  await using lab = await startLab({ web: http() }, { accounts, files: { "/home/ann/in/a": "a" } });
  const { web } = lab.servers;
  const ann = basic("ann", "pw");
  const led = async (from: string) => (await ask(web, `GET /?login=${from}`, ann)).headers.location;
  expect(await led("/")).toBe("/home/ann/?list");
  expect(await led("/home/annex")).toBe("/home/ann/?list");
  expect(await led("/home/ann/in")).toBe("/home/ann/in/?list");
  expect((await ask(web, "GET /home/ann/?list", ann)).body).not.toContain('href="../"');
  expect((await ask(web, "GET /home/ann/in/?list", ann)).body).toContain('href="../"');
});

test("the account anonymous lends its permissions and its home to those who do not log in", async () => {
  const accounts = [{ name: "anonymous", home: "/pub", permissions: "elrw" }, READER];
  await using lab = await startLab({ web: http() }, { accounts, files: { "/secret": "s", "/pub/a": "a" } });
  const { web } = lab.servers;
  expect((await ask(web, "GET /pub/a")).body).toBe("a");
  expect((await ask(web, "PUT /pub/b", {}, "b")).status).toBe(201);
  expect((await ask(web, "DELETE /pub/b")).status).toBe(401);
  expect((await ask(web, "GET /secret")).status).toBe(401);
  expect((await ask(web, "GET /pub/../secret")).status).toBe(401);
  expect((await ask(web, "GET /secret", basic("ann", "pw"))).body).toBe("s");
  expect((await ask(web, "GET /pub/a", basic("anonymous", "ann@example.org"))).status).toBe(200);
});

test("public says what everybody may do", async () => {
  await using lab = await startLab({
    closed: http({ public: "" }),
    open: http({ public: "elrwd" }),
    read: http({ public: "r" }),
  });
  const { closed, open, read } = lab.servers;
  for (const line of ["GET /", "GET /nothing", "HEAD /index.html", "OPTIONS /", "POST /"]) {
    expect([line, (await ask(closed, line)).status]).toEqual([line, 401]);
  }
  expect((await ask(closed, "GET /", FOO)).body).toBe("Hello, world!");
  expect((await ask(open, "PUT /x", {}, "x")).status).toBe(201);
  expect((await ask(open, "DELETE /x")).status).toBe(204);
  await lab.store.makeDirectory("/in");
  expect((await ask(read, "GET /")).status).toBe(200);
  expect((await ask(read, "GET /in/")).status).toBe(401);
});

test("what nobody may do is no reason to log in", async () => {
  await using lab = await startLab({ web: http({ public: "elrwd" }) });
  expect((await ask(lab.servers.web, "DELETE /")).status).toBe(403);
  expect((await ask(lab.servers.web, "DELETE /", FOO)).status).toBe(403);
});

test("an account that may only write can upload blindly", async () => {
  await using lab = await startLab(
    { web: http({ public: "" }) },
    { accounts: [{ name: "drop", password: "box", permissions: "w" }] },
  );
  const { web } = lab.servers;
  expect((await ask(web, "PUT /in.txt", basic("drop", "box"), "x")).status).toBe(201);
  expect((await ask(web, "GET /in.txt", basic("drop", "box"))).status).toBe(403);
});

test("logins are told with the name and never with the password, and only where somebody logs in", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const seen: WireEvent[] = [];
  lab.events.subscribe((event) => seen.push(event));
  await ask(web, "GET /");
  await ask(web, "GET /", FOO);
  await ask(web, "GET /", basic("foo", "open-sesame"));
  await ask(web, "GET http://foo:open-sesame@127.0.0.1/");
  const logins = seen.flatMap((event) => (event.type === "login" ? [[event.user, event.ok]] : []));
  expect(logins).toEqual([
    ["foo", true],
    ["foo", false],
  ]);
  const told = JSON.stringify(seen) + String(lab.transcript);
  expect(told).not.toContain("open-sesame");
  expect(told).not.toContain(FOO.Authorization.slice(6));
});

test("two labs with different accounts run side by side", async () => {
  await using one = await startLab(
    { web: http() },
    { accounts: [{ name: "ann", password: "1", permissions: "elrw" }] },
  );
  await using other = await startLab(
    { web: http() },
    { accounts: [{ name: "ann", password: "2", permissions: "elrw" }] },
  );
  const put = async (lab: typeof one, password: string) =>
    (await ask(lab.servers.web, "PUT /x", basic("ann", password), password)).status;
  expect(await put(one, "1")).toBe(201);
  expect(await put(one, "2")).toBe(401);
  expect(await put(other, "2")).toBe(201);
  expect(await put(other, "1")).toBe(401);
  expect((await ask(one.servers.web, "GET /x")).body).toBe("1");
});

test("a refused upload leaves a connection that can be used, where little is left unread", async () => {
  await using lab = await startLab({ web: http() });
  const text = await say(
    lab.servers.web,
    request("PUT /x", {}, "body") + request("PUT /x", FOO, "body") + request("GET /x"),
  );
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 201", "HTTP/1.1 200"]);
});

test("options that are none are refused before anything starts", async () => {
  await expect(startLab({ web: http({ public: "rx" }) })).rejects.toMatchObject({ code: "BAD_OPTION" });
  await expect(startLab({ web: http({ maxBody: -1 }) })).rejects.toMatchObject({ code: "BAD_OPTION" });
  await expect(startLab({ web: http({ headersTimeout: 1.5 }) })).rejects.toMatchObject({
    code: "BAD_OPTION",
  });
  for (const options of [
    { maxBody: "5" },
    { dotfiles: "deny" },
    { compression: true },
    { cors: "http://127.0.0.1:3000" },
    { cors: true },
    { stubs: { path: "/x", answer: {} } },
  ]) {
    const refused = startLab({ web: http(options as never) });
    await expect(refused, JSON.stringify(options)).rejects.toMatchObject({ code: "BAD_OPTION" });
  }
  expect(() => http({ app: {} as never })).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
});

test("an option that is undefined is as good as left out", async () => {
  const nothing = Object.fromEntries(
    [
      "public",
      "dotfiles",
      "compression",
      "maxBody",
      "bodyTimeout",
      "inspect",
      "cors",
      "cgi",
      "app",
      "stubs",
    ].map((name) => [name, undefined]),
  );
  await using lab = await startLab({ web: http(nothing) }, { files: { "/.secret": "s", "/x": "x" } });
  const { web } = lab.servers;
  const statuses = [];
  for (const line of ["GET /x", "GET /.secret", "PUT /y", "GET /_/echo"]) {
    statuses.push((await ask(web, line)).status);
  }
  expect(statuses).toEqual([200, 404, 401, 200]);
});
