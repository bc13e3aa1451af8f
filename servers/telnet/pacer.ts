import type { Writable } from "node:stream";

/** Slow bytes and odd splits. */
export interface Pace {
  /** How many bytes go out at a time; several numbers take turns. Default 1. */
  readonly bytes?: number | readonly number[];
  /** Milliseconds between two of these pieces. Default 1. */
  readonly ms?: number;
}

/** Bytes that wait, above which nothing more should be made. */
const FULL = 65_536;

/** Sends bytes in pieces, one after another, as a slow line does. */
export class Pacer {
  readonly #stream: Writable;
  readonly #sizes: readonly number[];
  readonly #ms: number;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #drained: () => void;
  #waiting = Buffer.alloc(0);
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;
  #onEmpty: (() => void)[] = [];

  /**
   * @param send hands bytes to the stream.
   * @param drained called when nothing waits any more.
   */
  constructor(
    stream: Writable,
    { bytes = 1, ms = 1 }: Pace,
    send: (bytes: Uint8Array) => void,
    drained: () => void,
  ) {
    this.#stream = stream;
    this.#send = send;
    this.#sizes = typeof bytes === "number" ? [bytes] : bytes;
    this.#ms = ms;
    this.#drained = drained;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get full(): boolean {
    return this.#waiting.length >= FULL;
  }

  push(bytes: Uint8Array): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (this.#timer === undefined) this.#next();
  }

  /** Resolves when nothing waits any more, or never will. */
  async emptied(): Promise<void> {
    if (this.#timer !== undefined) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  /** The connection is closed: what waits is lost. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = Buffer.alloc(0);
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  #next(): void {
    if (this.#waiting.length === 0 || !this.#stream.writable) {
      this.stop();
      this.#drained();
      return;
    }
    const size = this.#sizes[this.#turn % this.#sizes.length] ?? 1;
    this.#turn += 1;
    // A client that does not read holds up the pieces, not the memory.
    if (!this.#stream.writableNeedDrain) {
      this.#send(this.#waiting.subarray(0, size));
      this.#waiting = this.#waiting.subarray(size);
    }
    this.#timer = setTimeout(() => this.#next(), this.#ms);
  }
}
