import { extname } from "node:path/posix";
import etag from "etag";
import mime from "mime-types";
import { WirelabError } from "../../core/errors.ts";
import type { Entry, Reading, Store } from "../../core/store/store.ts";
import type { Validators } from "./conditions.ts";
import type { Encoding } from "./encodings.ts";
import type { Range } from "./ranges.ts";

/** Files up to this size, in bytes, are read whole: one write sends them, and their ETag is of their content. */
const SMALL = 64 * 1024;
/** Files in memory up to this size, in bytes, have an ETag of their content. */
const HASHED = 1024 * 1024;
/** Bodies up to this size, in bytes, go to Node as text: it joins text to the head, and one buffer is faster than two. */
const JOINED = 16 * 1024;

/** What a GET of something gets: the bytes, and what is said of them. */
export interface Content extends Validators {
  /** The media type, for Content-Type. */
  readonly type: string;
  readonly size: number;
  /** The time of `modified`, as HTTP says it. */
  readonly lastModified?: string;
  /** Whether it may be sent packed, so that caches must be told that what a client accepts decides. */
  readonly negotiable: boolean;
  /** What it is packed as (RFC 9110 §8.4). */
  readonly encoding?: Encoding;
  /** All bytes, where they are in memory. */
  readonly bytes?: Uint8Array;
  /** All bytes in the form that is sent fastest, where they are in memory; a text has a character for each byte. */
  readonly body?: Uint8Array | string;
  /** Some of the bytes. */
  part(range: Range): AsyncIterable<Uint8Array>;
  /** Lets go of it unread. */
  close?(): Promise<void>;
}

/** Bytes in memory, with all that is said of them: made once, sent often. */
export class MemoryContent implements Content {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly size: number;
  readonly etag: string;
  readonly modified?: Date;
  readonly lastModified?: string;
  readonly negotiable: boolean;
  readonly encoding?: Encoding;
  readonly body: Uint8Array | string;

  constructor(bytes: Uint8Array, type: string, tag: string, modified?: Date, encoding?: Encoding) {
    this.bytes = bytes;
    this.type = type;
    this.size = bytes.length;
    this.etag = tag;
    this.negotiable = encoding !== undefined || isNegotiable(type, bytes.length);
    if (encoding) this.encoding = encoding;
    this.body = bytes.length > JOINED ? bytes : bufferOf(bytes).toString("latin1");
    if (modified) {
      this.modified = modified;
      this.lastModified = modified.toUTCString();
    }
  }

  async *part({ start, end }: Range): AsyncGenerator<Uint8Array> {
    yield this.bytes.subarray(start, end + 1);
  }
}

/** A file that is sent as it is read. */
class StreamedContent implements Content {
  readonly type: string;
  readonly size: number;
  readonly etag: string;
  readonly modified: Date;
  readonly lastModified: string;
  readonly negotiable: boolean;
  readonly #again: () => Promise<Reading>;
  #reading: Reading | undefined;

  /** @param again reads the file anew: a reading gives one stream, and several parts need several. */
  constructor(reading: Reading, again: () => Promise<Reading>) {
    const { name, size, modified } = reading.entry;
    this.type = typeOf(name);
    this.size = size;
    this.etag = tagOfTime(reading.entry);
    this.modified = modified;
    this.lastModified = modified.toUTCString();
    this.negotiable = isNegotiable(this.type, size);
    this.#reading = reading;
    this.#again = again;
  }

  async *part(range: Range): AsyncGenerator<Uint8Array> {
    const reading = this.#reading ?? (await this.#again());
    this.#reading = undefined;
    if (tagOfTime(reading.entry) !== this.etag) {
      await reading.close();
      throw new WirelabError("IO", `${reading.entry.path}: the file changed while it was read.`);
    }
    yield* reading.stream(range);
  }

  async close(): Promise<void> {
    await this.#reading?.close();
  }
}

/** What came of a path when it was read last. */
interface Recent {
  readonly reading: Reading;
  readonly content: Content;
}

/** Paths for which that is remembered, in each store; of small files, since what is no longer there is remembered, too. */
const MAX_RECENT = 256;

/**
 * Reads files of a store as contents: at once, where it is known that the store would give the same again. To wait costs more
 * than to send it.
 */
export type Contents = (store: Store, path: string) => Content | Promise<Content>;

/** An own one for each engine, for it remembers what is in memory. */
export function contents(): Contents {
  const known = new WeakMap<Uint8Array, { readonly entry: Entry; readonly content: Content }>();
  const recent = new WeakMap<Store, Map<string, Recent>>();
  const contentOf = (entry: Entry, bytes: Uint8Array): Content => {
    const seen = known.get(bytes);
    if (seen?.entry.name === entry.name && seen.entry.modified.getTime() === entry.modified.getTime()) {
      return seen.content;
    }
    const tag = bytes.length <= HASHED ? etag(bufferOf(bytes)) : tagOfTime(entry);
    const content = new MemoryContent(bytes, typeOf(entry.name), tag, entry.modified);
    known.set(bytes, { entry, content });
    return content;
  };
  const read = async (store: Store, path: string): Promise<Content> => {
    const reading = await store.read(path);
    const { entry, bytes: held } = reading;
    if (!held && entry.size > SMALL) return new StreamedContent(reading, () => store.read(path));
    const bytes = held ?? (await whole(reading));
    if (!held) await reading.close();
    const content = contentOf(entry, bytes);
    if (reading.current && bytes.length <= SMALL) remember(store, path, { reading, content });
    return content;
  };
  const remember = (store: Store, path: string, one: Recent): void => {
    const ofStore = recent.get(store) ?? new Map<string, Recent>();
    if (ofStore.size >= MAX_RECENT) ofStore.clear();
    recent.set(store, ofStore.set(path, one));
  };
  return (store, path) => {
    const last = recent.get(store)?.get(path);
    return last?.reading.current ? last.content : read(store, path);
  };
}

/** Content that is made on the spot. */
export function made(text: string, type: string): Content {
  const bytes = Buffer.from(text);
  return new MemoryContent(bytes, type, etag(bytes, { weak: true }));
}

async function whole(reading: Reading): Promise<Uint8Array> {
  const { size } = reading.entry;
  const chunks: Uint8Array[] = [];
  if (size > 0) for await (const chunk of reading.stream({ end: size - 1 })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function tagOfTime({ size, modified }: Entry): string {
  return etag({ size, mtime: modified, ctime: modified, ino: 0 }, { weak: false });
}

/** Below this size, in bytes, packing gains nothing. */
const MIN_PACKED = 256;

/** Texts in the widest sense gain by being packed; what is packed already does not. */
const PACKABLE =
  /^(?:text\/|application\/(?:javascript|json|manifest|rtf|sql|wasm|x-ndjson|x-sh|xml|yaml)\b|image\/(?:bmp|svg)|[^;]+\+(?:json|text|xml)\b)/;

function isNegotiable(type: string, size: number): boolean {
  return size >= MIN_PACKED && PACKABLE.test(type);
}

function typeOf(name: string): string {
  return mime.contentType(extname(name)) || "application/octet-stream";
}
