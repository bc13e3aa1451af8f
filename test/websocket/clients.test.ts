import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "@playwright/test";
import { describe, expect, test } from "vitest";
import { createWebSocketStream, WebSocket } from "ws";
import { http, startLab, websocket } from "../../index.ts";
import { clientTest, needPrograms, run } from "../clients.ts";

const PYTHON = "/usr/bin/python3";

/** Runs a program of Python that uses a module, where both are there; it is to end well, and to print these lines. */
function pythonTest(
  module: string,
  name: string,
  program: string,
  serve: (play: (...args: readonly string[]) => Promise<void>) => Promise<void>,
  printed: readonly string[],
): void {
  test(`python3-${module}: ${name}`, async (context) => {
    needPrograms(context, PYTHON);
    if ((await run(PYTHON, ["-c", `import ${module}`])).code !== 0) {
      const reason = `not installed: python3-${module}`;
      if (process.env.WIRELAB_REAL_CLIENTS === "1") throw new Error(reason);
      context.skip(reason);
    }
    await serve(async (...args) => {
      const { code, stdout, stderr } = await run(PYTHON, ["-c", program, ...args]);
      expect([stdout.trim().split("\n"), stderr, code]).toEqual([printed, "", 0]);
    });
  });
}

pythonTest(
  "websockets",
  "JSON, bytes, fragments, pings, subprotocols, deflate, TLS, and how it ends",
  `
import asyncio, json, ssl, sys, websockets
live, secure, ca = sys.argv[1:]
async def main():
    async with websockets.connect(live, subprotocols=["v1", "v2"]) as ws:
        print(ws.subprotocol, [type(e).__name__ for e in ws.extensions])
        await ws.send(json.dumps({"hello": "world"}))
        print(await ws.recv())
        await ws.send(b"12345")
        print(await ws.recv())
        await ws.send("no json")
        print((await ws.recv())[:36])
        await (await ws.ping("are you there?"))
    print(ws.close_code)
    async with websockets.connect(live + "echo") as ws:
        await ws.send(iter(["frag", "men", "ted"]))
        print(await ws.recv())
        await ws.send("x" * 1_000_000)
        print(len(await ws.recv()))
        await ws.close(4001, "enough")
    print(ws.close_code, ws.close_reason)
    async with websockets.connect(live + "chat") as ws:
        await ws.recv()
        await ws.send("hello")
        print(await ws.recv())
        await ws.send("/quit")
        try:
            await ws.recv()
        except websockets.ConnectionClosedOK as closed:
            print(closed.rcvd.code, closed.rcvd.reason)
    try:
        await websockets.connect(live + "nothing")
    except websockets.InvalidStatusCode as refused:
        print(refused.status_code)
    context = ssl.create_default_context(cafile=ca)
    async with websockets.connect(secure + "/echo", ssl=context) as ws:
        await ws.send("secret")
        print(await ws.recv())
asyncio.run(main())
`,
  async (play) => {
    await using lab = await startLab({
      live: websocket({ compression: "on" }),
      secure: websocket({ tls: true }),
    });
    const ca = join(mkdtempSync(join(tmpdir(), "wirelab-")), "ca.pem");
    writeFileSync(ca, lab.ca ?? "");
    expect(lab.servers.secure.url).toMatch(/^wss:/);
    await play(`${lab.servers.live.url}/`, lab.servers.secure.url, ca);
    const { live } = lab.servers;
    expect(
      lab.transcript.of(live.name).find("frame", { kind: "close", preview: "4001 enough" }),
    ).toBeDefined();
  },
  [
    "v1 ['PerMessageDeflate']",
    'Text message received: {"hello":"world"}',
    "Binary message received: 5 bytes",
    "Text message received, but it is no ",
    "1000",
    "fragmented",
    "1000000",
    "4001 enough",
    "guest1: hello",
    "1000 Goodbye.",
    "404",
    "secret",
  ],
);

// The client of the documents' WebSocket server, on asyncio.
pythonTest(
  "autobahn",
  "the client of the tutorials",
  `
import asyncio, json, sys
from autobahn.asyncio.websocket import WebSocketClientProtocol, WebSocketClientFactory
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponse, PerMessageDeflateResponseAccept
url, port = sys.argv[1], int(sys.argv[2])
class Client(WebSocketClientProtocol):
    def onConnect(self, response):
        print("extensions", [str(e.EXTENSION_NAME) for e in response.extensions])
    def onOpen(self):
        self.answers = []
        self.sendMessage(json.dumps({"hello": "world"}).encode())
        self.sendMessage(b"\\x00\\x01\\x02", isBinary=True)
        self.sendMessage(b"no json")
        self.sendMessage(("[" + "1," * 100_000 + "1]").encode(), fragmentSize=1000)
        self.sendPing(b"payload")
    def onPong(self, payload):
        print("pong", payload.decode())
        self.sendClose(3000, "enough")
    def onMessage(self, payload, isBinary):
        print(isBinary, payload.decode()[:42])
    def onClose(self, wasClean, code, reason):
        print(wasClean, code, reason)
        loop.stop()
def accept(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
factory = WebSocketClientFactory(url, loop=loop)
factory.protocol = Client
factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=accept)
loop.run_until_complete(loop.create_connection(factory, "127.0.0.1", port))
loop.run_forever()
`,
  async (play) => {
    await using lab = await startLab({ live: websocket({ compression: "on" }) });
    await play(lab.servers.live.url, `${lab.servers.live.port}`);
  },
  [
    "extensions ['permessage-deflate']",
    'False Text message received: {"hello":"world"}',
    "False Binary message received: 3 bytes",
    "False Text message received, but it is no JSON: ",
    "False Text message received: [1,1,1,1,1,1,1,1,1,",
    "pong payload",
    "True 3000 enough",
  ],
);

clientTest("chromium", "a page talks, also with deflate, and sees how it ends", async () => {
  await using lab = await startLab({
    web: http({ websocket: websocket({ compression: "on", subprotocols: ["v2"] }) }),
    strict: websocket({ origins: ["http://127.0.0.1:1"] }),
  });
  let browser: Browser | undefined;
  try {
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    const page = await browser.newPage();
    await page.goto(lab.servers.web.url);
    // As text, for this file's own types know no browser.
    const talked = await page.evaluate(`
      const talk = (url, protocols, said) => new Promise((resolve) => {
        const socket = new WebSocket(url, protocols);
        socket.binaryType = "arraybuffer";
        const heard = [];
        socket.onopen = () => {
          heard.push(socket.protocol, socket.extensions);
          for (const each of said) socket.send(each);
        };
        socket.onmessage = ({ data }) => {
          heard.push(typeof data === "string" ? data : data.byteLength);
          if (heard.length === said.length + 2) socket.close(4000, "seen");
        };
        socket.onclose = ({ code, reason, wasClean }) => resolve([...heard, code, reason, wasClean]);
      });
      const at = location.origin.replace("http", "ws");
      (async () => [
        await talk(at + "/ws", ["v1", "v2"], ['{"a":"ü"}', new Uint8Array(100000)]),
        await talk(at + "/ws/echo", [], ["x".repeat(70000), new Uint8Array(5)]),
        await talk(${JSON.stringify(lab.servers.strict.url)}, [], []),
      ])()
    `);
    expect(talked).toEqual([
      [
        "v2",
        "permessage-deflate",
        'Text message received: {"a":"ü"}',
        "Binary message received: 100000 bytes",
        4000,
        "seen",
        true,
      ],
      ["", "permessage-deflate", "x".repeat(70_000), 5, 4000, "seen", true],
      [1006, "", false],
    ]);
    const stopping = page.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/echo");
      socket.onopen = () => socket.send("ready");
      socket.onclose = ({ code, reason }) => resolve([code, reason]);
    })`);
    await lab.events.next("frame", { preview: "ready", direction: "out" });
    await lab.servers.web.stop();
    expect(await stopping).toEqual([1001, "The server is stopping."]);
  } finally {
    await browser?.close();
  }
});

describe("npm ws", () => {
  test("streams ten megabytes through an echo, with deflate and without", async () => {
    await using lab = await startLab({ live: websocket({ compression: "on" }) });
    for (const perMessageDeflate of [true, false]) {
      const client = new WebSocket(`${lab.servers.live.url}/echo`, { perMessageDeflate });
      const stream = createWebSocketStream(client);
      const piece = Buffer.alloc(100_000, "0123456789abcdef");
      let received = 0;
      const all = (async () => {
        for await (const chunk of stream) {
          received += chunk.length;
          if (received === 100 * piece.length) break;
        }
      })();
      for (let sent = 0; sent < 100; sent += 1) {
        if (!stream.write(piece)) await once(stream, "drain");
      }
      await all;
      expect(received).toBe(10_000_000);
      if (client.readyState !== WebSocket.CLOSED) await once(client, "close");
    }
  });

  test("over a Unix-domain socket", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "wirelab-")), "ws.sock");
    await using _lab = await startLab({ live: websocket({ path }) });
    const client = new WebSocket(`ws+unix:${path}:/echo`);
    await once(client, "open");
    client.send("hi");
    expect(`${(await once(client, "message"))[0]}`).toBe("hi");
    client.close();
    await once(client, "close");
  });
});
