import { describe, expect, test } from "vitest";
import { startLab, websocket } from "../../index.ts";
import { closing, frame, HANDSHAKE, opening, RawClient } from "./dialogue.ts";

/** All that is answered to a request. */
async function answerTo(request: string, options = {}): Promise<string> {
  await using lab = await startLab({ live: websocket(options) });
  using client = new RawClient(lab.servers.live, request);
  return await client.text();
}

test("the sample of RFC 6455 is answered as there", async () => {
  await using lab = await startLab({ live: websocket() });
  using client = await RawClient.open(lab.servers.live);
  expect(client.response.split("\r\n")).toEqual([
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "",
    "",
  ]);
});

describe("a handshake that is none is refused", () => {
  test.each([
    ["a key that is too short", { "Sec-WebSocket-Key": "c2hvcnQ=" }, "400 Bad Request"],
    ["no key", { "Sec-WebSocket-Key": "" }, "400 Bad Request"],
    ["no Host", { Host: "" }, "400 Bad Request"],
    ["a strange Host", { Host: "a b" }, "400 Bad Request"],
    ["another version", { "Sec-WebSocket-Version": "8" }, "426 Upgrade Required"],
    ["no version", { "Sec-WebSocket-Version": "" }, "426 Upgrade Required"],
    ["a version twice", { "Sec-WebSocket-Version": "13, 13" }, "426 Upgrade Required"],
    ["another protocol", { Upgrade: "h2c" }, "426 Upgrade Required"],
    ["no Upgrade", { Upgrade: "" }, "426 Upgrade Required"],
    ["no Connection: Upgrade", { Connection: "" }, "426 Upgrade Required"],
    ["a subprotocol that is no token", { "Sec-WebSocket-Protocol": "a b" }, "400 Bad Request"],
    ["a subprotocol twice", { "Sec-WebSocket-Protocol": "a, b, a" }, "400 Bad Request"],
    ["no subprotocol in its header", { "Sec-WebSocket-Protocol": ", ," }, "400 Bad Request"],
    ["extensions that are none", { "Sec-WebSocket-Extensions": ";;" }, "400 Bad Request"],
    ["a body", { "Content-Length": "5" }, "400 Bad Request"],
    ["a body in chunks", { "Transfer-Encoding": "chunked" }, "400 Bad Request"],
  ] as const)("%s", async (_name, headers, status) => {
    const answer = await answerTo(opening("/", headers));
    expect(answer).toMatch(/^HTTP\/1\.1 (\d{3} .*)\r\n/);
    expect(answer.slice(9).split("\r\n")[0]).toBe(status);
    expect(answer).toContain("\r\nConnection: ");
    if (status.startsWith("426")) expect(answer).toContain("\r\nUpgrade: websocket\r\n");
  });

  test("another version is told which one it is", async () => {
    const answer = await answerTo(opening("/", { "Sec-WebSocket-Version": "14" }));
    expect(answer).toContain("\r\nSec-WebSocket-Version: 13\r\n");
  });

  test("two Host headers", async () => {
    const twice = opening().replace("\r\n", "\r\nHost: other\r\n");
    expect(await answerTo(twice)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test.each([
    ["a path that is not there", "GET", "/nothing", 404],
    ["a path that is no path", "GET", "*", 404],
    ["POST", "POST", "/", 405],
    ["HEAD", "HEAD", "/", 405],
    ["CONNECT", "CONNECT", "/", 405],
  ] as const)("%s", async (_name, method, path, status) => {
    expect(await answerTo(opening(path, {}, method))).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test("HTTP/1.0", async () => {
    expect(await answerTo(opening().replace("HTTP/1.1", "HTTP/1.0"))).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("what is no HTTP, or too long", async () => {
    expect(await answerTo("\x16\x03\x01 hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    const long = opening("/", { "X-Long": "x".repeat(20_000) });
    expect(await answerTo(long)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await answerTo(opening("/", { "X-Long": "x".repeat(200) }), { maxHeaderSize: 100 })).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });
});

describe("plain HTTP", () => {
  test("a GET is told what is here", async () => {
    await using lab = await startLab({ live: websocket({ routes: { "/feed": "echo" } }) });
    const response = await fetch(lab.servers.live.url.replace("ws:", "http:"));
    expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
    expect(await response.text()).toContain("/ /echo /chat /feed\n");
  });

  test("other methods, and paths that are not there", async () => {
    await using lab = await startLab({ live: websocket() });
    const url = lab.servers.live.url.replace("ws:", "http:");
    const posted = await fetch(url, { method: "POST", body: "x".repeat(100_000) });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
  });

  test("one request is answered, and no more", async () => {
    const plain = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    expect((await answerTo(plain.repeat(3))).match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});

describe("origins", () => {
  const origins = ["http://127.0.0.1:3000"];

  test("others are refused, and who names none is no page", async () => {
    await using lab = await startLab({ live: websocket({ origins }) });
    for (const [origin, expected] of [
      ["http://127.0.0.1:3000", "101"],
      ["", "101"],
      ["http://127.0.0.1:3001", "403"],
      ["null", "403"],
    ] as const) {
      using client = new RawClient(lab.servers.live, opening("/", { Origin: origin }));
      expect(await client.head()).toContain(`HTTP/1.1 ${expected} `);
    }
  });

  test("by default every page may", async () => {
    await using lab = await startLab({ live: websocket() });
    using client = await RawClient.open(lab.servers.live, "/", { Origin: "https://example.org" });
    expect(client.response).toContain("101");
  });
});

describe("subprotocols", () => {
  const agreed = async (offered: string, options = {}, path = "/") => {
    await using lab = await startLab({ live: websocket(options) });
    using client = await RawClient.open(lab.servers.live, path, { "Sec-WebSocket-Protocol": offered });
    return /\r\nSec-WebSocket-Protocol: (.*)\r\n/.exec(client.response)?.[1];
  };

  test("the client's first, or the first that is spoken", async () => {
    expect(await agreed("mqtt, graphql-ws")).toBe("mqtt");
    expect(await agreed("mqtt , graphql-ws", { subprotocols: ["graphql-ws", "soap"] })).toBe("graphql-ws");
    expect(await agreed("mqtt", { subprotocols: ["graphql-ws"] })).toBeUndefined();
    expect(await agreed("")).toBeUndefined();
  });

  test("a chat knows its own", async () => {
    expect(await agreed("v1, json", {}, "/chat")).toBe("json");
    expect(await agreed("v1, v2", { subprotocols: ["v2"] }, "/chat")).toBe("v2");
  });
});

describe("in time", () => {
  test.each(["", "GET / HT", opening().slice(0, -2)])(
    "a client that says %j and no more is sent away",
    async (said) => {
      expect(await answerTo(said, { handshakeTimeout: 100 })).toMatch(/^HTTP\/1\.1 408 /);
    },
  );

  test("headers that drip are not waited for", async () => {
    await using lab = await startLab({ live: websocket({ handshakeTimeout: 200 }) });
    using client = new RawClient(lab.servers.live, "GET / HTTP/1.1\r\n");
    const drip = setInterval(() => client.socket.write("X"), 20);
    const answer = await client.head();
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("who has shaken hands has all the time", async () => {
    await using lab = await startLab({ live: websocket({ handshakeTimeout: 50 }) });
    using client = await RawClient.open(lab.servers.live, "/echo");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await client.send(frame("text", "still here")).words()).toBe("text still here");
  });
});

test("what is sent in one breath with the handshake is heard, in whatever pieces it comes", async () => {
  await using lab = await startLab({ live: websocket() });
  const said = Buffer.concat([
    Buffer.from(opening("/echo")),
    frame("text", "one"),
    frame("close", closing(1000)),
  ]);
  using together = new RawClient(lab.servers.live);
  together.send(said);
  await together.head();
  expect(await together.rest()).toEqual(["text one", "close 1000", "end"]);
  using apart = new RawClient(lab.servers.live);
  await apart.chop(said, 1);
  await apart.head();
  expect(await apart.rest()).toEqual(["text one", "close 1000", "end"]);
});

test("a target in absolute form, and one with a query", async () => {
  await using lab = await startLab({ live: websocket() });
  for (const target of ["ws://example.org/echo", "http://example.org/echo?a=b", "/echo/", "/echo?token=1"]) {
    using client = await RawClient.open(lab.servers.live, target, HANDSHAKE);
    expect(await client.send(frame("text", "hi")).words()).toBe("text hi");
  }
});

test("extensions that are not known, or cannot be had so, are declined", async () => {
  await using lab = await startLab({ live: websocket({ compression: "on" }) });
  for (const offer of [
    "x-webkit-deflate-frame",
    "permessage-deflate; unknown=1",
    "permessage-deflate; server_max_window_bits=99",
    'foo; bar="baz", permessage-deflate; client_max_window_bits=7',
  ]) {
    using client = await RawClient.open(lab.servers.live, "/echo", { "Sec-WebSocket-Extensions": offer });
    expect(client.response).not.toContain("Sec-WebSocket-Extensions");
    expect(await client.send(frame("text", "hi")).words()).toBe("text hi");
  }
});

test("empty elements of lists are ignored", async () => {
  await using lab = await startLab({ live: websocket({ compression: "on" }) });
  using client = await RawClient.open(lab.servers.live, "/echo", {
    "Sec-WebSocket-Protocol": ",mqtt,, soap ,",
    "Sec-WebSocket-Extensions": ", foo,, permessage-deflate,",
    "Content-Length": "0",
  });
  expect(client.response).toContain("\r\nSec-WebSocket-Protocol: mqtt\r\n");
  expect(client.response).toContain("\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
  expect(await client.send(frame("text", "hi")).words()).toMatch(/^text /);
});

test("without the option nothing is deflated", async () => {
  await using lab = await startLab({ live: websocket() });
  using client = await RawClient.open(lab.servers.live, "/echo", {
    "Sec-WebSocket-Extensions": "permessage-deflate",
  });
  expect(client.response).not.toContain("Extensions");
});

test.each([
  [{ maxPayload: 0 }, "maxPayload"],
  [{ pingInterval: 1.5 }, "pingInterval"],
  [{ maxBuffered: 2 ** 40 }, "maxBuffered"],
  [{ routes: { feed: "echo" } }, "begins with a slash"],
  [{ routes: { "/feed": "dance" } }, "receipt, echo, chat"],
  [{ subprotocols: ["a b"] }, "subprotocol"],
  [{ origins: ["example.org"] }, "origin"],
  [{ origins: ["http://example.org/path"] }, "origin"],
] as const)("%j is no option", (options, why) => {
  expect(() => websocket(options as object)).toThrow(why);
});
