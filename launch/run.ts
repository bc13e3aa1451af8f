import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf } from "../core/errors.ts";
import { ruleText } from "../core/faults/faults.ts";
import type { Lab, LabReport } from "../core/lab.ts";
import type { Subcommand } from "./commands.ts";
import { Ending, lineOf } from "./flags.ts";
import { RUN } from "./pages.ts";
import { type Plan, planOf } from "./plan.ts";
import { environmentOf } from "./ready.ts";
import { controlled, started, tell } from "./start.ts";
import type { TlsFiles } from "./tls-files.ts";

/** What a shell ends with. */
const EXIT = { notExecutable: 126, notFound: 127, signal: 128 } as const;

/** How much of the transcript is printed where the command fails. */
const TAIL = 40;

/** `wirelab run`: starts servers, runs a command that finds them in its environment, stops them, and ends as the command did. */
export const command: Subcommand = async (argv, terminal) => {
  const { version, environment, stderr, keyboard, onSignal } = terminal;
  const { flags, operands } = await lineOf(argv, RUN, version);
  const [program, ...args] = operands;
  // A variable that is not set, in quotes, is an empty word.
  if (!program)
    throw new Ending(2, "wirelab: there is no command to run: wirelab run --ftp -- python3 test.py\n");
  const plan = await planOf({ flags, environment }, "run");

  const lab = await started(plan, terminal, {});
  // Before this, a signal ends the process at once, as it would without us: a start can take long.
  let child: ChildProcess | undefined;
  let early: number | undefined;
  let pressed = 0;
  onSignal((signal, number) => {
    early ??= number;
    // Ctrl+C has reached the command by itself, once.
    if (signal === "SIGINT" && keyboard === "here" && pressed++ === 0) return;
    child?.kill(signal);
  });

  const control = await controlled(plan, lab, 0);
  let trust: ReturnType<typeof trustOf> | undefined;
  try {
    trust = trustOf(plan, lab);
    await tell(plan, lab, control);
    if (early !== undefined) return EXIT.signal + early;
    child = spawn(program, args, {
      stdio: "inherit",
      env: {
        ...environment,
        ...environmentOf({ servers: lab.servers, accounts: plan.accounts, files: trust, control }),
      },
    });
    const { exitCode, why } = await endOf(child);
    const report = await lab.stop();
    if (why !== undefined) stderr.write(`wirelab: ${program}: ${why}\n`);
    else if (exitCode !== 0) stderr.write(failure(program, exitCode, lab, report));
    return exitCode;
  } finally {
    await lab.stop();
    trust?.[Symbol.dispose]();
  }
};

/** The files for TLS clients: those that were asked for, and one of what to trust that is gone afterwards. */
function trustOf({ settings: { caFile, clientCertFile } }: Plan, { ca }: Lab): Disposable & TlsFiles {
  if (caFile !== undefined || ca === undefined) return { caFile, clientCertFile, [Symbol.dispose]() {} };
  const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
  const file = join(folder, "ca.pem");
  writeFileSync(file, ca);
  return {
    caFile: file,
    clientCertFile,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** How a command has ended, as a shell would have it; `why` it did not begin. */
async function endOf(child: ChildProcess): Promise<{ readonly exitCode: number; readonly why?: string }> {
  try {
    const [code, signal]: readonly [number | null, NodeJS.Signals | null] = (await once(
      child,
      "close",
    )) as never;
    return { exitCode: code ?? EXIT.signal + (signal === null ? 0 : constants.signals[signal]) };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { exitCode: EXIT.notFound, why: "there is no such command." };
    if (codeOf(error) === "EACCES")
      return { exitCode: EXIT.notExecutable, why: "this is no program that may be run." };
    return { exitCode: EXIT.notExecutable, why: messageOf(error) };
  }
}

/** What helps to find out why the command has failed. */
function failure(
  program: string,
  exitCode: number,
  { transcript }: Lab,
  { unusedFaults }: LabReport,
): string {
  const lines = String(transcript).split("\n").filter(Boolean);
  const what =
    lines.length === 0
      ? "nothing has come to any server."
      : lines.length <= TAIL
        ? "this has crossed the wire:"
        : `of ${lines.length} lines that have crossed the wire these are the last ${TAIL}:`;
  return [
    `wirelab: ${program} ended with ${exitCode}; ${what}`,
    ...lines.slice(-TAIL).map((line) => `  ${line}`),
    ...unusedFaults.map((rule) => `wirelab: this fault has never come: ${ruleText(rule)}`),
    "",
  ].join("\n");
}
