import type { CloseReason, Reply } from "../../core/events/events.ts";
import type { Connection, Site } from "../../core/service.ts";
import { answer, type Command, occurrence, parse } from "./commands.ts";
import { CommandLines } from "./control.ts";
import { DataChannel } from "./data.ts";
import { DEFAULT_LEVEL } from "./deflate.ts";
import { encoded, inDialect } from "./dialect.ts";
import { FACTS, type Fact } from "./facts.ts";
import type { Files } from "./files.ts";
import { settled } from "./flow.ts";
import type { FtpSettings } from "./index.ts";
import type { Interpreter } from "./interpreter.ts";
import { type FtpReply, ofLines, onTheWire, reply } from "./reply.ts";
import { type Cargo, Transfer } from "./transfer.ts";
import type { Algorithm } from "./verbs/digests.ts";

/** Commands that may wait for their turn before reading pauses; what a segment brings on top is bounded by its size. */
const BACKLOG = 100;

/**
 * The conversation with one client. Commands are answered one after another, in their order and with one final reply each.
 * While a transfer is under way reading goes on: ABOR ends it, and commands that need no data connection are answered.
 */
export class Session {
  readonly connection: Connection;
  readonly settings: FtpSettings;
  readonly interpreter: Interpreter;
  readonly data: DataChannel;
  /** The name that USER gave, until PASS comes. */
  user: string | undefined;
  /** The files of the account that is logged in. */
  files: Files | undefined;
  type: "A" | "I" = "A";
  /** How data crosses the data connection (MODE): as it is, or deflated at a level that OPTS MODE Z sets. */
  mode: "S" | "Z" = "S";
  level = DEFAULT_LEVEL;
  /** What HASH tells (OPTS HASH). */
  algorithm: Algorithm = "SHA-256";
  /** Where the next transfer goes on from (REST). */
  restart = 0;
  /** What RNFR named, for the very next command. */
  renameFrom: string | undefined;
  /** What MLST and MLSD tell (OPTS MLST). */
  facts: readonly Fact[] = FACTS;
  /** Whether data connections are in the clear or private (PROT), and whether PBSZ has come, which must be before. */
  protection: "C" | "P";
  bufferSized: boolean;
  /** After EPSV ALL nothing else opens data connections. */
  epsvOnly = false;
  failedLogins = 0;
  /** The last transfer was ended by an ABOR that is not answered yet. */
  aborted = false;
  readonly #site: Site;
  /** The place that this session takes of those that its account has. */
  #seat: Disposable | undefined;
  #lines: CommandLines;
  readonly #waiting: Command[] = [];
  #transfer: Transfer | undefined;
  #underway = () => {};
  /** The command whose transfer runs, or is about to. */
  #carrying: Command | undefined;
  /** Commands were sent behind the transfer's before it began: they get their replies behind its own. */
  #pipelined = false;
  #working = true;
  #inputEnded = false;
  #draining = false;
  #leaving: CloseReason | undefined;
  #securing = false;
  #over = false;
  #wake = () => {};

  constructor(connection: Connection, site: Site, settings: FtpSettings, interpreter: Interpreter) {
    this.connection = connection;
    this.settings = settings;
    this.interpreter = interpreter;
    this.#lines = new CommandLines(settings.dialect?.encoding);
    this.data = new DataChannel(site, connection);
    this.#site = site;
    // Whoever begins with TLS expects the same of data connections.
    this.protection = settings.tls === "implicit" ? "P" : "C";
    this.bufferSized = settings.tls === "implicit";
    this.#listen();
    connection.closed.then(() => this.#close());
    this.#greet();
  }

  /** The transfer that runs, for STAT. */
  get transferring(): Transfer | undefined {
    return this.#transfer;
  }

  /**
   * Carries a cargo over the data connection that was arranged.
   *
   * @returns the final reply.
   */
  async transfer(cargo: Cargo): Promise<FtpReply> {
    const route = this.data.take();
    if (!route) {
      await cargo.release();
      return reply(425, "Use PASV, EPSV, PORT or EPRT first.");
    }
    const transfer = new Transfer(cargo, route, this.#site, this.connection, {
      protect: this.protection === "P" ? (data) => this.#protect(data) : undefined,
      bytesPerSecond: this.files?.account.bytesPerSecond?.[cargo.direction],
    });
    this.#transfer = transfer;
    if (this.#over || this.#hungUp || this.#waiting.some(({ name }) => name === "ABOR")) transfer.abort();
    return transfer.run(async (opening) => {
      const sent = await this.#send(this.#spoken(opening, this.#carrying), performance.now());
      if ((sent?.code ?? 0) >= 200) transfer.cutShort();
      this.#pipelined = this.#waiting.length > 0;
      this.#underway();
    });
  }

  /** Whether clients can ask for TLS. */
  get offersTls(): boolean {
    return this.#site.tls !== undefined;
  }

  /** Data connections would be in the clear, and must not be. */
  get unprotected(): boolean {
    return this.settings.tls === "required" && this.protection === "C";
  }

  /** TLS begins behind the reply to the command that is being answered, and whoever was logged in is not any more. */
  secure(): void {
    this.#securing = true;
  }

  /** The lab's time, in Unix milliseconds. */
  now(): number {
    return this.#site.clock.now();
  }

  /** Logs somebody in whose name and password were right, unless the account has as many sessions as it may have. */
  enter(files: Files): boolean {
    this.#seat = this.#over ? undefined : this.#site.accounts.enter(files.account);
    if (!this.#seat) return false;
    this.files = files;
    return true;
  }

  /** Forgets who is logged in (USER). A transfer that runs goes on as it began. */
  logout(): void {
    this.interpreter.logout();
    this.#seat?.[Symbol.dispose]();
    this.#seat = undefined;
    this.user = undefined;
    this.files = undefined;
  }

  /** Forgets whatever a client has set as well (REIN), except how often it failed to log in. */
  reinitialize(): void {
    this.logout();
    this.data.drop();
    this.type = "A";
    this.mode = "S";
    this.level = DEFAULT_LEVEL;
    this.algorithm = "SHA-256";
    this.restart = 0;
    this.facts = FACTS;
    this.epsvOnly = false;
    if (this.settings.tls !== "implicit") this.unprotect();
  }

  /** Data connections are in the clear again, until PBSZ and PROT come (RFC 4217 §9). */
  unprotect(): void {
    this.protection = "C";
    this.bufferSized = false;
  }

  /** The connection ends behind the reply to the command that is being answered. */
  leave(reason: CloseReason): void {
    this.#leaving = reason;
  }

  /** Waits; a client that goes meanwhile is not waited for. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#over) return resolve();
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The server stops: says so at once, or as soon as what is under way has come to its end. */
  drain(): void {
    this.#draining = true;
    this.#settle();
  }

  async #greet(): Promise<void> {
    await this.#send(ofLines(220, this.settings.greeting), performance.now());
    this.#working = false;
    this.#work();
  }

  #listen(): void {
    this.connection.stream.on("data", this.#read);
    this.connection.stream.once("end", this.#readEnd).resume();
  }

  /** What came behind AUTH in plain text is forgotten: somebody else may have put it there (RFC 4217 §15). */
  async #startTls(): Promise<void> {
    const { stream } = this.connection;
    stream.off("data", this.#read).off("end", this.#readEnd).pause();
    this.#securing = false;
    this.#waiting.length = 0;
    this.#lines = new CommandLines(this.settings.dialect?.encoding);
    await this.connection.startTls();
    this.#listen();
  }

  /** There is no TLS. A client whose certificate is not good believes that there is, and can be told. */
  async #unsecured(): Promise<void> {
    await this.#send(reply(421, "The certificate is not accepted."), performance.now());
    this.#end("error");
  }

  async #protect(data: Connection): Promise<void> {
    await data.startTls();
    if (this.settings.requireReuse && !data.resumed) throw new Error("The TLS session is another one.");
  }

  readonly #read = (chunk: Buffer): void => {
    if (this.#over) return;
    for (const line of this.#lines.push(chunk)) {
      const command = parse(line);
      this.#waiting.push(command);
      if (command.name === "ABOR") this.#transfer?.abort();
    }
    this.#work();
    if (this.#waiting.length > BACKLOG) this.connection.stream.pause();
  };

  readonly #readEnd = (): void => {
    this.#inputEnded = true;
    if (this.#hungUp) this.#transfer?.abort();
    this.#settle();
  };

  /** An end without QUIT has "the effective action of an abort and a logout" (RFC 959 §4.1.1, QUIT). */
  get #hungUp(): boolean {
    return this.#inputEnded && !this.#waiting.some(({ name }) => name === "QUIT");
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let command = this.#next(); command; command = this.#next()) {
      if (this.#waiting.length <= BACKLOG && this.connection.stream.isPaused())
        this.connection.stream.resume();
      await this.#perform(command);
      const { stream } = this.connection;
      // Nothing more is done for a client that does not read its replies.
      if (stream.writableNeedDrain) await settled(stream, "drain").catch(() => {});
    }
    this.#working = false;
    this.#settle();
  }

  /** The command whose turn it is now, if any. */
  #next(): Command | undefined {
    if (this.#over) return undefined;
    if (this.#transfer) {
      const verb = this.#waiting[0]?.verb;
      // Who is not logged in any more is told so at once: that needs no data connection either.
      const meanwhile = verb?.meanwhile || (verb?.login === "required" && !this.files);
      return meanwhile && !this.#pipelined && !this.#transfer.over ? this.#waiting.shift() : undefined;
    }
    return this.#draining ? undefined : this.#waiting.shift();
  }

  /** Resolves when the command is answered, or its transfer under way. */
  async #perform(command: Command): Promise<void> {
    // Amid a transfer, another one is refused at most: its client is logged out.
    if (!command.verb?.transfers || this.#transfer) {
      await this.#answer(command);
      return;
    }
    this.#carrying = command;
    const underway = new Promise<void>((resolve) => {
      this.#underway = resolve;
    });
    const answered = this.#answer(command).then(() => {
      this.aborted = this.#transfer?.aborted ?? false;
      this.#transfer = undefined;
      this.#work();
    });
    await Promise.race([underway, answered]);
  }

  async #answer(command: Command): Promise<void> {
    const since = performance.now();
    const { connection } = this;
    if (connection.observed && command.name !== "") connection.emit(occurrence(command, this.files));
    const final = await answer(this, command);
    const sent =
      !command.verb?.transfers || !this.#transfer?.answered
        ? await this.#send(this.#spoken(final, command), since, command.name)
        : undefined;
    if (this.#securing) {
      // A client that was told something else does not begin either.
      if (sent?.code === 234) await this.#startTls().catch(() => this.#unsecured());
      this.#securing = false;
    }
    if (this.#leaving) this.#end(this.#leaving);
  }

  /** A reply in the words of the dialect, where there is one. */
  #spoken(said: FtpReply, command: Command | undefined): FtpReply {
    const { dialect } = this.settings;
    if (!dialect || !command) return said;
    const { name, argument, verb } = command;
    const about = verb?.secret ? "" : argument;
    return inDialect(dialect, said, {
      verb: name,
      argument: about,
      path: this.files?.knownAs(verb?.pathIn?.(about) ?? "") ?? about,
    });
  }

  /** Sends a reply, and tells what was sent: faults may have made another one of it, or none. */
  async #send(said: FtpReply, since: number, verb?: string): Promise<Reply | undefined> {
    const { connection } = this;
    const amended = await connection.amend(said, verb);
    if (!amended || this.#over || !connection.stream.writable) return undefined;
    const { dialect } = this.settings;
    connection.stream.write(dialect ? encoded(onTheWire(amended, dialect), dialect) : onTheWire(amended));
    if (connection.observed) {
      connection.emit({ type: "reply", ...amended, ms: performance.now() - since });
    }
    return amended;
  }

  /** Ends what has nothing more to do. */
  async #settle(): Promise<void> {
    if (this.#over || this.#working || this.#transfer) return;
    if (this.#draining) {
      this.#working = true;
      await this.#send(reply(421, "The server is stopping."), performance.now());
      this.#end("stopped");
    } else if (this.#inputEnded && this.#waiting.length === 0) {
      this.#end("client");
    }
  }

  #end(reason: CloseReason): void {
    if (this.#over) return;
    this.connection.end(reason);
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting.length = 0;
    this.#wake();
    this.#transfer?.abort();
    this.#seat?.[Symbol.dispose]();
    this.data.close();
    this.interpreter.close();
  }
}
