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

/** The packages that the lock file asks for and node_modules has not, or has in another version. */
function missing() {
  const wanted = JSON.parse(readFileSync(at("package-lock.json"), "utf8")).packages;
  const record = at("node_modules", ".package-lock.json");
  if (!existsSync(record)) return Object.keys(wanted);
  const present = JSON.parse(readFileSync(record, "utf8")).packages;
  return Object.keys(wanted).filter(
    (name) => name !== "" && !wanted[name].optional && wanted[name].version !== present[name]?.version,
  );
}

function install() {
  if (missing().length === 0) return;
  console.error("wirelab: installing what is missing …");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

function build() {
  install();
  rmSync(at("dist"), { recursive: true, force: true });
  run(process.execPath, [at("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"]);
  chmodSync(at("dist", "launcher.js"), 0o755);
}

const [task, ...args] = process.argv.slice(2);
switch (task) {
  case "install":
    install();
    break;
  case "build":
    build();
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
    run(process.execPath, [at("node_modules", "vitest", "vitest.mjs"), "run", ...args], "inherit");
    break;
  default:
    console.error("usage: node tools/task.mjs install|build|start|test [arguments]");
    process.exit(2);
}
