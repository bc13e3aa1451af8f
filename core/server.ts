import { endpointText, serverUrl } from "./address.ts";
import { LONGEST } from "./checks.ts";
import type { Roster, SocketConnection } from "./connection.ts";
import type { Endpoint, Protocol } from "./events/events.ts";
import type { Lab } from "./lab.ts";
import type { Speaker } from "./service.ts";

/** A server that runs. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly protocol: Protocol;
  /** The literal address it listens on; empty for a Unix-domain socket. */
  readonly host: string;
  /** The port it listens on; 0 for a Unix-domain socket. */
  readonly port: number;
  /** The path of its Unix-domain socket, if it has one. */
  readonly path?: string;
  /** Ready to paste, `ftp://127.0.0.1:2121` for example; `unix:PATH` for a Unix-domain socket. */
  readonly url: string;
  /** The lab that it is of. */
  readonly lab: Lab;
  /** Stops this server alone; see {@link Lab.stop}. */
  stop(options?: StopOptions): Promise<StopReport>;
}

/** How a lab, or one server, stops. */
export interface StopOptions {
  /** Milliseconds that clients have to come to their end before they are cut. Default 2,000. */
  readonly grace?: number;
}

/** A connection as a stop report tells of it. */
export interface OpenConnection {
  readonly connection: string;
  readonly server: string;
  readonly peer: string;
}

/** What stopping found. */
export interface StopReport {
  /** The connections that were open when the stop began. */
  readonly open: readonly OpenConnection[];
  /** Those that had to be cut because the grace ran out. */
  readonly cut: readonly OpenConnection[];
}

/** How long clients have, if nobody says, in milliseconds. */
const DEFAULT_GRACE = 2000;

/** How long clients have to close their side at a reset, in milliseconds. */
const RESET_GRACE = 100;

/** What takes in the clients of a server: a {@link Listener}, or the socket of {@link Datagrams}. */
export interface Intake {
  readonly address: Endpoint;
  /** Forgets its clients; connections are not its own. */
  reset?(): void;
  /** Takes in nobody any more, and lets go of the address. @param grace milliseconds for what is on its way. */
  close(grace: number): Promise<void>;
}

/** An intake and an engine that run, and how they end. */
export class RunningServer implements Server {
  readonly name: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly url: string;
  readonly #intake: Intake;
  readonly #engine: Speaker;
  readonly #stopping: AbortController;
  readonly #roster: Roster;
  readonly #lab: () => Lab;
  #stopped: Promise<StopReport> | undefined;

  constructor(
    name: string,
    protocol: Protocol,
    intake: Intake,
    engine: Speaker,
    stopping: AbortController,
    roster: Roster,
    lab: () => Lab,
  ) {
    this.name = name;
    this.protocol = protocol;
    const at = intake.address;
    this.host = "host" in at ? at.host : "";
    this.port = "host" in at ? at.port : 0;
    if ("path" in at) this.path = at.path;
    this.url = serverUrl(protocol, at, roster.tls?.start);
    this.#intake = intake;
    this.#engine = engine;
    this.#stopping = stopping;
    this.#roster = roster;
    this.#lab = lab;
  }

  get lab(): Lab {
    return this.#lab();
  }

  stop({ grace = DEFAULT_GRACE }: StopOptions = {}): Promise<StopReport> {
    this.#stopped ??= this.#stop(grace);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Ends every session, and lets the engine forget what outlives connections. */
  async reset(): Promise<void> {
    const open = this.#open();
    for (const connection of open) {
      // An upload that ended in good order would be taken for a whole one.
      for (const child of connection.children()) child.cut("stopped");
      // By FIN, which clients answer: one that keeps connections for later has then noticed, and takes a new one.
      connection.end("stopped");
    }
    await this.#allClosed(RESET_GRACE);
    await this.#cut(open);
    this.#intake.reset?.();
    this.#engine.reset?.();
  }

  async #stop(grace: number): Promise<StopReport> {
    const open = this.#open();
    this.#stopping.abort();
    const closed = this.#intake.close(grace);
    if (grace > 0) {
      if ("drain" in this.#engine) this.#engine.drain?.();
      await this.#allClosed(grace);
    }
    const cut = await this.#cut(open);
    await closed;
    await this.#engine.close?.();
    this.#roster.events.emit({ server: this.name, protocol: this.protocol }, { type: "stopped" });
    return { open: open.map(reported), cut: cut.map(reported) };
  }

  /** @param before those that were open: of some that are closed meanwhile, rules may hold bytes for the engine. */
  async #cut(before: readonly SocketConnection[]): Promise<SocketConnection[]> {
    const open = this.#open();
    for (const connection of [...before, ...open]) connection.cut("stopped");
    await Promise.all(open.map((connection) => connection.closed));
    // Until then their data ports were open, and who came there has been cut with them, but may not be closed yet.
    const late = this.#open().filter(({ as }) => as !== undefined);
    for (const connection of late) connection.cut("stopped");
    await Promise.all(late.map((connection) => connection.closed));
    return [...open, ...late];
  }

  #open(): SocketConnection[] {
    return [...this.#roster.open].filter((connection) => connection.origin.server === this.name);
  }

  /** Waits until nothing is open, data connections that come meanwhile included, or until the time is up. */
  async #allClosed(grace: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), Math.min(grace, LONGEST));
    });
    let open = this.#open();
    while (open.length > 0) {
      const ended = Promise.all(open.map((connection) => connection.closed));
      if ((await Promise.race([ended, late])) === "late") break;
      open = this.#open();
    }
    clearTimeout(timer);
  }
}

function reported({ id, origin, peer }: SocketConnection): OpenConnection {
  return { connection: id, server: origin.server, peer: endpointText(peer) };
}
