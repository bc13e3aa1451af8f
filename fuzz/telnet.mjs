// Clients that send anything, in any pieces, and go in any way, at Telnet servers of each kind. Nothing they do may end the
// process, keep memory, or keep another client waiting. Run it after `npm run build`:
//   node fuzz/telnet.mjs [--seconds=60] [--seed=N]
import { connect } from "node:net";
import { startLab, telnet } from "../dist/index.js";
import { below, pick, random } from "./chance.mjs";
import { besiege } from "./siege.mjs";

/** How long the witness waits for its answer, in milliseconds. */
const PATIENCE = 10_000;

const bytes = (length, byte) => Buffer.from(Array.from({ length }, byte ?? (() => below(256))));

const [IAC, SB, SE] = [255, 250, 240];
const VERBS = [251, 252, 253, 254];
const OPTIONS = [0, 1, 3, 5, 6, 24, 25, 31, 32, 34, 39, 42, 70, 86, 200, 201, 255];
const WORDS =
  "help|who|nick|say|tell|me|rooms|join|history|echo|time|clear|ls|cat|cd|term|run|date|quit|guest1|lobby|index.html|show|page|admin|pw|/|..|\"|'|__proto__".split(
    "|",
  );
const KEYS = [
  "\x1b[A",
  "\x1b[B",
  "\x1b[C",
  "\x1b[D",
  "\x1b[3~",
  "\x1bOH",
  "\x1b",
  "\x1b[999999",
  "\t",
  "\x7f",
  "\b",
];
const ENDS = ["\r\n", "\n", "\r\0", "\r"];

/** Pieces of what clients send, well-formed or nearly so. */
const PIECES = [
  () => `${pick(WORDS)} ${pick(WORDS)}${pick(ENDS)}`,
  () => `${pick(WORDS)}${pick(ENDS)}`,
  () => pick(KEYS).repeat(1 + below(5)),
  () => String.fromCharCode(below(32)),
  () => pick(["ü", "李", "👩‍👩‍👧", "e\u0301", "\u202e", "\ufeff"]).repeat(1 + below(40)),
  () => "x".repeat(below(6000)),
  () => bytes(1 + below(64)),
  () => Buffer.from([IAC, pick(VERBS), pick(OPTIONS)]),
  () => Buffer.concat(Array.from({ length: below(200) }, () => Buffer.from([IAC, pick(VERBS), below(256)]))),
  () => Buffer.from([IAC, 236 + below(20)]),
  () => Buffer.from([IAC, below(256)]),
  () => Buffer.from([IAC, SB, pick(OPTIONS), ...bytes(below(40)), IAC, SE]),
  () => Buffer.from([IAC, SB, pick([39, 42, 201]), ...bytes(below(30), () => below(5)), IAC, SE]),
  () => Buffer.from([IAC, SB, 31, ...bytes(4), IAC, SE]),
  () => Buffer.from([IAC, SB, pick(OPTIONS), ...bytes(below(9000))]),
];

const encoded = (piece) => (typeof piece === "string" ? Buffer.from(piece) : piece);
const turn = () => new Promise((resolve) => setTimeout(resolve, below(3)));

let sent = 0;

/** One client, from coming to going. */
async function attack(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: random() < 0.3 });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  if (random() < 0.8) socket.resume();
  for (let piece = below(40); piece > 0 && socket.writable; piece -= 1) {
    let rest = encoded(pick(PIECES)());
    while (rest.length > 0) {
      const size = random() < 0.5 ? rest.length : 1 + below(rest.length);
      socket.write(rest.subarray(0, size));
      sent += size;
      rest = rest.subarray(size);
      if (random() < 0.2) await turn();
    }
  }
  const way = random();
  if (way < 0.4) {
    socket.resume();
    socket.end();
    // The server ends its side when it has answered; one that pages or sleeps would wait for us.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 300))]);
    socket.destroy();
  } else if (way < 0.7) socket.destroy();
  else socket.resetAndDestroy();
  await closed;
}

/** A client that behaves, and is answered all the time. Answers the longest time that it took, in milliseconds. */
async function witness(port, over) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let unread = "";
  let wake = () => {};
  socket.setEncoding("latin1").on("data", (text) => {
    // Of what others say nothing is kept but the last of it.
    unread = (unread + text).slice(-20_000);
    wake();
  });
  let longest = 0;
  for (let count = 1; !over(); count += 1) {
    const asked = performance.now();
    socket.write(`echo answer-${count}.\r\n`);
    while (!unread.includes(`answer-${count}.\r\n`)) {
      if (socket.destroyed) throw new Error("The witness was cut off.");
      const left = asked + PATIENCE - performance.now();
      if (left < 0) throw new Error(`The witness has waited ${PATIENCE} ms for an answer.`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    longest = Math.max(longest, performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.destroy();
  return longest;
}

const device = {
  login: { users: { admin: "pw" }, pause: 1 },
  paging: { rows: 3 },
  charset: "cp437",
  echo: "always",
  pace: { bytes: [3, 1, 100], ms: 1 },
  commands: { "/show(.*)/": "a\nb\nc\nd\ne$1", page: { rows: 2 }, quit: { end: "rst" }, "\u001a": "key" },
};
const lab = await startLab(
  {
    shell: telnet({ shell: { programs: { date: "/bin/date" } } }),
    locked: telnet({ login: { pause: 1 } }),
    device: telnet({ device }),
  },
  { transcript: 1000, accounts: [{ name: "admin", password: "pw" }] },
);
const ports = Object.values(lab.servers).map(({ port }) => port);

await besiege("telnet", lab, {
  witness: (over) => witness(lab.servers.shell.port, over),
  attack: () => attack(pick(ports)),
  figures: () => `${(sent / 1e6).toFixed(1)} MB`,
});
