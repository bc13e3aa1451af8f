// Clients that send any commands, tear their connections at any moment and speak nonsense instead of TLS, at FTP servers. Nothing
// they do may end the process, keep memory, keep another client waiting, or leave a command without its one final reply.
// Run it after `npm run build`:
//   node fuzz/ftp.mjs [--seconds=60] [--seed=N]
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { ftp, startLab } from "../dist/index.js";
import { below, pick, random } from "./chance.mjs";
import { besiege } from "./siege.mjs";

/** How long a client that behaves waits for its replies, in milliseconds: longer than a data connection is waited for. */
const PATIENCE = 15_000;

const noise = (length) => Buffer.from(Array.from({ length }, () => below(256)));

// Neither QUIT nor AUTH: what ends a conversation, or turns it into another, is for those who do not count replies.
const VERBS =
  "USER PASS ACCT REIN HOST PBSZ PROT CCC TYPE MODE STRU ALLO REST OPTS NOOP SYST FEAT HELP SITE STAT PASV EPSV EPSV EPSV PORT EPRT CWD CDUP PWD MKD RMD DELE RNFR RNTO SIZE MDTM MFMT MLST AVBL LIST NLST MLSD RETR STOR APPE STOU ABOR HASH XCRC XMD5 XSHA256 XPWD XMKD SMNT PASSWORD G\u00e9T".split(
    " ",
  );
const ARGUMENTS = [
  ..."a b dir dir/c / .. ../.. . * [ -la -R -laR ~ \" ' \\ %s %00 A I L Z S F E C P ON UTF8 ALL 0 1 5 99999999999999999 -1 foo bar ann".split(
    " ",
  ),
  "",
  " ",
  "Z LEVEL 9",
  "HASH MD5",
  "MLST type;",
  "MODE Z LEVEL 0",
  "UTF8 ON",
  "CHMOD 644 a",
  "UTIME 20200101000000 a",
  "20200101000000 a",
  "127,0,0,1,255,255",
  "127,0,0,1,0,21",
  "10,0,0,1,9,9",
  "|1|127.0.0.1|65535|",
  "|2|::1|9999|",
  "a\0b",
  "a\rb",
  "\u20ac\u{1f600}",
  "x".repeat(300),
  "[".repeat(200),
  "*a".repeat(100),
  "x".repeat(5000),
  "a/".repeat(1000),
];

function line() {
  if (random() < 0.1) return `${pick(VERBS)} ${noise(below(30)).toString("hex")}`;
  const verb = random() < 0.2 ? pick(VERBS).toLowerCase() : pick(VERBS);
  return random() < 0.3 ? verb : `${verb} ${pick(ARGUMENTS)}`;
}

let commands = 0;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const closing = (socket) => {
  socket.on("error", () => {});
  return new Promise((resolve) => socket.once("close", resolve));
};

/** What a client does with a data connection that it has been offered. */
async function carry(port, hold) {
  const socket = connect({ port, host: "127.0.0.1" });
  const closed = closing(socket);
  hold.add(socket);
  const way = random();
  const bytes = noise(below(2000));
  socket.on("connect", () => {
    if (way < 0.2) socket.resetAndDestroy();
    else if (way < 0.3) socket.write(bytes, () => socket.resetAndDestroy());
    else if (way < 0.4) socket.write(bytes);
    else if (way < 0.9) socket.end(bytes);
    if (way > 0.2) socket.resume();
  });
  // One that only listens goes after a while, so that an upload into it has an end.
  const timer = setTimeout(() => socket.destroy(), 200);
  await closed;
  clearTimeout(timer);
  hold.delete(socket);
}

/** Sends commands in any pieces, waits for all replies, and counts them. */
async function counted(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const closed = closing(socket);
  const hold = new Set();
  let text = "";
  let finals = -1;
  let wake = () => {};
  let ended = false;
  socket.setEncoding("latin1").on("data", (chunk) => {
    text += chunk;
    for (let end = text.indexOf("\r\n"); end !== -1; end = text.indexOf("\r\n")) {
      const said = text.slice(0, end);
      text = text.slice(end + 2);
      if (/^[2-5]\d\d /.test(said)) finals += 1;
      const passive = /^229 .*\|\|\|(\d+)\|/.exec(said)?.[1];
      const old = /^227 .*,(\d+),(\d+)\)/.exec(said);
      const offered = passive ? Number(passive) : old ? Number(old[1]) * 256 + Number(old[2]) : undefined;
      if (offered) void carry(offered, hold);
    }
    wake();
  });
  closed.then(() => {
    ended = true;
    wake();
  });
  const lines = [...(random() < 0.9 ? ["USER foo", "PASS bar"] : [])];
  for (let count = below(40); count > 0; count -= 1) lines.push(line());
  commands += lines.length;
  let rest = Buffer.from(lines.map((each) => `${each}\r\n`).join(""));
  while (rest.length > 0) {
    const size = random() < 0.5 ? rest.length : 1 + below(rest.length);
    socket.write(rest.subarray(0, size));
    rest = rest.subarray(size);
    if (random() < 0.3) await pause(1);
  }
  const asked = performance.now();
  while (finals < lines.length && !ended) {
    const left = asked + PATIENCE - performance.now();
    if (left < 0) break;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, left);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  if (finals !== lines.length) {
    const conversation = JSON.stringify(lines.map((each) => each.slice(0, 60)));
    throw new Error(`${lines.length} commands have got ${finals} replies: ${conversation}.`);
  }
  for (const data of hold) data.destroy();
  socket.destroy();
  await closed;
}

/** Sends anything and goes in any way. */
async function torn(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const closed = closing(socket);
  const hold = new Set();
  if (random() < 0.8) socket.on("data", (chunk) => offeredBy(chunk, hold));
  if (random() < 0.7) socket.write("USER foo\r\nPASS bar\r\nEPSV\r\n");
  for (let count = below(20); count > 0; count -= 1) {
    const way = random();
    if (way < 0.1) socket.write(noise(below(200)));
    else if (way < 0.15) socket.write("QUIT\r\n");
    else if (way < 0.2) socket.write(Buffer.from([255, 244, 255, 242, ...Buffer.from("ABOR\r\n")]));
    else socket.write(`${line()}${pick(["\r\n", "\n", "\r\r\n", ""])}`);
    if (random() < 0.3) await pause(below(4));
  }
  const way = random();
  if (way < 0.3) socket.end();
  else if (way < 0.6) socket.destroy();
  else socket.resetAndDestroy();
  await Promise.race([closed, pause(100)]);
  for (const data of hold) data.destroy();
  socket.destroy();
  await closed;
}

function offeredBy(chunk, hold) {
  const port = /\|\|\|(\d+)\|/.exec(String(chunk))?.[1];
  if (port) void carry(Number(port), hold);
}

/** Nonsense, or half of the truth, in place of TLS. */
async function garbled({ port, implicit }) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const closed = closing(socket);
  if (!implicit) {
    socket.write("AUTH TLS\r\n");
    await Promise.race([
      new Promise((resolve) => socket.on("data", (said) => /234/.test(said) && resolve())),
      closed,
    ]);
  }
  const way = random();
  if (way < 0.4) socket.write(noise(1 + below(300)));
  else if (way < 0.5)
    socket.write(Buffer.concat([Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196]), noise(200)]));
  else {
    const secured = connectTls({ socket, rejectUnauthorized: false });
    secured.on("error", () => {});
    secured.resume();
    if (way < 0.7) secured.once("secureConnect", () => socket.write(noise(1 + below(100))));
    else secured.write(`USER foo\r\nPASS bar\r\n${line()}\r\n`);
  }
  await Promise.race([closed, pause(below(40))]);
  if (random() < 0.5) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
  await closed;
}

/** A client that behaves, and is answered all the time. Answers the longest time that it took, in milliseconds. */
async function witness(port, over) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const closed = closing(socket).then(() => {
    throw new Error("The witness was cut off.");
  });
  closed.catch(() => {});
  let longest = 0;
  await Promise.race([new Promise((resolve) => socket.once("data", resolve)), closed]);
  while (!over()) {
    const asked = performance.now();
    socket.write("NOOP\r\n");
    let timer;
    const late = new Promise((_, reject) => {
      const tired = new Error(`The witness has waited ${PATIENCE} ms for a reply.`);
      timer = setTimeout(() => reject(tired), PATIENCE);
    });
    await Promise.race([new Promise((resolve) => socket.once("data", resolve)), closed, late]);
    clearTimeout(timer);
    longest = Math.max(longest, performance.now() - asked);
    await pause(50);
  }
  socket.destroy();
  return longest;
}

const options = { loginPause: 0, maxLoginTries: 1e9 };
const lab = await startLab(
  { plain: ftp(options), implicit: ftp({ ...options, tls: "implicit" }) },
  { tls: true, transcript: 1000, files: { "/a": "hello", "/dir/c": "x".repeat(100_000) } },
);
const { plain, implicit } = lab.servers;

async function clear(entries) {
  for (const { path, name, type } of entries) {
    if (type === "file" && name !== "a") await lab.store.remove(path).catch(() => {});
  }
}

await besiege("ftp", lab, {
  clients: 16,
  witness: (over) => witness(plain.port, over),
  async attack(count) {
    const way = random();
    if (way < 0.4) await counted(plain.port);
    else if (way < 0.8) await torn(plain.port);
    else await garbled(way < 0.9 ? { port: plain.port } : { port: implicit.port, implicit: true });
    // What it has stored and made is to be no more than one client's.
    if (count % 200 === 0) await lab.store.list("/").then(clear);
  },
  tidy: () => lab.store.list("/").then(clear),
  figures: () => `${commands} counted commands`,
});
