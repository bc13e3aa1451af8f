import { EventEmitter } from "node:events";
import { type FtpConnection, FtpSrv } from "ftp-srv";
import { FTP_PASSWORDS, linesRedacted } from "../../core/capture/redaction.ts";
import type { Engine, Site } from "../../core/service.ts";
import { Files } from "./files.ts";
import type { FtpSettings } from "./index.ts";
import type { InterpretedVerb, Interpreter } from "./interpreter.ts";
import { type FtpReply, reply } from "./reply.ts";
import { Session } from "./session.ts";

const GOODBYE = {
  full: "421 Too many clients are connected.\r\n",
  idle: "421 Nothing was heard for too long.\r\n",
  lifetime: "421 The connection has lasted its time.\r\n",
  plain: "421 Here TLS begins with the first byte (ftps).\r\n",
  certificate: "421 The certificate is not accepted.\r\n",
} as const;

/**
 * FTP for every connection: sessions of ours, and ftp-srv behind them as the interpreter of the commands that
 * {@link InterpretedVerb} names. This is the only file that knows ftp-srv.
 */
export function ftpEngine(site: Site, settings: FtpSettings): Engine {
  const interpreters = new FtpSrvInterpreters(site);
  const sessions = new Set<Session>();
  return {
    accept(connection) {
      const session = new Session(connection, site, settings, interpreters.open());
      sessions.add(session);
      connection.closed.then(() => sessions.delete(session));
    },
    goodbye: (reason) => GOODBYE[reason],
    redaction: () => linesRedacted(FTP_PASSWORDS),
    drain() {
      for (const session of sessions) session.drain();
    },
    close: () => interpreters.close(),
  };
}

// What ftp-srv has and does not declare.
interface Internals {
  readonly server: EventEmitter;
  readonly connections: Record<string, unknown>;
  disconnectClient(id: string): Promise<void>;
}
interface Fed extends FtpConnection {
  authenticated?: boolean;
  fs?: unknown;
  reply: (options: number | { code?: number }, ...letters: unknown[]) => Promise<void>;
  readonly commands: {
    handle(command: { directive: string; arg: string; flags: string[]; raw: string }): PromiseLike<unknown>;
  };
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/** How many interpreters wait for their next session: to make one takes a good part of a login. */
const SPARE = 64;

/** One ftp-srv server that never listens; each session feeds it a connection of its own, and leaves it to a later one. */
class FtpSrvInterpreters {
  readonly #site: Site;
  readonly #server: FtpSrv & Internals & EventEmitter;
  readonly #verify = new WeakMap<FtpConnection, (name: string, password: string) => unknown>();
  readonly #spare: FtpSrvInterpreter[] = [];
  #fed: Fed | undefined;

  constructor(site: Site) {
    this.#site = site;
    this.#server = quietServer(site);
    // The session closes its connection itself; ftp-srv would answer with a timer of a second.
    this.#server.disconnectClient = async (id) => {
      delete this.#server.connections[id];
    };
    const events: EventEmitter = this.#server;
    events.on("connect", ({ connection }: { connection: Fed }) => {
      this.#fed = connection;
      // Set before ftp-srv greets, as it does next: the session greets itself.
      connection.reply = async () => {};
    });
    this.#server.on("login", ({ connection, username, password }, resolve, reject) => {
      const fs = this.#verify.get(connection)?.(username, password);
      if (fs) resolve(fs);
      else reject(new Error("Wrong name or password"));
    });
  }

  open(): Interpreter {
    const spare = this.#spare.pop();
    if (spare) return spare;
    const control = new ControlStub();
    this.#server.server.emit("connection", control);
    const fed = this.#fed;
    if (!fed) throw new Error("ftp-srv has not taken the connection");
    const interpreter = new FtpSrvInterpreter(fed, this.#site, () => {
      if (this.#spare.length < SPARE) this.#spare.push(interpreter);
      else control.emit("close");
    });
    this.#verify.set(fed, (name, password) => interpreter.verify(name, password));
    return interpreter;
  }

  close(): void {
    this.#server.removeAllListeners();
  }
}

/** ftp-srv ends the process on a signal; that is the launcher's to decide, so its listeners go as soon as they came. */
function quietServer(site: Site): FtpSrv & Internals & EventEmitter {
  const before = SIGNALS.map((signal) => process.listeners(signal));
  const trace = (fields: unknown, message?: unknown) =>
    site.log.trace({ server: site.server, interpreter: fields }, String(message ?? "ftp-srv"));
  const log = { trace, debug: trace, info: trace, warn: trace, error: trace, child: () => log };
  const server = new FtpSrv({ log });
  for (const [index, signal] of SIGNALS.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.includes(listener)) process.off(signal, listener);
    }
  }
  return server as FtpSrv & Internals & EventEmitter;
}

/** What ftp-srv holds for a client's socket. It carries no bytes: commands go in, and replies come out, as values. */
class ControlStub extends EventEmitter {
  /** Asked by commands that are not ftp-srv's here. */
  readonly remoteAddress = "";
  destroyed = false;

  resume(): void {}

  destroy(): void {
    this.destroyed = true;
  }
}

/** What ftp-srv leaves to be said by code alone. */
const PHRASES: Readonly<Record<number, string>> = {
  200: "Done.",
  202: "Not needed here.",
  215: "UNIX Type: L8",
  250: "Done.",
  504: "Not supported with that argument.",
};

class FtpSrvInterpreter implements Interpreter {
  readonly #connection: Fed;
  readonly #site: Site;
  readonly #released: () => void;
  #files: Files | undefined;
  #verb: InterpretedVerb = "NOOP";
  #answer: FtpReply | undefined;
  #failure: unknown;
  /** What it is asked just now, if anything. */
  #asked: Promise<unknown> = Promise.resolve();

  /** @param released called when its session is over. */
  constructor(connection: Fed, site: Site, released: () => void) {
    this.#connection = connection;
    this.#site = site;
    this.#released = released;
    connection.reply = async (options, text) => {
      const code = (typeof options === "number" ? options : options.code) ?? 500;
      this.#answer = reply(code, typeof text === "string" ? text : (PHRASES[code] ?? "Done."));
    };
  }

  async login(name: string, password: string): Promise<Files | undefined> {
    this.logout();
    const asked = this.#connection.login(name, password).catch(() => {});
    this.#asked = asked;
    await asked;
    return this.#files;
  }

  logout(): void {
    this.#files = undefined;
    this.#connection.authenticated = false;
    this.#connection.fs = undefined;
  }

  /** The file system that ftp-srv shall work with, if name and password are right. */
  verify(name: string, password: string): unknown {
    const { accounts, store } = this.#site;
    // RFC 1635 §2: some clients say ftp where others say anonymous.
    const account = accounts.verify(name, password) ?? (name === "ftp" ? accounts.anonymous : undefined);
    if (!account) return undefined;
    const files = new Files(store, account);
    this.#files = files;
    return {
      fs: {
        currentDirectory: () => files.cwd,
        chdir: (path: string) => this.#attempt(files.changeDirectory(path)),
        mkdir: (path: string) => this.#attempt(files.makeDirectory(path)),
        // ftp-srv makes no difference between DELE and RMD; the RFC does.
        delete: (path: string) =>
          this.#attempt(files.remove(path, this.#verb === "DELE" ? "file" : "directory")),
      },
    };
  }

  async perform(verb: InterpretedVerb, argument: string): Promise<FtpReply> {
    this.#verb = verb;
    this.#answer = undefined;
    this.#failure = undefined;
    const command = { directive: verb, arg: argument, flags: [], raw: argument };
    const asked = Promise.resolve(this.#connection.commands.handle(command));
    this.#asked = asked;
    await asked;
    // ftp-srv says 550 to whatever went wrong; the store's own word is more exact.
    if (this.#failure) throw this.#failure;
    return this.#answer ?? reply(451, "The command has got no answer.");
  }

  close(): void {
    // What is under way still has this interpreter, and no other session may have it meanwhile.
    const release = () => {
      this.logout();
      this.#released();
    };
    this.#asked.then(release, release);
  }

  async #attempt<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}
