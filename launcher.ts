#!/usr/bin/env node
// The command. The only file that touches the process: its arguments, streams, signals and exit code.
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "./core/errors.ts";
import type { Lab } from "./core/lab.ts";
import { commandOf, type Terminal } from "./launch/commands.ts";
import { Ending } from "./launch/flags.ts";

const EXIT = { failure: 1, usage: 2, address: 3, signal: 128 } as const;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Signals no longer end the process. */
const onSignal: Terminal["onSignal"] = (listener) => {
  for (const [signal, number] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
    process.on(signal, () => listener(signal, number));
  }
};

/** The first signal stops gracefully, and then the process ends by itself; a second one ends it at once. */
function stopOnSignals(lab: Lab): void {
  let asked = false;
  onSignal((_, number) => {
    if (asked) process.exit(EXIT.signal + number);
    asked = true;
    process.stderr.write("wirelab: stopping; once more to stop at once\n");
    lab.stop().then(
      ({ cut }) => {
        const many = cut.length === 1 ? "1 connection was" : `${cut.length} connections were`;
        if (cut.length > 0) process.stderr.write(`wirelab: ${many} still open, and cut\n`);
      },
      (error) => fail(EXIT.failure, error),
    );
  });
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

/** Whether a stream shows colours: https://no-color.org */
function isColoured({ isTTY }: NodeJS.WriteStream): boolean {
  return isTTY === true && !process.env.NO_COLOR;
}

async function main(): Promise<void> {
  const { stdin, stdout, stderr, pid, env } = process;
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  // Whoever read our output may be gone (`wirelab | head -1`): no reason to stop serving.
  stdout.on("error", () => {});
  stderr.on("error", () => {});
  const [command, argv] = await commandOf(process.argv.slice(2));
  const exitCode = await command(argv, {
    version,
    stdin,
    stdout,
    stderr,
    pid,
    environment: env,
    columns: stdout.columns,
    colours: isColoured(stdout) ? "on" : "off",
    screen: isColoured(stderr) ? "coloured" : stderr.isTTY ? "plain" : "none",
    keyboard: stdin.isTTY ? "here" : "none",
    stopOnSignals,
    onSignal,
  });
  if (exitCode !== undefined) process.exitCode = exitCode;
}

main().catch((error) => {
  if (!(error instanceof Ending)) return fail(exitCodeOf(error), error);
  (error.exitCode === 0 ? process.stdout : process.stderr).write(error.message);
  process.exitCode = error.exitCode;
});
