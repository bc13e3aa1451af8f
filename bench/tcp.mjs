// What TCP and UDP cost: round trips and connections per second and bytes of memory for a connection that does nothing, and
// datagrams echoed per second, beside bare node:net and node:dgram. Each runs in a process of its own, in turns with the others;
// told are medians, and their ratio to the bare one. Run it after `npm run build`: node bench/tcp.mjs
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const ROUNDS = 5;
const IDLE = 500;
const WARM = 50;

const wirelab = async (options) => {
  const { startLab, tcp, udp } = await import("../dist/index.js");
  const lab = await startLab({ stream: tcp({ behaviour: "echo" }), packets: udp() }, options);
  return { stream: lab.servers.stream.port, packets: lab.servers.packets.port };
};

/** What a process serves with; each answers its ports. */
const WAYS = {
  async bare() {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const socket = createSocket("udp4");
    socket.on("message", (bytes, { port, address }) => socket.send(bytes, port, address));
    await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return { stream: server.address().port, packets: socket.address().port };
  },
  wirelab: () => wirelab({ transcript: 0 }),
  "wirelab with a transcript": () => wirelab({}),
};

async function serve(way) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.send(await WAYS[way]());
  process.on("message", () => {
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    process.send({ bytes: heapUsed + external + arrayBuffers });
  });
}

async function dial(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** How often in a second something is done, when it is done for half a second. */
async function rate(act) {
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < 500) count += await act();
  return (count * 1000) / (performance.now() - began);
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 300));

const MEASURES = {
  "TCP round trips of 64 bytes per second": async ({ stream }) => {
    const socket = await dial(stream);
    const message = Buffer.alloc(64, "x");
    let got = 0;
    let wake = () => {};
    socket.on("data", (chunk) => {
      got += chunk.length;
      if (got === message.length) wake();
    });
    const result = await rate(async () => {
      got = 0;
      socket.write(message);
      await new Promise((resolve) => (wake = resolve));
      return 1;
    });
    socket.destroy();
    return result;
  },
  "TCP connections per second, each with an echo": ({ stream }) =>
    rate(async () => {
      const socket = await dial(stream);
      socket.end("x").resume();
      await once(socket, "close");
      return 1;
    }),
  "UDP datagrams of 64 bytes echoed per second": async ({ packets }) => {
    const socket = createSocket("udp4");
    const message = Buffer.alloc(64, "x");
    let missing = 0;
    let wake = () => {};
    socket.on("message", () => {
      missing -= 1;
      if (missing === 0) wake();
    });
    const result = await rate(async () => {
      missing = 20;
      for (let count = 0; count < 20; count += 1) socket.send(message, packets, "127.0.0.1");
      await new Promise((resolve) => (wake = resolve));
      return 20;
    });
    socket.close();
    return result;
  },
  "bytes per idle TCP connection": async ({ stream }, memory) => {
    const open = async (count) => Promise.all(Array.from({ length: count }, () => dial(stream)));
    // What is loaded or compiled with the first ones is not theirs.
    const first = await open(WARM);
    await settle();
    const before = await memory();
    const idle = await open(IDLE);
    await settle();
    const each = ((await memory()) - before) / IDLE;
    for (const socket of [...first, ...idle]) socket.destroy();
    await settle();
    return each;
  },
};

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];

async function measureAll() {
  const ways = await Promise.all(
    Object.keys(WAYS).map(async (way) => {
      const child = fork(new URL(import.meta.url).pathname, [way]);
      const [ports] = await once(child, "message");
      const memory = async () => {
        child.send("memory");
        return (await once(child, "message"))[0].bytes;
      };
      return { way, child, ports, memory };
    }),
  );
  for (const [what, measure] of Object.entries(MEASURES)) {
    const found = new Map(ways.map(({ way }) => [way, []]));
    for (let round = 0; round < ROUNDS; round += 1)
      for (const { way, ports, memory } of ways) found.get(way).push(await measure(ports, memory));
    console.log(what);
    const bare = found.get("bare");
    for (const [way, values] of found) {
      const ratio = median(values.map((value, round) => value / bare[round]));
      const figure = Math.round(median(values)).toLocaleString("en");
      console.log(`  ${way.padEnd(28)} ${figure.padStart(9)}   × ${ratio.toFixed(2)}`);
    }
  }
  for (const { child } of ways) child.kill();
}

const [way] = process.argv.slice(2);
if (way) await serve(way);
else await measureAll();
