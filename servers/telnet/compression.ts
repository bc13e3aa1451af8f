import type { Writable } from "node:stream";
import { constants, createDeflate, type Deflate } from "node:zlib";

/** Output as one zlib stream (MCCP2), each piece of which the client can read at once. */
export class Compression {
  readonly #deflate: Deflate = createDeflate();
  readonly #stream: Writable;
  readonly #resume = () => void this.#deflate.resume();

  /**
   * @param send hands bytes to the stream; false where it has no room for more.
   * @param drained called when there is room for output again.
   * @param ended called when the last byte is with the stream, and plain output may follow.
   */
  constructor(stream: Writable, send: (bytes: Buffer) => boolean, drained: () => void, ended: () => void) {
    this.#stream = stream;
    this.#deflate.on("data", (bytes: Buffer) => {
      if (!send(bytes)) this.#deflate.pause();
    });
    // What is written to it when it has been stopped is lost with the rest.
    this.#deflate.on("error", () => {});
    this.#deflate.on("drain", drained);
    this.#deflate.once("end", () => {
      stream.off("drain", this.#resume);
      ended();
    });
    stream.on("drain", this.#resume);
  }

  get congested(): boolean {
    return this.#deflate.writableNeedDrain;
  }

  get waiting(): number {
    return this.#deflate.writableLength + this.#deflate.readableLength;
  }

  write(bytes: Uint8Array): void {
    this.#deflate.write(bytes);
    this.#deflate.flush(constants.Z_SYNC_FLUSH);
  }

  end(): void {
    this.#deflate.end();
  }

  /** The connection is closed: what waits is lost. */
  stop(): void {
    this.#stream.off("drain", this.#resume);
    this.#deflate.destroy();
  }
}
