import { isUtf8 } from "node:buffer";
import { constants, lstatSync, realpathSync, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { join, sep } from "node:path";
import type { Writable } from "node:stream";
import type { Clock } from "../clock.ts";
import { codeOf, WirelabError } from "../errors.ts";
import { childOf, isWithin, nameOf, parentOf, resolveEntry } from "../path.ts";
import { Content } from "./content.ts";
import { diskRefusal } from "./errno.ts";
import { openReading } from "./opened.ts";
import { isPartial, type Target, Uploads } from "./partial.ts";
import { HeldReading } from "./reading.ts";
import { RecentFiles } from "./recent.ts";
import { checkOffset, checkTime, intoItself, refusal, rootStays } from "./refusal.ts";
import { isInside, Secluded } from "./secluded.ts";
import type { Entry, Reading, Store, WriteOptions } from "./store.ts";

/** No symlink is followed, no FIFO is waited for, no terminal taken: what the path names has been resolved before. */
const OPEN_SAFELY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

// What directories say is asked by this very thread: the system has it at hand, and to ask another thread takes five times as
// long. Only what moves bytes, or changes anything, is left to others.

/** How many entries of a listing are looked at before others have their turn. */
const TOGETHER = 256;

/** Where `\` parts names as well and `:` names drives and streams, neither can stand in a name. */
const UNSAFE = sep === "\\" ? /[\\:]/ : undefined;

export interface DirectoryStoreOptions {
  /** Files that are stored while it stands still have its time. Default: the machine's clock. */
  readonly clock?: Pick<Clock, "now" | "running">;
}

/**
 * A store on a folder of the disk. No path leaves the folder: symlinks that lead outside, or nowhere, are not there; those
 * that stay inside are followed. Only regular files and directories are there at all, and only names in UTF-8. A file is
 * written beside its place, under a hidden name, and renamed when it is complete; it keeps the old one's mode. A process
 * that is killed amid an upload leaves a `.wirelab-….part` behind, which may be deleted.
 *
 * @param root the folder; where it is a symlink, what that leads to now.
 * @throws WirelabError `BAD_OPTION` where there is no such folder.
 *
 * @example
 * ```ts
 * import { directoryStore, http, startLab } from "wirelab";
 *
 * await using lab = await startLab({ web: http() }, { store: await directoryStore(".") });
 * ```
 */
export async function directoryStore(root: string, { clock }: DirectoryStoreOptions = {}): Promise<Store> {
  const real = await fs.realpath(root).catch((error) => {
    throw new WirelabError("BAD_OPTION", `${root}: no such folder to keep files in.`, { cause: error });
  });
  if (!(await fs.stat(real)).isDirectory()) {
    throw new WirelabError("BAD_OPTION", `${root} is no folder, so no files can be kept in it.`);
  }
  return new DirectoryStore(
    real,
    "/",
    new Uploads(() => (clock?.running === false ? new Date(clock.now()) : undefined)),
  );
}

class DirectoryStore implements Store {
  readonly #root: string;
  /** The directory that no symlink leads out of, as a path of the store. */
  readonly #top: string;
  /** Those under way, in every view of the folder. */
  readonly #uploads: Uploads;
  readonly #recent: RecentFiles;
  readonly #secluded: Secluded;

  constructor(
    root: string,
    top: string,
    uploads: Uploads,
    recent = new RecentFiles(),
    secluded = new Secluded([]),
  ) {
    this.#root = root;
    this.#top = top;
    this.#uploads = uploads;
    this.#recent = recent;
    this.#secluded = secluded;
  }

  get folder(): string {
    return this.#root;
  }

  confined(directory: string): Store {
    const top = resolveEntry(directory);
    return new DirectoryStore(this.#root, top, this.#uploads, this.#recent, this.#secluded);
  }

  without(folders: readonly string[]): Store {
    const secluded = this.#secluded.and(folders);
    return new DirectoryStore(this.#root, this.#top, this.#uploads, this.#recent, secluded);
  }

  stat(path: string): Promise<Entry> {
    return this.#at(path, async (virtual) => this.#found(virtual).entry);
  }

  list(path: string): Promise<readonly Entry[]> {
    return this.#at(path, async (virtual) => {
      const { entry, place } = this.#found(virtual);
      if (entry.type === "file") throw refusal("NOT_DIRECTORY", virtual);
      const names = (await namesIn(place)).filter((name) => !isPartial(name) && !UNSAFE?.test(name)).sort();
      const entries: Entry[] = [];
      for (const [index, name] of names.entries()) {
        const found = this.#listed(childOf(virtual, name), `${place}${sep}${name}`);
        if (found) entries.push(found);
        if (index % TOGETHER === TOGETHER - 1) await new Promise(setImmediate);
      }
      return entries;
    });
  }

  read(path: string): Promise<Reading> {
    return this.#at(path, async (virtual) => {
      const place = this.#resolve(virtual);
      const known = this.#recent.at(place);
      if (known) return new HeldReading(entryOf(virtual, known.stats), Content.of([known.bytes]));
      const file = await fs.open(place, OPEN_SAFELY);
      try {
        const stats = await file.stat();
        const entry = entryOf(virtual, stats);
        if (entry.type === "directory") throw refusal("IS_DIRECTORY", virtual);
        const reading = await openReading(file, entry);
        if (reading.bytes) this.#recent.remember(place, stats, reading.bytes);
        return reading;
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  write(path: string, options: WriteOptions = {}): Promise<Writable> {
    return this.#at(path, async (virtual) => {
      checkOffset(options.start ?? 0);
      return this.#uploads.begin(virtual, options, async () => this.#target(virtual));
    });
  }

  available(): Promise<number> {
    return this.#at("/", async () => {
      const { bavail, bsize } = await fs.statfs(this.#root);
      return bavail * bsize;
    });
  }

  remove(path: string): Promise<void> {
    return this.#at(path, async (virtual) => {
      const { place, stats } = this.#itself(virtual);
      if (!stats.isDirectory()) return fs.unlink(place);
      return fs.rmdir(place).catch(async (error) => {
        // Uploads under way, or broken off with their process, are not there for clients.
        const names = codeOf(error) === "ENOTEMPTY" ? await fs.readdir(place) : [];
        if (names.length === 0 || !names.every(isPartial)) throw error;
        for (const name of names) await fs.rm(join(place, name), { force: true });
        await fs.rmdir(place);
      });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#at(from, async (source) => {
      const { place, stats } = this.#itself(source);
      await this.#at(to, async (target) => {
        if (target === source) return;
        if (stats.isDirectory() && isWithin(target, source)) throw intoItself(source);
        if (this.#secluded.pins(place)) {
          throw refusal("FORBIDDEN", source, { why: "something in it stays where it is" });
        }
        const free = this.#free(target, place, stats);
        if (stats.isDirectory()) await this.#uploads.move(place, free);
        else await fs.rename(place, free);
      });
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#at(path, async (virtual) => {
      if (virtual === this.#top) throw refusal("EXISTS", virtual);
      await fs.mkdir(this.#place(virtual), 0o755);
    });
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#at(path, async (virtual) => fs.chmod(this.#found(virtual).place, mode & 0o777));
  }

  setModified(path: string, modified: Date): Promise<void> {
    return this.#at(path, async (virtual) => {
      checkTime(modified);
      const { place, stats } = this.#found(virtual);
      await fs.lutimes(place, stats.atime, modified);
    });
  }

  /** Runs an operation on a normalised path; what the disk says against it becomes an error that names that path alone. */
  async #at<T>(path: string, operation: (virtual: string) => Promise<T>): Promise<T> {
    const virtual = resolveEntry(path);
    const names = virtual.split("/");
    if (names.some(isPartial)) throw refusal("NOT_FOUND", virtual);
    if (UNSAFE && names.some((name) => UNSAFE.test(name))) throw refusal("BAD_PATH", virtual);
    try {
      return await operation(virtual);
    } catch (error) {
      throw diskRefusal(error, virtual);
    }
  }

  /** Where a path leads on the disk, symlinks followed. */
  #resolve(virtual: string): string {
    const real = realpathSync.native(join(this.#root, virtual));
    const top = this.#top === "/" ? this.#root : realpathSync.native(join(this.#root, this.#top));
    if (isInside(real, top) && isInside(top, this.#root) && !this.#secluded.hides(real)) return real;
    throw refusal("NOT_FOUND", virtual);
  }

  /** What a path leads to, symlinks followed. */
  #found(virtual: string): { place: string; stats: Stats; entry: Entry } {
    const place = this.#resolve(virtual);
    const stats = lstatSync(place);
    return { place, stats, entry: entryOf(virtual, stats) };
  }

  /** The place of the entry itself, be it a symlink or not there yet: only its directory is resolved. */
  #place(virtual: string): string {
    const place = join(this.#resolve(parentOf(virtual)), nameOf(virtual));
    if (this.#secluded.hides(place)) throw nameTaken(virtual);
    return place;
  }

  /** What is to be removed or moved: a symlink, and not what it leads to. */
  #itself(virtual: string): { place: string; stats: Stats } {
    if (virtual === this.#top) throw rootStays(virtual);
    const place = this.#place(virtual);
    const stats = lstatSync(place);
    if (!stats.isSymbolicLink()) entryOf(virtual, stats);
    return { place, stats };
  }

  /** A place that something can be moved to: there is nothing, or there is a file for another one to replace. */
  #free(virtual: string, from: string, moved: Stats): string {
    if (virtual === this.#top) throw refusal("EXISTS", virtual);
    const place = this.#place(virtual);
    // A symlink may lead into it as well.
    if (moved.isDirectory() && isInside(place, from)) throw intoItself(virtual);
    const there = this.#occupant(virtual, place);
    if (there?.stats.isDirectory()) throw refusal("EXISTS", virtual);
    if (there && moved.isDirectory()) throw refusal("NOT_DIRECTORY", virtual);
    return place;
  }

  /** Where a file is to be written: behind a symlink that stays inside, so that the link itself stays a link. */
  #target(virtual: string): Target {
    if (virtual === this.#top) throw refusal("IS_DIRECTORY", virtual);
    const place = this.#place(virtual);
    const there = this.#occupant(virtual, place);
    if (!there) return { place };
    if (there.stats.isDirectory()) throw refusal("IS_DIRECTORY", virtual);
    return { place: there.place, old: there.stats };
  }

  /** What is in a place already, symlinks followed. What clients do not see is not theirs to replace. */
  #occupant(virtual: string, place: string): { place: string; stats: Stats } | undefined {
    if (!lstatSync(place, { throwIfNoEntry: false })) return undefined;
    try {
      return this.#found(virtual);
    } catch (error) {
      const { code } = diskRefusal(error, virtual);
      throw code === "NOT_FOUND" ? nameTaken(virtual) : error;
    }
  }

  #listed(path: string, place: string): Entry | undefined {
    if (this.#secluded.hides(place)) return undefined;
    try {
      const stats = lstatSync(place, { throwIfNoEntry: false });
      if (!stats) return undefined;
      return stats.isSymbolicLink() ? this.#found(path).entry : entryOf(path, stats);
    } catch {
      // It went meanwhile, leads outside, or is neither file nor directory.
      return undefined;
    }
  }
}

/** The names in UTF-8. What is none reads as one with this character, and then only is it worth the time to look closer. */
async function namesIn(place: string): Promise<string[]> {
  const names = await fs.readdir(place);
  if (!names.some((name) => name.includes("\ufffd"))) return names;
  const raw = await fs.readdir(place, { encoding: "buffer" });
  return raw.filter((name) => isUtf8(name)).map(String);
}

/** What clients do not see has its name all the same. */
function nameTaken(path: string): WirelabError {
  return refusal("FORBIDDEN", path, { why: "the name is taken" });
}

/** @throws WirelabError `NOT_FOUND` for FIFOs, devices and sockets: they are not there. */
function entryOf(path: string, stats: Stats): Entry {
  if (!stats.isFile() && !stats.isDirectory()) throw refusal("NOT_FOUND", path);
  return {
    path,
    name: nameOf(path),
    type: stats.isFile() ? "file" : "directory",
    size: stats.isFile() ? stats.size : 0,
    modified: stats.mtime,
    mode: stats.mode & 0o777,
    unique: `${stats.dev.toString(16)}g${stats.ino.toString(16)}`,
  };
}
