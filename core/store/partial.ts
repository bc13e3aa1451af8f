import { randomBytes } from "node:crypto";
import { constants, createReadStream, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { Writable } from "node:stream";
import { diskRefusal } from "./errno.ts";
import { SLICE } from "./reading.ts";
import type { WriteOptions } from "./store.ts";

/** How much may wait for the disk, in bytes: what waits is written at one go, and to go there costs more than the bytes do. */
const AHEAD = 4 * SLICE;

/** What an upload is called until it is complete: no client sees such a name, or can ask for one. */
export function isPartial(name: string): boolean {
  // Some disks do not tell capitals from small letters.
  return /^\.wirelab-[0-9a-f]{16}\.part$/i.test(name);
}

/** Where a file is to be, and what is there now. */
export interface Target {
  readonly place: string;
  readonly old?: Stats;
}

/** The time that new files are to have; left out where it is the machine's. */
export type Stamp = () => Date | undefined;

/** The uploads under way in one folder. */
export class Uploads {
  readonly #stamp: Stamp;
  readonly #open = new Set<Upload>();
  /** The last of those who want to complete the same file. */
  readonly #turns = new Map<string, Promise<void>>();
  /** What is done just now to partial files by their paths. */
  readonly #handling = new Set<Promise<unknown>>();
  /** A directory is being renamed. */
  #moving: Promise<void> | undefined;

  constructor(stamp: Stamp) {
    this.#stamp = stamp;
  }

  /**
   * Opens a file beside its place, with what the options keep of the old one in it.
   *
   * @param locate where the place is; asked again when the upload is complete.
   */
  begin(path: string, options: WriteOptions, locate: () => Promise<Target>): Promise<Writable> {
    return this.#inPlace(() => this.#begin(path, options, locate));
  }

  async #begin(path: string, options: WriteOptions, locate: () => Promise<Target>): Promise<Writable> {
    const target = await locate();
    const partial = partialBeside(target.place);
    const start = options.append ? 0 : (options.start ?? 0);
    const keepsTail = options.tail === "keep" && !options.append;
    const copied = target.old && (start > 0 || keepsTail);
    const file = await (copied ? copyOf(target.place, partial) : create(partial));
    try {
      if (start > 0 && !(keepsTail && start <= (target.old?.size ?? 0))) await file.truncate(start);
    } catch (error) {
      await file.close();
      await fs.rm(partial, { force: true });
      throw error;
    }
    const upload = new Upload({
      path,
      file,
      partial,
      start,
      append: options.append === true,
      stamp: this.#stamp,
      inTurn: (replace) =>
        this.#inTurn(target.place, () => this.#inPlace(async () => replace(await locate()))),
      inPlace: (step) => this.#inPlace(step),
      closed: () => this.#open.delete(upload),
    });
    this.#open.add(upload);
    return upload;
  }

  /** Gives a directory another name: the uploads into it lie elsewhere then, to be cleared away there. */
  async move(from: string, to: string): Promise<void> {
    while (this.#moving) await this.#moving.catch(() => {});
    this.#moving = this.#move(from, to);
    try {
      await this.#moving;
    } finally {
      this.#moving = undefined;
    }
  }

  async #move(from: string, to: string): Promise<void> {
    await Promise.allSettled(this.#handling);
    await fs.rename(from, to);
    for (const upload of this.#open) upload.moved(from, to);
  }

  /** Does something while no directory is renamed, so that the paths of partial files are what they seem. */
  async #inPlace<T>(step: () => Promise<T>): Promise<T> {
    while (this.#moving) await this.#moving.catch(() => {});
    const handling = step();
    this.#handling.add(handling);
    try {
      return await handling;
    } finally {
      this.#handling.delete(handling);
    }
  }

  /** Of two who append to a file at once, the second joins its bytes to what the first has made. */
  async #inTurn(place: string, step: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(place) ?? Promise.resolve()).then(step, step);
    this.#turns.set(place, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(place) === turn) this.#turns.delete(place);
    }
  }
}

interface Beginning {
  /** The virtual one, for messages. */
  readonly path: string;
  readonly file: fs.FileHandle;
  readonly partial: string;
  /** Where in the file the first byte goes. */
  readonly start: number;
  readonly append: boolean;
  readonly stamp: Stamp;
  /** Calls back, when nobody else completes the same file, with what is to be replaced. */
  inTurn(replace: (target: Target) => Promise<void>): Promise<void>;
  /** Calls back when no directory is being renamed, and lets none be until that is done. */
  inPlace(step: () => Promise<void>): Promise<void>;
  closed(): void;
}

/** A file that is written beside its place, renamed into it when it has finished, and gone when it is destroyed before. */
class Upload extends Writable {
  readonly #beginning: Beginning;
  readonly #file: fs.FileHandle;
  #partial: string;
  #at: number;
  #completion: Promise<void> | undefined;
  #renamed = false;

  constructor(beginning: Beginning) {
    super({ highWaterMark: AHEAD });
    this.#beginning = beginning;
    this.#file = beginning.file;
    this.#partial = beginning.partial;
    this.#at = beginning.start;
  }

  moved(from: string, to: string): void {
    if (this.#partial.startsWith(from + sep)) this.#partial = to + this.#partial.slice(from.length);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#settle(this.#put([chunk]), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this.#settle(this.#put(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#completion = this.#beginning.inTurn((target) => this.#replace(target));
    this.#settle(this.#completion, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const clear = async () => {
      await this.#completion?.catch(() => {});
      await this.#file.close();
      if (!this.#renamed) await this.#beginning.inPlace(async () => fs.rm(this.#partial, { force: true }));
    };
    clear()
      .finally(() => this.#beginning.closed())
      .then(
        () => done(error),
        (failure) => done(error ?? diskRefusal(failure, this.#beginning.path)),
      );
  }

  async #put(chunks: readonly Buffer[]): Promise<void> {
    const wanted = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const { bytesWritten } = await this.#file.writev(chunks, this.#at);
    this.#at += bytesWritten;
    // A disk that is nearly full takes a part, and then says why it takes no more.
    if (bytesWritten < wanted) await this.#put([Buffer.concat(chunks).subarray(bytesWritten)]);
  }

  async #replace({ place, old }: Target): Promise<void> {
    await this.#file.close();
    const joins = this.#beginning.append && old !== undefined && old.size > 0;
    const complete = joins ? await joined(place, this.#partial) : this.#partial;
    try {
      if (old) await fs.chmod(complete, old.mode & 0o777);
      const time = this.#beginning.stamp();
      if (time) await fs.utimes(complete, time, time);
      await fs.rename(complete, place);
      this.#renamed = !joins;
    } catch (error) {
      if (joins) await fs.rm(complete, { force: true });
      throw error;
    }
  }

  #settle(operation: Promise<void>, done: (error?: Error) => void): void {
    operation.then(
      () => done(),
      (error) => done(diskRefusal(error, this.#beginning.path)),
    );
  }
}

/** A short name that nobody can guess, in the same directory: a rename within it replaces in one step. */
function partialBeside(place: string): string {
  return join(dirname(place), `.wirelab-${randomBytes(8).toString("hex")}.part`);
}

function create(partial: string): Promise<fs.FileHandle> {
  return fs.open(partial, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
}

/** A copy that shares its blocks where the disk can do that, open to be gone on with. */
async function copyOf(place: string, partial: string, flags = 0): Promise<fs.FileHandle> {
  try {
    await fs.copyFile(place, partial, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    // The copy has the mode as well, which may forbid writing.
    await fs.chmod(partial, 0o600);
    return await fs.open(partial, constants.O_WRONLY | constants.O_NOFOLLOW | flags);
  } catch (error) {
    await fs.rm(partial, { force: true });
    throw error;
  }
}

/** The old file with the partial one behind it, under another partial name. */
async function joined(place: string, partial: string): Promise<string> {
  const whole = partialBeside(place);
  const file = await copyOf(place, whole, constants.O_APPEND);
  try {
    await fs.writeFile(file, createReadStream(partial, { highWaterMark: SLICE }));
    return whole;
  } catch (error) {
    await fs.rm(whole, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
