// npm's scripts on a fresh clone: `node tools/task.mjs install|build|start|test` installs what is missing (and only then),
// builds, and goes on. Plain JavaScript on Node's own modules, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...names) => join(root, ...names);

/** Runs a command in the project's folder with its output on stderr (stdout is for data); ends this process where it fails. */
function run(command, args, stdout = 2) {
  // npm is a .cmd file on Windows, which Node starts through a shell only.
  const shell = process.platform === "win32";
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["inherit", stdout, "inherit"],
    shell,
  });
  if (error) console.error(`wirelab: ${command} could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Whether a version is what package.json asks for: that one, or with `^` a later one of the same major version. */
function fits(version, range) {
  if (!range.startsWith("^")) return version === range;
  const [wanted, present] = [range.slice(1), version].map((text) => text.split(".").map(Number));
  const differs = present.findIndex((part, index) => part !== wanted[index]);
  return differs === -1 || (differs > 0 && present[differs] > wanted[differs]);
}

/** The packages that package.json names and node_modules has not, or has in a version that does not fit. */
function missing() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  return Object.entries({ ...dependencies, ...devDependencies }).filter(([name, range]) => {
    const present = at("node_modules", name, "package.json");
    return !existsSync(present) || !fits(JSON.parse(readFileSync(present, "utf8")).version, range);
  });
}

function install() {
  if (missing().length === 0) return;
  console.error("wirelab: installing what is missing …");
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
}

function build() {
  install();
  rmSync(at("dist"), { recursive: true, force: true });
  run(process.execPath, [at("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"]);
  chmodSync(at("dist", "launcher.js"), 0o755);
}

/** What is published beside what has been compiled: the schema of configuration files, and few files instead of many. */
function pack() {
  run(process.execPath, [at("tools", "schema.mjs")]);
  run(process.execPath, [at("tools", "bundle.mjs")]);
  chmodSync(at("dist", "launcher.js"), 0o755);
}

const [task, ...args] = process.argv.slice(2);
switch (task) {
  case "install":
    install();
    break;
  case "build":
    build();
    pack();
    break;
  case "start": {
    build();
    // npm's shell does not pass signals on: it ends, and whoever signalled npm believes that all has ended.
    const shell = process.ppid;
    setInterval(() => process.ppid === shell || process.kill(process.pid, "SIGTERM"), 200).unref();
    // In this very process: one process to signal, and none left behind.
    const launcher = at("dist", "launcher.js");
    process.argv.splice(1, 2, launcher);
    await import(pathToFileURL(launcher).href);
    break;
  }
  case "test":
    build();
    pack();
    run(process.execPath, [at("node_modules", "vitest", "vitest.mjs"), "run", ...args], "inherit");
    break;
  default:
    console.error("usage: node tools/task.mjs install|build|start|test [arguments]");
    process.exit(2);
}
