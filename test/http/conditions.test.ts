import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { answersIn, ask, FOO, request, say } from "./dialogue.ts";

test("what a request says to caches does not keep it from being told that it has the file", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/a": "a" } });
  const { web } = lab.servers;
  const { headers } = await ask(web, "GET /a");
  const status = async (more: object) => (await ask(web, "GET /a", { ...more })).status;
  for (const cache of [
    {},
    { "cache-control": "no-cache" },
    { "cache-control": "max-age=0", pragma: "no-cache" },
  ]) {
    expect(await status({ "if-none-match": headers.etag, ...cache })).toBe(304);
    expect(await status({ "if-modified-since": headers["last-modified"], ...cache })).toBe(304);
    expect(
      await status({ "if-none-match": '"other"', "if-modified-since": headers["last-modified"], ...cache }),
    ).toBe(200);
  }
});

test("a client that has the file is told so, by ETag or time, and the former counts for more", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const { headers } = await ask(web, "GET /");
  const { etag = "", "last-modified": modified = "" } = headers;
  expect(etag).toMatch(/^"[^"]+"$/);
  const status = async (conditions: Record<string, string>) => (await ask(web, "GET /", conditions)).status;
  expect(await status({ "If-None-Match": etag })).toBe(304);
  expect(await status({ "If-None-Match": `W/${etag}` })).toBe(304);
  expect(await status({ "If-None-Match": `"x", ${etag}` })).toBe(304);
  expect(await status({ "If-None-Match": "*" })).toBe(304);
  expect(await status({ "If-None-Match": '"x"' })).toBe(200);
  expect(await status({ "If-Modified-Since": modified })).toBe(304);
  expect(await status({ "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" })).toBe(200);
  for (const junk of ["yesterday", "2099", "Thu, 01 Jan 2099 00:00:00", "2099-01-01T00:00:00Z"]) {
    expect([junk, await status({ "If-Modified-Since": junk })]).toEqual([junk, 200]);
  }
  expect(await status({ "If-None-Match": '"x"', "If-Modified-Since": modified })).toBe(200);
});

test("times are understood in all three forms of HTTP, and are Greenwich's", async () => {
  await using lab = await startLab({ web: http() });
  await lab.store.setModified("/index.html", new Date("1994-11-06T08:49:37Z"));
  const zone = process.env.TZ;
  process.env.TZ = "America/New_York";
  try {
    for (const [since, status] of [
      ["Sun, 06 Nov 1994 08:49:37 GMT", 304],
      ["Sun, 06 Nov 1994 08:49:36 GMT", 200],
      ["Sunday, 06-Nov-94 08:49:37 GMT", 304],
      ["Sunday, 06-Nov-94 08:49:36 GMT", 200],
      ["Sun Nov  6 08:49:37 1994", 304],
      ["Sun Nov  6 08:49:36 1994", 200],
    ] as const) {
      const answer = await ask(lab.servers.web, "GET /", { "If-Modified-Since": since });
      expect([since, answer.status]).toEqual([since, status]);
      const other = await ask(lab.servers.web, "GET /", { "If-Unmodified-Since": since });
      expect([since, other.status]).toEqual([since, status === 304 ? 200 : 412]);
    }
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("a 304 carries the validators and no body, and the connection goes on", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const { headers } = await ask(web, "GET /");
  const again = request("GET /", { "If-None-Match": headers.etag ?? "" });
  const answers = answersIn(await say(web, again + again));
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [304, ""],
    [304, ""],
  ]);
  expect(answers[0]?.headers).toMatchObject({
    etag: headers.etag,
    "last-modified": headers["last-modified"],
    "cache-control": "no-cache",
  });
  expect(answers[0]?.headers).not.toHaveProperty("content-length");
});

test("a file that is replaced within a millisecond by one of the same length has another ETag", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const seen = new Set<string>();
  for (const body of ["one", "two", "six", "ten"]) {
    await ask(web, "PUT /x", FOO, body);
    const { headers } = await ask(web, "HEAD /x");
    seen.add(headers.etag ?? "");
  }
  expect(seen.size).toBe(4);
});

test("a GET of a version that is no more fails", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const { headers } = await ask(web, "GET /");
  const status = async (conditions: Record<string, string>) => (await ask(web, "GET /", conditions)).status;
  expect(await status({ "If-Match": headers.etag ?? "" })).toBe(200);
  expect(await status({ "If-Match": "*" })).toBe(200);
  expect(await status({ "If-Match": `"x", ${headers.etag}` })).toBe(200);
  expect(await status({ "If-Match": '"x"' })).toBe(412);
  expect(await status({ "If-Match": `W/${headers.etag}` })).toBe(412);
  expect(await status({ "If-Unmodified-Since": headers["last-modified"] ?? "" })).toBe(200);
  expect(await status({ "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" })).toBe(412);
  expect(await status({ "If-Unmodified-Since": "tomorrow" })).toBe(200);
});

test("a PUT or DELETE under a condition is done only where it holds", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const put = async (conditions: Record<string, string>, body: string) =>
    (await ask(web, "PUT /x", { ...FOO, ...conditions }, body)).status;
  expect(await put({ "If-Match": "*" }, "first")).toBe(412);
  expect(await put({ "If-None-Match": "*" }, "first")).toBe(201);
  expect(await put({ "If-None-Match": "*" }, "second")).toBe(412);
  const { headers, body } = await ask(web, "GET /x");
  expect(body).toBe("first");
  const etag = headers.etag ?? "";
  expect(await put({ "If-None-Match": etag }, "second")).toBe(412);
  expect(await put({ "If-Match": etag }, "second")).toBe(204);
  expect(await put({ "If-Match": etag }, "third")).toBe(412);
  expect((await ask(web, "GET /x")).body).toBe("second");
  const remove = async (conditions: Record<string, string>) =>
    (await ask(web, "DELETE /x", { ...FOO, ...conditions })).status;
  expect(await remove({ "If-Match": etag })).toBe(412);
  expect(await remove({ "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" })).toBe(412);
  expect(await remove({ "If-Match": "*" })).toBe(204);
});

test("of many who create a file at once, one does", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const answer = await ask(web, "PUT /only", { ...FOO, "If-None-Match": "*" }, `by ${index}`);
      return answer.status;
    }),
  );
  expect(statuses.toSorted()).toEqual([201, 412, 412, 412, 412, 412, 412, 412]);
  expect((await ask(web, "GET /only")).body).toBe(`by ${statuses.indexOf(201)}`);
});

test("who may not write is told that, not whether the condition holds", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  for (const path of ["/index.html", "/nothing", "/"]) {
    expect((await ask(web, `PUT ${path}`, { "If-None-Match": "*" }, "x")).status).toBe(401);
    expect((await ask(web, `DELETE ${path}`, { "If-Match": '"x"' })).status).toBe(401);
  }
});
