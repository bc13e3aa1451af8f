import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Direction } from "./events.ts";
import { type Effect, Lane } from "./lane.ts";
import type { Shaper } from "./shapers.ts";

/**
 * A stream around a socket, for what acts on bytes. It knows bytes and never protocol. It is there only while somebody needs
 * it: a plain lab hands out bare sockets.
 */
export class Wire extends Duplex {
  readonly #under: Socket;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  #accepted: (() => void) | undefined;
  #finished: (() => void) | undefined;

  /** @param passed called with all bytes that pass, as they leave for their receiver. */
  constructor(under: Socket, passed?: (direction: Direction, bytes: Buffer) => void) {
    super({ allowHalfOpen: true, decodeStrings: true });
    this.#under = under;
    this.#lanes = {
      in: new Lane({
        write: (bytes) => {
          passed?.("in", bytes);
          return this.push(bytes);
        },
        end: () => this.push(null),
        drained: () => under.resume(),
      }),
      out: new Lane({
        write: (bytes) => {
          passed?.("out", bytes);
          return under.write(bytes);
        },
        end: () => under.end(() => this.#finished?.()),
        drained: () => {
          const accepted = this.#accepted;
          this.#accepted = undefined;
          accepted?.();
        },
      }),
    };
    under.on("data", (chunk: Buffer) => {
      if (!this.#lanes.in.accept(chunk)) under.pause();
    });
    under.on("drain", () => this.#lanes.out.ready());
    under.on("end", () => this.#lanes.in.finish());
    under.on("timeout", () => this.emit("timeout"));
    under.on("error", (error) => this.destroy(error));
    under.on("close", () => {
      // What was held on its way in is still delivered after the peer has gone in good order.
      if (this.readableEnded || this.#lanes.in.finished) this.destroy();
      else this.once("end", () => this.destroy());
    });
  }

  /** Whose address it is is asked of the socket: servers of HTTP want to know. */
  get remoteAddress(): string | undefined {
    return this.#under.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#under.remotePort;
  }

  /** Tells of silence on the socket: Node's HTTP server ends idle connections by this. */
  setTimeout(ms: number): this {
    this.#under.setTimeout(ms);
    return this;
  }

  /** Shapes what passes from now on, in one direction or both, until the answer is disposed of. */
  shape(shaper: Shaper, direction: Direction | undefined, onLimit: () => void): Disposable {
    const lanes = direction ? [this.#lanes[direction]] : [this.#lanes.in, this.#lanes.out];
    let closing: NodeJS.Timeout | undefined;
    const effect: Effect = {
      shaper,
      passed: 0,
      reached: false,
      onLimit: () => {
        const { limit } = shaper;
        if (!limit) return;
        onLimit();
        if (limit.outcome === "reset") this.#reset();
        else if (limit.outcome === "close") this.#close();
        else if (limit.ms !== undefined) closing = setTimeout(() => this.#close(), limit.ms);
      },
    };
    const remove = () => {
      clearTimeout(closing);
      for (const lane of lanes) lane.remove(effect);
    };
    this.once("close", () => clearTimeout(closing));
    for (const lane of lanes) lane.add(effect);
    return { [Symbol.dispose]: remove };
  }

  override _read(): void {
    this.#lanes.in.ready();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, accepted: () => void): void {
    if (this.#lanes.out.accept(chunk)) accepted();
    else this.#accepted = accepted;
  }

  override _final(finished: () => void): void {
    this.#finished = finished;
    this.#lanes.out.finish();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#clear();
    this.#under.destroy();
    done(error);
  }

  #clear(): void {
    for (const lane of Object.values(this.#lanes)) lane.clear();
  }

  #reset(): void {
    // Nothing more passes, so that the engine hears of the end when the socket closes.
    this.#clear();
    resetSocket(this.#under);
  }

  #close(): void {
    this.#clear();
    const under = this.#under;
    under.end();
    under.resume();
    under.setTimeout(CLOSE_PATIENCE, () => under.destroy());
  }
}

/** How long a peer may stay silent behind our FIN, in milliseconds. */
const CLOSE_PATIENCE = 5000;

/** How long before the RST the last bytes leave, in milliseconds: in one breath with it, Node's clients take it for an end. */
const RESET_DELAY = 20;

/** Ends a connection by RST, behind what was written and without a FIN: the peer is to see ECONNRESET, and no end. */
export function resetSocket(socket: Socket): void {
  // The engine may end its side meanwhile, and that would send FIN.
  socket._final = (done) => done();
  const timer = setTimeout(() => socket.resetAndDestroy(), RESET_DELAY);
  socket.once("close", () => clearTimeout(timer));
}
