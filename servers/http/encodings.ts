import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Request } from "express";
import { codeOf } from "../../core/errors.ts";
import type { Store } from "../../core/store/store.ts";
import type { Content, Contents } from "./content.ts";
import { MemoryContent } from "./content.ts";

/** What a content may be packed as on its way (RFC 9110 §8.4), and how files are called that are packed already. */
const SUFFIXES = { br: ".br", gzip: ".gz" } as const;
export type Encoding = keyof typeof SUFFIXES;

/** Contents above this size, in bytes, are not packed on the fly: they would have to be held to tell their length. */
const MAX_PACKED = 1_048_576;

const pack: Readonly<Record<Encoding, (bytes: Uint8Array) => Promise<Buffer>>> = {
  gzip: promisify(gzip),
  br: (bytes) =>
    promisify(brotliCompress)(bytes, {
      // The default, 11, takes a hundred times as long for a tenth less.
      params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
};

/** Where a content comes from, for what lies packed beside it. */
export interface Place {
  readonly store: Store;
  readonly path: string;
}

/**
 * Chooses the form of a content that a client likes best: what lies packed beside it and is not older (`app.js.gz`,
 * `app.js.br`), or what is packed on the fly. Never for ranges, which are of the file itself.
 */
export type Encoder = (request: Request, content: Content, place?: Place) => Promise<Content>;

/** An own one for each engine, for it remembers what it packed as long as the file stays as it is in memory. */
export function encoder(contentOf: Contents): Encoder {
  const packed = new WeakMap<Content, Map<Encoding, Promise<Content>>>();

  async function beside(
    content: Content,
    encoding: Encoding,
    { store, path }: Place,
  ): Promise<Content | undefined> {
    let found: Content;
    try {
      found = await contentOf(store, path + SUFFIXES[encoding]);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return undefined;
    }
    if (found.modified && content.modified && found.modified >= content.modified) {
      return asEncoded(found, content, encoding);
    }
    await found.close?.();
    return undefined;
  }

  function onTheFly(content: Content, encoding: Encoding): Promise<Content> {
    const known = packed.get(content) ?? new Map<Encoding, Promise<Content>>();
    packed.set(content, known);
    const made = known.get(encoding) ?? packedAs(content, encoding);
    known.set(encoding, made);
    return made;
  }

  return async (request, content, place) => {
    const { headers } = request;
    if (!content.negotiable || headers["accept-encoding"] === undefined || headers.range !== undefined) {
      return content;
    }
    const encoding = request.acceptsEncodings(["br", "gzip", "identity"]);
    if (encoding !== "br" && encoding !== "gzip") return content;
    const ready = place && (await beside(content, encoding, place));
    if (!ready && content.size > MAX_PACKED) return content;
    const chosen = ready ?? (await onTheFly(content, encoding));
    if (chosen !== content) await content.close?.();
    return chosen;
  };
}

async function packedAs(content: Content, encoding: Encoding): Promise<Content> {
  const bytes = content.bytes ?? (await gathered(content));
  const smaller = await pack[encoding](bytes);
  if (smaller.length >= bytes.length && content.bytes) return content;
  const { type, etag, modified } = content;
  return new MemoryContent(smaller, type, tagOf(etag, encoding), modified, encoding);
}

async function gathered(content: Content): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.part({ start: 0, end: content.size - 1 })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes of one content, packed, as a form of another. */
function asEncoded(
  bytes: Content,
  { type, etag, modified, lastModified }: Content,
  encoding: Encoding,
): Content {
  return {
    type,
    size: bytes.size,
    etag: tagOf(etag, encoding),
    negotiable: true,
    encoding,
    ...(modified && { modified }),
    ...(lastModified !== undefined && { lastModified }),
    ...(bytes.bytes && { bytes: bytes.bytes }),
    ...(bytes.body !== undefined && { body: bytes.body }),
    part: (range) => bytes.part(range),
    close: async () => bytes.close?.(),
  };
}

/** Each form has its own tag, for their bytes differ (RFC 9110 §8.8.3.3). */
function tagOf(etag: string, encoding: Encoding): string {
  return `${etag.slice(0, -1)}-${encoding}"`;
}

/** The tag of the file itself: whoever stores or deletes under a condition means that, in whatever form he has read it. */
export function withoutEncoding(etag: string): string {
  return etag.replace(/-(?:gzip|br)"$/, '"');
}
