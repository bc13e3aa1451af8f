import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { ask, FOO, hears, open, request, say } from "./dialogue.ts";

test("echo tells the request as it came", async () => {
  await using lab = await startLab({ web: http() });
  const headers = { "X-One": "1", "Content-Type": "application/json" };
  const answer = await ask(lab.servers.web, "PATCH /_/echo/a?b=1&b=2&c=3", headers, '{"d":4}');
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(JSON.parse(answer.body)).toMatchObject({
    method: "PATCH",
    url: "/_/echo/a?b=1&b=2&c=3",
    query: { b: ["1", "2"], c: "3" },
    headers: { "x-one": "1" },
    body: '{"d":4}',
    json: { d: 4 },
    bytes: 7,
  });
  const binary = await ask(lab.servers.web, "POST /_/echo", {}, "\xff\x00");
  expect(JSON.parse(binary.body)).toMatchObject({ base64: "/wA=" });
  expect((await ask(lab.servers.web, "POST /_/echo", {}, "x".repeat(1_048_577))).status).toBe(413);
});

test("a status is given as it is asked for", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  for (const code of [200, 204, 302, 304, 401, 418, 503, 599]) {
    expect((await ask(web, `POST /_/status/${code}`)).status).toBe(code);
  }
  // RFC 9110 §15: these must say what is missing.
  for (const [code, field] of [
    [401, "www-authenticate"],
    [405, "allow"],
    [407, "proxy-authenticate"],
    [426, "upgrade"],
  ] as const) {
    expect((await ask(web, `GET /_/status/${code}`)).headers).toHaveProperty(field);
  }
  for (const code of ["", "/100", "/600", "/abc", "/2e2"]) {
    expect((await ask(web, `GET /_/status${code}`)).status).toBe(400);
  }
});

test("bytes are the same for the same seed, and can be had in parts", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const bytes = async (target: string, headers = {}) => ask(web, `GET /_/${target}`, headers);
  const one = await bytes("bytes/100000?seed=7");
  expect(one.body).toHaveLength(100_000);
  expect((await bytes("bytes/100000?seed=7")).body).toBe(one.body);
  expect((await bytes("bytes/1000?seed=7")).body).toBe(one.body.slice(0, 1000));
  expect((await bytes("bytes/100000?seed=8")).body).not.toBe(one.body);
  const part = await bytes("range/1000?seed=7", { Range: "bytes=10-19" });
  expect(part).toMatchObject({ status: 206, body: one.body.slice(10, 20) });
  expect((await bytes("bytes/100000001")).status).toBe(400);
});

test("redirections come to an end", async () => {
  await using lab = await startLab({ web: http() });
  const answer = await fetch(`${lab.servers.web.url}/_/redirect/5`);
  expect(answer.url).toBe(`${lab.servers.web.url}/_/redirect/0`);
  expect(await answer.json()).toEqual({ redirected: true });
});

test("cookies are set, shown and deleted", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const set = await ask(web, "GET /_/cookies/set?a=b%20c");
  expect(set).toMatchObject({
    status: 302,
    headers: { location: "/_/cookies", "set-cookie": "a=b%20c; Path=/" },
  });
  expect(await say(web, request("GET /_/cookies/set?a=1&a=2"))).toMatch(/^(?!.*a=1).*a=2/s);
  const shown = await ask(web, "GET /_/cookies", { Cookie: "a=b%20c; d=e" });
  expect(JSON.parse(shown.body)).toEqual({ cookies: { a: "b c", d: "e" } });
  expect((await ask(web, "GET /_/cookies/delete?a")).headers["set-cookie"]).toBe("a=; Path=/; Max-Age=0");
  expect((await ask(web, "GET /_/cookies/set?a%0d%0ab=1")).status).toBe(400);
});

test("what is cached is not sent again", async () => {
  await using lab = await startLab({ web: http() });
  const { headers } = await ask(lab.servers.web, "GET /_/cache/60");
  expect(headers["cache-control"]).toBe("max-age=60");
  const again = await ask(lab.servers.web, "GET /_/cache/60", { "If-None-Match": headers.etag ?? "" });
  expect(again).toMatchObject({ status: 304, body: "" });
  const statusFor = async (conditions: Record<string, string>) =>
    (await ask(lab.servers.web, "GET /_/cache", conditions)).status;
  for (const tags of ["*", `"other", ${headers.etag}`, `W/${headers.etag}`]) {
    expect(await statusFor({ "If-None-Match": tags }), tags).toBe(304);
  }
  const since = { "If-Modified-Since": headers["last-modified"] ?? "" };
  expect(await statusFor(since)).toBe(304);
  expect(await statusFor({ "If-Modified-Since": "Tue, 01 Jan 2002 00:00:00 GMT" })).toBe(304);
  expect(await statusFor({ ...since, "If-None-Match": '"other"' })).toBe(200);
  expect(await statusFor({ "If-Match": '"other"' })).toBe(412);
  expect(await statusFor({ "If-Match": headers.etag ?? "" })).toBe(200);
  expect(await statusFor({ "If-Unmodified-Since": "Mon, 01 Jan 1968 00:00:00 GMT" })).toBe(412);
});

test("basic-auth asks for an account of the lab", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  expect((await ask(web, "GET /_/basic-auth")).headers["www-authenticate"]).toContain("Basic");
  expect(JSON.parse((await ask(web, "GET /_/basic-auth", FOO)).body)).toEqual({ user: "foo" });
  expect((await ask(web, "GET /_/basic-auth", { Authorization: "Basic eDp5" })).status).toBe(401);
});

test("packed, streamed, in chunks and with trailers", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const unpack = { gzip: gunzipSync, deflate: inflateSync, brotli: brotliDecompressSync };
  for (const [name, unpacked] of Object.entries(unpack)) {
    const { body } = await ask(web, `GET /_/${name}`);
    expect(JSON.parse(unpacked(Buffer.from(body, "latin1")).toString())).toMatchObject({ accepted: "" });
  }
  expect(await (await fetch(`${web.url}/_/stream/3`)).text()).toBe('{"id":0}\n{"id":1}\n{"id":2}\n');
  expect(await say(web, request("GET /_/chunked"))).toMatch(
    /\r\n8\r\nchunk 1\n\r\n8\r\nchunk 2\n\r\n8\r\nchunk 3\n\r\n0\r\n\r\n$/,
  );
  expect(await say(web, request("GET /_/trailers"))).toMatch(
    /Trailer: X-Bytes\r\n[\s\S]*\r\n0\r\nX-Bytes: 16\r\n\r\n$/,
  );
  expect(await say(web, "GET /_/trailers HTTP/1.0\r\n\r\n")).toMatch(/Look behind me\.\n$/);
});

test("drip and server-sent events come one by one", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const socket = await open(web);
  const pieces: string[] = [];
  socket.on("data", (chunk) => pieces.push(String(chunk)));
  const whole = hears(socket, (text) => text.endsWith("*****"));
  socket.write(request("GET /_/drip?bytes=5&ms=100"));
  await whole;
  expect(pieces.length).toBeGreaterThan(3);
  socket.destroy();
  const events = await (await fetch(`${web.url}/_/sse?count=2&ms=5`)).text();
  expect(events).toBe('id: 0\nevent: count\ndata: {"id":0}\n\nid: 1\nevent: count\ndata: {"id":1}\n\n');
});

test("whoever leaves early leaves nothing behind", async () => {
  await using lab = await startLab({ web: http() });
  for (const target of ["delay/60000", "drip?bytes=100&ms=60000", "sse?ms=10000", "bytes/100000000"]) {
    const socket = await open(lab.servers.web);
    const begun = lab.events.next(target.startsWith("delay") ? "command" : "reply");
    const closed = lab.events.next("closed");
    socket.write(request(`GET /_/${target}`));
    await begun;
    socket.resetAndDestroy();
    await closed;
  }
  expect((await ask(lab.servers.web, "GET /_/delay/1")).status).toBe(200);
});

test("a page tells what there is; other paths and methods are refused", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const { endpoints } = JSON.parse((await ask(web, "GET /_/")).body);
  for (const use of endpoints) {
    const name = /^\/_\/([\w-]+)/.exec(use)?.[1];
    const head = await ask(web, `HEAD /_/${name}/1`);
    expect([name, head.status < 500 && head.status !== 405, head.body]).toEqual([name, true, ""]);
  }
  expect((await ask(web, "GET /_/nothing")).status).toBe(404);
  expect((await ask(web, "GET /_/constructor")).status).toBe(404);
  for (const path of ["//_/echo", "/%5f/echo", "/x/../_/echo"]) {
    expect([path, JSON.parse((await ask(web, `GET ${path}`)).body).url]).toEqual([path, path]);
  }
  expect((await ask(web, "GET /_/../index.html")).body).toBe("Hello, world!");
  const headers = { allow: "GET, HEAD, OPTIONS" };
  for (const path of ["/_/bytes/1", "/_/"]) {
    expect(await ask(web, `POST ${path}`)).toMatchObject({ status: 405, headers });
    expect(await ask(web, `OPTIONS ${path}`)).toMatchObject({ status: 200, headers });
  }
});

test("the path can be another, or none", async () => {
  await using lab = await startLab({ other: http({ inspect: "/try/" }), none: http({ inspect: false }) });
  const { other, none } = lab.servers;
  expect((await ask(other, "GET /try/redirect/1")).headers.location).toBe("/try/redirect/0");
  expect((await ask(other, "GET /_/echo")).status).toBe(404);
  expect((await ask(none, "GET /_/echo")).status).toBe(404);
  for (const inspect of ["", "/", "_", "/_", "/../", "//"]) {
    await expect(startLab({ web: http({ inspect }) })).rejects.toMatchObject({ code: "BAD_OPTION" });
  }
});

clientTest("curl", "follows, unpacks and logs in", async () => {
  await using lab = await startLab({ web: http() });
  const { url } = lab.servers.web;
  const curl = async (...args: string[]) => (await run("curl", ["-sS", ...args])).stdout;
  expect(await curl("-L", `${url}/_/redirect/3`)).toContain("redirected");
  expect(await curl("--compressed", `${url}/_/brotli`)).toContain('"br"');
  expect(await curl("-u", "foo:bar", `${url}/_/basic-auth`)).toContain('"foo"');
  expect(await curl("-L", "-c", "/dev/null", "-b", "", `${url}/_/cookies/set?a=1`)).toContain('"a": "1"');
});
