import { partOf, SLICE } from "./reading.ts";
import type { ByteRange } from "./store.ts";

/** Smaller pieces than this are joined, so that none costs more than what it holds; in bytes. */
const SMALL = 64 * 1024;

/** Up to this size a file is one piece: to join it costs less than to keep account of pieces. In bytes. */
const WHOLE = 1024 * 1024;

/**
 * What a file in memory holds: in pieces, as it came, since to join a large one takes as long as to receive it. Never changed:
 * who reads it reads one moment.
 */
export class Content {
  static readonly NOTHING = Content.of([]);
  readonly length: number;
  #pieces: readonly Uint8Array[];

  /** @param pieces the content's own from now on. */
  static of(pieces: readonly Uint8Array[]): Content {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    return new Content(length <= WHOLE && pieces.length > 1 ? [joined(pieces)] : tidy(pieces), length);
  }

  private constructor(pieces: readonly Uint8Array[], length: number) {
    this.#pieces = pieces;
    this.length = length;
  }

  /** All of it in one piece; the first call for a large file copies it, and the copy is kept instead. */
  get bytes(): Uint8Array {
    const [first] = this.#pieces;
    if (first && this.#pieces.length === 1) return first;
    const whole = joined(this.#pieces);
    this.#pieces = [whole];
    return whole;
  }

  /** The bytes from `start` up to, and without, `end`, as they lie. */
  #between(start: number, end: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      const part = piece.subarray(Math.max(0, start - at), Math.max(0, end - at));
      if (part.length > 0) found.push(part);
      at += piece.length;
      if (at >= end) break;
    }
    return found;
  }

  /** A range of it, in pieces of {@link SLICE} bytes at most. */
  *slices(range: ByteRange = {}): Generator<Uint8Array, void, undefined> {
    const { start, end } = partOf(range, this.length);
    for (const piece of this.#between(start, end)) {
      for (let from = 0; from < piece.length; from += SLICE) yield piece.subarray(from, from + SLICE);
    }
  }

  /** This content with other bytes in it from `start` on, and zeros where it does not reach that far. */
  with(written: readonly Uint8Array[], start: number, tail: "cut" | "keep"): Content {
    const zeros = Math.max(0, start - this.length);
    const end = written.reduce((sum, piece) => sum + piece.length, start);
    return Content.of([
      ...this.#between(0, start),
      ...(zeros > 0 ? [Buffer.alloc(zeros)] : []),
      ...written,
      ...(tail === "keep" ? this.#between(end, this.length) : []),
    ]);
  }
}

/** Small neighbours become one, and of a buffer that is mostly waste only what counts is kept. */
function tidy(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const kept: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let gathered = 0;
  const flush = () => {
    const [only, ...more] = small;
    const exact = only && more.length === 0 && only.length === only.buffer.byteLength;
    if (only) kept.push(exact ? only : joined(small));
    small = [];
    gathered = 0;
  };
  for (const piece of pieces) {
    if (piece.length >= SMALL) {
      flush();
      kept.push(piece.length * 2 < piece.buffer.byteLength ? joined([piece]) : piece);
    } else if (piece.length > 0) {
      small.push(piece);
      gathered += piece.length;
      if (gathered >= SMALL) flush();
    }
  }
  flush();
  return kept;
}

/** In a buffer of their own, which has no byte too many. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
