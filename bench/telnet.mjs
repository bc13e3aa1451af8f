// What Telnet costs: lines per second that are delivered to 300 sessions in one room, and bytes of memory for a session that
// does nothing, beside plain telnetlib and, where it is installed, python3-twisted. Those two have neither rooms nor a line
// editor: they write what they get to all. Each runs in a process of its own, in turns with the others; told are medians. Run
// it after `npm run build`: node bench/telnet.mjs
import { spawn, spawnSync } from "node:child_process";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const SESSIONS = 300;
const LINES = 200;
const ROUNDS = 3;

/** The python3 that has twisted, if there is one: the first on the path need not be the system's own. */
const python = ["python3", "/usr/bin/python3"].find(
  (program) => spawnSync(program, ["-c", "import twisted.conch.telnet"]).status === 0,
);

/** The servers of Node, which answer their port. */
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

/** Prints the port, then for each line of its input how many bytes its memory takes. */
const TWISTED = `
import gc, sys, tracemalloc
from twisted.conch.telnet import StatefulTelnetProtocol, TelnetTransport
from twisted.internet import protocol, reactor, stdio
from twisted.protocols.basic import LineReceiver
sessions = set()
class Session(StatefulTelnetProtocol):
    def connectionMade(self):
        sessions.add(self)
    def connectionLost(self, reason):
        sessions.discard(self)
    def lineReceived(self, line):
        for other in sessions:
            other.transport.write(line + b"\\r\\n")
class Asked(LineReceiver):
    delimiter = b"\\n"
    asked = 0
    def lineReceived(self, line):
        gc.collect()
        self.sendLine(b"%d" % tracemalloc.get_traced_memory()[0])
        self.asked += 1
        if self.asked == 2:
            tracemalloc.stop()
factory = protocol.Factory()
factory.protocol = lambda: TelnetTransport(Session)
tracemalloc.start()
port = reactor.listenTCP(0, factory, interface="127.0.0.1", backlog=500)
print(port.getHost().port, flush=True)
stdio.StandardIO(Asked())
reactor.run()
`;

const WAYS = {
  wirelab: [process.execPath, [import.meta.filename, "wirelab"]],
  telnetlib: [process.execPath, [import.meta.filename, "telnetlib"]],
  ...(python && { twisted: [python, ["-c", TWISTED]] }),
};

async function serve(way) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  console.log(await SERVERS[way]());
  createInterface({ input: process.stdin }).on("line", () => {
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    console.log(heapUsed + external + arrayBuffers);
  });
}

/** What the lines have in them that are counted, and those that only find out who is there already. */
const [COUNTED, CALL] = ["@@", "%%"];

/** A session, which counts lines. */
async function session(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const state = { socket, there: false, count: 0, enough: () => {} };
  let rest = "";
  socket.setEncoding("latin1").on("data", (text) => {
    const parts = (rest + text).split(COUNTED);
    state.there ||= parts.at(-1).includes(CALL);
    rest = parts.at(-1).slice(-COUNTED.length);
    state.count += parts.length - 1;
    if (state.count >= LINES) state.enough();
  });
  return state;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until every session is in the room: on a busy machine some are connected long before that. */
async function gathered(sessions) {
  while (!sessions.every(({ there }) => there)) {
    for (const state of sessions) state.there = false;
    sessions[0].socket.write(`say ${CALL}${CALL}\r\n`);
    await pause(500);
  }
}

/** Lines per second, and bytes per idle session. */
async function measure([program, args]) {
  const server = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answer = async () => Number((await answers.next()).value);
  const port = await answer();
  const memory = () => {
    server.stdin.write("memory\n");
    return answer();
  };
  // What is loaded or compiled with the first sessions is not theirs.
  const first = await Promise.all(Array.from({ length: 20 }, () => session(port)));
  await gathered(first);
  await pause(1000);
  const before = await memory();
  const sessions = await Promise.all(Array.from({ length: SESSIONS - 20 }, () => session(port)));
  await gathered([...first, ...sessions]);
  await pause(1000);
  const each = (await memory()) - before;
  const all = [...first, ...sessions];
  const listeners = all.slice(1);
  const began = performance.now();
  const heard = Promise.all(listeners.map((state) => new Promise((resolve) => (state.enough = resolve))));
  for (let line = 0; line < LINES; line += 1)
    all[0].socket.write(`say ${COUNTED} line ${line} of a conversation\r\n`);
  await heard;
  const taken = performance.now() - began;
  for (const { socket } of all) socket.destroy();
  server.kill();
  return { rate: (LINES * listeners.length * 1000) / taken, bytes: each / (SESSIONS - 20) };
}

function median(values) {
  return values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
}

async function compare() {
  const figures = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [way, command] of Object.entries(WAYS)) figures[way].push(await measure(command));
  const told = (value) => Math.round(value).toLocaleString("en");
  for (const [way, rounds] of Object.entries(figures)) {
    const rate = told(median(rounds.map((figure) => figure.rate))).padStart(9);
    const bytes = told(median(rounds.map((figure) => figure.bytes))).padStart(7);
    console.log(
      `${way.padEnd(10)} ${rate} lines/s delivered in a room of ${SESSIONS}, ${bytes} bytes per idle session`,
    );
  }
  if (!python) console.log("twisted    is not installed for python3: it is left out");
}

const [way] = process.argv.slice(2);
if (way) await serve(way);
else await compare();
