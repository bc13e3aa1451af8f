/** How many bytes a message may have, its length not counted. */
export const MAX_FRAME = 1024 * 1024;

/** The length in front of a message: four bytes, most significant first. */
const HEAD = 4;

/** Puts messages together again that TCP has cut, or joined. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #held = 0;

  /** Takes what came, and hands on each message that is whole, its length in front. */
  push(chunk: Buffer, take: (frame: Buffer) => void): "fits" | "too long" {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (this.#held >= HEAD) {
      const wanted = HEAD + this.#first(HEAD).readUInt32BE();
      if (wanted > HEAD + MAX_FRAME) return "too long";
      if (this.#held < wanted) break;
      const bytes = this.#first(wanted);
      take(bytes.subarray(0, wanted));
      this.#chunks[0] = bytes.subarray(wanted);
      this.#held -= wanted;
    }
    return "fits";
  }

  /** A piece that begins with the first so many bytes; copied only where they came in several. */
  #first(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= bytes) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
