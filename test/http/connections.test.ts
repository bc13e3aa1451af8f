import { createHook } from "node:async_hooks";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { type HttpApp, http, memoryStore, type Store, startLab } from "../../index.ts";
import {
  type Address,
  answersIn,
  ask,
  FOO,
  heard,
  hears,
  open,
  request,
  say,
  sayAndWait,
} from "./dialogue.ts";

/** The last byte of the page that every lab has. */
const ends = (text: string) => text.endsWith("Hello, world!");

test("requests on one connection are answered in order, each on what those before it did", async () => {
  await using lab = await startLab({ web: http() });
  const text = await say(
    lab.servers.web,
    [
      request("GET /x"),
      request("PUT /x", FOO, "one"),
      request("GET /x"),
      request("PUT /x", FOO, "two"),
      request("GET /x"),
      request("DELETE /x", FOO),
      request("GET /x"),
    ].join(""),
  );
  expect(answersIn(text).map(({ status, body }) => (status === 200 ? body : status))).toEqual([
    404,
    201,
    "one",
    204,
    "two",
    204,
    404,
  ]);
});

test("thousands of requests sent at once are all answered, and open one file at a time", async () => {
  const under = memoryStore({ files: { "/x": "x".repeat(100) } });
  let reading = 0;
  let most = 0;
  const store: Store = Object.assign(Object.create(under), {
    stat: (path: string) => under.stat(path),
    async read(path: string) {
      reading += 1;
      most = Math.max(most, reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
      return under.read(path);
    },
  });
  await using lab = await startLab({ web: http() }, { store });
  const answers = answersIn(await say(lab.servers.web, request("GET /x").repeat(5000)));
  expect(answers).toHaveLength(5000);
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(most).toBe(1);
});

test("a half-closed client gets its whole answer", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/big": new Uint8Array(20_000_000) } });
  const text = await say(lab.servers.web, "GET /big HTTP/1.0\r\n\r\n");
  expect(text.length).toBeGreaterThan(20_000_000);
});

test("HTTP/1.0 clients are answered and left, unless they ask for more", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  expect(ends(await sayAndWait(web, "GET / HTTP/1.0\r\n\r\n"))).toBe(true);
  const kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const answers = answersIn(await sayAndWait(web, `${kept}GET / HTTP/1.0\r\n\r\n`));
  expect(answers.map(({ headers }) => headers.connection)).toEqual(["keep-alive", "close"]);
});

test("Connection: close is kept to", async () => {
  await using lab = await startLab({ web: http() });
  const text = await sayAndWait(
    lab.servers.web,
    request("GET /", { Connection: "close" }) + request("DELETE /index.html", FOO),
  );
  expect(answersIn(text)).toHaveLength(1);
  expect((await ask(lab.servers.web, "GET /")).status).toBe(200);
});

test("after so many requests the connection ends", async () => {
  await using lab = await startLab({ web: http({ maxRequestsPerSocket: 3 }) });
  const socket = await open(lab.servers.web);
  const answer = heard(socket);
  socket.write(request("GET /").repeat(5));
  expect(answersIn(await answer).map(({ headers }) => headers.connection)).toEqual([
    "keep-alive",
    "keep-alive",
    "close",
  ]);
});

test("a connection that waits too long for its next request ends, idle", async () => {
  await using lab = await startLab({ web: http({ keepAliveTimeout: 1 }) });
  const closed = lab.events.next("closed", { reason: "idle" });
  expect(ends(await sayAndWait(lab.servers.web, request("GET /")))).toBe(true);
  await closed;
});

test("a client that is slow with its head, or says nothing at all, is sent away", async () => {
  await using lab = await startLab({ web: http({ headersTimeout: 100 }) });
  for (const beginning of ["", "GET / HTTP/1.1\r\nHos"]) {
    const [answer] = answersIn(await sayAndWait(lab.servers.web, beginning));
    expect(answer).toMatchObject({ status: 408, headers: { connection: "close" } });
  }
});

test("a client that sends its head byte by byte has no more time for it", async () => {
  await using lab = await startLab({ web: http({ headersTimeout: 200 }) });
  const socket = await open(lab.servers.web);
  const drip = setInterval(() => socket.write("X"), 20);
  socket.write("GET / HTTP/1.1\r\n");
  const text = await hears(socket, (seen) => seen.includes("\r\n\r\n"));
  clearInterval(drip);
  socket.destroy();
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
});

test("a client that is slow with its body is sent away, and the old file stays", async () => {
  await using lab = await startLab({ web: http({ requestTimeout: 200 }) }, { files: { "/x": "old" } });
  const text = await sayAndWait(
    lab.servers.web,
    `${request("PUT /x", { ...FOO, "Content-Length": "9" })}half`,
  );
  expect(answersIn(text)[0]?.status).toBe(408);
  expect((await ask(lab.servers.web, "GET /x")).body).toBe("old");
});

/** Sends a byte each 20 ms until the server closes, and gives what it said. */
async function trickle(to: Address, beginning: string): Promise<string> {
  const socket = await open(to);
  const answer = heard(socket);
  const drip = setInterval(() => socket.writable && socket.write("x"), 20);
  socket.write(beginning);
  const text = await answer;
  clearInterval(drip);
  return text;
}

test("a body that trickles in is refused, and the old file stays", async () => {
  await using lab = await startLab({ web: http({ bodyTimeout: 200 }) }, { files: { "/x": "old" } });
  const { web } = lab.servers;
  const closed = lab.events.next("closed", { reason: "idle" });
  const [answer] = answersIn(await trickle(web, request("PUT /x", { ...FOO, "Content-Length": "9999" })));
  expect(answer).toMatchObject({ status: 408, headers: { connection: "close" } });
  await closed;
  expect((await ask(web, "GET /x")).body).toBe("old");
});

test("a body that trickles in behind its answer ends the connection, without a second answer", async () => {
  await using lab = await startLab({ web: http({ bodyTimeout: 200 }) });
  const text = await trickle(lab.servers.web, request("GET /", { "Content-Length": "9999" }));
  expect(answersIn(text).map(({ status }) => status)).toEqual([200]);
});

test("a client that was told to go on with its body has no more time for it", async () => {
  await using lab = await startLab({ web: http({ bodyTimeout: 200 }) });
  const expecting = { ...FOO, Expect: "100-continue", "Content-Length": "9999" };
  const text = await trickle(lab.servers.web, request("PUT /x", expecting));
  expect(answersIn(text).map(({ status }) => status)).toEqual([100, 408]);
});

test("a body that nobody reads yet, or that a rule holds back, is not slow", async () => {
  let read = () => {};
  const waiting = new Promise<void>((resolve) => {
    read = resolve;
  });
  const app: HttpApp = async (request, response) => {
    await waiting;
    let length = 0;
    for await (const chunk of request) length += chunk.length;
    response.end(String(length));
  };
  await using lab = await startLab({ app: http({ app, bodyTimeout: 100 }), web: http({ bodyTimeout: 100 }) });
  const late = ask(lab.servers.app, "POST /", {}, "x".repeat(1_000_000));
  lab.faults.add({
    when: { server: "web" },
    fault: { kind: "bandwidth", bytesPerSecond: 2000, direction: "in" },
  });
  expect((await ask(lab.servers.web, "PUT /x", FOO, "x".repeat(1000))).status).toBe(201);
  read();
  expect((await late).body).toBe("1000000");
});

test("a client that takes nothing of a response is cut, one that waits for it is not", async () => {
  const files = { "/big": new Uint8Array(50_000_000) };
  await using lab = await startLab({ web: http({ bodyTimeout: 200 }) }, { files });
  const cut = lab.events.next("closed", { reason: "idle" });
  const socket = await open(lab.servers.web);
  socket.write(request("GET /big"));
  expect((await cut).sent).toBeGreaterThan(0);
  expect((await heard(socket)).length).toBeLessThan(50_000_000);
  expect((await ask(lab.servers.web, "GET /_/delay/700")).status).toBe(200);
});

test("who finds the server full is told so in HTTP", async () => {
  await using lab = await startLab({ web: http({ gate: { maxConnections: 1 } }) });
  const { web } = lab.servers;
  const first = await open(web);
  const answered = hears(first, ends);
  first.write(request("GET /"));
  await answered;
  const [full] = answersIn(await sayAndWait(web, request("GET /")));
  expect(full).toMatchObject({ status: 503, headers: { connection: "close", "retry-after": "1" } });
  expect(full?.body.length).toBe(Number(full?.headers["content-length"]));
  first.destroy();
});

test("a lab that stops ends idle connections at once", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const silent = await open(web);
  const used = await open(web);
  const answered = hears(used, ends);
  used.write(request("GET /"));
  await answered;
  const heardOf = [heard(silent), heard(used)];
  const report = await lab.stop({ grace: 10_000 });
  expect(report.open).toHaveLength(2);
  expect(report.cut).toEqual([]);
  expect(await Promise.all(heardOf)).toEqual(["", ""]);
});

test("a lab that stops lets what is under way come to its end, with Connection: close", async () => {
  const under = memoryStore({ files: { "/x": "slow" } });
  let release = () => {};
  let reached = () => {};
  const asked = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const store: Store = Object.assign(Object.create(under), {
    stat: (path: string) => under.stat(path),
    async read(path: string) {
      reached();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return under.read(path);
    },
  });
  await using lab = await startLab({ web: http() }, { store });
  const answer = sayAndWait(lab.servers.web, request("GET /x"));
  await asked;
  const stopped = lab.stop({ grace: 10_000 });
  release();
  const [got] = answersIn(await answer);
  expect(got).toMatchObject({ status: 200, body: "slow", headers: { connection: "close" } });
  expect((await stopped).cut).toEqual([]);
});

test("a download that nobody reads does not keep a lab from stopping", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/big": new Uint8Array(50_000_000) } });
  const socket = await open(lab.servers.web);
  const transfer = lab.events.next("transfer", { complete: false });
  const replied = lab.events.next("reply");
  socket.write(request("GET /big"));
  await replied;
  const { cut } = await lab.stop({ grace: 50 });
  expect(cut).toHaveLength(1);
  expect((await transfer).bytes).toBeLessThanOrEqual(50_000_000);
  socket.destroy();
});

test("the clock of the time-outs stops with the lab", async () => {
  const timers = new Set<{ readonly _repeat?: number; readonly _destroyed?: boolean }>();
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === "Timeout") timers.add(resource);
    },
  }).enable();
  await using lab = await startLab({ web: http({ headersTimeout: 5000 }) });
  expect((await ask(lab.servers.web, "GET /")).status).toBe(200);
  const clocks = [...timers].filter(({ _repeat }) => _repeat === 1250);
  expect(clocks.map(({ _destroyed }) => _destroyed)).toEqual([false]);
  await lab.stop();
  hook.disable();
  expect(clocks.map(({ _destroyed }) => _destroyed)).toEqual([true]);
});

test("a client that vanishes in the middle of a download harms nobody", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/big": new Uint8Array(20_000_000) } });
  const { web } = lab.servers;
  for (const target of ["/big", "/big"]) {
    const broken = lab.events.next("transfer", { direction: "out", complete: false });
    const socket = await open(web);
    const some = hears(socket, (text) => text.length > 0);
    socket.write(request(`GET ${target}`));
    await some;
    socket.resetAndDestroy();
    expect(await broken).toMatchObject({ path: "/big" });
  }
  expect((await ask(web, "GET /index.html")).status).toBe(404);
});

test("IPv6 and Unix-domain sockets are served too", async (context) => {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const folder = await mkdtemp(join(tmpdir(), "wirelab-"));
  context.onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "http.sock");
  await using lab = await startLab({ six: http({ host: "::1" }), unix: http({ path }) });
  expect((await ask(lab.servers.six, "GET /")).body).toBe("Hello, world!");
  const { connect } = await import("node:net");
  const socket = connect({ path, allowHalfOpen: true });
  const answer = heard(socket);
  socket.end(request("GET /"));
  expect(ends(await answer)).toBe(true);
});

test("the log tells how many requests a connection carried, and all of them together", async () => {
  const stream = new PassThrough();
  await using lab = await startLab({ web: http() }, { log: { stream } });
  const { web } = lab.servers;
  for (const count of [1, 3]) await say(web, request("GET /").repeat(count));
  await say(web, "");
  await lab.stop();
  const lines = String(stream.read()).trim().split("\n");
  const told = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "keep-alive");
  expect(told.map(({ connection, requests, msg }) => [connection, requests, msg])).toEqual([
    ["c1", 1, "carried 1 request"],
    ["c2", 3, "carried 3 requests"],
    [undefined, 4, "4 requests on 2 connections, 2.0 on each"],
  ]);
});
