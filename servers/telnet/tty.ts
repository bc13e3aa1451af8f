import type { KnownAccount } from "../../core/accounts.ts";
import { codeOf, messageOf, WirelabError } from "../../core/errors.ts";
import type { CloseReason, Endpoint } from "../../core/events/events.ts";
import type { Connection } from "../../core/service.ts";
import { Charset } from "./charset.ts";
import { AO, AYT, BRK, DM, EC, EL, EOR as END_OF_RECORD, GA, IP, NOP, SUSP, verbName } from "./codec.ts";
import { Extensions } from "./extensions.ts";
import { Link, type LinkManner, type LinkUser, PATIENCE } from "./link.ts";
import { BINARY, ECHO, EOR, GMCP, optionName, SGA, type Side } from "./options.ts";
import { LineReader } from "./reader.ts";
import type { ReadLineOptions, Terminal } from "./terminal.ts";

/** An answer goes to the stream in pieces of so many bytes, so that little of it waits in memory. */
const PIECE = 65_536;

/** How much of an answer observers get, in characters. */
const MAX_REPORTED = 1024;

/** Nobody types in a narrower window than this; its width is taken for unknown. */
const MIN_COLUMNS = 8;

/** How characters are bytes. */
export interface Encoding {
  decode(bytes: Uint8Array): string;
  encode(text: string): Buffer;
}

export interface TtyOptions extends LinkManner {
  /** How many bytes of other people's messages may wait for a client that does not read. */
  readonly maxOutgoing: number;
  /** Makes one for each client. Default: UTF-8, or ISO 8859-1 for a client that writes it. */
  readonly encoding?: () => Encoding;
  /** What `\n` is on the wire, and then a CR stays as it is. Default: RFC 854's CR LF, with CR NUL for a CR alone. */
  readonly lineEnd?: string;
  /** Whether all that is typed before somebody has logged in may be a password, sent ahead of the question. Default: no. */
  readonly secretive?: "until-login";
  /** What MSSP tells of the server. Default: nothing. */
  readonly status?: () => Readonly<Record<string, string>>;
}

/**
 * A client that has ended its side may wait for answers, or be gone: only what is sent to it tells. Milliseconds between the
 * NOPs that find out, so that nothing runs on for nobody.
 */
const PROBE = 1000;

/** How long a TIMING-MARK may wait for the command before it, in milliseconds. */
const MARK_PATIENCE = 50;

/** A {@link Terminal} over a connection. */
export class Tty implements Terminal {
  readonly connection: string;
  readonly peer: Endpoint;
  readonly secure: boolean;
  readonly closed: Promise<CloseReason>;
  account: KnownAccount | undefined;
  readonly #connection: Connection;
  readonly #link: Link;
  readonly #reader: LineReader;
  readonly #encoding: Encoding;
  readonly #options: TtyOptions;
  readonly #extensions: Extensions;
  readonly #waiting: (() => void)[] = [];
  readonly #onResize = new Set<() => void>();
  #running: AbortController | undefined;
  #probing: NodeJS.Timeout | undefined;
  #lineAt = performance.now();
  #farewell: string | undefined;
  #asked = false;
  /** An interrupt, or AO, was the last that the client has sent: it shows nothing before it is told how far that has got. */
  #hurried = false;
  #marking: NodeJS.Timeout | undefined;
  /** The rest of the answer that is under way is not wanted. */
  #unwanted = false;
  #gone = false;
  #loggedIn = false;

  constructor(connection: Connection, options: TtyOptions) {
    this.connection = connection.id;
    this.peer = connection.peer;
    this.secure = connection.secure;
    this.closed = connection.closed;
    this.#connection = connection;
    this.#options = options;
    const charset = new Charset();
    this.#encoding = options.encoding?.() ?? charset;
    this.#extensions = new Extensions({
      subnegotiate: (option, payload, preview) => this.#link.subnegotiate(option, payload, preview),
      charset: (name) => charset.agree(name),
      status: () => options.status?.() ?? {},
    });
    const tty = this;
    const user: LinkUser = {
      get ready() {
        return !tty.#reader.full;
      },
      data: (bytes) => {
        this.#hurried = false;
        this.#reader.type(this.#encoding.decode(bytes));
      },
      command: (code) => this.#command(code),
      settled: (side, option, on) => this.#settled(side, option, on),
      subnegotiation: (option, payload) => this.#extensions.heard(option, payload),
      resized: () => {
        for (const listener of [...this.#onResize]) listener();
      },
      marked: () => this.#mark(),
      paused: () => this.#settle(),
      ended: () => {
        this.#reader.end();
        // A device that does not speak Telnet by itself keeps to that.
        if (options.negotiation !== "passive")
          this.#probing = setInterval(() => this.#link.sendCommand(NOP), PROBE);
      },
      drained: () => {
        this.#release();
        this.#reader.proceed();
      },
      stalled: () => this.#drop(`The client has read nothing for ${PATIENCE / 1000} s.`),
    };
    this.#link = new Link(connection, user, options);
    this.#reader = new LineReader({
      get characterMode() {
        return tty.characterMode;
      },
      get columns() {
        const { columns = 0 } = tty;
        return columns < MIN_COLUMNS ? Number.POSITIVE_INFINITY : columns;
      },
      get congested() {
        return tty.#link.congested;
      },
      send: (text) => this.#send(text),
      goAhead: () => this.#goAhead(),
      interrupt: () => this.#running?.abort(),
      consumed: () => this.#link.regulate(),
      marked: () => this.#link.mark(),
    });
    connection.closed.then(() => this.#vanish());
  }

  /** Whether what is typed now may be a password. */
  get secret(): boolean {
    return this.#reader.hidden || (this.#options.secretive === "until-login" && !this.#loggedIn);
  }

  /** Whether the client could not read plain words now. */
  get compressed(): boolean {
    return this.#link.compressed;
  }

  get columns(): number | undefined {
    return this.#link.columns;
  }

  get rows(): number | undefined {
    return this.#link.rows;
  }

  onResize(listener: () => void): Disposable {
    const listening = () => listener();
    this.#onResize.add(listening);
    return { [Symbol.dispose]: () => void this.#onResize.delete(listening) };
  }

  get type(): string | undefined {
    return this.#link.terminalType;
  }

  get environment(): ReadonlyMap<string, string> {
    return this.#extensions.environment;
  }

  gmcp(name: string, data?: unknown): void {
    if (this.#gone || !this.#link.options.enabled("local", GMCP)) return;
    const message = data === undefined ? name : `${name} ${JSON.stringify(data)}`;
    this.#link.subnegotiate(GMCP, Buffer.from(message), shortened(`SB GMCP ${message}`));
  }

  get options(): readonly string[] {
    return [...this.#link.options].map(([verb, option]) => `${verbName(verb)} ${optionName(option)}`);
  }

  get characterMode(): boolean {
    return this.#options.echo === "always" || this.#link.options.enabled("local", ECHO);
  }

  get signal(): AbortSignal {
    this.#running ??= new AbortController();
    if (this.#gone) this.#running.abort();
    return this.#running.signal;
  }

  /** Runs a session to its end, and ends the connection. Never rejects. */
  async run(session: (tty: Tty) => Promise<void>): Promise<void> {
    this.#link.offer();
    let reason: CloseReason = "server";
    try {
      await session(this);
    } catch (error) {
      reason = "error";
      this.#connection.emit({ type: "error", code: codeOf(error) ?? "SESSION", message: messageOf(error) });
      const why = error instanceof WirelabError ? error.message : "This session has failed. Goodbye.";
      this.#send(`\n${why}\n`);
    }
    if (this.#farewell !== undefined) {
      reason = "stopped";
      this.#send(this.#farewell);
    }
    await this.#link.sent();
    this.#connection.end(reason);
  }

  /** Closes with an RST when all that was written is sent. */
  async reset(): Promise<void> {
    await this.#link.sent();
    this.#connection.reset("server");
  }

  /** Somebody has logged in, or has not. */
  reportLogin(user: string, outcome: "ok" | "refused"): void {
    this.#loggedIn = outcome === "ok";
    this.#connection.emit({ type: "login", user, ok: this.#loggedIn });
  }

  /** Ends the session when what is under way is done, with these words. */
  stop(words: string): void {
    this.#farewell = words;
    this.#reader.stop();
  }

  async readLine(prompt = "", options: ReadLineOptions = {}): Promise<string | undefined> {
    const { hidden = false, untold = hidden, complete, keys } = options;
    // A client that echoes by itself stops it for a password where it is told that we would.
    const concealing = hidden && this.#options.echo === "passwords";
    if (concealing) this.#link.options.request("local", ECHO, "enable");
    this.#unwanted = false;
    const line = await this.#reader.read(prompt, {
      hidden,
      untold,
      ...(complete && { complete }),
      ...(keys && { keys }),
    });
    if (concealing) this.#link.options.request("local", ECHO, "disable");
    this.#lineAt = performance.now();
    this.#running = undefined;
    if (line !== undefined && !untold) this.#reportCommand(line);
    return line;
  }

  readKey(): Promise<string | undefined> {
    this.#unwanted = false;
    return this.#reader.readKey();
  }

  async write(text: string | AsyncIterable<string>): Promise<void> {
    let report = "";
    if (typeof text === "string") {
      const end = text.endsWith("\n") ? "\n" : "";
      const reply = await this.#connection.amend({ text: text.slice(0, text.length - end.length) });
      if (!reply || this.#gone) return;
      report = reply.text;
      await this.#print(reply.text + end);
    } else {
      for await (const piece of text) {
        if (this.#gone) return;
        if (report.length <= MAX_REPORTED) report += piece;
        await this.#print(piece);
      }
    }
    this.#connection.emit({ type: "reply", text: shortened(report), ms: performance.now() - this.#lineAt });
  }

  notify(text: string): void {
    if (this.#gone) return;
    if (this.#connection.observed) {
      const preview = shortened(text.trimEnd());
      const bytes = Buffer.byteLength(text);
      this.#connection.emit({ type: "frame", direction: "out", kind: "text", bytes, preview });
    }
    this.#link.unhurried(() => this.#reader.above(text));
    // While an answer is under way, its own bytes are not held against the client: it waits for them to be read.
    const waiting = this.#reader.reading ? this.#link.backlog : this.#reader.deferred;
    if (waiting > this.#options.maxOutgoing) {
      this.#drop(`More than ${this.#options.maxOutgoing} bytes wait for a client that does not read.`);
    }
  }

  /** The editing functions of RFC 854 are the keys that mean the same; the others ask nothing of a terminal. */
  #command(code: number): void {
    switch (code) {
      case IP:
      case BRK:
        this.#hurried = true;
        this.#reader.interrupt();
        break;
      case EC:
        this.#reader.type("\x7f");
        break;
      case EL:
        this.#reader.type("\x05\x15");
        break;
      case SUSP:
        this.#reader.type("\x1a");
        break;
      case AYT:
        this.#asked = true;
        break;
      case AO:
        this.#hurried = true;
        this.#abortOutput();
        break;
      default:
    }
  }

  /** RFC 860: the mark goes behind the answers to what came before it, unless one of those takes its time. */
  #mark(): void {
    if (this.#hurried) this.#link.mark();
    else if (this.#reader.mark() === "waits") this.#awaitMarks();
  }

  #awaitMarks(): void {
    this.#marking ??= setTimeout(() => {
      this.#marking = undefined;
      if (this.#reader.hurryMarks() === "waits") this.#awaitMarks();
    }, MARK_PATIENCE);
  }

  /** RFC 854: what runs goes on to its end, unseen, and the client learns by a DM from where on it is to show output again. */
  #abortOutput(): void {
    if (this.#unwanted || this.#reader.awaited) return;
    this.#unwanted = true;
    this.#link.sendCommand(DM);
    this.#release();
  }

  #settled(side: Side, option: number, on: boolean): void {
    if (on) this.#extensions.agreed(side, option);
    if (side !== "local") return;
    if (option === ECHO && on) this.#reader.echoing();
    // The prompt is out already, and only now is it known that this client wants to be told when it is its turn.
    if (option === SGA && !on && this.#reader.reading && !this.#link.options.enabled("local", EOR))
      this.#goAhead();
  }

  #settle(): void {
    this.#reader.settle();
    // One answer to all the AYTs that came together: a flood of questions must not make a greater one.
    if (this.#asked && this.#reader.reading) this.#reader.above("[Yes]\n");
    else if (this.#asked) this.#send("[Yes]\n");
    this.#asked = false;
  }

  /** RFC 854: a client that has refused to do without GA gets it when it is its turn. One that has not answered does not. */
  #goAhead(): void {
    if (this.#link.options.enabled("local", EOR)) {
      this.#link.sendCommand(END_OF_RECORD);
      return;
    }
    // A server that has asked for nothing has not been refused anything.
    if (this.#options.negotiation === "passive") return;
    if (this.#link.options.refused("local", SGA)) this.#link.sendCommand(GA);
  }

  async #print(text: string): Promise<void> {
    if (this.#reader.reading) {
      this.#reader.above(text);
      return;
    }
    // Nobody's reading slows down now what has no end: others have their turn between two pieces of it.
    if (this.#unwanted) await new Promise((resolve) => setImmediate(resolve));
    const bytes = this.#encode(text);
    for (let at = 0; at < bytes.length && !this.#gone && !this.#unwanted; at += PIECE) {
      this.#link.send(bytes.subarray(at, at + PIECE));
      this.#link.flush();
      if (this.#link.congested) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #reportCommand(line: string): void {
    const [, verb, target] = /^\s*(\S+)\s*(.*)$/su.exec(line) ?? [];
    if (verb === undefined || !this.#connection.observed) return;
    this.#connection.emit({ type: "command", verb: verb.toLowerCase(), ...(target && { target }) });
  }

  #send(text: string): void {
    if (text !== "") this.#link.send(this.#encode(text));
  }

  /** RFC 854: a line ends with CR LF, and a CR alone is CR NUL. */
  #encode(text: string): Buffer {
    const { lineEnd } = this.#options;
    if (lineEnd !== undefined) return this.#encoding.encode(text.replace(/(?<!\r)\n/g, () => lineEnd));
    if (!text.includes("\r")) return this.#encoding.encode(text.replaceAll("\n", "\r\n"));
    const bare = this.#link.options.enabled("local", BINARY) ? "\r" : "\r\0";
    return this.#encoding.encode(text.replace(/\r\n|\n|\r/g, (end) => (end === "\r" ? bare : "\r\n")));
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #drop(message: string): void {
    this.#connection.emit({ type: "error", code: "SLOW_READER", message });
    this.#connection.cut("error");
    this.#vanish();
  }

  #vanish(): void {
    this.#gone = true;
    clearInterval(this.#probing);
    clearTimeout(this.#marking);
    this.#running?.abort();
    this.#reader.stop();
    this.#release();
  }
}

function shortened(text: string): string {
  return text.length > MAX_REPORTED ? `${text.slice(0, MAX_REPORTED)}…` : text;
}
