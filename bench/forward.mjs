// What forwarding costs: MB/s of one download, and connections per second that ask for a byte and end, through wirelab (with and
// without a transcript, and behind a fault) and beside it: no forwarder at all, ten lines of node:net, and socat, haproxy and
// nginx's stream module where they are installed. Each runs in a process of its own, all before the same target, loaded in turn
// so that all see the same machine. What counts is the ratio to the ten lines, and what the processor was busy for (where /proc
// tells): that does not depend on what else the machine does.
// Run it after `npm run build`: node bench/forward.mjs [--rounds=5]
import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { forward, startLab } from "../dist/index.js";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, serve: { type: "string" }, to: { type: "string" } },
});
const CHUNK = Buffer.alloc(1024 * 1024, "m");
const MEGABYTES = 256;
const CLIENTS = 16;
const ROUND_MS = 1000;

/** Ways that run in node: each answers its port. */
const servers = {
  /** Sends a byte back; at a `d` so many megabytes. */
  async target() {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => {});
      socket.once("data", async (question) => {
        if (question[0] !== 0x64) return socket.end("x");
        for (let sent = 0; sent < MEGABYTES; sent += 1) {
          if (!socket.write(CHUNK)) await once(socket, "drain");
        }
        socket.end();
      });
    });
    return listening(server);
  },
  async "node:net"(to) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const target = connect({ port: to, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      client.on("error", () => target.destroy());
      target.on("error", () => client.destroy());
      client.pipe(target).pipe(client);
    });
    return listening(server);
  },
  wirelab: (to) => lab(to, { transcript: 0 }),
  "wirelab observed": (to) => lab(to, {}),
  "wirelab, latency 0": (to) => lab(to, { transcript: 0, faults: [{ fault: { kind: "latency", ms: 0 } }] }),
};

async function lab(to, options) {
  const { servers } = await startLab({ proxy: forward({ to: `127.0.0.1:${to}` }) }, options);
  return servers.proxy.port;
}

async function listening(server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server.address().port;
}

const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Ways that are programs: how each is started. */
const programs = {
  socat: (port, to) => [
    "socat",
    `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=512`,
    `TCP:127.0.0.1:${to}`,
  ],
  haproxy(port, to, folder) {
    const config = join(folder, "haproxy.cfg");
    writeFileSync(
      config,
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${to}
`,
    );
    return ["haproxy", "-f", config];
  },
  nginx(port, to, folder) {
    if (!existsSync(STREAM_MODULE)) return undefined;
    const config = join(folder, "nginx.conf");
    writeFileSync(
      config,
      `load_module ${STREAM_MODULE};
daemon off; master_process off; pid ${folder}/pid; error_log stderr emerg;
events { worker_connections 1024; }
stream { server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${to}; } }
`,
    );
    return ["nginx", "-p", folder, "-c", config, "-e", "stderr"];
  },
};

async function freePort() {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port) {
  for (let tries = 0; tries < 200; tries += 1) {
    const reached = await ask(port).then(
      () => true,
      () => false,
    );
    if (reached) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nobody answers on port ${port}`);
}

/** One connection that asks for a byte and ends. */
async function ask(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.resume().write("x");
  await once(socket, "close");
  if (socket.bytesRead !== 1) throw new Error(`no answer on port ${port}`);
}

/** Milliseconds that the processor was busy for a process, and for those of its children that have ended. */
function busy(pid) {
  if (!existsSync(`/proc/${pid}/stat`)) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // In hundredths of a second (proc_pid_stat(5), fields 14 to 17).
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field) * 10, 0);
}

async function connectionsPerSecond(port) {
  const deadline = performance.now() + ROUND_MS;
  let count = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < deadline) {
        await ask(port);
        count += 1;
      }
    }),
  );
  return (count / ROUND_MS) * 1000;
}

async function megabytesPerSecond(port) {
  const socket = connect({
    port,
    host: "127.0.0.1",
    onread: { buffer: Buffer.alloc(256 * 1024), callback: () => true },
  });
  const began = performance.now();
  socket.write("d");
  await once(socket, "close");
  if (socket.bytesRead !== MEGABYTES * CHUNK.length) throw new Error(`only ${socket.bytesRead} bytes came`);
  return (MEGABYTES * 1000) / (performance.now() - began);
}

const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-bench-"));
  const children = [];
  const start = async (name, to) => {
    const child = fork(fileURLToPath(import.meta.url), [`--serve=${name}`, ...(to ? [`--to=${to}`] : [])]);
    children.push(child);
    const [port] = await once(child, "message");
    return { name, port, pid: child.pid, rates: [], speeds: [], costs: [], weights: [] };
  };
  try {
    const target = await start("target");
    const ways = [{ ...target, name: "none" }];
    for (const name of Object.keys(servers).slice(1)) ways.push(await start(name, target.port));
    for (const [name, commandOf] of Object.entries(programs)) {
      const port = await freePort();
      const [program, ...args] = commandOf(port, target.port, folder) ?? [];
      if (!program || spawnSync("which", [program]).status !== 0) {
        console.log(`${name} is not installed`);
        continue;
      }
      const child = spawn(program, args, { stdio: "ignore" });
      children.push(child);
      await answers(port);
      ways.push({ name, port, pid: child.pid, rates: [], speeds: [], costs: [], weights: [] });
    }
    for (let round = 0; round <= Number(values.rounds); round += 1) {
      for (const way of ways) {
        const before = busy(way.pid);
        const rate = await connectionsPerSecond(way.port);
        const between = busy(way.pid);
        const speed = await megabytesPerSecond(way.port);
        // What a child was busy for is told when it has been waited for.
        await new Promise((resolve) => setTimeout(resolve, 300));
        // The first round is for the compilers.
        if (round === 0) continue;
        way.rates.push(rate);
        way.speeds.push(speed);
        way.costs.push(((between - before) * 1e6) / (rate * ROUND_MS));
        way.weights.push((busy(way.pid) - between) / MEGABYTES);
      }
    }
    const bare = ways.find(({ name }) => name === "node:net");
    const ratio = (own, other) => median(own.map((value, round) => value / other[round])).toFixed(2);
    for (const { name, rates, speeds, costs, weights } of ways) {
      console.log(
        `${name.padEnd(20)}${median(rates).toFixed(0).padStart(7)} connections/s  ${ratio(rates, bare.rates)}` +
          `${median(costs).toFixed(0).padStart(6)} µs busy each` +
          `${median(speeds).toFixed(0).padStart(9)} MB/s  ${ratio(speeds, bare.speeds)}` +
          `${median(weights).toFixed(2).padStart(7)} ms busy per MB`,
      );
    }
  } finally {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.serve) process.send(await servers[values.serve](Number(values.to)));
else await main();
