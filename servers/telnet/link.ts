import { codeOf, messageOf } from "../../core/errors.ts";
import type { Connection } from "../../core/service.ts";
import {
  commandName,
  Decoder,
  DO,
  escaped,
  IAC,
  type Receiver,
  subnegotiation,
  type Verb,
  verbName,
  WILL,
} from "./codec.ts";
import { Compression } from "./compression.ts";
import type { Heard } from "./extensions.ts";
import {
  BINARY,
  CHARSET,
  COMPRESS2,
  ECHO,
  EOR,
  GMCP,
  MSSP,
  NAWS,
  NEW_ENVIRON,
  OptionTable,
  optionName,
  SGA,
  type Side,
  STATUS,
  TIMING_MARK,
  TTYPE,
} from "./options.ts";
import { type Pace, Pacer } from "./pacer.ts";

/** Output is handed to the stream at the end of a turn, or when it is so many bytes. */
const MAX_PENDING = 65_536;

/** Input that comes in pieces of so many bytes or more is taken one piece per turn, so that others have their turn too. */
const BULK = 16_384;

/** How long a client may take nothing of the output that waits for it, in milliseconds: a paused terminal is no offence. */
export const PATIENCE = 300_000;

/** How many words of negotiation in one chunk are told to observers one by one; of the rest they get the number. */
const MAX_FRAMES = 64;

/** How much of a subnegotiation observers get, in characters. */
const MAX_PREVIEW = 200;

/** The longest terminal type that is kept (RFC 1091 knows 40 characters). */
const MAX_TYPE = 40;

/** TERMINAL-TYPE and STATUS: what a subnegotiation is for. */
const IS = 0;
const SEND = 1;

/** Who uses a {@link Link}. */
export interface LinkUser {
  /** Whether more input may come now. */
  readonly ready: boolean;
  data(bytes: Uint8Array): void;
  command(code: number): void;
  /** An option has come into force, has gone out of it, or was refused to us. */
  settled(side: Side, option: number, on: boolean): void;
  /** A subnegotiation of an option in force that is none of this link's own. */
  subnegotiation(option: number, payload: Uint8Array): Heard | undefined;
  /** The client has told another size of its window. */
  resized(): void;
  /** The client asks for a TIMING-MARK: {@link Link.mark}, when all that came before it has been dealt with (RFC 860). */
  marked(): void;
  /** All that came in one piece was handed over. */
  paused(): void;
  /** The client has sent its last byte. */
  ended(): void;
  /** There is room for output again. */
  drained(): void;
  /** The client has read nothing for {@link PATIENCE}. */
  stalled(): void;
}

/** How a server behaves that is not the usual one. */
export interface LinkManner {
  /** Whether we would echo: all that is typed, or passwords alone (so that nobody echoes those). Default `offered`. */
  readonly echo?: "offered" | "always" | "passwords";
  /** `passive` proposes no option; those that the client proposes are answered. Default `active`. */
  readonly negotiation?: "active" | "passive";
  /** Whether those that ask for EOR, CHARSET, NEW-ENVIRON, MSSP, MCCP2 or GMCP get it. Default `off`. */
  readonly extensions?: "on" | "off";
  /** Default: output goes out as it is made. */
  readonly pace?: Pace;
}

/** One connection's Telnet: commands, options and their subnegotiations apart from data, and output with its bounds. */
export class Link {
  readonly options: OptionTable;
  /** The client's window in characters (NAWS); undefined while it is not known. */
  columns: number | undefined;
  rows: number | undefined;
  /** What the client calls its terminal (TTYPE), `XTERM` for example. */
  terminalType: string | undefined;
  readonly #connection: Connection;
  readonly #user: LinkUser;
  readonly #decoder: Decoder;
  readonly #manner: LinkManner;
  readonly #pacer: Pacer | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #frames = 0;
  #flushing = false;
  #hurried = true;
  #immediate: NodeJS.Immediate | undefined;
  #patience: NodeJS.Timeout | undefined;
  #compression: Compression | undefined;
  /** What was compressed is not with the stream yet: plain output has to wait. */
  #decompressing = false;
  #finished: (() => void) | undefined;

  constructor(connection: Connection, user: LinkUser, manner: LinkManner = {}) {
    this.#connection = connection;
    this.#user = user;
    this.#manner = manner;
    const extended = manner.extensions === "on";
    const echo = manner.echo === "passwords" ? [] : [ECHO];
    this.options = new OptionTable({
      welcome: {
        local: [BINARY, ...echo, SGA, STATUS, ...(extended ? [EOR, CHARSET, MSSP, COMPRESS2, GMCP] : [])],
        remote: [BINARY, SGA, TTYPE, NAWS, ...(extended ? [NEW_ENVIRON, CHARSET, GMCP] : [])],
      },
      send: (verb, option) => this.#negotiate(verb, option),
      settled: (side, option, on) => this.#settled(side, option, on),
    });
    const receiver: Receiver = {
      data: (bytes) => user.data(bytes),
      command: (code) => this.#command(code),
      negotiation: (verb, option) => this.#negotiated(verb, option),
      subnegotiation: (option, payload) => this.#subnegotiated(option, payload),
    };
    this.#decoder = new Decoder(receiver);
    const { stream } = connection;
    stream.on("data", (chunk: Uint8Array) => this.#guard(() => this.#receive(chunk)));
    stream.once("end", () => this.#guard(() => user.ended()));
    stream.on("drain", () => this.#guard(() => this.#drained()));
    if (manner.pace) {
      const drained = () => this.#guard(() => this.#drained());
      this.#pacer = new Pacer(stream, manner.pace, (bytes) => this.#hand(bytes), drained);
    }
    connection.closed.then(() => {
      clearTimeout(this.#patience);
      this.#pacer?.stop();
      this.#compression?.stop();
      this.#finished?.();
    });
  }

  /** Proposes what a terminal session needs: character mode with our echo, and to be told type and size of the terminal. */
  offer(): void {
    if (this.#manner.negotiation === "passive") return;
    if (this.#manner.echo !== "passwords") this.options.request("local", ECHO, "enable");
    this.options.request("local", SGA, "enable");
    this.options.request("remote", TTYPE, "enable");
    this.options.request("remote", NAWS, "enable");
  }

  /** Whether output backs up: nothing more should be made of input before {@link LinkUser.drained}. */
  get congested(): boolean {
    if (this.#decompressing || this.#compression?.congested) return true;
    return this.#connection.stream.writableNeedDrain || (this.#pacer?.full ?? false);
  }

  /** Whether output is compressed: bytes that reach the client by another way cannot be read. */
  get compressed(): boolean {
    return this.#compression !== undefined;
  }

  /** How many bytes of output are not with the operating system yet. */
  get backlog(): number {
    const waiting = (this.#pacer?.waiting ?? 0) + (this.#compression?.waiting ?? 0);
    return this.#pendingBytes + waiting + this.#connection.stream.writableLength;
  }

  /** Sends data. What is sent in one turn goes out as one piece. */
  send(data: Uint8Array): void {
    this.#write(escaped(data));
  }

  /** What is sent by `work` may wait for the end of the turn: of many messages that come at once one piece is made. */
  unhurried(work: () => void): void {
    this.#hurried = false;
    try {
      work();
    } finally {
      this.#hurried = true;
    }
  }

  /** Answers one request for a TIMING-MARK. */
  mark(): void {
    this.#negotiate(WILL, TIMING_MARK);
  }

  /** Sends a command without an option. */
  sendCommand(code: number): void {
    this.#write(Uint8Array.of(IAC, code));
  }

  /** Hands to the stream what was sent. */
  flush(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    if (this.#pending.length === 0 || this.#decompressing) return;
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#pacer) this.#pacer.push(bytes);
    else if (this.#compression) this.#compression.write(bytes);
    else this.#hand(bytes);
  }

  /** Resolves when all that was sent is with the stream, or the connection is closed. */
  async sent(): Promise<void> {
    this.flush();
    await this.#pacer?.emptied();
    if (!this.#compression || !this.#connection.stream.writable) return;
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    this.#stopCompressing();
    await finished;
  }

  /** Takes input while there is room for it and for what is answered to it, and only then. */
  regulate(): void {
    const { stream } = this.#connection;
    // Behind our FIN the connection is core's, which reads to the end by itself.
    if (!stream.writable) return;
    if (this.congested || !this.#user.ready) stream.pause();
    else stream.resume();
  }

  #write(bytes: Uint8Array): void {
    if (!this.#connection.stream.writable) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= MAX_PENDING) this.flush();
    if (this.#flushing) return;
    if (!this.#hurried) {
      this.#immediate ??= setImmediate(() => this.flush());
      return;
    }
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** What one client brings about must not end the process, whatever it is. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#connection.emit({ type: "error", code: codeOf(error) ?? "SESSION", message: messageOf(error) });
      this.#connection.cut("error");
    }
  }

  /** Hands bytes to the stream. Answers whether it has room for more. */
  #hand(bytes: Uint8Array): boolean {
    const { stream } = this.#connection;
    if (!stream.writable || stream.write(bytes)) return true;
    this.#patience ??= setTimeout(() => this.#user.stalled(), PATIENCE);
    return false;
  }

  #startCompressing(): void {
    this.subnegotiate(COMPRESS2, new Uint8Array(), "SB COMPRESS2");
    this.flush();
    this.#compression = new Compression(
      this.#connection.stream,
      (bytes) => this.#hand(bytes),
      () => this.#guard(() => this.#drained()),
      () => this.#guard(() => this.#compressed()),
    );
  }

  #stopCompressing(): void {
    this.flush();
    this.#decompressing = true;
    this.#compression?.end();
  }

  /** The compressed stream has come to its end. */
  #compressed(): void {
    this.#compression = undefined;
    this.#decompressing = false;
    // The client may have asked for it again meanwhile.
    if (!this.#finished && this.options.enabled("local", COMPRESS2)) this.#startCompressing();
    this.flush();
    this.#finished?.();
    this.#drained();
  }

  #drained(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#user.drained();
    this.regulate();
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#connection.stream.writable) return;
    this.#frames = 0;
    this.#decoder.push(chunk);
    this.#user.paused();
    const untold = this.#frames - MAX_FRAMES;
    if (untold > 0) this.#emitFrame("in", 0, `${untold} more`);
    this.flush();
    if (chunk.length < BULK) {
      this.regulate();
    } else {
      this.#connection.stream.pause();
      setImmediate(() => this.regulate());
    }
  }

  #command(code: number): void {
    this.#frame("in", 2, () => commandName(code));
    this.#user.command(code);
  }

  #negotiated(verb: Verb, option: number): void {
    this.#frame("in", 3, () => `${verbName(verb)} ${optionName(option)}`);
    // RFC 860: each DO TIMING-MARK is answered, as no other option is, and there is nothing to be in force afterwards.
    if (verb === DO && option === TIMING_MARK) this.#user.marked();
    else this.options.receive(verb, option);
  }

  #negotiate(verb: Verb, option: number): void {
    this.#frame("out", 3, () => `${verbName(verb)} ${optionName(option)}`);
    this.#write(Uint8Array.of(IAC, verb, option));
  }

  #settled(side: Side, option: number, on: boolean): void {
    if (side === "remote" && option === TTYPE && on) {
      this.subnegotiate(TTYPE, Uint8Array.of(SEND), "SB TTYPE SEND");
    }
    if (side === "local" && option === COMPRESS2) {
      if (on && !this.#compression) this.#startCompressing();
      else if (!on && this.#compression && !this.#decompressing) this.#stopCompressing();
    }
    this.#user.settled(side, option, on);
  }

  /** Sends a subnegotiation; observers are told the preview. */
  subnegotiate(option: number, payload: Uint8Array, preview: string): void {
    const bytes = subnegotiation(option, payload);
    this.#frame("out", bytes.length, () => preview);
    this.#write(bytes);
  }

  #subnegotiated(option: number, payload: Uint8Array): void {
    const { preview, answer } = this.#heard(option, payload) ?? {
      preview: `${optionName(option)} ${payload.length} bytes`,
    };
    this.#frame("in", payload.length + 5, () => `SB ${preview.slice(0, MAX_PREVIEW)}`);
    answer?.();
  }

  /** RFC 855: only of an option that both sides have agreed on. */
  #heard(option: number, payload: Uint8Array): Heard | undefined {
    const theirs = this.options.enabled("remote", option);
    if (option === NAWS)
      return theirs && payload.length === 4 ? this.#window(Buffer.from(payload)) : undefined;
    if (option === TTYPE) return theirs && payload[0] === IS ? this.#type(payload.subarray(1)) : undefined;
    const ours = this.options.enabled("local", option);
    if (option === STATUS && ours && payload[0] === SEND) {
      return { preview: "STATUS SEND", answer: () => this.#tellStatus() };
    }
    return ours || theirs ? this.#user.subnegotiation(option, payload) : undefined;
  }

  #window(payload: Buffer): Heard {
    const [width, height] = [payload.readUInt16BE(0), payload.readUInt16BE(2)];
    const { columns, rows } = this;
    // RFC 1073: 0 leaves it to us.
    this.columns = width || undefined;
    this.rows = height || undefined;
    const other = columns !== this.columns || rows !== this.rows;
    return { preview: `NAWS ${width}×${height}`, ...(other && { answer: () => this.#user.resized() }) };
  }

  #type(name: Uint8Array): Heard {
    this.terminalType = Buffer.from(name.subarray(0, MAX_TYPE))
      .toString("latin1")
      .replace(/[^!-~]/g, "");
    return { preview: `TTYPE IS ${this.terminalType}` };
  }

  #tellStatus(): void {
    const inForce = [...this.options];
    const preview = inForce.map(([verb, code]) => ` ${verbName(verb)} ${optionName(code)}`).join("");
    this.subnegotiate(STATUS, Uint8Array.from([IS, ...inForce.flat()]), `SB STATUS IS${preview}`);
  }

  #frame(direction: "in" | "out", bytes: number, preview: () => string): void {
    if (!this.#connection.observed) return;
    this.#frames += 1;
    if (this.#frames <= MAX_FRAMES) this.#emitFrame(direction, bytes, preview());
  }

  #emitFrame(direction: "in" | "out", bytes: number, preview: string): void {
    this.#connection.emit({ type: "frame", direction, kind: "negotiation", bytes, preview });
  }
}
