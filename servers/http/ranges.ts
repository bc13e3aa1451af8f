import { randomUUID } from "node:crypto";
import type { Request } from "express";

/** Bytes of a file, both ends included. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** More ranges than this are no reader's wish: the whole file is the answer (RFC 9110 §14.2). */
const MAX_RANGES = 64;

/**
 * The parts that a GET asks for, overlapping ones made one; undefined where it is to get the whole, because it asks for no
 * part or in a way that nobody understands.
 */
export function rangesOf(request: Request, size: number): readonly Range[] | "unsatisfiable" | undefined {
  const { range } = request.headers;
  // Nothing can be a part of an empty file; some clients ask for one always.
  if (range === undefined || request.method !== "GET" || size === 0) return undefined;
  // RFC 9110 §14.1.2: the last 500 bytes of a shorter file are all of it; range-parser holds that for unsatisfiable.
  // Nor does it know that an element of a list may be empty (§5.6.1.2).
  const listed = range.replace(/=[\s,]+/, "=").replace(/,[\s,]*(?=,|$)/g, "");
  request.headers.range = listed.replace(/([=,]\s*)-(\d+)/g, (suffix, before: string, length: string) =>
    Number(length) > size ? `${before}0-` : suffix,
  );
  const ranges = request.range(size, { combine: true });
  if (ranges === undefined || ranges === -2) return undefined;
  if (ranges === -1) return range.toLowerCase().startsWith("bytes=") ? "unsatisfiable" : undefined;
  return ranges.type.toLowerCase() === "bytes" && ranges.length <= MAX_RANGES ? ranges : undefined;
}

/** `bytes 0-99/1000`, for the Content-Range of a part. */
export function contentRange({ start, end }: Range, size: number): string {
  return `bytes ${start}-${end}/${size}`;
}

/** Several parts in one body (RFC 9110 §14.6). */
export interface Multipart {
  readonly type: string;
  /** Of the whole body, in bytes. */
  readonly length: number;
  /** The body: what stands between the parts, and the parts as `read` gives them. */
  body(read: (range: Range) => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

export function multipart(ranges: readonly Range[], type: string, size: number): Multipart {
  const boundary = randomUUID();
  const parts = ranges.map((range, index) => {
    const before = index === 0 ? "" : "\r\n";
    const fields = `Content-Type: ${type}\r\nContent-Range: ${contentRange(range, size)}`;
    return { range, head: Buffer.from(`${before}--${boundary}\r\n${fields}\r\n\r\n`) };
  });
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    type: `multipart/byteranges; boundary=${boundary}`,
    length: parts.reduce(
      (sum, { head, range }) => sum + head.length + range.end - range.start + 1,
      end.length,
    ),
    async *body(read) {
      for (const { head, range } of parts) {
        yield head;
        yield* read(range);
      }
      yield end;
    },
  };
}
