import { type ChildProcess, spawn } from "node:child_process";
import { platform } from "node:os";
import { dirname } from "node:path";
import { kill } from "node:process";
import type { Readable, Writable } from "node:stream";
import { messageOf } from "../../../core/errors.ts";
import type { Program } from "./program.ts";

/** How much of what a program complains of is kept, in characters: the end of it. */
const MAX_COMPLAINT = 2000;

/** How long a program has between SIGTERM and SIGKILL, in milliseconds. */
const KILL_DELAY = 500;

/** How long its complaints are waited for behind its end, in milliseconds. */
const LAST_WORDS = 100;

/** How a program ended. */
export interface Ending {
  /** Undefined where a signal ended it, or it never ran. */
  readonly code?: number;
  /** For the log: `ended with code 1: NameError: …`. */
  readonly account: string;
}

/** A program that runs, and all that it has started itself. There is no shell anywhere. */
export class Script {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  #timeout: number;
  #silence: NodeJS.Timeout | undefined;
  #killing: NodeJS.Timeout | undefined;
  #over = false;
  #killed = false;
  #timedOut = false;
  #blocked: () => boolean = () => false;

  /**
   * @param timeout in milliseconds; 0 for none.
   * @throws what the system says of a program that cannot be run (others of these errors come as an ending).
   */
  constructor({ file }: Program, env: Readonly<Record<string, string>>, timeout: number) {
    const child = spawn(file, [], {
      cwd: dirname(file),
      env,
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that what it has started can be ended with it.
      detached: platform() !== "win32",
      windowsHide: true,
    });
    this.#child = child;
    this.#timeout = timeout;
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-MAX_COMPLAINT);
    });
    // A program need not read what it is sent.
    child.stdin.on("error", () => {});
    const because = () => (complaint.trim() === "" ? "" : `: ${complaint.trim()}`);
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#settle();
        resolve({ account: `could not be run (${messageOf(error)})` });
      });
      child.once("exit", (code, signal) => {
        this.#settle();
        const tell = () => {
          clearTimeout(lastWords);
          resolve(
            code === null
              ? { account: `was ended by ${signal}${because()}` }
              : { code, account: `ended with code ${code}${because()}` },
          );
        };
        // Its last words may still be on their way; but whoever inherited the pipe keeps nobody waiting.
        const lastWords = setTimeout(() => child.stderr.destroy(), LAST_WORDS);
        if (child.stderr.closed) tell();
        else child.stderr.once("close", tell);
      });
    });
    if (timeout > 0) this.#silence = setTimeout(() => this.#onSilence(), timeout);
    // Not its exit: what it has started may have inherited the pipe, and go on.
    child.stdout.once("close", () => {
      clearTimeout(this.#silence);
      // Refreshing one that was cleared would start it again.
      this.#silence = undefined;
    });
  }

  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** What it reads. */
  get input(): Writable {
    return this.#child.stdin;
  }

  /** It did something: its patience begins anew. */
  alive(): void {
    this.#silence?.refresh();
  }

  /** From now on it may be silent for so many milliseconds, unless it had fewer before. */
  hurry(timeout: number): void {
    if (this.#over || this.#killed || (this.#timeout > 0 && this.#timeout <= timeout)) return;
    this.#timeout = timeout;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#onSilence(), timeout);
  }

  /** Says when its silence is somebody else's fault. */
  excusedWhen(blocked: () => boolean): void {
    this.#blocked = blocked;
  }

  /** What it writes; ends as well when it is killed. */
  async *output(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#child.stdout) {
        this.alive();
        yield chunk;
      }
    } catch (error) {
      if (!this.#child.stdout.destroyed) throw error;
    }
  }

  /** Ends it, with all that it has started. Harmless when it has ended. */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    const { stdout } = this.#child;
    const inherited = this.#over && !stdout.readableEnded;
    stdout.destroy();
    if (inherited) this.#signal("SIGKILL");
    if (this.#over) return;
    this.#signal("SIGTERM");
    this.#killing = setTimeout(() => this.#signal("SIGKILL"), KILL_DELAY);
  }

  #onSilence(): void {
    if (this.#blocked()) {
      this.#silence = setTimeout(() => this.#onSilence(), this.#timeout);
      return;
    }
    this.#timedOut = true;
    this.kill();
  }

  #settle(): void {
    this.#over = true;
    clearTimeout(this.#killing);
    // What outlives it has no reader any more.
    if (this.#killed) this.#signal("SIGKILL");
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (platform() === "win32") this.#child.kill(signal);
      else kill(-pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
