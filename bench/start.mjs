// How fast things start: medians of 20 runs, in milliseconds. Run it after `npm run build`: node bench/start.mjs
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const RUNS = 20;
const dist = (name) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));

async function median(measure) {
  await measure();
  const times = [];
  for (let run = 0; run < RUNS; run += 1) times.push(await measure());
  times.sort((a, b) => a - b);
  return (times[RUNS / 2 - 1] + times[RUNS / 2]) / 2;
}

/** Runs a module in a process of its own that prints one number. */
function printed(program) {
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }));
}

const importIndex = () =>
  printed(`const began = performance.now();
    await import(${JSON.stringify(dist("index.js"))});
    console.log(performance.now() - began);`);

const startFour = (options = {}) =>
  printed(`const { ftp, http, startLab, tcp, telnet } = await import(${JSON.stringify(dist("index.js"))});
    const began = performance.now();
    const lab = await startLab({ ftp: ftp(), telnet: telnet(), http: http(), tcp: tcp() }, ${JSON.stringify(options)});
    console.log(performance.now() - began);
    await lab.stop();`);

const startAgain = (options = {}) =>
  printed(`const { ftp, http, startLab, tcp, telnet } = await import(${JSON.stringify(dist("index.js"))});
    const services = { ftp: ftp(), telnet: telnet(), http: http(), tcp: tcp() };
    await (await startLab(services, ${JSON.stringify(options)})).stop();
    const began = performance.now();
    const lab = await startLab(services, ${JSON.stringify(options)});
    console.log(performance.now() - began);
    await lab.stop();`);

const reset = () =>
  printed(`const { ftp, http, startLab, tcp, telnet } = await import(${JSON.stringify(dist("index.js"))});
    const files = Object.fromEntries(Array.from({ length: 100 }, (_, index) => ["/in/" + index, "x".repeat(1000)]));
    const lab = await startLab({ ftp: ftp(), telnet: telnet(), http: http(), tcp: tcp() }, { files });
    await lab.reset();
    for (let count = 0; count < 50; count += 1) await lab.store.remove("/in/" + count);
    const began = performance.now();
    await lab.reset();
    console.log(performance.now() - began);
    await lab.stop();`);

const spawnToReady = (...flags) =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(process.execPath, [dist("launcher.js"), "--ready=json", ...flags], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let took;
    child.stdout.once("data", () => {
      took = performance.now() - began;
      child.kill();
    });
    child.once("close", () => (took === undefined ? reject(new Error("it did not start")) : resolve(took)));
  });

/** The launcher from beginning to end. */
const whole = (...args) => {
  const began = performance.now();
  execFileSync(process.execPath, [dist("launcher.js"), ...args], { stdio: "ignore" });
  return performance.now() - began;
};

const config = join(mkdtempSync(join(tmpdir(), "wirelab-")), "lab.json");
writeFileSync(config, JSON.stringify({ servers: { a: { protocol: "tcp", port: 0 } } }));
const all = ["ftp", "telnet", "http", "ws", "tcp", "udp"].map((name) => `--${name}=0`);

for (const [what, measure] of [
  [
    "bare node",
    () => {
      const began = performance.now();
      execFileSync(process.execPath, ["-e", "0"]);
      return performance.now() - began;
    },
  ],
  ["import of the index", importIndex],
  ["startLab of all four, first in its process", () => startFour()],
  ["the same with TLS", () => startFour({ tls: true })],
  ["startLab of all four, again", () => startAgain()],
  ["the same with TLS", () => startAgain({ tls: true })],
  ["reset of all four, half of 100 files gone", reset],
  ["launcher to ready, --tcp", () => spawnToReady("--tcp=0")],
  ["launcher to ready, a TCP server of --config", () => spawnToReady("--config", config)],
  [
    "launcher to ready, --ftp --telnet --http --tcp",
    () => spawnToReady("--ftp=0", "--telnet=0", "--http=0", "--tcp=0"),
  ],
  ["launcher to ready, all servers", () => spawnToReady(...all)],
  ["wirelab run --tcp -- true", () => whole("run", "--tcp", "--", "true")],
  ["wirelab --help", () => whole("--help")],
]) {
  console.log(`${what.padEnd(44)} ${(await median(measure)).toFixed(1)} ms`);
}
