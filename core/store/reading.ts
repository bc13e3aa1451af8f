import { Readable } from "node:stream";
import type { Content } from "./content.ts";
import type { ByteRange, Entry, Reading } from "./store.ts";

/** How much a stream hands out at once, in bytes: few turns of the event loop, and little that waits for a slow client. */
export const SLICE = 256 * 1024;

/** The reading of a file whose content is in memory. */
export function readingOf(entry: Entry, content: Content): Reading {
  return {
    entry,
    get bytes() {
      return content.bytes;
    },
    slices: (range) => content.slices(range),
    stream: (range) => Readable.from(content.slices(range), { objectMode: false, highWaterMark: SLICE }),
    close: nothingToClose,
  };
}

/** The part of a file of `size` bytes that a range asks for, `end` excluded; empty where there is nothing of it. */
export function partOf(
  { start = 0, end = Infinity }: ByteRange,
  size: number,
): { start: number; end: number } {
  const from = Math.min(Math.max(start, 0), size);
  return { start: from, end: Math.max(from, Math.min(end + 1, size)) };
}

async function nothingToClose(): Promise<void> {}
