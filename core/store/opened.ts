import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { Content } from "./content.ts";
import { diskRefusal } from "./errno.ts";
import { HeldReading, partOf, SLICE } from "./reading.ts";
import { refusal } from "./refusal.ts";
import type { ByteRange, Entry, Reading } from "./store.ts";

/** Files up to this size, in bytes, are read at once: no handle stays open for whoever reads them slowly. */
const SMALL = 64 * 1024;

/** The reading of a file on disk. The handle is the reading's to close, unless this throws. */
export async function openReading(file: FileHandle, entry: Entry): Promise<Reading> {
  if (entry.size > SMALL) return new OpenReading(file, entry);
  const bytes = Buffer.allocUnsafeSlow(entry.size);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  await file.close();
  // Another program may have cut the file off since its size was asked for.
  return new HeldReading({ ...entry, size: length }, Content.of([bytes.subarray(0, length)]));
}

class OpenReading implements Reading {
  readonly entry: Entry;
  readonly #file: FileHandle;
  #stream: Readable | undefined;

  constructor(file: FileHandle, entry: Entry) {
    this.#file = file;
    this.entry = entry;
  }

  stream(range: ByteRange = {}): Readable {
    // What another program appends meanwhile is not of the moment that the entry tells of.
    this.#stream = streamOf(this.#file, this.entry.path, partOf(range, this.entry.size));
    return this.#stream;
  }

  async *borrowed(range: ByteRange = {}): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* borrowedFrom(this.#file, this.entry.path, partOf(range, this.entry.size));
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    this.#stream?.destroy();
    await this.#file.close();
  }
}

/** A part of a file, the smaller of a buffer and what is left of it up to `end`. */
async function readAt(
  file: FileHandle,
  path: string,
  buffer: Buffer,
  { start, end }: { start: number; end: number },
): Promise<Uint8Array> {
  const length = Math.min(buffer.length, end - start);
  const { bytesRead } = await file.read(buffer, 0, length, start).catch((error) => {
    throw diskRefusal(error, path);
  });
  if (bytesRead === 0) throw refusal("IO", path, { why: "the file became shorter while it was read" });
  return buffer.subarray(0, bytesRead);
}

async function* borrowedFrom(
  file: FileHandle,
  path: string,
  { start, end }: { start: number; end: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  // While one of them is sent, the other is filled.
  const sizes = [Math.min(SLICE, end - start), Math.min(SLICE, Math.max(0, end - start - SLICE))];
  let [filling, sending] = sizes.map((size) => Buffer.allocUnsafeSlow(size)) as [Buffer, Buffer];
  let at = start;
  let coming = at < end ? readAt(file, path, filling, { start: at, end }) : undefined;
  try {
    while (coming) {
      const bytes = await coming;
      at += bytes.length;
      [filling, sending] = [sending, filling];
      coming = at < end ? readAt(file, path, filling, { start: at, end }) : undefined;
      // Asked for only when what there is is sent.
      coming?.catch(() => {});
      yield bytes;
    }
  } finally {
    await coming?.catch(() => {});
  }
}

function streamOf(file: FileHandle, path: string, { start, end }: { start: number; end: number }): Readable {
  let at = start;
  return new Readable({
    highWaterMark: SLICE,
    read() {
      if (at === end) {
        this.push(null);
        return;
      }
      const buffer = Buffer.allocUnsafeSlow(Math.min(SLICE, end - at));
      readAt(file, path, buffer, { start: at, end }).then(
        (bytes) => {
          at += bytes.length;
          this.push(bytes);
        },
        (error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      file.close().then(
        () => done(error),
        (failure) => done(error ?? diskRefusal(failure, path)),
      );
    },
  });
}
