import { Readable } from "node:stream";
import type { Content } from "./content.ts";
import type { ByteRange, Entry, Reading } from "./store.ts";

/** How much a stream hands out at once, in bytes: few turns of the event loop, and little that waits for a slow client. */
export const SLICE = 256 * 1024;

/** The reading of a file whose content is in memory. */
export class HeldReading implements Reading {
  readonly entry: Entry;
  readonly #content: Content;
  readonly #isCurrent: () => boolean;

  /** @param isCurrent whether the store is known to be as it was. */
  constructor(entry: Entry, content: Content, isCurrent = () => false) {
    this.entry = entry;
    this.#content = content;
    this.#isCurrent = isCurrent;
  }

  get current(): boolean {
    return this.#isCurrent();
  }

  get bytes(): Uint8Array {
    return this.#content.bytes;
  }

  slices(range?: ByteRange): Iterable<Uint8Array> {
    return this.#content.slices(range);
  }

  stream(range?: ByteRange): Readable {
    return Readable.from(this.#content.slices(range), { objectMode: false, highWaterMark: SLICE });
  }

  async close(): Promise<void> {}
}

/** The part of a file of `size` bytes that a range asks for, `end` excluded; empty where there is nothing of it. */
export function partOf(
  { start = 0, end = Infinity }: ByteRange,
  size: number,
): { start: number; end: number } {
  const from = Math.min(Math.max(start, 0), size);
  return { start: from, end: Math.max(from, Math.min(end + 1, size)) };
}
