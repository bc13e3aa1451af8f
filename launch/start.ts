import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import type { Control } from "../control/index.ts";
import { messageOf, WirelabError } from "../core/errors.ts";
import type { Lab, LabOptions } from "../core/lab.ts";
import { banner } from "./banner.ts";
import type { Subcommand, Terminal } from "./commands.ts";
import { lineOf } from "./flags.ts";
import { START } from "./pages.ts";
import { type Plan, planOf } from "./plan.ts";
import { clearEnvironmentFile, readyRecord, writeEnvironmentFile } from "./ready.ts";
import { defined } from "./sources.ts";
import { clearTlsFiles, writeTlsFiles } from "./tls-files.ts";
import { mistypedVariables } from "./variables.ts";

/** `wirelab`: starts servers, which then run on. */
export const command: Subcommand = async (argv, terminal) => {
  const { stdout, stderr, pid, version, environment, stopOnSignals } = terminal;
  const { flags } = await lineOf(argv, START, version);
  const plan = await planOf({ flags, environment });
  // Where nobody can ask this process for a transcript, nothing is kept for one.
  const lab = await started(plan, terminal, plan.settings.control ? {} : { transcript: 0 });
  const control = await controlled(plan, lab, CONTROL_PORT);
  stopOnSignals(lab);
  await tell(plan, lab, control).catch(async (error) => {
    await Promise.all([lab.stop({ grace: 0 }), control?.stop()]);
    throw error;
  });
  if (plan.settings.logFormat !== "json") stderr.write(banner(plan, lab.servers, version, control));
  if (plan.settings.ready) stdout.write(`${JSON.stringify(readyRecord(pid, { ...lab, control }))}\n`);
  return undefined;
};

/** Where the control API listens if nobody says. */
const CONTROL_PORT = 4100;

/**
 * Starts the control API, if it is asked for; the lab is stopped where that fails. A wider `--host` is not for it: who wants it to
 * be reached from elsewhere says so in its own address.
 */
export async function controlled({ settings }: Plan, lab: Lab, port: number): Promise<Control | undefined> {
  const { control, controlToken: token } = settings;
  if (!control) return undefined;
  const { serveControl } = await import("../control/index.ts");
  try {
    return await serveControl(lab, { port, ...control, ...defined({ token }) });
  } catch (error) {
    await lab.stop({ grace: 0 });
    throw error;
  }
}

/** Starts what is planned. Files of an earlier run, which others may wait for, are gone before. */
export async function started(plan: Plan, terminal: Terminal, usual: LabOptions): Promise<Lab> {
  const { envFile, host, root, copy, watch, seed, faults, logLevel, logFormat } = plan.settings;
  if (envFile !== undefined) clearEnvironmentFile(envFile);
  clearTlsFiles(plan.settings);
  const services = await Promise.all(
    [...plan.servers].map(
      async ([name, server]) => [name, await server.service(terminal.environment)] as const,
    ),
  );
  const { screen, stderr, environment } = terminal;
  if (logFormat !== "json")
    for (const warning of await mistypedVariables(environment)) stderr.write(`wirelab: ${warning}\n`);
  const { startLab } = await import("../core/lab.ts");
  const events = await fileFor("--record", plan.settings.record, stderr);
  const packets = await fileFor("--pcap", plan.settings.pcap, stderr);
  const files = [events, packets].filter((file) => file !== undefined);
  const lab = await startLab(Object.fromEntries(services), {
    record: defined({ events: events?.stream, packets: packets?.stream }),
    ...usual,
    ...defined({
      ...plan.lab,
      host,
      root,
      copy: copying(copy, terminal),
      watch,
      seed,
      faults,
      accounts: plan.accounts,
      tls: plan.tls,
    }),
    log: {
      level: logLevel,
      format: logFormat ?? (screen === "none" ? "json" : "pretty"),
      colours: screen === "coloured" ? "on" : "off",
      stream: stderr,
    },
  }).catch((error) => {
    for (const file of files) file.stream.destroy();
    throw error;
  });
  await Promise.all(files.map((file) => file.begin()));
  return lab;
}

/** How often the copy of a folder tells how far it is, in milliseconds. */
const TOLD = 1000;

/** A folder to copy; one that takes its time tells how far it is. */
function copying(folder: string | undefined, { stderr }: Terminal): LabOptions["copy"] {
  if (folder === undefined) return undefined;
  let last = performance.now();
  return {
    folder,
    progress({ files, bytes }) {
      if (performance.now() - last < TOLD) return;
      last = performance.now();
      stderr.write(`wirelab: ${folder}: ${files} files copied, ${(bytes / 1e6).toFixed(1)} MB\n`);
    },
  };
}

/** Writes the files that others wait for. */
export async function tell(
  { accounts, settings }: Plan,
  lab: Lab,
  control: Control | undefined,
): Promise<void> {
  await writeTlsFiles(settings, lab);
  const { servers } = lab;
  if (settings.envFile !== undefined)
    writeEnvironmentFile(settings.envFile, { servers, accounts, files: settings, control });
}

/** A file that is written while it happens. What was written is in it when the process ends, since Node waits for it. */
interface RecordingFile {
  readonly stream: Writable;
  /** Empties the file, and writes what the stream has held since then. */
  begin(): Promise<void>;
}

/** A file to write to, there before anything happens; what goes wrong later is told, and is no reason to stop serving. */
async function fileFor(
  flag: string,
  path: string | undefined,
  stderr: Terminal["stderr"],
): Promise<RecordingFile | undefined> {
  if (path === undefined) return undefined;
  // What passes on the wire is nobody else's business. Not emptied yet: where the addresses are taken, the very same command may
  // be running, and recording there.
  const file = await open(path, "a", 0o600).catch((cause) => {
    throw new WirelabError("BAD_OPTION", `${flag} ${path}: ${messageOf(cause)}.`, { cause });
  });
  const stream = file.createWriteStream();
  stream.on("error", (error) => stderr.write(`wirelab: ${flag} ${path}: ${messageOf(error)}\n`));
  stream.cork();
  return {
    stream,
    async begin() {
      try {
        if ((await file.stat()).isFile()) await file.truncate();
        stream.uncork();
      } catch (error) {
        stream.destroy(new Error(messageOf(error)));
      }
    },
  };
}
