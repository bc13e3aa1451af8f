const SMALLEST_BLOCK = 4 * 1024;
const LARGEST_BLOCK = 4 * 1024 * 1024;

/** From this size on a chunk is kept as it is where that is allowed, in bytes: a smaller one costs more to keep than to copy. */
const WORTH_KEEPING = 16 * 1024;

/**
 * Bytes that come in chunks of any size. They are copied, for whoever writes may use its buffer again, and into a few blocks
 * that grow, for a byte that comes alone must not cost the memory of a buffer.
 */
export class Gathering {
  readonly #handedOver: boolean;
  readonly #pieces: Uint8Array[] = [];
  /** The last block, and how much of it is used. */
  #block: Uint8Array = Buffer.alloc(0);
  #used = 0;
  #length = 0;

  /** @param handsOver whoever writes does not touch its chunks again: those that are large need not be copied. */
  constructor({ handsOver = false }: { readonly handsOver?: boolean } = {}) {
    this.#handedOver = handsOver;
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    const large = chunk.length >= WORTH_KEEPING && chunk.length * 2 >= chunk.buffer.byteLength;
    if (this.#handedOver && large) {
      this.#flush();
      this.#pieces.push(chunk);
      return;
    }
    const fits = Math.min(chunk.length, this.#block.length - this.#used);
    this.#block.set(chunk.subarray(0, fits), this.#used);
    this.#used += fits;
    const rest = chunk.subarray(fits);
    if (rest.length === 0) return;
    this.#flush();
    const largest = this.#handedOver ? WORTH_KEEPING : LARGEST_BLOCK;
    const grown = Math.min(Math.max(this.#length, SMALLEST_BLOCK), largest);
    this.#block = Buffer.allocUnsafeSlow(Math.max(rest.length, grown));
    this.#block.set(rest);
    this.#used = rest.length;
  }

  /** All that has come, in pieces. Called last. */
  pieces(): readonly Uint8Array[] {
    this.#flush();
    return this.#pieces;
  }

  #flush(): void {
    if (this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = Buffer.alloc(0);
    this.#used = 0;
  }
}
