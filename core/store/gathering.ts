const SMALLEST_BLOCK = 4 * 1024;
const LARGEST_BLOCK = 4 * 1024 * 1024;

/**
 * Bytes that come in chunks of any size. They are copied, for whoever writes may use its buffer again, and into a few blocks
 * that grow, for a byte that comes alone must not cost the memory of a buffer.
 */
export class Gathering {
  readonly #blocks: Buffer[] = [];
  /** What is unused of the last block. */
  #free: Uint8Array = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(chunk: Uint8Array): void {
    const fits = Math.min(chunk.length, this.#free.length);
    this.#free.set(chunk.subarray(0, fits));
    this.#free = this.#free.subarray(fits);
    const rest = chunk.subarray(fits);
    if (rest.length > 0) {
      const grown = Math.min(Math.max(this.#length, SMALLEST_BLOCK), LARGEST_BLOCK);
      const block = Buffer.allocUnsafeSlow(Math.max(rest.length, grown));
      block.set(rest);
      this.#blocks.push(block);
      this.#free = block.subarray(rest.length);
    }
    this.#length += chunk.length;
  }

  /** All in one piece that has no byte too many, behind `head`. */
  behind(head: Uint8Array): Buffer {
    const [first] = this.#blocks;
    if (head.length === 0 && first?.length === this.#length) return first;
    const whole = Buffer.allocUnsafeSlow(head.length + this.#length);
    whole.set(head);
    let at = head.length;
    // The last block's unused bytes do not fit, and are cut off.
    for (const block of this.#blocks) at += block.copy(whole, at);
    return whole;
  }
}
