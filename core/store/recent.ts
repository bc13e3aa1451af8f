import { lstatSync, type Stats } from "node:fs";

/** How many bytes of files are remembered. */
const CAPACITY = 32 * 1024 * 1024;

/**
 * How long a file has to have been as it is until it is remembered, in milliseconds: disks count time in steps, the coarsest of
 * them two seconds long, and what changed twice within one looks the same.
 */
const SETTLED = 2000;

/** A file as it was when it was read. */
interface Remembered {
  readonly stats: Stats;
  readonly bytes: Uint8Array;
}

/** The files that were read of late, for as long as the disk says that they are as they were. */
export class RecentFiles {
  /** By real path; those that were asked for longest ago come first. */
  readonly #files = new Map<string, Remembered>();
  #bytes = 0;

  /** What is in a place, if it is remembered and has not changed. */
  at(place: string): Remembered | undefined {
    const known = this.#files.get(place);
    if (!known) return undefined;
    this.#forget(place, known);
    // By this very thread: what the system knows of a file is at hand, and to ask another thread takes ten times as long.
    const stats = lstatSync(place, { throwIfNoEntry: false });
    if (!stats || !isSame(stats, known.stats)) return undefined;
    this.#files.set(place, known);
    this.#bytes += known.bytes.length;
    return known;
  }

  /** @param stats of the moment before it was read. */
  remember(place: string, stats: Stats, bytes: Uint8Array): void {
    if (Date.now() - stats.ctimeMs < SETTLED || bytes.length !== stats.size) return;
    const before = this.#files.get(place);
    if (before) this.#forget(place, before);
    this.#files.set(place, { stats, bytes });
    this.#bytes += bytes.length;
    for (const [oldest, known] of this.#files) {
      if (this.#bytes <= CAPACITY) break;
      this.#forget(oldest, known);
    }
  }

  #forget(place: string, { bytes }: Remembered): void {
    this.#files.delete(place);
    this.#bytes -= bytes.length;
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return (
    one.ino === other.ino &&
    one.dev === other.dev &&
    one.size === other.size &&
    one.mtimeMs === other.mtimeMs &&
    one.ctimeMs === other.ctimeMs
  );
}
