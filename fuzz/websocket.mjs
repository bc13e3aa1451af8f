// Clients that send anything, in any pieces, and go in any way, at WebSocket servers of each kind: plain, deflating, watched and
// ruled, behind HTTP. Nothing they do may end the process, keep memory, or keep another client waiting; those that keep to
// the protocol get back what they send, byte by byte. Run it after `npm run build`:
//   node fuzz/websocket.mjs [--seconds=60] [--seed=N]
import { connect } from "node:net";
import { deflateRawSync, constants as zlib } from "node:zlib";
import { http, startLab, websocket } from "../dist/index.js";
import { below, pick, random, seed } from "./chance.mjs";
import { besiege } from "./siege.mjs";

/** How long an answer is waited for, in milliseconds. */
const PATIENCE = 15_000;

const noise = (length) => Buffer.from(Array.from({ length }, () => below(256)));
const turn = () => new Promise((resolve) => setTimeout(resolve, below(3)));
const closing = (socket) =>
  new Promise((resolve) => {
    socket.on("error", () => {});
    socket.once("close", resolve);
  });

/** A frame, which may lie about its length. */
function frame(opcode, payload, { fin = true, rsv = 0, masked = true, length = payload.length } = {}) {
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = noise(4);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at % 4])]);
}

function closeFrame() {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(pick([1000, 1001, 1005, 1006, 3000, 4999, 0, below(65_536)]));
  return frame(8, Buffer.concat([code, random() < 0.5 ? Buffer.from("bye") : noise(below(130))]));
}

const deflated = (payload) => deflateRawSync(payload, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);

const PATHS = ["/", "/echo", "/chat", "/odd", "/nothing", "/echo?a=b", "//", "/%", "ws://x/echo", "*"];
const CHAT = [
  "/nick x",
  "/join den",
  "/who",
  "/rooms",
  "/me x",
  "/tell guest1 hi",
  "/help",
  "/quit",
  "//",
  "hi",
];
const JSONS = [
  '{"type":"say","text":"x"}',
  '{"type":"join","room":"den"}',
  '{"type":"who"}',
  "[1]",
  "{",
  "null",
];

const OFFERS = [
  "permessage-deflate",
  "permessage-deflate",
  "permessage-deflate; client_max_window_bits; server_max_window_bits=9",
  "permessage-deflate; client_no_context_takeover",
  "permessage-deflate; unknown",
  "x; y=z",
  ";",
];

/** Pieces of what clients send, well-formed or nearly so. */
const PIECES = [
  () => frame(1, Buffer.from(pick([...CHAT, ...JSONS]))),
  () => frame(1, Buffer.from("ü李".repeat(below(200)))),
  () => frame(2, noise(below(300))),
  () => frame(2, Buffer.alloc(below(70_000), below(256))),
  () => frame(1, noise(below(20))),
  () => frame(9, noise(below(126))),
  () => frame(10, noise(below(126))),
  () => frame(pick([0, 1, 2, 9]), noise(below(40)), { fin: false }),
  () => frame(0, noise(below(40)), { fin: random() < 0.5 }),
  () => frame(below(16), noise(below(200)), { rsv: pick([0, 0, 0, below(8)]) }),
  () => frame(2, deflated(Buffer.alloc(below(400_000))), { rsv: 4 }),
  () => frame(1, noise(below(60)), { rsv: 4 }),
  () => frame(2, noise(below(40)), { length: pick([below(200), below(2 ** 20), 2 ** 40, 125, 126, 65_535]) }),
  () => frame(1, noise(10), { masked: false }),
  () => closeFrame(),
  () => frame(8, noise(below(3))),
  () => noise(1 + below(64)),
  () => Buffer.concat(Array.from({ length: below(300) }, () => frame(9, Buffer.alloc(0)))),
  () => Buffer.concat(Array.from({ length: below(300) }, () => frame(1, Buffer.from(pick(CHAT))))),
];

/** An opening handshake, which may be wrong. */
function opening(path, kind = "odd") {
  const wrong = (value, other) => (kind === "odd" && random() < 0.05 ? other() : value);
  const lines = [
    `${wrong("GET", () => pick(["POST", "HEAD", "PUT", "CONNECT", "get"]))} ${path} HTTP/1.1`,
    wrong("Host: x", () => pick(["", "Host: a b", "Host: x\r\nHost: x"])),
    wrong("Upgrade: websocket", () => pick(["Upgrade: h2c", "", "Upgrade: WebSocket", "Upgrade: a, b"])),
    wrong("Connection: Upgrade", () => pick(["", "Connection: close", "Connection: keep-alive, upgrade"])),
    wrong(
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      () => `Sec-WebSocket-Key: ${noise(9).toString("base64")}`,
    ),
    wrong("Sec-WebSocket-Version: 13", () => `Sec-WebSocket-Version: ${below(20)}`),
    wrong("", () => `Sec-WebSocket-Protocol: ${pick(["json, json", "a b", ","])}`),
    wrong("", () => `Origin: ${pick(["http://x", "null", "\x01"])}`),
    random() < 0.7 ? "" : `Sec-WebSocket-Protocol: ${pick(["json", "text", "a, b"])}`,
    kind === "right" || random() < 0.3 ? "" : `Sec-WebSocket-Extensions: ${pick(OFFERS)}`,
  ];
  return `${lines.filter(Boolean).join("\r\n")}\r\n\r\n`;
}

let echoes = 0;

/** Sends bytes whole or in pieces. */
async function feed(socket, bytes) {
  let rest = bytes;
  while (rest.length > 0 && socket.writable) {
    const size = random() < 0.6 ? rest.length : 1 + below(rest.length);
    socket.write(rest.subarray(0, size));
    rest = rest.subarray(size);
    if (random() < 0.2) await turn();
  }
}

/** Sends anything and goes in any way. */
async function attack(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: random() < 0.3 });
  const closed = closing(socket);
  if (random() < 0.8) socket.resume();
  if (random() < 0.05) socket.write(noise(1 + below(300)));
  await feed(socket, Buffer.from(opening(random() < 0.8 ? pick(PATHS.slice(0, 4)) : pick(PATHS)), "latin1"));
  for (let piece = below(25); piece > 0 && socket.writable; piece -= 1) await feed(socket, pick(PIECES)());
  const way = random();
  if (way < 0.3) {
    socket.write(closeFrame());
    socket.resume();
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
  } else if (way < 0.5) socket.end();
  else if (way < 0.7) socket.resetAndDestroy();
  if (way >= 0.3 && way < 0.5) await turn();
  socket.destroy();
  await closed;
}

/** Keeps to the protocol, in whatever pieces, and counts on getting everything back. */
async function keep(port, path) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const closed = closing(socket).then(() => {
    throw new Error("A client that kept to the protocol was cut off.");
  });
  closed.catch(() => {});
  const expected = [];
  const said = [Buffer.from(opening(path, "right"))];
  for (let count = 1 + below(12); count > 0; count -= 1) {
    const [opcode, payload] =
      random() < 0.5 ? [1, Buffer.from("grüße ".repeat(below(500)))] : [2, noise(below(2000))];
    expected.push(frame(opcode, payload, { masked: false }));
    const parts = random() < 0.5 ? [payload] : [payload.subarray(0, 7), Buffer.alloc(0), payload.subarray(7)];
    parts.forEach((part, index) => {
      // The order of a pong is that of its ping among the frames, and a message is answered at its end.
      if (random() < 0.3) {
        const data = noise(below(126));
        said.push(frame(9, data));
        expected.splice(-1, 0, frame(10, data, { masked: false }));
      }
      said.push(frame(index === 0 ? opcode : 0, part, { fin: index === parts.length - 1 }));
    });
    echoes += 1;
  }
  const wanted = Buffer.concat(expected);
  let heard = Buffer.alloc(0);
  const all = new Promise((resolve) => {
    socket.on("data", (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      const body = heard.indexOf("\r\n\r\n") + 4;
      if (body >= 4 && heard.length - body >= wanted.length) resolve(heard.subarray(body));
    });
  });
  await feed(socket, Buffer.concat(said));
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${wanted.length} bytes of echoes are late: ${heard.length}`)),
      PATIENCE,
    );
  });
  const answer = await Promise.race([all, closed, late]).finally(() => clearTimeout(timer));
  if (!answer.equals(wanted)) throw new Error("What came back is not what was sent.");
  socket.destroy();
}

/** A client that behaves, and is answered all the time. Answers the longest time that it took, in milliseconds. */
async function witness(port, over) {
  let longest = 0;
  while (!over()) {
    const asked = performance.now();
    await keep(port, "/echo");
    longest = Math.max(longest, performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return longest;
}

/** Reads a little, sends a little, and fails now and then. */
async function odd(socket) {
  for await (const message of socket) {
    if (message.length % 7 === 0) throw new Error("odd");
    if (message.length % 5 === 0) socket.reset();
    if (message.length % 3 === 0) socket.close(1000 + (message.length % 3), "x".repeat(200));
    await socket.send(message);
  }
}

const routes = { "/odd": odd };
const limits = { maxPayload: 1_000_000, maxBuffered: 100_000, pingInterval: 500 };
const lab = await startLab(
  {
    plain: websocket({ routes }),
    deflating: websocket({ routes, compression: "on", ...limits }),
    ruled: websocket({ routes, ...limits, pingInterval: 0 }),
    web: http({ websocket: websocket({ routes, ...limits, pingInterval: 0 }) }),
  },
  { transcript: 1000, seed },
);
// Some that act at times, and one that only makes a Wire.
for (const rule of [
  {
    when: { server: "ruled", verb: "TEXT", target: "*who*" },
    chance: 0.5,
    fault: { kind: "reply", with: "drop" },
  },
  {
    when: { server: "ruled", verb: "BINARY" },
    chance: 0.05,
    fault: { kind: "reply", with: { code: 1013, text: "x" } },
  },
  { when: { server: "ruled", verb: "PING" }, chance: 0.1, fault: { kind: "reply", ms: 5 } },
  { when: { server: "ruled", verb: "CLOSE" }, chance: 0.1, fault: { kind: "reset" } },
  { when: { server: "ruled", verb: "TEXT", after: "reply" }, chance: 0.05, fault: { kind: "close" } },
  { when: { server: "web", verb: "NEVER" }, fault: { kind: "stall" } },
]) {
  lab.faults.add(rule);
}
const { plain, deflating, ruled, web } = lab.servers;

await besiege("websocket", lab, {
  witness: (over) => witness(plain.port, over),
  attack() {
    const way = random();
    if (way < 0.2) return keep(plain.port, "/echo");
    if (way < 0.3) return keep(web.port, "/ws/echo");
    return attack(pick([plain, deflating, ruled, web]).port);
  },
  figures: () => `${echoes} counted echoes`,
});
