// What the lab adds to ws: echoes of 64 bytes per second over 32 connections, one message at a time on each, from plain ws and
// from wirelab, in processes of their own and loaded in turn so that all see the same machine; what counts is the ratio to
// ws. Then 2,000 WebSockets that do nothing, and what memory each takes. Run it after `npm run build`: node bench/websocket.mjs
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const CONNECTIONS = 32;
const ROUNDS = 40;
const ROUND_MS = 300;
const IDLE = 2000;

const servers = {
  async ws() {
    const { WebSocketServer } = await import("ws");
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.on("message", (data, binary) => socket.send(data, { binary }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return server.address().port;
  },
  wirelab: () => wirelab({ transcript: 0 }),
  "wirelab observed": () => wirelab({}),
};

async function wirelab(options) {
  const { startLab, websocket } = await import("../dist/index.js");
  const lab = await startLab(
    { live: websocket({ gate: { maxConnections: 10_000, maxPerPeer: 10_000 } }) },
    options,
  );
  return lab.servers.live.port;
}

async function serve(name) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const figures = {
    memory() {
      collect();
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      return heapUsed + external + arrayBuffers;
    },
    processor() {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  };
  process.on("message", (figure) => process.send(figures[figure]()));
  process.send(await servers[name]());
}

/** A connection that has shaken hands. */
async function client(port) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.write(
    "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await once(socket, "data");
  return socket;
}

/** A frame of so many bytes, masked with nothing so that making it costs nothing here. */
function frame(bytes) {
  return Buffer.concat([Buffer.from([0x81, 0x80 | bytes, 1, 2, 3, 4]), Buffer.alloc(bytes, "x")]);
}

/** A figure of a server: bytes of its memory, or microseconds of the processor. */
async function figure(child, name) {
  child.send(name);
  return (await once(child, "message"))[0];
}

/** How many echoes come in a round. */
async function load(port, bytes = 64) {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => client(port)));
  const message = frame(bytes);
  const deadline = performance.now() + ROUND_MS;
  let echoes = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      let got = 0;
      socket.on("data", (chunk) => {
        got += chunk.length;
        if (got < bytes + 2) return;
        got = 0;
        echoes += 1;
        if (performance.now() < deadline) socket.write(message);
        else socket.destroy();
      });
      socket.write(message);
      await once(socket, "close");
    }),
  );
  return echoes;
}

/** Bytes of the server's memory for each connection that does nothing. */
async function idle(child, port) {
  const memory = () => figure(child, "memory");
  // What is loaded or compiled with the first ones is not theirs.
  const first = await Promise.all(Array.from({ length: 50 }, () => client(port)));
  const before = await memory();
  const sockets = [];
  while (sockets.length < IDLE)
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => client(port)))));
  const each = ((await memory()) - before) / IDLE;
  for (const socket of [...first, ...sockets]) socket.destroy();
  return each;
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

async function main() {
  const running = await Promise.all(
    Object.keys(servers).map(async (name) => {
      const child = fork(fileURLToPath(import.meta.url), [name]);
      const [port] = await once(child, "message");
      return { name, child, port, rounds: [] };
    }),
  );
  for (let round = 0; round <= ROUNDS; round += 1) {
    // There and back, so that none always has the same neighbour.
    for (const server of round % 2 === 0 ? running : running.toReversed()) {
      const before = await figure(server.child, "processor");
      const echoes = await load(server.port);
      const cost = ((await figure(server.child, "processor")) - before) / echoes;
      // The first round is for the compilers.
      if (round > 0) server.rounds.push({ rate: (echoes / ROUND_MS) * 1000, cost });
    }
  }
  const [plain] = running;
  console.log(
    `echoes/s, and the ratio to ws; processor time for each, and its ratio; bytes for each of ${IDLE} idle connections`,
  );
  for (const { name, rounds, child, port } of running) {
    const over = (value) => median(rounds.map(value));
    const rate = over((round) => round.rate).toFixed(0);
    const ratio = over((round, index) => round.rate / plain.rounds[index].rate).toFixed(2);
    const cost = over((round) => round.cost).toFixed(0);
    const saving = over((round, index) => plain.rounds[index].cost / round.cost).toFixed(2);
    const bytes = (await idle(child, port)).toFixed(0);
    console.log(
      `  ${name.padEnd(18)}${rate.padStart(7)}  ${ratio}  ${cost.padStart(5)} µs  ${saving}  ${bytes.padStart(6)}`,
    );
    child.kill();
  }
}

const [name] = process.argv.slice(2);
if (servers[name]) await serve(name);
else await main();
