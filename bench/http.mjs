// How fast HTTP is: a small page, a file of 10 KB and one of 100 MB, from wirelab in memory and on a disk, with a transcript and
// without, and from what else serves such things. Each server runs in a process of its own, and they are loaded in turn, so that
// all see the same machine; what counts is the ratio to bare node:http. Beside requests a second there is the processor time
// that the server took for them (Linux alone tells), which other programs on the machine disturb less.
// Run it after `npm run build`: node bench/http.mjs [--rounds=5] [--only=hello] [--servers=wirelab,sirv] [--others=DIR]
// DIR is where `npm install fastify sirv http-server` was run; without it those are left out, and python3 and nginx where they
// are missing.
import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  createReadStream,
  mkdtempSync,
  readFile,
  readFileSync,
  rmSync,
  stat,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    servers: { type: "string", default: "" },
    others: { type: "string" },
    serve: { type: "string" },
    root: { type: "string", default: "" },
  },
});
const FILES = {
  "index.html": "Hello, world!",
  "10k.bin": Buffer.alloc(10_240, "k"),
  "100m.bin": Buffer.alloc(100_000_000, "m"),
};
const CONNECTIONS = 32;
const ROUND_MS = 1000;
/** The first round is for the compilers. */
const WARM_UP_MS = 4000;

const others = createRequire(join(flags.others ?? fileURLToPath(import.meta.url), "x.js"));

async function wirelab(options) {
  const { http, startLab } = await import("../dist/index.js");
  return (await startLab({ web: http() }, options)).servers.web.port;
}

const inMemory = () => ({
  files: Object.fromEntries(Object.entries(FILES).map(([name, content]) => [`/${name}`, content])),
});

/** Servers that run in Node, each in a process of its own: what they do on a folder. They answer with their ports. */
const IN_NODE = {
  "node:http": (root) =>
    listening(
      createServer(({ url }, response) => {
        if (url === "/") {
          response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Length": 13 });
          response.end(FILES["index.html"]);
        } else if (url === "/10k.bin") {
          readFile(join(root, url), (_error, content) => {
            response.writeHead(200, {
              "Content-Type": "application/octet-stream",
              "Content-Length": content.length,
            });
            response.end(content);
          });
        } else {
          stat(join(root, url), (_error, { size }) => {
            response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": size });
            createReadStream(join(root, url)).pipe(response);
          });
        }
      }),
    ),
  "wirelab, memory": () => wirelab({ transcript: 0, ...inMemory() }),
  "wirelab, memory, transcript": () => wirelab(inMemory()),
  "wirelab, disk": (root) => wirelab({ transcript: 0, root }),
  "wirelab, disk, transcript": (root) => wirelab({ root }),
  express: async (root) => {
    const { default: express } = await import("express");
    const app = express();
    app.get("/", (_request, response) => {
      response.type("html").send(FILES["index.html"]);
    });
    return listening(createServer(app.use(express.static(root))));
  },
  fastify: async () => {
    const app = others("fastify")();
    app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(FILES["index.html"]));
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server.address().port;
  },
  sirv: (root) => listening(createServer(others("sirv")(root, { dev: true, etag: true }))),
  "http-server": async (root) => {
    const { server } = others("http-server").createServer({ root, cache: -1 });
    return listening(server);
  },
};

/** Programs, started with a folder and a free port. */
const PROGRAMS = {
  "python3 http.server": (root, port) => {
    const version = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]);
    if (version.status !== 0) return undefined;
    const args = ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", root];
    return spawn("python3", [...args, "--protocol", "HTTP/1.1"], { stdio: "ignore" });
  },
  nginx: (root, port) => {
    if (spawnSync("nginx", ["-v"]).error) return undefined;
    const folder = join(root, ".nginx");
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    writeFileSync(
      `${folder}.conf`,
      `daemon off; pid ${folder}.pid; error_log stderr crit; worker_processes 1; events {}
      http { access_log off; sendfile on; keepalive_requests 100000000; types { text/html html; }
        ${temporary.map((name) => `${name}_temp_path ${folder}-${name};`).join(" ")}
        server { listen 127.0.0.1:${port}; root ${root}; } }`,
    );
    return spawn("nginx", ["-e", "stderr", "-c", `${folder}.conf`], { stdio: "ignore" });
  },
};

async function listening(server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server.address().port;
}

/** Requests per second over connections that are kept alive, one request at a time on each. */
async function requests(port, target, ms) {
  const request = `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  const began = performance.now();
  let answers = 0;
  const clients = Array.from({ length: CONNECTIONS }, async () => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    let whole = 0;
    let received = 0;
    socket.on("data", (chunk) => {
      if (received === 0) {
        const end = chunk.indexOf("\r\n\r\n");
        if (end < 0) throw new Error("The head came in pieces.");
        whole = end + 4 + Number(/content-length: (\d+)/i.exec(chunk.latin1Slice(0, end))?.[1]);
        // Some servers answer with chunks.
        if (Number.isNaN(whole)) throw new Error(chunk.latin1Slice(0, end));
      }
      received += chunk.length;
      if (received < whole) return;
      received = 0;
      answers += 1;
      if (performance.now() - began < ms) socket.write(request);
      else socket.destroy();
    });
    socket.write(request);
    await once(socket, "close");
  });
  await Promise.all(clients);
  return { count: answers, perSecond: (answers / (performance.now() - began)) * 1000 };
}

/** Megabytes per second of one download after another. */
async function megabytes(port, target) {
  const began = performance.now();
  let bytes = 0;
  for (let download = 0; download < 4; download += 1) {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    await once(socket, "close");
  }
  if (bytes < 4 * FILES["100m.bin"].length) throw new Error(`Only ${bytes} bytes came from ${target}.`);
  return { count: bytes / 1e6, perSecond: ((bytes / (performance.now() - began)) * 1000) / 1e6 };
}

const MEASURES = {
  hello: { unit: "requests", measure: (port, ms) => requests(port, "/", ms) },
  "10k": { unit: "requests", measure: (port, ms) => requests(port, "/10k.bin", ms) },
  "100m": { unit: "MB", measure: (port) => megabytes(port, "/100m.bin") },
};

/** What is compared with bare node:http, where a server cannot do all. */
const CANNOT = { fastify: ["10k", "100m"] };

/** Seconds of processor time that a process and its children have taken; NaN where the system does not tell. */
function processorTime(pid) {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    const own = (Number(fields[11]) + Number(fields[12])) / 100;
    return children
      .split(" ")
      .filter(Boolean)
      .map(processorTime)
      .reduce((sum, time) => sum + time, own);
  } catch {
    return Number.NaN;
  }
}

function median(values) {
  return values.toSorted((one, other) => one - other)[values.length >> 1];
}

async function freePort() {
  const server = createTcpServer();
  const port = await listening(server);
  server.close();
  return port;
}

async function ready(port) {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect({ host: "127.0.0.1", port });
    const outcome = await Promise.race([once(socket, "connect"), once(socket, "error")]).catch(
      () => undefined,
    );
    socket.destroy();
    if (outcome?.length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

const isWanted = (name) =>
  name === "node:http" || flags.servers.split(",").some((wanted) => name.startsWith(wanted));

async function started(root) {
  const running = [];
  for (const name of Object.keys(IN_NODE).filter(isWanted)) {
    const args = [`--serve=${name}`, `--root=${root}`, ...(flags.others ? [`--others=${flags.others}`] : [])];
    const child = fork(fileURLToPath(import.meta.url), args, {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const [port] = await Promise.race([once(child, "message"), once(child, "exit")]);
    if (port > 1) running.push({ name, child, port });
    else console.log(`${name} is left out: it is not installed.`);
  }
  for (const [name, start] of Object.entries(PROGRAMS).filter(([name]) => isWanted(name))) {
    const port = await freePort();
    const child = start(root, port);
    if (child && (await ready(port))) running.push({ name, child, port });
    else console.log(`${name} is left out: it is not installed.`);
  }
  return running;
}

async function bench() {
  const root = mkdtempSync(join(tmpdir(), "wirelab-bench-"));
  // nginx's worker may be another user.
  chmodSync(root, 0o755);
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(root, name), content);
  const servers = await started(root);
  try {
    for (const [what, { unit, measure }] of Object.entries(MEASURES)) {
      if (flags.only !== "" && flags.only !== what) continue;
      const able = servers.filter(({ name }) => !CANNOT[name]?.includes(what));
      const results = able.map(() => []);
      for (let round = 0; round <= Number(flags.rounds); round += 1) {
        for (const [index, { port, child }] of able.entries()) {
          const before = processorTime(child.pid);
          const { count, perSecond } = await measure(port, round === 0 ? WARM_UP_MS : ROUND_MS);
          const cost = (processorTime(child.pid) - before) / count;
          if (round > 0) results[index].push({ perSecond, cost });
        }
      }
      console.log(
        `${what}: ${unit}/s, and the ratio to node:http; processor time per ${unit}, and its ratio`,
      );
      for (const [index, { name }] of able.entries()) {
        const over = (value) => median(results[index].map(value));
        const rate = over(({ perSecond }) => perSecond).toFixed(0);
        const ratio = over(({ perSecond }, round) => perSecond / results[0][round].perSecond).toFixed(2);
        const cost = (over(({ cost }) => cost) * 1e6).toFixed(0);
        const saving = over(({ cost }, round) => results[0][round].cost / cost).toFixed(2);
        console.log(`  ${name.padEnd(28)}${rate.padStart(7)}  ${ratio}  ${cost.padStart(7)} µs  ${saving}`);
      }
    }
  } finally {
    for (const { child } of servers) child.kill();
    rmSync(root, { recursive: true });
  }
}

if (flags.serve !== undefined) process.send(await IN_NODE[flags.serve](flags.root));
else await bench();
