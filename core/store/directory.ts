import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Writable } from "node:stream";
import { codeOf, type ErrorCode, messageOf, WirelabError } from "../errors.ts";
import { nameOf, parentOf, resolvePath } from "../path.ts";
import type { Entry, Reading, Store, WriteOptions } from "./store.ts";

/** How much is read from disk at once, in bytes. */
const READ_SIZE = 256 * 1024;

/** What an upload is called until it is complete: no client sees such a name, or can ask for one. */
const PARTIAL = /^\.wirelab-[0-9a-f]{16}\.part$/;

/** No symlink is followed, no FIFO is waited for: what the path names has been resolved before. */
const OPEN_SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK;

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ["NOT_FOUND", "no such file or directory"],
  ELOOP: ["NOT_FOUND", "no such file or directory"],
  ENXIO: ["NOT_FOUND", "no such file or directory"],
  ENOTDIR: ["NOT_DIRECTORY", "not a directory"],
  EISDIR: ["IS_DIRECTORY", "is a directory"],
  EEXIST: ["EXISTS", "is there already"],
  ENOTEMPTY: ["NOT_EMPTY", "the directory is not empty"],
  EINVAL: ["FORBIDDEN", "cannot be moved there"],
  EACCES: ["FORBIDDEN", "permission denied"],
  EPERM: ["FORBIDDEN", "permission denied"],
  EROFS: ["FORBIDDEN", "the disk is read-only"],
  EBUSY: ["FORBIDDEN", "is in use"],
  ENAMETOOLONG: ["BAD_PATH", "the name is too long"],
  ENOSPC: ["QUOTA", "the disk is full"],
  EDQUOT: ["QUOTA", "the disk quota is used up"],
};

/**
 * A store on a folder of the disk. No path leaves the folder: symlinks that lead outside, or nowhere, are not there; those
 * that stay inside are followed. Only regular files and directories are there at all. A file is written beside its place
 * and renamed when it is complete.
 *
 * @throws WirelabError `BAD_OPTION` where the folder does not exist.
 */
export async function directoryStore(root: string): Promise<Store> {
  const real = await fs.realpath(root).catch((error) => {
    throw new WirelabError("BAD_OPTION", `${root}: no such folder to keep files in.`, { cause: error });
  });
  if (!(await fs.stat(real)).isDirectory()) {
    throw new WirelabError("BAD_OPTION", `${root} is no folder, so no files can be kept in it.`);
  }
  return new DirectoryStore(real);
}

class DirectoryStore implements Store {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  stat(path: string): Promise<Entry> {
    return this.#at(path, async (virtual) => entryOf(virtual, await fs.stat(await this.#resolve(virtual))));
  }

  list(path: string): Promise<readonly Entry[]> {
    return this.#at(path, async (virtual) => {
      const folder = await this.#resolve(virtual);
      const names = await fs.readdir(folder);
      const found = await Promise.all(
        names.filter((name) => !PARTIAL.test(name)).map((name) => this.#listed(virtual, folder, name)),
      );
      return found
        .filter((entry) => entry !== undefined)
        .sort((one, other) => (one.name < other.name ? -1 : 1));
    });
  }

  read(path: string): Promise<Reading> {
    return this.#at(path, async (virtual) => {
      const file = await fs.open(await this.#resolve(virtual), constants.O_RDONLY | OPEN_SAFELY);
      try {
        const entry = entryOf(virtual, await file.stat());
        if (entry.type === "directory") throw new WirelabError("IS_DIRECTORY", `${virtual}: is a directory.`);
        return readingOf(file, entry);
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  write(path: string, options: WriteOptions = {}): Promise<Writable> {
    return this.#at(path, async (virtual) => {
      const target = await this.#target(virtual);
      const old = await fs.lstat(target).catch(() => undefined);
      if (old?.isDirectory()) throw new WirelabError("IS_DIRECTORY", `${virtual}: is a directory.`);
      if (old && !old.isFile()) throw new WirelabError("FORBIDDEN", `${virtual}: is no regular file.`);
      const partial = join(dirname(target), `.wirelab-${randomBytes(8).toString("hex")}.part`);
      const file = await openPartial(partial, target, old, options);
      return new Upload(file, partial, target, virtual);
    });
  }

  remove(path: string): Promise<void> {
    return this.#at(path, async (virtual) => {
      const target = await this.#entryPoint(virtual);
      if ((await fs.lstat(target)).isDirectory()) await fs.rmdir(target);
      else await fs.unlink(target);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#at(from, async (virtual) => {
      const source = await this.#entryPoint(virtual);
      const wanted = resolvePath(to);
      const target = await this.#entryPoint(wanted);
      await fs.lstat(source);
      const there = await fs.lstat(target).catch(() => undefined);
      if (there?.isDirectory() && source !== target)
        throw new WirelabError("EXISTS", `${wanted}: is there already.`);
      await fs.rename(source, target);
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#at(path, async (virtual) => {
      if (virtual === "/") throw new WirelabError("EXISTS", "/: is there already.");
      await fs.mkdir(await this.#entryPoint(virtual));
    });
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#at(path, async (virtual) => fs.chmod(await this.#resolve(virtual), mode & 0o777));
  }

  setModified(path: string, modified: Date): Promise<void> {
    return this.#at(path, async (virtual) => fs.utimes(await this.#resolve(virtual), modified, modified));
  }

  /** Runs an operation on a normalised path; what the disk says against it becomes an error that names that path alone. */
  async #at<T>(path: string, operation: (virtual: string) => Promise<T>): Promise<T> {
    const virtual = resolvePath(path);
    if (virtual.split("/").some((name) => PARTIAL.test(name))) throw notFound(virtual);
    try {
      return await operation(virtual);
    } catch (error) {
      throw translated(error, virtual);
    }
  }

  /** Where a path leads on the disk, symlinks followed. */
  async #resolve(virtual: string): Promise<string> {
    const real = await fs.realpath(join(this.#root, virtual));
    if (real !== this.#root && !real.startsWith(this.#root === "/" ? "/" : `${this.#root}/`))
      throw notFound(virtual);
    return real;
  }

  /** The place of the entry itself, be it a symlink or not there yet: only its directory is resolved. */
  async #entryPoint(virtual: string): Promise<string> {
    if (virtual === "/") throw new WirelabError("FORBIDDEN", "/: the root stays where it is.");
    return join(await this.#resolve(parentOf(virtual)), nameOf(virtual));
  }

  /** Where a file is to be written: behind a symlink that stays inside, so that the link itself stays a link. */
  async #target(virtual: string): Promise<string> {
    if (virtual === "/") throw new WirelabError("IS_DIRECTORY", "/: is a directory.");
    const place = await this.#entryPoint(virtual);
    const there = await fs.lstat(place).catch(() => undefined);
    return there?.isSymbolicLink() ? this.#resolve(virtual) : place;
  }

  async #listed(virtual: string, folder: string, name: string): Promise<Entry | undefined> {
    const path = virtual === "/" ? `/${name}` : `${virtual}/${name}`;
    try {
      const there = await fs.lstat(join(folder, name));
      return entryOf(path, there.isSymbolicLink() ? await fs.stat(await this.#resolve(path)) : there);
    } catch {
      // It went meanwhile, leads outside, or is neither file nor directory.
      return undefined;
    }
  }
}

/** An upload: written beside its place, renamed into it when it has finished, gone when it is destroyed before. */
class Upload extends Writable {
  readonly #file: fs.FileHandle;
  readonly #partial: string;
  readonly #target: string;
  readonly #virtual: string;
  #renamed = false;

  constructor(file: fs.FileHandle, partial: string, target: string, virtual: string) {
    super({ highWaterMark: READ_SIZE });
    this.#file = file;
    this.#partial = partial;
    this.#target = target;
    this.#virtual = virtual;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#settle(this.#file.appendFile(chunk), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this.#settle(this.#file.appendFile(Buffer.concat(chunks.map(({ chunk }) => chunk))), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#settle(this.#complete(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const abandon = async () => {
      await this.#file.close();
      if (!this.#renamed) await fs.rm(this.#partial, { force: true });
    };
    abandon().then(
      () => done(error),
      (failure) => done(error ?? failure),
    );
  }

  async #complete(): Promise<void> {
    await fs.rename(this.#partial, this.#target);
    this.#renamed = true;
  }

  #settle(operation: Promise<void>, done: (error?: Error) => void): void {
    operation.then(
      () => done(),
      (error) => done(translated(error, this.#virtual)),
    );
  }
}

/** Makes the file to write to, with what the options keep of the old one in it. */
async function openPartial(
  partial: string,
  target: string,
  old: Stats | undefined,
  { start = 0, append }: WriteOptions,
): Promise<fs.FileHandle> {
  const keeps = old !== undefined && (append || start > 0);
  try {
    if (keeps) await fs.copyFile(target, partial, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const flags = constants.O_WRONLY | constants.O_APPEND | OPEN_SAFELY;
    const file = await fs.open(partial, keeps ? flags : flags | constants.O_CREAT | constants.O_EXCL);
    if (!append && start > 0) await file.truncate(start);
    if (old) await file.chmod(old.mode & 0o777);
    return file;
  } catch (error) {
    await fs.rm(partial, { force: true });
    throw error;
  }
}

function readingOf(file: fs.FileHandle, entry: Entry): Reading {
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= file.close();
    return closed;
  };
  return {
    entry,
    stream({ start = 0, end = entry.size - 1 } = {}): Readable {
      // What another process appends meanwhile is not of the moment that the entry tells of.
      const last = Math.min(end, entry.size - 1);
      if (start <= last) return file.createReadStream({ start, end: last, highWaterMark: READ_SIZE });
      void close();
      return Readable.from([]);
    },
    close,
  };
}

function entryOf(path: string, stats: Stats): Entry {
  // FIFOs, devices and sockets are not there.
  if (!stats.isFile() && !stats.isDirectory()) throw notFound(path);
  return {
    path,
    name: nameOf(path),
    type: stats.isFile() ? "file" : "directory",
    size: stats.isFile() ? stats.size : 0,
    modified: stats.mtime,
    mode: stats.mode & 0o777,
  };
}

function notFound(virtual: string): WirelabError {
  return new WirelabError("NOT_FOUND", `${virtual}: no such file or directory.`);
}

function translated(error: unknown, virtual: string): WirelabError {
  if (error instanceof WirelabError) return error;
  const [code, why] = CODES[codeOf(error) ?? ""] ?? [
    "IO",
    `the disk failed (${codeOf(error) ?? messageOf(error)})`,
  ];
  return new WirelabError(code, `${virtual}: ${why}.`, { cause: error });
}
