import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { assignable } from "../assignable.ts";
import { LONGEST } from "../checks.ts";
import type { Direction } from "../events/events.ts";
import { type Effect, Lane } from "./lane.ts";
import type { Shaper } from "./shapers.ts";

/** What servers of HTTP and their apps ask of a connection's socket, or of TLS on it, beside what any stream has. */
const OF_SOCKETS = [
  "address",
  "alpnProtocol",
  "authorizationError",
  "authorized",
  "bytesRead",
  "bytesWritten",
  "connecting",
  "encrypted",
  "getCertificate",
  "getCipher",
  "getPeerCertificate",
  "getPeerX509Certificate",
  "getProtocol",
  "getSession",
  "isSessionReused",
  "localAddress",
  "localFamily",
  "localPort",
  "pending",
  "readyState",
  "ref",
  "remoteAddress",
  "remoteFamily",
  "remotePort",
  "servername",
  "setKeepAlive",
  "setNoDelay",
  "timeout",
  "unref",
];

/**
 * A stream around a socket, for what acts on bytes. It knows bytes and never protocol. It is there only while somebody needs
 * it: a plain lab hands out bare sockets.
 */
export class Wire extends Duplex {
  /** What carries the bytes: the socket, or TLS on it. */
  #under: Socket;
  readonly #socket: Socket;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  #accepted: (() => void) | undefined;
  #finished: (() => void) | undefined;
  #reading = false;
  #left = () => {};
  readonly #hear = {
    data: (chunk: Buffer) => {
      // A limit may just have ended it: what comes from now on is read, and thrown away.
      if (!this.#lanes.in.accept(chunk) && !this.#lanes.in.finished) this.#under.pause();
    },
    drain: () => this.#lanes.out.ready(),
    end: () => this.#lanes.in.finish(),
    timeout: () => this.emit("timeout"),
    error: (error: Error) => this.destroy(error),
    close: () => {
      this.#left();
      // What was held on its way in is still delivered after the peer has gone in good order, and then alone there is an end.
      if (this.readableEnded || this.#lanes.in.finished || !this.#under.readableEnded) this.destroy();
      else this.once("end", () => this.destroy());
    },
  };

  static {
    for (const name of OF_SOCKETS) {
      // An app may know better, behind a proxy for example.
      assignable(Wire.prototype, name, function (this: Wire) {
        const value: unknown = Reflect.get(this.#under, name);
        return typeof value === "function" ? value.bind(this.#under) : value;
      });
    }
  }

  /** @param passed called with all bytes that pass, as they leave for their receiver. */
  constructor(under: Socket, passed?: (direction: Direction, bytes: Buffer) => void) {
    super({ allowHalfOpen: true, decodeStrings: true });
    this.#under = under;
    this.#socket = under;
    this.#lanes = {
      in: new Lane({
        write: (bytes) => {
          passed?.("in", bytes);
          return this.push(bytes);
        },
        end: () => this.push(null),
        drained: () => this.#under.resume(),
      }),
      out: new Lane({
        write: (bytes) => {
          passed?.("out", bytes);
          const more = this.#under.write(bytes);
          this.#left();
          return more;
        },
        end: () => this.#under.end(() => this.#finished?.()),
        drained: () => {
          const accepted = this.#accepted;
          this.#accepted = undefined;
          accepted?.();
        },
      }),
    };
    this.#listen();
  }

  /** Waits until all that was written has left. */
  async flushed(): Promise<void> {
    while (!this.#under.destroyed && (this.writableLength > 0 || this.#lanes.out.held > 0)) {
      await new Promise<void>((resolve) => {
        this.#left = resolve;
      });
    }
  }

  /** From now on another stream carries the bytes, TLS on the socket: what has come in by the socket and was not read is forgotten. */
  adopt(secured: Socket): void {
    if (this.#reading) {
      this.#lanes.in.discard();
      while (this.read() !== null);
    }
    const under = this.#under;
    for (const [event, heard] of Object.entries(this.#hear)) under.off(event, heard);
    this.#under = secured;
    this.#listen();
    if (this.#reading) secured.on("data", this.#hear.data);
  }

  /** Bytes are taken only when somebody reads: those that nobody has read can still be the beginning of TLS. */
  #listen(): void {
    const { data, ...others } = this.#hear;
    for (const [event, heard] of Object.entries(others)) this.#under.on(event, heard);
  }

  /** Whether shaping holds back what could pass, in either direction. */
  get holding(): boolean {
    return this.#lanes.in.holding || this.#lanes.out.holding;
  }

  /** Tells of silence on the socket: Node's HTTP server ends idle connections by this. */
  setTimeout(ms: number, silent?: () => void): this {
    if (silent) this.once("timeout", silent);
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
        else if (limit.ms !== undefined)
          closing = setTimeout(() => this.#close(), Math.min(limit.ms, LONGEST));
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
    if (!this.#reading) {
      this.#reading = true;
      this.#under.on("data", this.#hear.data);
    }
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
    resetSocket(this.#socket, this.#under);
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

/**
 * How long the last bytes have before the RST, which Node's clients take for an end where it comes in one breath with them:
 * so many steps of milliseconds. They are steps since a process that has been busy hears all its timers at once, and a
 * client in it reads between two. What is still queued waits for a slow reader, up to the most.
 */
const RESET_STEPS = { ms: 5, least: 4, most: 50 };

/**
 * Ends a connection by RST, behind what was written and without a FIN: the peer is to see ECONNRESET, and no end.
 *
 * @param upper what carries the engine's bytes: the socket itself, or TLS on it.
 */
export function resetSocket(socket: Socket, upper: Socket = socket): void {
  // The engine may end its side meanwhile, and that would send FIN.
  upper._final = (done) => done();
  const { ms, least, most } = RESET_STEPS;
  let timer: NodeJS.Timeout | undefined;
  const step = (taken: number) => {
    if (taken < least || (taken < most && upper.writableLength > 0)) timer = setTimeout(step, ms, taken + 1);
    else rst(socket);
  };
  step(0);
  socket.once("close", () => clearTimeout(timer));
}

/** Ends a connection by RST at once. A Unix-domain socket has none, and Node throws: it is closed. */
export function rst(socket: Socket): void {
  if ("address" in socket.address()) socket.resetAndDestroy();
  else socket.destroy();
}
