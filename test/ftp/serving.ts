import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ftp, startLab } from "../../index.ts";
import { type RunOptions, run } from "../clients.ts";

/** A lab on either kind of store, a folder for the client, and what a client needs to find the server. */
export async function serving(
  kind: "memory" | "directory",
  files: Readonly<Record<string, string | Uint8Array>> = {},
) {
  const base = await mkdtemp(join(tmpdir(), "ftp-client-"));
  const root = join(base, "root");
  const cwd = join(base, "client");
  await mkdir(root);
  await mkdir(cwd);
  if (kind === "directory") {
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), bytes);
    }
  }
  const lab = await startLab(
    { files: ftp(), six: ftp({ host: "::1" }) },
    kind === "directory" ? { root } : { files },
  );
  const { port } = lab.servers.files;
  const six = lab.servers.six.port;
  return {
    lab,
    cwd,
    port: `${port}`,
    url: `ftp://foo:bar@127.0.0.1:${port}`,
    url6: `ftp://foo:bar@[::1]:${six}`,
    /** Where the server is, by the version of the internet protocol. */
    hosts: { 4: { host: "127.0.0.1", port }, 6: { host: "::1", port: six } },
    here: (name: string) => join(cwd, name),
    /** Runs a client in its folder, which is its home as well, so that nobody's settings matter. */
    async client(program: string, args: readonly string[], options: RunOptions = {}) {
      const outcome = await run(program, args, { cwd, env: { HOME: cwd, LC_ALL: "C.UTF-8" }, ...options });
      return { ...outcome, text: outcome.stdout + outcome.stderr };
    },
    /** Makes a file of the lab. */
    async put(path: string, bytes: string | Uint8Array): Promise<void> {
      const sink = await lab.store.write(path);
      await new Promise<void>((resolve, reject) => sink.on("finish", resolve).on("error", reject).end(bytes));
    },
    /** The lab's file. */
    async there(path: string): Promise<Buffer> {
      const reading = await lab.store.read(path);
      const chunks = await reading.stream().toArray();
      await reading.close();
      return Buffer.concat(chunks);
    },
    async [Symbol.asyncDispose]() {
      await lab.stop();
      await rm(base, { recursive: true, force: true });
    },
  };
}

export type Serving = Awaited<ReturnType<typeof serving>>;
