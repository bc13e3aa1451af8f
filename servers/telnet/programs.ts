import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { platform } from "node:os";
import { kill } from "node:process";
import { PassThrough } from "node:stream";
import { withDefaults } from "../../core/defaults.ts";
import { messageOf } from "../../core/errors.ts";
import type { ShellCommand } from "./shell.ts";

/** A program that people may run. No shell is between: what they type reaches it as arguments, and as nothing else. */
export interface ShellProgram {
  /** Its path, or a name that is looked for on `PATH`. */
  readonly program: string;
  /** Arguments before those that are typed. Default none. */
  readonly args?: readonly string[];
  /** Where it runs. Default: where this process does. */
  readonly directory?: string;
  /**
   * Its variables; nothing of this process's own environment reaches it. Default: a `PATH` of `/usr/local/bin:/usr/bin:/bin`,
   * which stays unless it is given, and `TERM=dumb`.
   */
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds until it is killed. Default 10,000. */
  readonly timeout?: number;
  /** How many bytes of output are shown before it is killed. Default 1,048,576. */
  readonly maxOutput?: number;
}

const DEFAULTS = { timeout: 10_000, maxOutput: 1_048_576 } as const;

const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", TERM: "dumb" } as const;

/** The command that runs the programs of an allow-list. */
export function runCommand(programs: Readonly<Record<string, string | ShellProgram>>): ShellCommand {
  const names = Object.keys(programs).sort();
  const known = names.length === 0 ? "There is nothing to run." : `There is ${names.join(", ")}.`;
  return {
    usage: "NAME [ARGS]",
    summary: "run a program of the allow-list",
    complete: (argument) => (/\s/.test(argument) ? [] : names),
    run(argument, { terminal }) {
      const [name, ...args] = wordsOf(argument);
      if (name === undefined) return `Usage: run NAME [ARGS]. ${known}`;
      const allowed = Object.hasOwn(programs, name) ? programs[name] : undefined;
      if (allowed === undefined) return `run: ${name.slice(0, 40)} is not allowed. ${known}`;
      return outputOf(
        name,
        typeof allowed === "string" ? { program: allowed } : allowed,
        args,
        terminal.signal,
      );
    },
  };
}

async function* outputOf(
  name: string,
  { program, args: first = [], directory, environment, ...limits }: ShellProgram,
  args: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const { timeout, maxOutput } = withDefaults(DEFAULTS, limits);
  const child = spawn(program, [...first, ...args], {
    cwd: directory,
    env: { ...ENVIRONMENT, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that what it starts is killed with it.
    detached: platform() !== "win32",
  });
  const ended = once(child, "exit").then(
    ([code, killedBy]) => (code === 0 ? "" : `ended ${killedBy ? `by ${killedBy}` : `with code ${code}`}`),
    (error) => `cannot be started: ${messageOf(error)}`,
  );
  const output = merged(child);
  let why = "";
  const end = (reason: string) => {
    why ||= reason;
    killGroup(child);
    output.end();
  };
  const interrupt = () => end("interrupted");
  const timer = setTimeout(() => end(`stopped after ${timeout / 1000} s`), timeout);
  signal.addEventListener("abort", interrupt);
  const decoder = new TextDecoder();
  let left = maxOutput;
  let last = "\n";
  try {
    for await (const chunk of output) {
      const text = decoder.decode(chunk.subarray(0, left), { stream: true });
      left -= chunk.length;
      last = text.at(-1) ?? last;
      yield text;
      if (left < 0) end(`stopped after ${maxOutput} bytes of output`);
      if (left < 0) break;
    }
    why ||= await ended;
    if (last !== "\n") yield "\n";
    if (why !== "") yield `run: ${name} ${why}.\n`;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
    killGroup(child);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** What it says and what it complains of, as they come. It ends with the program: what that leaves running is killed. */
function merged(child: ChildProcess): PassThrough {
  const output = new PassThrough();
  const { stdout, stderr } = child;
  stdout?.pipe(output, { end: false });
  stderr?.pipe(output, { end: false });
  child.once("error", () => output.end());
  child.once("exit", () => killGroup(child));
  child.once("close", () => output.end());
  return output;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    kill(platform() === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** Words between blanks; quotes keep blanks in a word, and there is no other syntax. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"']|["'])+/gu)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_quoted, double, single) => double ?? single),
  );
}
