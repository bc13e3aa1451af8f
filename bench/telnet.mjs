// What Telnet costs: lines per second that are delivered to 300 sessions in one room, and bytes of memory for a session that
// does nothing, beside plain telnetlib (which has neither rooms nor a line editor: it gets the same lines written to all). Each
// runs in a process of its own. Run it after `npm run build`: node bench/telnet.mjs
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const SESSIONS = 300;
const LINES = 200;
const WAYS = ["wirelab", "telnetlib"];

/** What a process serves with: each answers its port, and how many bytes its memory takes. */
const SERVERS = {
  async wirelab() {
    const { startLab, telnet } = await import("../dist/index.js");
    const lab = await startLab({ shell: telnet() }, { transcript: 0 });
    return lab.servers.shell.port;
  },
  async telnetlib() {
    const { default: telnetlib } = await import("telnetlib");
    const sessions = new Set();
    const server = telnetlib.createServer({}, (session) => {
      sessions.add(session);
      session.on("error", () => {});
      session.on("close", () => sessions.delete(session));
      session.on("data", (line) => {
        for (const other of sessions) other.write(line);
      });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server.address().port;
  },
};

async function serve(way) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.send({ port: await SERVERS[way]() });
  process.on("message", () => {
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    process.send({ bytes: heapUsed + external + arrayBuffers });
  });
}

/** Counts the lines of a mark that come to a session. */
async function session(port, mark) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const state = { socket, count: 0, enough: () => {} };
  let rest = "";
  socket.setEncoding("latin1").on("data", (text) => {
    const parts = (rest + text).split(mark);
    rest = parts.at(-1).slice(-mark.length);
    state.count += parts.length - 1;
    if (state.count >= LINES) state.enough();
  });
  return state;
}

async function measure(way) {
  const server = fork(new URL(import.meta.url).pathname, [way]);
  const answer = async () => (await once(server, "message"))[0];
  const { port } = await answer();
  const memory = async () => {
    server.send("memory");
    return (await answer()).bytes;
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, 1500));
  // What is loaded or compiled with the first sessions is not theirs.
  const first = await Promise.all(Array.from({ length: 20 }, () => session(port, "@@")));
  await settle();
  const before = await memory();
  const sessions = await Promise.all(Array.from({ length: SESSIONS - 20 }, () => session(port, "@@")));
  await settle();
  const each = (await memory()) - before;
  const all = [...first, ...sessions];
  const listeners = all.slice(1);
  const began = performance.now();
  const heard = Promise.all(listeners.map((state) => new Promise((resolve) => (state.enough = resolve))));
  for (let line = 0; line < LINES; line += 1)
    all[0].socket.write(`say @@ line ${line} of a conversation\r\n`);
  await heard;
  const taken = performance.now() - began;
  for (const { socket } of all) socket.destroy();
  server.kill();
  const rate = Math.round((LINES * listeners.length * 1000) / taken);
  console.log(
    `${way.padEnd(10)} ${rate.toLocaleString("en").padStart(9)} lines/s delivered in a room of ${SESSIONS}, ` +
      `${Math.round(each / (SESSIONS - 20))
        .toLocaleString("en")
        .padStart(7)} bytes per idle session`,
  );
}

const [way] = process.argv.slice(2);
if (way) await serve(way);
else for (const each of WAYS) await measure(each);
