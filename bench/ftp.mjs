// How fast FTP is: logins, files of 1 KB on one session and on eight, a listing of 1,000 entries, and 256 MB both ways, from
// wirelab in memory and on a disk, and from pyftpdlib where python3 has it. Each server runs in a process of its own, and they
// are loaded in turn, so that all see the same machine; what counts is the ratio.
// Run it after `npm run build`: node bench/ftp.mjs [--rounds=3]
import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, serve: { type: "string" } },
});
const KILOBYTE = Buffer.alloc(1024, "k");
const CHUNK = Buffer.alloc(1024 * 1024, "m");
const BIG = 256;
const ROUND_MS = 1000;

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

function firstFiles() {
  const listed = Array.from({ length: 1000 }, (_, index) => [`/many/file-${index}`, "x"]);
  return Object.fromEntries([["/small", KILOBYTE], ...listed]);
}

function folder() {
  const root = mkdtempSync(join(tmpdir(), "wirelab-bench-"));
  mkdirSync(join(root, "many"));
  for (const [path, content] of Object.entries(firstFiles())) writeFileSync(join(root, path), content);
  return root;
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

  static async loggedIn(port) {
    const client = new Client(port);
    await client.reply();
    await client.say("USER foo");
    await client.say("PASS bar");
    await client.say("TYPE I");
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

  async data() {
    const [, port] = /\|\|\|(\d+)\|/.exec(await this.say("EPSV"));
    return connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  }

  async receive(command) {
    const socket = await this.data();
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
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
async function rate(sessions, prepare, work) {
  const clients = await Promise.all(Array.from({ length: sessions }, prepare));
  const began = performance.now();
  let done = 0;
  await Promise.all(
    clients.map(async (client, index) => {
      while (performance.now() - began < ROUND_MS) {
        await work(client, index);
        done += 1;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  for (const client of clients) client?.socket.destroy();
  return done / seconds;
}

const login = async (port) => {
  const client = await Client.loggedIn(port);
  client.socket.destroy();
};
const retrieve = (client) => client.receive("RETR small");
const store = (client, index) => client.send(`STOR in-${index}`, KILOBYTE, 1);

async function megabytes(port, work) {
  const client = await Client.loggedIn(port);
  const began = performance.now();
  await work(client);
  const seconds = (performance.now() - began) / 1000;
  client.socket.destroy();
  return BIG / seconds;
}

const MEASURES = {
  "logins/s, 8 at once": (port) =>
    rate(
      8,
      async () => undefined,
      () => login(port),
    ),
  "RETR 1 KB/s, 1 session": (port) => rate(1, () => Client.loggedIn(port), retrieve),
  "RETR 1 KB/s, 8 sessions": (port) => rate(8, () => Client.loggedIn(port), retrieve),
  "STOR 1 KB/s, 1 session": (port) => rate(1, () => Client.loggedIn(port), store),
  "STOR 1 KB/s, 8 sessions": (port) => rate(8, () => Client.loggedIn(port), store),
  "LIST of 1,000/s": (port) =>
    rate(
      1,
      () => Client.loggedIn(port),
      (client) => client.receive("LIST many"),
    ),
  "STOR 256 MB, MB/s": (port) => megabytes(port, (client) => client.send("STOR big", CHUNK, BIG)),
  "RETR 256 MB, MB/s": (port) => megabytes(port, (client) => client.receive("RETR big")),
};

async function wirelab(root) {
  const child = fork(fileURLToPath(import.meta.url), [`--serve=${root}`]);
  const [port] = await once(child, "message");
  return { port, child };
}

async function pyftpdlib(root) {
  const child = spawn("python3", ["-c", PYFTPDLIB, root], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  return { port: Number(said), child };
}

async function bench() {
  const roots = [folder(), folder()];
  const servers = { memory: await wirelab(""), disk: await wirelab(roots[0]) };
  if (spawnSync("python3", ["-c", "import pyftpdlib"]).status === 0)
    servers.pyftpdlib = await pyftpdlib(roots[1]);
  try {
    for (const [name, measure] of Object.entries(MEASURES)) {
      const results = Object.fromEntries(Object.keys(servers).map((server) => [server, []]));
      for (let round = 0; round < Number(values.rounds); round += 1) {
        for (const [server, { port }] of Object.entries(servers)) results[server].push(await measure(port));
      }
      const medians = Object.entries(results).map(([server, all]) => {
        const sorted = all.toSorted((one, other) => one - other);
        return `${server} ${sorted[sorted.length >> 1].toFixed(0).padStart(6)}`;
      });
      console.log(name.padEnd(26), medians.join("   "));
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
