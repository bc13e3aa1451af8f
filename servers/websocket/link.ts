import type { Socket } from "node:net";
import {
  type CloseReason,
  type Direction,
  type FrameKind,
  PREVIEW,
  previewOf,
  type Reply,
} from "../../core/events/events.ts";
import type { Connection } from "../../core/service.ts";

/** A kind of message. */
export type Kind = "text" | "binary";

/** What a link needs of the engine's package: it frames, and deflates. */
export interface Carrier {
  /** Bytes that were sent and have not left. */
  readonly bufferedAmount: number;
  /** The subprotocol that was agreed on, or an empty text. */
  readonly protocol: string;
  /** @param done called when it has left, or never will. */
  send(data: string | Buffer, options: { readonly binary: boolean }, done?: () => void): void;
  ping(data: Buffer): void;
  pong(data: Buffer, mask: false, done?: () => void): void;
  /** Sends a close frame, or ends the connection where both sides have sent theirs. */
  sendClose(code?: number, reason?: string | Buffer): void;
  pause(): void;
  resume(): void;
}

/** What happens to messages. */
export interface LinkUser {
  message(link: Link, data: Buffer, kind: Kind): void;
  /** No message will come any more, and none is sent. */
  ended?(): void;
}

/** How a WebSocket has ended. */
export interface Closing {
  /** The code of the client's close frame; 1005 where it had none, 1006 where there was no such frame (RFC 6455 §7.4.1). */
  readonly code: number;
  readonly reason: string;
}

/** What a message costs beside its bytes while it waits, in bytes. */
const OVERHEAD = 256;

/** RFC 6455 §7.4: the codes that may stand in a close frame. */
export function isCloseCode(code: number): boolean {
  const defined = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  return Number.isInteger(code) && (defined || (code >= 3000 && code <= 4999));
}

/** One client's frames: tells of them, lets rules change what is answered, and keeps what waits within bounds. */
export class Link {
  readonly connection: Connection;
  readonly #carrier: Carrier;
  readonly #user: LinkUser;
  readonly #maxBuffered: number;
  closing: Closing = { code: 1006, reason: "" };
  #end: CloseReason | undefined;
  #gone = false;
  #holds = 0;
  /** Answers that wait for rules, and how many bytes those are. */
  #waiting = 0;
  #waitingBytes = 0;
  #turn: Promise<void> | undefined;
  #read = -1;

  constructor(
    connection: Connection,
    carrier: Carrier,
    maxBuffered: number,
    serve: (link: Link) => LinkUser,
  ) {
    this.connection = connection;
    this.#carrier = carrier;
    this.#maxBuffered = maxBuffered;
    this.#user = serve(this);
    connection.closed.then(() => {
      this.#gone = true;
      this.#finish("client");
    });
  }

  /** Whether nothing is to be sent any more, for a close frame was. */
  get ending(): boolean {
    return this.#end !== undefined;
  }

  /** What is to be told of the connection's end. */
  get reason(): CloseReason {
    return this.#end ?? "client";
  }

  get subprotocol(): string {
    return this.#carrier.protocol;
  }

  /** Bytes that the client has not taken yet. */
  get buffered(): number {
    return this.#carrier.bufferedAmount + this.#waitingBytes;
  }

  get congested(): boolean {
    return this.buffered > this.#maxBuffered;
  }

  /** Sends a message, as the rules have it; nothing behind a close frame. `done` is called when it has left, or never will. */
  send(data: string | Buffer, kind: Kind, done?: () => void): void {
    if (this.ending) {
      done?.();
      return;
    }
    const settled = this.#regulated(data.length, done);
    if (this.#free) this.#write(data, kind, settled);
    else
      this.#answer(
        { text: beginningOf(data, kind) },
        data.length,
        () => this.#write(data, kind, settled),
        (reply) => this.#script(reply, settled),
      );
  }

  /** Begins, or answers, the closing handshake. Harmless when called again. */
  close(code: number, reason: string | Buffer, end: CloseReason): void {
    if (this.ending) return;
    this.#finish(end);
    const write = () => this.#writeClose(code, reason);
    // What the lab decides is no answer, and comes at once where nothing waits.
    const own = end === "stopped" || end === "idle" || end === "lifetime";
    if (this.#free || (own && this.#waiting === 0)) write();
    else
      this.#answer(
        { code, text: `${reason}` },
        0,
        write,
        (reply) => reply && this.#writeClose(reply.code ?? code, reply.text),
      );
  }

  /** A message has come in. */
  received(data: Buffer, kind: Kind): void {
    if (this.connection.observed) this.#tell("in", kind, data.length, beginningOf(data, kind));
    if (!this.ending) this.#user.message(this, data, kind);
  }

  /** A ping has come in: it is answered (RFC 6455 §5.5.2). */
  pinged(data: Buffer): void {
    if (this.connection.observed) this.#tell("in", "ping", data.length, previewOf(data));
    if (this.ending) return;
    const settled = this.#regulated(data.length);
    const pong = () => {
      this.#carrier.pong(data, false, settled);
      if (this.connection.observed) this.#tell("out", "pong", data.length, previewOf(data));
    };
    if (this.#free) pong();
    else this.#answer({ text: previewOf(data) }, data.length, pong, (reply) => this.#script(reply, settled));
  }

  ponged(data: Buffer): void {
    if (this.connection.observed) this.#tell("in", "pong", data.length, previewOf(data));
  }

  /** The client's close frame has come in: it is answered with its own code (RFC 6455 §5.5.1). */
  concluded(code: number, reason: Buffer): void {
    this.closing = { code, reason: `${reason}` };
    if (this.connection.observed) {
      this.#tell("in", "close", code === 1005 ? 0 : reason.length + 2, closeText(code, reason));
    }
    // Both have said it: the connection ends.
    if (this.ending) this.#carrier.sendClose();
    else this.close(code, reason, "client");
  }

  /** What came in is no WebSocket protocol, or too much: what it is closed with. */
  broken(code: number): void {
    if (this.ending) this.#carrier.sendClose();
    else this.close(code, "", "error");
  }

  /** What is to be told of that. */
  failed(code: string, message: string): void {
    this.connection.emit({ type: "error", code, message });
  }

  /** A ping; a client of whom nothing has come since the last one is cut off, where judgement is due. */
  beat(interval: number, judgement: "due" | "suspended"): void {
    // Nothing is read from who is held, so nothing can be said of it; and who is leaving has a time-out of its own.
    if (this.#holds > 0 || this.ending) return;
    const { bytesRead } = this.connection.stream as Socket;
    if (bytesRead === this.#read && judgement === "due") {
      this.connection.emit({
        type: "error",
        code: "NO_PONG",
        message: `The client has not answered a ping for ${interval / 1000} s.`,
      });
      this.connection.cut("idle");
      return;
    }
    this.#read = bytesRead;
    this.#carrier.ping(Buffer.alloc(0));
    if (this.connection.observed) this.#tell("out", "ping", 0, "");
  }

  /** Reads no more from the client until the answer is called; it may be called once. */
  hold(): () => void {
    this.#holds += 1;
    if (this.#holds === 1) this.#carrier.pause();
    return () => {
      this.#holds -= 1;
      if (this.#holds === 0) this.#carrier.resume();
    };
  }

  /** Reads no more while too much waits for the client, the next bytes included. */
  #regulated(bytes: number, done?: () => void): (() => void) | undefined {
    if (this.buffered + bytes <= this.#maxBuffered) return done;
    const release = this.hold();
    return () => {
      release();
      done?.();
    };
  }

  /** Whether nothing stands between an answer and the client: no rule, and no answer that waits for one. */
  get #free(): boolean {
    return this.#waiting === 0 && !this.connection.ruled;
  }

  /** Lets the rules decide on an answer, at once, and sends it behind those that wait. */
  #answer(
    reply: Reply,
    bytes: number,
    asItIs: () => void,
    scripted: (reply: Reply | undefined) => void,
  ): void {
    this.#waiting += 1;
    this.#waitingBytes += bytes + OVERHEAD;
    const amended = this.connection.amend(reply);
    const before = this.#turn;
    const inTurn = async () => {
      await before;
      const decided = await amended;
      this.#waiting -= 1;
      this.#waitingBytes -= bytes + OVERHEAD;
      if (decided === reply || this.#gone) asItIs();
      else scripted(decided);
    };
    this.#turn = inTurn();
  }

  /** Sends what a rule has put in place of an answer: a message, a close frame where it has such a code, or nothing. */
  #script(reply: Reply | undefined, settled?: () => void): void {
    if (reply && reply.code !== undefined && isCloseCode(reply.code)) {
      this.#finish("fault");
      this.#writeClose(reply.code, reply.text);
    } else if (reply) {
      this.#write(reply.text, "text", settled);
      return;
    }
    settled?.();
  }

  /** Rules that act behind an answer act when it is told: it is sent first. */
  #write(data: string | Buffer, kind: Kind, settled?: () => void): void {
    this.#carrier.send(data, kind === "text" ? TEXT : BINARY, settled);
    if (this.connection.observed) {
      this.#tell("out", kind, Buffer.byteLength(data), beginningOf(data, kind));
    }
  }

  #writeClose(code: number, reason: string | Buffer): void {
    if (!isCloseCode(code)) {
      this.#carrier.sendClose();
      this.#tellClose(1005, "");
      return;
    }
    const short = typeof reason === "string" ? fitting(reason) : reason;
    this.#carrier.sendClose(code, short);
    this.#tellClose(code, short);
  }

  #tellClose(code: number, reason: string | Buffer): void {
    if (!this.connection.observed) return;
    const bytes = code === 1005 ? 0 : Buffer.byteLength(reason) + 2;
    this.#tell("out", "close", bytes, closeText(code, reason));
  }

  #tell(direction: Direction, kind: FrameKind, bytes: number, preview: string): void {
    if (this.#gone) return;
    this.connection.emit({ type: "frame", direction, kind, bytes, preview });
  }

  #finish(end: CloseReason): void {
    if (this.ending) return;
    this.#end = end;
    this.#user.ended?.();
    // The client's close frame is still to be read.
    if (this.#holds > 0) this.#carrier.resume();
  }
}

const TEXT = { binary: false } as const;
const BINARY = { binary: true } as const;

/** The beginning of a message for a frame event: of text as it is, since JSON with escaped quotes is hard to read. */
function beginningOf(data: string | Buffer, kind: Kind): string {
  if (typeof data === "string") return data.slice(0, PREVIEW);
  return kind === "binary" ? previewOf(data) : data.toString("utf8", 0, 4 * PREVIEW).slice(0, PREVIEW);
}

function closeText(code: number, reason: string | Buffer): string {
  if (code === 1005) return "";
  return `${code} ${`${reason}`.slice(0, PREVIEW)}`.trimEnd();
}

/** A close frame's reason has 123 bytes at most (RFC 6455 §5.5), and no half of a character. */
function fitting(reason: string): string {
  let text = reason.slice(0, 123);
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text.replace(/[\ud800-\udbff]$/, "");
}
