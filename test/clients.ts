import { spawn, spawnSync } from "node:child_process";
import { type TestContext, test } from "vitest";

/** What a program printed, and how it ended. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What the program reads; its stdin is closed behind it. Default: nothing. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until it is killed; default 15,000. */
  readonly timeout?: number;
}

/** Runs a program without a shell and waits for its end; a program that does not end is killed, and `code` is null. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      timeout: options.timeout ?? 15_000,
      killSignal: "SIGKILL",
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk) => stdout.push(chunk));
    child.stderr.on("data", (chunk) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
    // A program that ends without reading its input is no failure of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
  });
}

/**
 * Skips a test where a program that it drives is missing, and says so; with `WIRELAB_REAL_CLIENTS=1`, which CI sets, the
 * test fails instead.
 */
export function needPrograms(context: TestContext, ...programs: readonly string[]): void {
  const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  if (missing.length === 0) return;
  const reason = `not installed: ${missing.join(", ")}`;
  if (process.env.WIRELAB_REAL_CLIENTS === "1")
    throw new Error(`${reason}, and WIRELAB_REAL_CLIENTS=1 asks for it`);
  context.skip(reason);
}

/** A test that drives a real client, where there is that client: see {@link needPrograms}. */
export function clientTest(
  program: string,
  name: string,
  body: (context: TestContext) => Promise<void>,
): void {
  test(`${program}: ${name}`, async (context) => {
    needPrograms(context, program);
    await body(context);
  });
}
