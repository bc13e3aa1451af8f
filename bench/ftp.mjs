// How fast FTP is: logins, files of 1 KB on one session and on eight, a listing of 1,000 entries, 256 MB both ways, and what
// 200 idle sessions take in memory; from wirelab in memory and on a disk, and from pyftpdlib and vsftpd where they are
// installed. Each server runs in processes of its own, and they are loaded in turn, so that all see the same machine; what
// counts is the ratio. Behind each measure stand how much the server did in a second of its own processor time, which is steadier
// where others use the machine as well, and how busy the load generator was: 100 % would be its own limit.
// Run it after `npm run build`: node bench/ftp.mjs [--rounds=5] [--only=RETR]
import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    serve: { type: "string" },
  },
});
const KILOBYTE = Buffer.alloc(1024, "k");
const SINK = Buffer.alloc(256 * 1024);
const CHUNK = Buffer.alloc(1024 * 1024, "m");
const BIG = 256;
const ROUND_MS = 1000;
/** The first round is for the compilers. */
const WARM_UP_MS = 4000;
const IDLE = 200;

/** The interpreters that may have pyftpdlib: the first one on the path need not be the system's. */
const PYTHONS = ["python3", "/usr/bin/python3"];
const VSFTPD = "/usr/sbin/vsftpd";

const PYFTPDLIB = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
import logging
logging.basicConfig(level=logging.ERROR)
authorizer = DummyAuthorizer()
authorizer.add_user("foo", "bar", sys.argv[1], perm="elradfmwMT")
FTPHandler.authorizer = authorizer
server = FTPServer(("127.0.0.1", 0), FTPHandler)
server.max_cons = 4096
print(server.socket.getsockname()[1], flush=True)
server.serve_forever()
`;

/** Anonymous clients may do all that the others' account may; their root must not be writable, so they work in a folder of it. */
const vsftpdConfig = (port, root, empty) => `
listen=YES
background=NO
listen_address=127.0.0.1
listen_port=${port}
anonymous_enable=YES
local_enable=NO
anon_root=${root}
secure_chroot_dir=${empty}
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
xferlog_enable=NO
seccomp_sandbox=NO
max_clients=0
max_per_ip=0
pasv_min_port=20000
pasv_max_port=32000
`;

function firstFiles() {
  const listed = Array.from({ length: 1000 }, (_, index) => [`/many/file-${index}`, "x"]);
  return Object.fromEntries([["/small", KILOBYTE], ...listed]);
}

function folder() {
  const root = mkdtempSync(join(tmpdir(), "wirelab-bench-"));
  fill(root);
  return root;
}

function fill(directory) {
  mkdirSync(join(directory, "many"));
  for (const [path, content] of Object.entries(firstFiles())) writeFileSync(join(directory, path), content);
}

/** The control connection of a client that waits for every reply. */
class Client {
  #text = "";
  #wake = () => {};

  constructor(port) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.setEncoding("latin1").on("data", (chunk) => {
      this.#text += chunk;
      this.#wake();
    });
  }

  static async loggedIn({ port, user = "foo", directory }) {
    const client = new Client(port);
    await client.reply();
    await client.say(`USER ${user}`);
    const answer = await client.say("PASS bar");
    if (!answer.startsWith("230")) throw new Error(answer);
    await client.say("TYPE I");
    if (directory) await client.say(`CWD ${directory}`);
    return client;
  }

  async reply() {
    for (;;) {
      const match = /^\d{3} .*\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0];
      }
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  say(command) {
    this.socket.write(`${command}\r\n`);
    return this.reply();
  }

  async data(onread) {
    const answer = await this.say("EPSV");
    const port = /\|\|\|(\d+)\|/.exec(answer)?.[1];
    if (port === undefined) throw new Error(answer);
    return connect({ port: Number(port), host: "127.0.0.1", noDelay: true, ...(onread && { onread }) });
  }

  async receive(command) {
    // Into the same buffer again and again, so that the client costs little.
    let bytes = 0;
    const socket = await this.data({
      buffer: SINK,
      callback(length) {
        bytes += length;
        return true;
      },
    });
    const ended = once(socket, "close");
    await this.say(command);
    await ended;
    await this.reply();
    return bytes;
  }

  async send(command, chunk, times) {
    const socket = await this.data();
    const opening = await this.say(command);
    if (!opening.startsWith("1")) throw new Error(opening);
    for (let count = 0; count < times; count += 1) {
      if (!socket.write(chunk)) await once(socket, "drain");
    }
    socket.end().resume();
    await this.reply();
  }
}

/** How often a second `work` is done by so many at once. */
async function rate(sessions, prepare, work, ms = ROUND_MS) {
  const clients = await Promise.all(Array.from({ length: sessions }, prepare));
  const began = performance.now();
  let done = 0;
  await Promise.all(
    clients.map(async (client, index) => {
      while (performance.now() - began < ms) {
        await work(client, index);
        done += 1;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  for (const client of clients) client?.socket.destroy();
  return done / seconds;
}

const login = async (server) => {
  const client = await Client.loggedIn(server);
  client.socket.destroy();
};
const retrieve = (client) => client.receive("RETR small");
const store = (client, index) => client.send(`STOR in-${index}`, KILOBYTE, 1);

async function megabytes(server, work) {
  const client = await Client.loggedIn(server);
  const began = performance.now();
  await work(client);
  const seconds = (performance.now() - began) / 1000;
  client.socket.destroy();
  return BIG / seconds;
}

/** What so many sessions add to the memory of a server's processes, in MB; what they share counts once. */
async function idleMemory(server) {
  const before = memoryOf(server.child.pid);
  const clients = [];
  for (let count = 0; count < IDLE; count += 1) clients.push(await Client.loggedIn(server));
  const grown = memoryOf(server.child.pid) - before;
  for (const { socket } of clients) socket.destroy();
  return grown / 1024;
}

/** Processor time of a process and of those that it has started, those that have ended included, in seconds. */
function cpuOf(pid) {
  const stat = ofProcess(`${pid}/stat`).replace(/^.*\) /s, "");
  // Its own in user and system mode, and that of those that have ended, in hundredths.
  const ticks = stat
    .split(" ")
    .slice(11, 15)
    .reduce((sum, each) => sum + Number(each), 0);
  return ticks / 100 + sumOf(childrenOf(pid), cpuOf);
}

/** Nothing of one that has ended meanwhile. */
function ofProcess(path) {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}

const sumOf = (list, measure) => list.reduce((sum, each) => sum + measure(each), 0);
// Only the first thread of these servers starts others.
const childrenOf = (pid) => ofProcess(`${pid}/task/${pid}/children`).split(" ").filter(Boolean);

/** The proportional set size of a process and of those that it has started, in KB. */
function memoryOf(pid) {
  const own = /^Pss: +(\d+)/m.exec(ofProcess(`${pid}/smaps_rollup`));
  return Number(own?.[1] ?? 0) + sumOf(childrenOf(pid), memoryOf);
}

const MEASURES = {
  // First, while nothing but them has grown.
  "200 idle sessions, MB": idleMemory,
  "logins/s, 8 at once": (server, ms) =>
    rate(
      8,
      async () => undefined,
      () => login(server),
      ms,
    ),
  "RETR 1 KB/s, 1 session": (server, ms) => rate(1, () => Client.loggedIn(server), retrieve, ms),
  "RETR 1 KB/s, 8 sessions": (server, ms) => rate(8, () => Client.loggedIn(server), retrieve, ms),
  "STOR 1 KB/s, 1 session": (server, ms) => rate(1, () => Client.loggedIn(server), store, ms),
  "STOR 1 KB/s, 8 sessions": (server, ms) => rate(8, () => Client.loggedIn(server), store, ms),
  "LIST of 1,000/s": (server, ms) =>
    rate(
      1,
      () => Client.loggedIn(server),
      (client) => client.receive("LIST many"),
      ms,
    ),
  "STOR 256 MB, MB/s": (server) => megabytes(server, (client) => client.send("STOR big", CHUNK, BIG)),
  "RETR 256 MB, MB/s": (server) => megabytes(server, (client) => client.receive("RETR big")),
};

async function wirelab(root) {
  const child = fork(fileURLToPath(import.meta.url), [`--serve=${root}`]);
  const [port] = await once(child, "message");
  return { port, child };
}

async function pyftpdlib(root) {
  const python = PYTHONS.find((each) => spawnSync(each, ["-c", "import pyftpdlib"]).status === 0);
  if (!python) return undefined;
  const child = spawn(python, ["-c", PYFTPDLIB, root], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  return { port: Number(said), child };
}

async function vsftpd(root) {
  // It changes its user, which takes root, and that user is to write here.
  if (!existsSync(VSFTPD) || process.getuid?.() !== 0) return undefined;
  const directory = "files";
  const empty = join(root, "empty");
  mkdirSync(empty);
  chmodSync(root, 0o755);
  mkdirSync(join(root, directory));
  fill(join(root, directory));
  chmodSync(join(root, directory), 0o777);
  const port = await freePort();
  const config = join(root, "vsftpd.conf");
  writeFileSync(config, vsftpdConfig(port, root, empty));
  const child = spawn(VSFTPD, [config], { stdio: ["ignore", "inherit", "inherit"] });
  const server = { port, child, user: "anonymous", directory };
  await listening(port);
  return server;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function listening(port) {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    const [reached] = await Promise.race([
      once(socket, "connect").then(() => [true]),
      once(socket, "close").then(() => [false]),
    ]).catch(() => [false]);
    socket.destroy();
    if (reached) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on ${port}`);
}

const median = (all) => all.toSorted((one, other) => one - other)[all.length >> 1];

async function bench() {
  const roots = [folder(), folder(), mkdtempSync(join(tmpdir(), "wirelab-bench-"))];
  const servers = Object.fromEntries(
    Object.entries({
      memory: await wirelab(""),
      disk: await wirelab(roots[0]),
      pyftpdlib: await pyftpdlib(roots[1]),
      vsftpd: await vsftpd(roots[2]),
    }).filter(([, server]) => server),
  );
  try {
    for (const [name, measure] of Object.entries(MEASURES)) {
      if (!name.includes(values.only)) continue;
      const results = Object.fromEntries(Object.keys(servers).map((server) => [server, []]));
      const busy = Object.fromEntries(Object.keys(servers).map((server) => [server, []]));
      const perCpu = Object.fromEntries(Object.keys(servers).map((server) => [server, []]));
      for (let round = 0; round <= Number(values.rounds); round += 1) {
        for (const [key, server] of Object.entries(servers)) {
          const [own, theirs, began] = [process.cpuUsage(), cpuOf(server.child.pid), performance.now()];
          const result = await measure(server, round === 0 ? WARM_UP_MS : ROUND_MS);
          const seconds = (performance.now() - began) / 1000;
          const { user, system } = process.cpuUsage(own);
          if (round === 0) continue;
          results[key].push(result);
          busy[key].push((user + system) / 1e4 / seconds);
          perCpu[key].push((result * seconds) / Math.max(0.01, cpuOf(server.child.pid) - theirs));
        }
      }
      const medians = Object.entries(results).map(([key, all]) => {
        const beside = [median(perCpu[key]).toFixed(0), `${median(busy[key]).toFixed(0)} %`].join(", ");
        const figure = median(all).toFixed(median(all) < 10 ? 1 : 0);
        return `${key} ${figure}${name.includes("/s") ? ` (${beside})` : ""}`.padEnd(26);
      });
      console.log(name.padEnd(24), medians.join("  "));
    }
  } finally {
    for (const { child } of Object.values(servers)) child.kill();
    for (const root of roots) rmSync(root, { recursive: true });
  }
}

if (values.serve !== undefined) {
  const { ftp, startLab } = await import("../dist/index.js");
  const where = values.serve === "" ? { files: firstFiles() } : { root: values.serve };
  const lab = await startLab({ files: ftp() }, { transcript: 0, ...where });
  process.send(lab.servers.files.port);
} else await bench();
