import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Outcome, run } from "../clients.ts";
import { root } from "../sources.ts";

/** A folder like that of somebody who has installed wirelab, and every package that wirelab has. */
export class Project implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "wirelab-project-"));

  /** @param files what is in it, by path; a folder of ours to copy, instead. */
  constructor(files: Readonly<Record<string, string>> | string) {
    const modules = join(this.folder, "node_modules");
    const wirelab = join(modules, "wirelab");
    mkdirSync(join(modules, ".bin"), { recursive: true });
    for (const name of readdirSync(join(root, "node_modules"))) {
      if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
    // A copy, not a link: runners treat what is below node_modules differently from what is linked there.
    cpSync(join(root, "package.json"), join(wirelab, "package.json"));
    cpSync(join(root, "dist"), join(wirelab, "dist"), {
      recursive: true,
      filter: (source) => !source.includes(".docs"),
    });
    chmodSync(join(wirelab, "dist", "launcher.js"), 0o755);
    symlinkSync(join(wirelab, "dist", "launcher.js"), join(modules, ".bin", "wirelab"));
    this.write("package.json", '{ "type": "module" }');
    if (typeof files === "string") cpSync(join(root, files), this.folder, { recursive: true });
    else for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** Runs Node in the project's folder. */
  node(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    return run(process.execPath, args, {
      cwd: this.folder,
      timeout: 60_000,
      // What our own runner tells its children is not meant for these.
      env: { NODE_ENV: "", VITEST: "", NODE_OPTIONS: "", NO_COLOR: "1", FORCE_COLOR: "0", ...env },
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
