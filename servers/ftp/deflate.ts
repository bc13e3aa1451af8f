import { pipeline, Readable, type Transform } from "node:stream";
import { createDeflate, createInflate } from "node:zlib";

// MODE Z: what crosses the data connection is one stream of zlib's (draft-preston-ftpext-deflate).

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** How hard MODE Z packs, until OPTS says otherwise: what zlib's authors chose. */
export const DEFAULT_LEVEL = 6;

/** @param level from 0, not at all, to 9, at any price. */
export function deflated(chunks: Chunks, level: number): AsyncIterable<Uint8Array> {
  return through(chunks, createDeflate({ level }));
}

/** Throws where the stream is none of zlib's, or ends before its end. */
export function inflated(chunks: Chunks): AsyncIterable<Uint8Array> {
  return through(chunks, createInflate());
}

function through(chunks: Chunks, packing: Transform): AsyncIterable<Uint8Array> {
  // A failure of either is found by whoever reads.
  pipeline(Readable.from(chunks, { objectMode: false, highWaterMark: 1 }), packing, () => {});
  return packing;
}
