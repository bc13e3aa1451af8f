// Peers that send any datagrams, and clients of TCP that keep to a script, or to half of it, or tear their connections, while
// rules come and go. Nothing they do may end the process, keep memory, keep another one waiting, or hold up the stop. Run it after
// `npm run build`:
//   node fuzz/scripts.mjs [--seconds=60] [--seed=N]
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { startLab, tcp, udp } from "../dist/index.js";
import { below, heap, pick, random, seconds, seed } from "./chance.mjs";

/** Clients at a time. */
const CLIENTS = 16;
/** How long a peer that behaves tries to get its answer, in milliseconds. */
const PATIENCE = 15_000;
/** What the heap may have grown by from the first tenth of the time to the end, in bytes. */
const GROWTH = 24 * 1024 * 1024;

const noise = (length) => Buffer.from(Array.from({ length }, () => below(256)));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const talk = [
  { expect: "/HELLO (.*)/" },
  { send: "WELCOME $1\n" },
  { repeat: [{ expect: { hex: "00 ff" } }, { send: { base64: "AAE=" } }, { wait: 1 }], times: 2 },
  { repeat: [{ expect: /^ECHO (.*)$/ }, { send: "$1\n" }] },
  { expect: { bytes: 3 } },
  { send: { text: "bye" } },
];
/** What fits it, and what does not quite. */
const WORDS = [
  "HELLO ann\r\n",
  "HELLO \n",
  "ECHO x\n",
  "ECHO\n",
  "\n",
  "",
  "$1$0\n",
  Buffer.from([0, 255]),
  Buffer.from([0]),
  "abc",
  "x".repeat(70_000),
];
const words = () => Buffer.from(random() < 0.7 ? pick(WORDS) : noise(below(random() < 0.1 ? 60_000 : 40)));

let clients = 0;
let datagrams = 0;

async function peer(ports) {
  const socket = createSocket("udp4").on("error", () => {});
  const port = pick(ports);
  const messages = Array.from({ length: 1 + below(20) }, words);
  for (const message of messages) {
    datagrams += 1;
    // One that is too large is for the system to refuse.
    await new Promise((resolve) => socket.send(message, port, "127.0.0.1", resolve));
    if (random() < 0.2) await pause(below(3));
  }
  if (random() < 0.5) await pause(below(20));
  socket.close();
}

async function client(ports) {
  const socket = connect({ port: pick(ports), host: "127.0.0.1", noDelay: true }).on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  if (random() < 0.8) socket.resume();
  for (let count = below(12); count > 0 && !socket.destroyed; count -= 1) {
    let rest = words();
    while (rest.length > 0) {
      const size = random() < 0.5 ? rest.length : 1 + below(rest.length);
      socket.write(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    if (random() < 0.3) await pause(below(3));
  }
  const way = random();
  if (way < 0.4) socket.end();
  else if (way < 0.7) socket.destroy();
  else socket.resetAndDestroy();
  await Promise.race([closed, pause(50)]);
  socket.destroy();
  await closed;
}

/** Rules that come and go. */
async function weather(faults, server) {
  const kind = pick(["loss", "duplicate", "reorder", "latency"]);
  const direction = pick(["in", "out"]);
  const settings =
    kind === "latency" ? { ms: below(20), jitter: below(20) } : kind === "reorder" ? { ms: below(30) } : {};
  const rule = faults.add({ when: { server }, chance: random(), fault: { kind, direction, ...settings } });
  await pause(below(40));
  rule[Symbol.dispose]();
}

/** A peer that behaves, and is answered all the time: what is lost in a flood it sends again. Answers the longest time it took. */
async function witness(port, over) {
  const socket = createSocket("udp4");
  let wanted = "";
  let wake = () => {};
  socket.on("message", (bytes) => {
    if (String(bytes) === wanted) wake(true);
  });
  let longest = 0;
  for (let count = 0; !over(); count += 1) {
    wanted = `question ${count}`;
    const asked = performance.now();
    let answered = false;
    while (!answered) {
      if (performance.now() - asked > PATIENCE)
        throw new Error(`The witness has waited ${PATIENCE} ms for an answer.`);
      socket.send(wanted, port, "127.0.0.1");
      answered = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), 500);
        wake = (value) => {
          clearTimeout(timer);
          resolve(value);
        };
      });
    }
    longest = Math.max(longest, performance.now() - asked);
    await pause(20);
  }
  socket.close();
  return longest;
}

const lab = await startLab(
  {
    calm: udp(),
    echo: udp({ gate: { maxConnections: 100 } }),
    day: udp({ behaviour: "daytime" }),
    each: udp({ script: talk }),
    all: udp({ script: { steps: talk, progress: "shared" } }),
    stream: tcp({ script: talk }),
    strict: tcp({ script: { steps: talk, lineEnd: "\r\n", mismatch: "reset" } }),
    shared: tcp({
      script: { steps: [...talk, { end: "fin" }, { repeat: [{ expect: "more" }] }], progress: "shared" },
    }),
  },
  { transcript: 1000, seed },
);
const { calm, echo, day, each, all, stream, strict, shared } = lab.servers;
const packets = [echo, day, each, all].map(({ port }) => port);
const streams = [stream, strict, shared].map(({ port }) => port);

console.log(`scripts: ${seconds} s with --seed=${seed}`);
const began = performance.now();
const passed = () => (performance.now() - began) / 1000;
let failure;
const failed = (error) => {
  failure ??= error;
};
const watched = witness(calm.port, () => failure || passed() >= seconds).catch(failed);
let before;
const attackers = Array.from({ length: CLIENTS }, async () => {
  while (!failure && passed() < seconds) {
    if (before === undefined && passed() > seconds / 10) before = heap();
    clients += 1;
    const way = random();
    if (way < 0.6) await peer(packets);
    else if (way < 0.9) await client(streams);
    else await weather(lab.faults, pick(["echo", "each", "all"]));
  }
});
await Promise.all(attackers.map((attacker) => attacker.catch(failed)));
const longest = await watched;
const wrong = failure ? [failure.message] : [];
await lab.reset();
const stopping = performance.now();
await lab.stop();
const stopped = performance.now() - stopping;
if (stopped > 1000) wrong.push(`The stop has taken ${stopped.toFixed(0)} ms.`);
const grown = heap() - (before ?? heap());
if (grown > GROWTH) wrong.push(`The heap has grown by ${grown} bytes.`);
const figures = `${clients} clients, ${datagrams} datagrams, longest answer ${longest?.toFixed(0)} ms, heap ${(grown / 1e6).toFixed(1)} MB`;
console.log(`scripts: ${figures}`);
for (const why of wrong) console.error(`scripts: ${why} Again: node fuzz/scripts.mjs --seed=${seed}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
