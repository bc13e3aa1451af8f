import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { needPrograms } from "../clients.ts";
import { nobody } from "./dialogue.ts";

const PROGRAM = "nginx";

/** A nginx of one process on 127.0.0.1 that answers every request with the same text. */
export class Nginx implements AsyncDisposable {
  readonly port: number;
  readonly name: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.name = `127.0.0.1:${port}`;
    this.#folder = folder;
    this.#child = spawn(PROGRAM, ["-p", folder, "-c", "conf", "-e", "stderr"], { stdio: "ignore" });
    this.#ended = once(this.#child, "exit");
  }

  /**
   * Resolves when it listens.
   *
   * @param answer a text in nginx's own language: variables begin with `$`.
   * @param listen what stands behind the address in its `listen`.
   */
  static async start(context: TestContext, answer: string, listen = "", port?: number): Promise<Nginx> {
    needPrograms(context, PROGRAM);
    const chosen = port ?? (await nobody()).port;
    const folder = mkdtempSync(join(tmpdir(), "wirelab-nginx-"));
    const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (what) => `${what}_temp_path ${folder}/${what};`,
    );
    writeFileSync(
      join(folder, "conf"),
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr emerg;
       events { worker_connections 512; }
       http {
         access_log off; ${places.join(" ")}
         server { listen 127.0.0.1:${chosen} ${listen}; location / { return 200 "${answer}"; } }
       }`,
    );
    const nginx = new Nginx(chosen, folder);
    await nginx.#listening();
    return nginx;
  }

  /** Ends it: `SIGKILL` at once, `SIGQUIT` when it has answered those whom it has let in. */
  async end(signal: "SIGKILL" | "SIGQUIT"): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.end("SIGKILL");
  }

  async #listening(): Promise<void> {
    for (let tries = 0; tries < 500; tries += 1) {
      const probe = connect(this.port, "127.0.0.1");
      const reached = await Promise.race([
        once(probe, "connect").then(() => true),
        new Promise<boolean>((resolve) => probe.on("error", () => resolve(false))),
      ]).catch(() => false);
      probe.destroy();
      if (reached) return;
      if (this.#child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`nginx does not listen on port ${this.port}.`);
  }
}
