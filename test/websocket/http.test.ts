import { expect, test } from "vitest";
import { http, startLab, tcp, websocket } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { closing, frame, opening, RawClient } from "./dialogue.ts";

const serving = (options = {}) =>
  startLab({ web: http({ websocket: websocket({ routes: { "/live/feed": "echo" } }), ...options }) });

const text = (said: string) => frame("text", said);

test("the port of HTTP has them at their paths, and below /ws", async () => {
  await using lab = await serving();
  for (const path of ["/echo", "/ws/echo", "/ws/live/feed"]) {
    using client = await RawClient.open(lab.servers.web, path);
    expect(await client.send(text("hi")).words()).toBe("text hi");
  }
  using receipts = await RawClient.open(lab.servers.web, "/ws");
  expect(await receipts.send(text("1")).words()).toBe("text Text message received: 1");
  await expect(RawClient.open(lab.servers.web, "/ws/nothing")).rejects.toThrow(/^HTTP\/1\.1 404 /);
  await expect(RawClient.open(lab.servers.web, "/wsecho")).rejects.toThrow(/^HTTP\/1\.1 404 /);
  expect(await (await fetch(lab.servers.web.url)).text()).toBe("Hello, world!");
});

test("a wrong handshake is refused as on a port of its own", async () => {
  await using lab = await serving();
  for (const [headers, status] of [
    [{ "Sec-WebSocket-Version": "8" }, 426],
    [{ "Sec-WebSocket-Key": "x" }, 400],
    [{ Host: "" }, 400],
  ] as const) {
    using client = new RawClient(lab.servers.web, opening("/ws", headers));
    expect(await client.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  }
});

test("requests before it on the same connection are answered, and it is one connection", async () => {
  await using lab = await serving();
  using client = new RawClient(lab.servers.web, "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n");
  expect(await client.head()).toContain("200 OK");
  await client.bytes("Hello, world!".length);
  client.socket.write(opening("/ws/echo"));
  expect(await client.head()).toContain("101");
  expect(await client.send(text("hi"), frame("close", closing(1000))).rest()).toEqual([
    "text hi",
    "close 1000",
    "end",
  ]);
  await lab.stop();
  expect(String(lab.transcript)).toBe(
    [
      "web#1 opened",
      "web#1 > GET /index.html",
      "web#1 < 200 OK",
      "web#1 download of /index.html: 13 bytes",
      "web#1 > GET /ws/echo",
      "web#1 < 101 Switching Protocols",
      "web#1 > hi (2 bytes)",
      "web#1 < hi (2 bytes)",
      "web#1 > close 1000 (2 bytes)",
      "web#1 < close 1000 (2 bytes)",
    ].join("\n"),
  );
});

test("one that comes while an answer is under way is refused behind it", async () => {
  await using lab = await serving();
  using client = new RawClient(lab.servers.web, `GET / HTTP/1.1\r\nHost: x\r\n\r\n${opening("/ws")}`);
  const said = await client.text();
  expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Hello, world!HTTP\/1\.1 400 /);
});

test("another wish than a WebSocket is not heard, and its body is", async () => {
  await using lab = await serving();
  const wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
  const login = `Authorization: Basic ${btoa("foo:bar")}\r\n`;
  using client = new RawClient(
    lab.servers.web,
    `PUT /a HTTP/1.1\r\nHost: x\r\n${login}${wish}Content-Length: 3\r\n\r\nabc`,
  );
  expect(await client.head()).toContain("201 Created");
  client.socket.write(`GET /a HTTP/1.1\r\nHost: x\r\n${wish}Connection: close\r\n\r\n`);
  expect(await client.text()).toMatch(/200 OK[\s\S]*\r\n\r\nabc$/);
  expect(lab.transcript.verbs()).toEqual(["PUT", "GET"]);
});

clientTest("curl", "offers HTTP/2 in vain, and gets the page", async () => {
  await using lab = await serving();
  const { stdout } = await run("curl", ["-sS", "--http2", `${lab.servers.web.url}/`]);
  expect(stdout).toBe("Hello, world!");
});

test("without the option a wish to upgrade is not heard", async () => {
  await using lab = await startLab({ web: http() });
  await expect(RawClient.open(lab.servers.web, "/")).rejects.toThrow(/^HTTP\/1\.1 200 /);
});

test("the gate counts them, a stop says 1001, a rule finds them", async () => {
  await using lab = await serving({ gate: { maxConnections: 2, idle: 60_000 } });
  using one = await RawClient.open(lab.servers.web, "/ws/chat");
  using two = await RawClient.open(lab.servers.web, "/ws/echo");
  await one.next();
  await expect(RawClient.open(lab.servers.web, "/ws")).rejects.toThrow("503");
  const rule = lab.faults.add({
    when: { server: "web", verb: "TEXT" },
    fault: { kind: "reply", with: "drop" },
  });
  two.send(text("dropped"), frame("binary", "b"));
  expect(await two.words()).toBe("binary b");
  rule[Symbol.dispose]();
  const stopped = lab.stop();
  for (const client of [one, two]) {
    expect(await client.words()).toBe("close 1001 The server is stopping.");
    await client.send(frame("close", closing(1001))).rest();
  }
  expect((await stopped).cut).toEqual([]);
});

test("an idle one is closed with 1001, and a reset ends it", async () => {
  await using lab = await serving({ gate: { idle: 100 } });
  using idle = await RawClient.open(lab.servers.web, "/ws");
  expect(await idle.rest()).toEqual(["close 1001 Nothing was said for too long.", "end"]);
  using before = await RawClient.open(lab.servers.web, "/ws");
  await lab.reset();
  expect((await before.rest()).at(-1)).toMatch(/^(end|reset)$/);
});

test("only a WebSocket fits in", () => {
  expect(() => http({ websocket: tcp() })).toThrow("give it websocket()");
});
