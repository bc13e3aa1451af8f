import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { diskRefusal } from "./errno.ts";
import { partOf, readingOf, SLICE } from "./reading.ts";
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
  return readingOf({ ...entry, size: length }, bytes.subarray(0, length));
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

  async close(): Promise<void> {
    this.#stream?.destroy();
    await this.#file.close();
  }
}

function streamOf(file: FileHandle, path: string, { start, end }: { start: number; end: number }): Readable {
  let at = start;
  return new Readable({
    highWaterMark: SLICE,
    read() {
      const length = Math.min(SLICE, end - at);
      if (length === 0) {
        this.push(null);
        return;
      }
      file.read(Buffer.allocUnsafeSlow(length), 0, length, at).then(
        ({ buffer, bytesRead }) => {
          at += bytesRead;
          if (bytesRead > 0) this.push(buffer.subarray(0, bytesRead));
          else this.destroy(refusal("IO", path, { why: "the file became shorter while it was read" }));
        },
        (error) => this.destroy(diskRefusal(error, path)),
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
