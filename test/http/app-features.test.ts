import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import express, { type NextFunction, type Request, type Response } from "express";
import { expect, onTestFinished, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { answersIn, ask, hears, open, request, say } from "./dialogue.ts";

// What Express promises an app, under requests and responses that are born with its prototypes.

const JSON_TYPE = { "Content-Type": "application/json" };

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-app-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

test("sub-apps in sub-apps see themselves, and their parents are themselves again behind them", async () => {
  const outer = express();
  const middle = express();
  const inner = express();
  const seen: unknown[] = [];
  const note = (of: express.Express) => (request: Request, response: Response, next: NextFunction) => {
    seen.push(request.app === of, response.app === of, request.baseUrl);
    next();
  };
  inner.use(note(inner)).get("/here", (request, response) => response.send(String(request.app === inner)));
  middle.use(note(middle)).use("/inner", inner).use(note(middle));
  outer.use(note(outer)).use("/middle", middle).use(note(outer));
  await using lab = await startLab({ web: http({ app: outer }) });
  expect((await ask(lab.servers.web, "GET /middle/inner/here")).body).toBe("true");
  expect(seen.splice(0)).toEqual([true, true, "", true, true, "/middle", true, true, "/middle/inner"]);
  expect((await ask(lab.servers.web, "GET /middle/inner/nothing")).status).toBe(404);
  expect(seen.slice(9)).toEqual([true, true, "/middle", true, true, ""]);
});

test("an error handler of a sub-app comes before its parent's, and behind both ours", async () => {
  const fails = (message: string) => () => {
    throw new Error(message);
  };
  const catches =
    (message: string, status: number) =>
    (error: Error, _request: Request, response: Response, next: NextFunction) => {
      if (error.message !== message) next(error);
      else response.status(status).json({ caught: message });
    };
  const sub = express();
  sub.get("/one", fails("one")).get("/two", fails("two")).get("/three", fails("three"));
  sub.get("/later", async () => {
    await turn();
    throw new Error("one");
  });
  sub.use(catches("one", 501));
  const app = express().use("/sub", sub).use(catches("two", 502));
  await using lab = await startLab({ web: http({ app }) });
  const statuses: number[] = [];
  for (const path of ["one", "two", "three", "later"]) {
    statuses.push((await ask(lab.servers.web, `GET /sub/${path}`)).status);
  }
  expect(statuses).toEqual([501, 502, 500, 501]);
});

test("body parsers: JSON, forms, text and raw bytes, packed too, and their refusals", async () => {
  const app = express()
    .use(express.json({ limit: 100 }), express.urlencoded({ extended: true }), express.text(), express.raw())
    .post("/echo", ({ body }, response) => {
      response.json(Buffer.isBuffer(body) ? { bytes: body.length } : { body });
    });
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  const echo = async (type: string, body: string, headers = {}) => {
    const answer = await ask(web, "POST /echo", { "Content-Type": type, ...headers }, body);
    return [answer.status, answer.status === 200 ? JSON.parse(answer.body) : answer.body];
  };
  expect(await echo("application/json", '{"a":[1]}')).toEqual([200, { body: { a: [1] } }]);
  expect(await echo("application/x-www-form-urlencoded", "a[b]=1&c=x%20y")).toEqual([
    200,
    { body: { a: { b: "1" }, c: "x y" } },
  ]);
  expect(await echo("text/plain", "hello")).toEqual([200, { body: "hello" }]);
  expect(await echo("application/octet-stream", "\0\xff")).toEqual([200, { bytes: 2 }]);
  const packed = gzipSync('{"packed":true}').toString("latin1");
  expect(await echo("application/json", packed, { "Content-Encoding": "gzip" })).toEqual([
    200,
    { body: { packed: true } },
  ]);
  expect((await echo("application/json", "{broken"))[0]).toBe(400);
  expect((await echo("application/json", `"${"x".repeat(200)}"`))[0]).toBe(413);
  expect((await ask(web, "GET /")).body).toBe("Hello, world!");
});

test("what middleware adds to requests and responses is there for those behind it", async () => {
  const app = express();
  // In the manner of cookie-parser, morgan, on-headers and compression.
  app.use((request: Request & { cookies?: object }, _response, next) => {
    const pairs = (request.headers.cookie ?? "").split("; ").map((pair) => pair.split("="));
    request.cookies = Object.fromEntries(pairs);
    next();
  });
  const finished: string[] = [];
  app.use((request, response, next) => {
    response.on("finish", () =>
      finished.push(`${request.method} ${request.originalUrl} ${response.statusCode}`),
    );
    const { writeHead, write, end } = response;
    response.writeHead = ((...head: unknown[]) => {
      response.setHeader("X-Late", "yes");
      return Reflect.apply(writeHead, response, head);
    }) as typeof writeHead;
    const upper = (chunk: unknown) => (typeof chunk === "string" ? chunk.toUpperCase() : chunk);
    response.write = ((chunk: unknown) => Reflect.apply(write, response, [upper(chunk)])) as typeof write;
    response.end = ((chunk?: unknown) =>
      Reflect.apply(end, response, chunk === undefined ? [] : [upper(chunk)])) as typeof end;
    next();
  });
  app.get("/cookies", (request: Request & { cookies?: object }, response) => {
    response.write(JSON.stringify(request.cookies));
    response.end("!");
  });
  await using lab = await startLab({ web: http({ app }) });
  const answer = await ask(lab.servers.web, "GET /cookies", { Cookie: "a=b; c=d", Connection: "close" });
  expect(answer.headers["x-late"]).toBe("yes");
  expect(answer.body).toContain('{"A":"B","C":"D"}');
  expect(finished).toEqual(["GET /cookies 200"]);
});

test("files: sendFile with ranges and conditions, download, and a static folder", async () => {
  const root = folderWith({ "page.html": "<p>page", "data.txt": "0123456789" });
  const app = express()
    .get("/one", (_request, response) => response.sendFile("page.html", { root }))
    .get("/save", (_request, response) => response.download(join(root, "data.txt"), "ü.txt"))
    .get("/gone", (_request, response) => response.sendFile("nothing", { root }))
    .use("/static", express.static(root, { fallthrough: true }));
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  expect(await ask(web, "GET /one")).toMatchObject({ status: 200, body: "<p>page" });
  expect(await ask(web, "HEAD /one")).toMatchObject({ status: 200, body: "" });
  const saved = await ask(web, "GET /save");
  expect(saved.headers["content-disposition"]).toContain("filename*=UTF-8''%C3%BC.txt");
  const gone = await ask(web, "GET /gone");
  expect([gone.status, gone.body]).toEqual([404, "404 Not Found\nNot Found.\n"]);
  const whole = await ask(web, "GET /static/data.txt");
  expect(whole.body).toBe("0123456789");
  const part = await ask(web, "GET /static/data.txt", { Range: "bytes=2-4" });
  expect(part).toMatchObject({ status: 206, body: "234" });
  const again = await ask(web, "GET /static/data.txt", { "If-None-Match": whole.headers.etag ?? "" });
  expect(again).toMatchObject({ status: 304, body: "" });
  const beyond = await ask(web, "GET /static/data.txt", { Range: "bytes=99-" });
  expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */10"]);
  expect((await ask(web, "GET /static/nothing")).status).toBe(404);
});

test("a view engine, with what app and response lend to it", async () => {
  const views = folderWith({ "hello.tiny": "Hello, NAME of PLACE!" });
  const { readFile } = await import("node:fs");
  const app = express();
  app.engine("tiny", (path, options: { name?: string; place?: string }, done) => {
    readFile(path, "utf8", (error, text) =>
      done(error, text?.replace("NAME", options.name ?? "").replace("PLACE", options.place ?? "")),
    );
  });
  app.set("views", views).set("view engine", "tiny");
  app.locals.place = "the lab";
  app.use((_request, response, next) => {
    response.locals.name = "Ann";
    next();
  });
  app.get("/hello", (_request, response) => response.render("hello"));
  app.get("/missing", (_request, response) => response.render("missing"));
  await using lab = await startLab({ web: http({ app }) });
  expect(await ask(lab.servers.web, "GET /hello")).toMatchObject({
    status: 200,
    body: "Hello, Ann of the lab!",
  });
  const missing = await ask(lab.servers.web, "GET /missing");
  expect(missing.status).toBe(500);
  expect(missing.body).not.toContain(views);
});

test("a half-closed client gets an app's answer", async () => {
  const app = express().get("/", async (_request, response) => {
    await turn();
    response.send("late");
  });
  await using lab = await startLab({ web: http({ app }) });
  expect((await ask(lab.servers.web, "GET /")).body).toBe("late");
});

test("streams go out as they are made, come in as they are sent, and end with their client", async () => {
  let stopped = () => {};
  const gone = new Promise<void>((resolve) => {
    stopped = resolve;
  });
  const app = express();
  app.get("/endless", (request, response) => {
    request.on("close", stopped);
    response.write("first");
  });
  app.get("/piped", (_request, response) => {
    Readable.from(["a", "b", "c"]).pipe(response);
  });
  app.post("/through", (request, response) => {
    request.pipe(response);
  });
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  const socket = await open(web);
  const first = hears(socket, (text) => text.includes("first"));
  socket.write(request("GET /endless"));
  await first;
  socket.destroy();
  await gone;
  expect(await (await fetch(`${web.url}/piped`)).text()).toBe("abc");
  const body = "x".repeat(1_000_000);
  const answer = await fetch(`${web.url}/through`, { method: "POST", body });
  expect((await answer.text()).length).toBe(body.length);
});

test("what Express reads off a request and says by a response", async () => {
  const app = express().set("trust proxy", true).set("etag", "strong").set("query parser", "extended");
  app.get("/facts", (request, response) => {
    const { ip, hostname, protocol, query, xhr, path, originalUrl } = request;
    response.cookie("seen", "yes", { httpOnly: true }).vary("Accept").links({ next: "/two" });
    response.json({ ip, hostname, protocol, query, xhr, path, originalUrl, type: request.accepts(["json"]) });
  });
  app.get("/format", (_request, response) => {
    response.format({ text: () => response.send("text"), json: () => response.send({ json: true }) });
  });
  app.get("/away", (_request, response) => response.redirect(307, "/facts"));
  app.get("/none", (_request, response) => response.sendStatus(204));
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  const headers = {
    "X-Forwarded-For": "10.1.2.3",
    "X-Forwarded-Proto": "https",
    "X-Requested-With": "XMLHttpRequest",
  };
  const facts = await ask(web, "GET /facts?a[b]=1", headers);
  expect(JSON.parse(facts.body)).toEqual({
    ip: "10.1.2.3",
    hostname: "127.0.0.1",
    protocol: "https",
    query: { a: { b: "1" } },
    xhr: true,
    path: "/facts",
    originalUrl: "/facts?a[b]=1",
    type: "json",
  });
  expect(facts.headers).toMatchObject({
    "set-cookie": "seen=yes; Path=/; HttpOnly",
    link: '</two>; rel="next"',
    etag: expect.stringMatching(/^"/),
  });
  const same = { ...headers, "If-None-Match": facts.headers.etag ?? "" };
  expect((await ask(web, "GET /facts?a[b]=1", same)).status).toBe(304);
  expect((await ask(web, "GET /format", { Accept: "application/json" })).body).toBe('{"json":true}');
  expect(await ask(web, "GET /away")).toMatchObject({ status: 307, headers: { location: "/facts" } });
  expect((await ask(web, "GET /none")).status).toBe(204);
});

test("one connection serves an app, files, and the app again, in order", async () => {
  const app = express()
    .use(express.json())
    .all("/app", async (request, response) => {
      await turn();
      response.json(request.body ?? null);
    });
  await using lab = await startLab({ web: http({ app }) });
  const text = await say(
    lab.servers.web,
    [request("GET /app"), request("GET /"), request("POST /app", JSON_TYPE, '{"n":1}')].join(""),
  );
  expect(answersIn(text).map(({ body }) => body)).toEqual(["null", "Hello, world!", '{"n":1}']);
});

test("fault rules script an app's replies too, and delay them", async () => {
  let asked = 0;
  const app = (_request: IncomingMessage, response: ServerResponse) => {
    asked += 1;
    response.end("real");
  };
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  const when = { server: "web", verb: "GET" };
  lab.faults.add({ when, skip: 1, times: 1, fault: { kind: "reply", with: { code: 503, text: "Busy" } } });
  lab.faults.add({ when, skip: 2, fault: { kind: "reply", ms: 1 } });
  const answers: string[] = [];
  for (let count = 0; count < 3; count += 1) answers.push((await ask(web, "GET /x")).body);
  expect(answers).toEqual(["real", "Busy\n", "real"]);
  expect(asked).toBe(2);
  expect(lab.faults.unused()).toEqual([]);
});

test("an app finds the same socket whether a rule looks at its bytes or not", async () => {
  const app = ({ socket }: IncomingMessage, response: ServerResponse) => {
    // As servers of events do.
    socket.setTimeout(0).setNoDelay(true).setKeepAlive(true);
    const { localAddress, remoteFamily, readyState } = socket;
    // As those do that stand behind a proxy.
    Object.assign(socket, { encrypted: true });
    response.end(JSON.stringify([localAddress, remoteFamily, readyState, socket.address()]));
  };
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  const { body } = await ask(web, "GET /");
  lab.faults.add({ when: { server: "web" }, skip: 10, fault: { kind: "latency", ms: 1 } });
  expect(await ask(web, "GET /")).toMatchObject({ status: 200, body });
  expect(JSON.parse(body)[3]).toEqual({ address: "127.0.0.1", family: "IPv4", port: web.port });
});
