import { IncomingMessage, type ServerResponse } from "node:http";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { expect, test } from "vitest";
import { http, type Stub, startLab } from "../../index.ts";
import { answersIn, ask, FOO, heard, hears, open, request, say } from "./dialogue.ts";

test("requests and responses are born with the prototypes that Express gives them", async () => {
  const seen: unknown[] = [];
  const app = (request: Request, response: Response, next: NextFunction) => {
    const own = request.app as Express;
    seen.push(
      Object.getPrototypeOf(request) === own.request,
      Object.getPrototypeOf(response) === own.response,
      request.app === response.app,
      request.res === response && response.req === request,
      Object.keys(request)
        .concat(Object.keys(response))
        .filter((name) => /^[a-z]$/.test(name)),
    );
    next();
  };
  await using lab = await startLab({ web: http({ app }) });
  expect((await ask(lab.servers.web, "GET /")).body).toBe("Hello, world!");
  expect(seen).toEqual([true, true, true, true, []]);
});

test("setting those prototypes changes nothing, which is what makes it fast", async () => {
  const original = Object.setPrototypeOf;
  const changes: string[] = [];
  await using lab = await startLab({ web: http({ app: (_request, _response, next) => next() }) });
  await ask(lab.servers.web, "GET /");
  Object.setPrototypeOf = (value: object, prototype: object | null) => {
    if (Object.getPrototypeOf(value) !== prototype) changes.push(value.constructor.name);
    return original(value, prototype);
  };
  try {
    await ask(lab.servers.web, "GET /");
    await ask(lab.servers.web, "GET /nothing");
  } finally {
    Object.setPrototypeOf = original;
  }
  expect(changes).toEqual([]);
});

test("an Express app of one's own answers before the files, and hands on what is not its own", async () => {
  const app = express();
  const sub = express();
  const router = express.Router();
  sub.get("/who", (request, response) => {
    response.json({ sub: request.app === sub, path: request.path, base: request.baseUrl, ip: request.ip });
  });
  router.get("/hello/:name", (request, response) => {
    response.cookie("seen", "yes").send(`Hello, ${request.params.name}!`);
  });
  app.use(express.json());
  app.post("/echo", (request, response) => {
    response.status(202).json({ got: request.body, app: request.app === app });
  });
  app.use("/sub", sub);
  app.use(router);
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  const echo = await ask(web, "POST /echo", { "Content-Type": "application/json" }, '{"a":1}');
  expect([echo.status, JSON.parse(echo.body)]).toEqual([202, { got: { a: 1 }, app: true }]);
  expect(JSON.parse((await ask(web, "GET /sub/who")).body)).toEqual({
    sub: true,
    path: "/who",
    base: "/sub",
    ip: "127.0.0.1",
  });
  expect((await ask(web, "GET /hello/ann")).body).toBe("Hello, ann!");
  expect((await ask(web, "GET /index.html")).body).toBe("Hello, world!");
  expect((await ask(web, "GET /sub/nothing")).status).toBe(404);
  expect((await ask(web, "PUT /x", FOO, "x")).status).toBe(201);
});

test("every method that Node can read reaches one's own app, and stubs; files know fewer", async () => {
  const app = express().report("/dav", (_request, response) => {
    response.status(207).send("by the app");
  });
  const stubs: Stub[] = [{ method: "PROPFIND", path: "/dav", answer: { status: 207, body: "by a stub" } }];
  await using lab = await startLab({ web: http({ app, stubs }) });
  const { web } = lab.servers;
  expect(await ask(web, "REPORT /dav")).toMatchObject({ status: 207, body: "by the app" });
  expect(await ask(web, "PROPFIND /dav")).toMatchObject({ status: 207, body: "by a stub" });
  expect((await ask(web, "MKCOL /dav")).status).toBe(501);
});

test("errors of one's own app are its own to handle; what it leaves is answered without its inside", async () => {
  const app = express();
  app.get("/thrown", () => {
    throw new Error("secret");
  });
  app.get("/rejected", async () => {
    throw new Error("secret");
  });
  app.get("/teapot", () => {
    throw Object.assign(new Error("I am one"), { status: 418, expose: true });
  });
  app.get("/gone", () => {
    throw Object.assign(new Error("secret"), { statusCode: 410 });
  });
  app.get("/handled", () => {
    throw new Error("mine");
  });
  app.use((error: Error, _request: Request, response: Response, next: NextFunction) => {
    if (error.message === "mine") response.status(599).send("handled");
    else next(error);
  });
  await using lab = await startLab({ web: http({ app }) });
  const { web } = lab.servers;
  for (const path of ["/thrown", "/rejected"]) {
    const answer = await ask(web, `GET ${path}`);
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain("secret");
  }
  const teapot = await ask(web, "GET /teapot");
  expect([teapot.status, teapot.body]).toEqual([418, "418 I'm a Teapot\nI am one\n"]);
  expect(await ask(web, "GET /gone")).toMatchObject({ status: 410, body: "410 Gone\nGone.\n" });
  const handled = await ask(web, "GET /handled");
  expect([handled.status, handled.body]).toEqual([599, "handled"]);
});

test("one app serves two labs, and a plain function is app enough", async () => {
  const app = express().get("/me", (request, response) => {
    response.send(String(request.socket.localPort));
  });
  const plain = (request: IncomingMessage, response: ServerResponse, next: () => void) => {
    if (request.url !== "/plain") next();
    else response.end("plain");
  };
  await using one = await startLab({ web: http({ app }), other: http({ app: plain }) });
  await using two = await startLab({ web: http({ app }) });
  expect((await ask(one.servers.web, "GET /me")).body).toBe(String(one.servers.web.port));
  expect((await ask(two.servers.web, "GET /me")).body).toBe(String(two.servers.web.port));
  expect((await ask(one.servers.web, "GET /")).body).toBe("Hello, world!");
  expect((await ask(one.servers.other, "GET /plain")).body).toBe("plain");
  expect((await ask(one.servers.other, "GET /")).body).toBe("Hello, world!");
});

test("a plain function may be asynchronous, and fail", async () => {
  const app = async (_request: IncomingMessage, response: ServerResponse) => {
    await new Promise(setImmediate);
    if (response.headersSent) return;
    throw new Error("secret");
  };
  await using lab = await startLab({ web: http({ app }) });
  const answer = await ask(lab.servers.web, "GET /");
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain("secret");
});

test("a plain function may give a request what Express would make of it", async () => {
  const app = (request: IncomingMessage, response: ServerResponse) => {
    Object.assign(request, { query: { a: "b" }, path: "/p", ip: "10.0.0.1" });
    const { query, path, ip } = request as Request;
    response.end(JSON.stringify([query, path, ip]));
  };
  await using lab = await startLab({ web: http({ app }) });
  expect(JSON.parse((await ask(lab.servers.web, "GET /x?y=z")).body)).toEqual([{ a: "b" }, "/p", "10.0.0.1"]);
});

test("an app of Express 4 finds the query, which it parses only where there is none", async () => {
  const app = (request: IncomingMessage & { query?: unknown }, response: ServerResponse) => {
    if (!request.query) request.query = "parsed by the app";
    Object.setPrototypeOf(request, Object.create(IncomingMessage.prototype));
    response.end(JSON.stringify(request.query));
  };
  await using lab = await startLab({ web: http({ app }) });
  expect(JSON.parse((await ask(lab.servers.web, "GET /?a=b&c[d]=e")).body)).toEqual({
    a: "b",
    c: { d: "e" },
  });
});

test("one's own app hears that a body broke off, and nobody answers in its place", async () => {
  let told: unknown[] = [];
  const app = (request: Request, response: Response) => {
    response.writeProcessing();
    request.on("error", (error) => told.push(error.message));
    response.once("close", () => {
      told.push(response.headersSent);
      // As apps do that were at work when it happened.
      response.status(201).json({});
    });
  };
  await using lab = await startLab({ web: http({ app }) });
  for (const [header, body] of [
    ["Content-Length", "10"],
    ["Transfer-Encoding", "chunked"],
  ] as const) {
    told = [];
    const socket = await open(lab.servers.web);
    const begun = hears(socket, (text) => text.endsWith("\r\n\r\n"));
    const answer = heard(socket);
    socket.write(request("POST /", { [header]: body }));
    expect(await begun).toBe("HTTP/1.1 102 Processing\r\n\r\n");
    socket.end("zz\r\n");
    expect(answersIn(await answer)).toMatchObject([
      { status: 102 },
      { status: 400, headers: { connection: "close" } },
    ]);
    await expect.poll(() => told).toEqual([false, "aborted"]);
  }
  // All in one, it breaks off before the app is asked.
  told = [];
  const whole = await say(lab.servers.web, `${request("POST /", { "Transfer-Encoding": "chunked" })}zz\r\n`);
  expect(answersIn(whole)).toMatchObject([{ status: 400 }]);
  expect(told).toEqual([]);
});

test("replies of one's own app are told, too", async () => {
  const app = express().get("/x", (_request, response) => {
    response.status(203).end();
  });
  await using lab = await startLab({ web: http({ app }) });
  const reply = lab.events.next("reply");
  await ask(lab.servers.web, "GET /x");
  expect(await reply).toMatchObject({ code: 203, text: "Non-Authoritative Information" });
});

test("one's own app gets the body that a client holds back", async () => {
  const app = express()
    .use(express.text())
    .post("/echo", (request, response) => {
      response.send(request.body);
    });
  await using lab = await startLab({ web: http({ app }) });
  const socket = await open(lab.servers.web);
  const asked = hears(socket, (text) => text.endsWith("\r\n\r\n"));
  socket.write(
    request("POST /echo", { Expect: "100-continue", "Content-Type": "text/plain", "Content-Length": "4" }),
  );
  expect(await asked).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  const answer = heard(socket);
  socket.end("body");
  expect(answersIn(await answer)[0]).toMatchObject({ status: 200, body: "body" });
});
