#!/usr/bin/env node
// The command. The only file that touches the process: its arguments, streams, signals and exit code.
import { once } from "node:events";
import { createWriteStream, readFileSync, type WriteStream } from "node:fs";
import { codeOf, messageOf, WirelabError } from "./core/errors.ts";
import { type Lab, type LabOptions, startLab } from "./core/lab.ts";
import { banner } from "./launch/banner.ts";
import { subcommand } from "./launch/commands.ts";
import { Ending, flagsOf } from "./launch/flags.ts";
import { type Plan, planOf } from "./launch/plan.ts";
import { clearEnvironmentFile, readyRecord, writeEnvironmentFile } from "./launch/ready.ts";
import { defined } from "./launch/sources.ts";
import { clearTlsFiles, writeTlsFiles } from "./launch/tls-files.ts";

const EXIT = { failure: 1, usage: 2, address: 3, signal: 128 } as const;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

async function start({ servers, settings, accounts, tls, lab }: Plan): Promise<Lab> {
  const services = await Promise.all(
    [...servers].map(async ([name, server]) => [name, await server.service(process.env)] as const),
  );
  const onTerminal = process.stderr.isTTY === true;
  const { host, root, seed, faults, logLevel, logFormat } = settings;
  return startLab(Object.fromEntries(services), {
    ...(await recordTo(settings)),
    // Nobody asks this process for a transcript, so nothing is kept for one.
    transcript: 0,
    ...defined({ ...lab, host, root, seed, faults, accounts, tls }),
    log: {
      level: logLevel,
      format: logFormat ?? (onTerminal ? "pretty" : "json"),
      colours: onTerminal && !process.env.NO_COLOR ? "on" : "off",
      stream: process.stderr,
    },
  });
}

/** The files that are written while it happens. What was written is in them when the process ends, since Node waits for it. */
async function recordTo({ record, pcap }: Plan["settings"]): Promise<Pick<LabOptions, "record">> {
  const events = await fileFor("--record", record);
  const packets = await fileFor("--pcap", pcap);
  return { record: defined({ events, packets }) };
}

/** A file to write to, there before anything happens; what goes wrong later is told, and is no reason to stop serving. */
async function fileFor(flag: string, path: string | undefined): Promise<WriteStream | undefined> {
  if (path === undefined) return undefined;
  // What passes on the wire is nobody else's business.
  const stream = createWriteStream(path, { mode: 0o600 });
  try {
    await once(stream, "ready");
  } catch (cause) {
    throw new WirelabError("BAD_OPTION", `${flag} ${path}: ${messageOf(cause)}.`, { cause });
  }
  stream.on("error", (error) => process.stderr.write(`wirelab: ${flag} ${path}: ${messageOf(error)}\n`));
  return stream;
}

/** The first signal stops gracefully, and then the process ends by itself; a second one ends it at once. */
function stopOnSignals(lab: Lab): void {
  let asked = false;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (asked) process.exit(EXIT.signal + number);
      asked = true;
      process.stderr.write("wirelab: stopping; once more to stop at once\n");
      lab.stop().then(
        ({ cut }) => {
          if (cut.length > 0)
            process.stderr.write(`wirelab: ${cut.length} connections were still open and have been cut\n`);
        },
        (error) => fail(EXIT.failure, error),
      );
    });
  }
}

function fail(exitCode: number, error: unknown): void {
  process.stderr.write(`wirelab: ${messageOf(error)}\n`);
  process.exitCode = exitCode;
}

function exitCodeOf(error: unknown): number {
  const code = codeOf(error) ?? "";
  if (code.startsWith("ADDRESS_")) return EXIT.address;
  return code.startsWith("BAD_") ? EXIT.usage : EXIT.failure;
}

async function main(): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  // Whoever read our output may be gone (`wirelab | head -1`): no reason to stop serving.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  const [word, ...rest] = process.argv.slice(2);
  const command = await subcommand(word);
  if (command) {
    process.exitCode = await command(rest, {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      pid: process.pid,
      columns: process.stdout.columns,
      colours: process.stdout.isTTY && !process.env.NO_COLOR ? "on" : "off",
      stopOnSignals,
    });
    return;
  }
  const flags = flagsOf(process.argv.slice(2), version);
  const plan = await planOf({ flags, environment: process.env });
  const { envFile, ready, logFormat } = plan.settings;
  if (envFile !== undefined) clearEnvironmentFile(envFile);
  clearTlsFiles(plan.settings);
  const lab = await start(plan);
  stopOnSignals(lab);
  if (logFormat !== "json") process.stderr.write(banner(plan, lab.servers, version));
  await writeTlsFiles(plan.settings, lab);
  if (envFile !== undefined) writeEnvironmentFile(envFile, lab.servers, plan.settings);
  if (ready) process.stdout.write(`${JSON.stringify(readyRecord(process.pid, lab.servers, lab.ca))}\n`);
}

main().catch((error) => {
  if (!(error instanceof Ending)) return fail(exitCodeOf(error), error);
  (error.exitCode === 0 ? process.stdout : process.stderr).write(error.message);
  process.exitCode = error.exitCode;
});
