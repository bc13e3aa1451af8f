import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { endpointOf } from "./address.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import type { CloseReason, Endpoint, EventStream, Occurrence, Origin, Reply } from "./events.ts";
import type { Connection } from "./service.ts";

/** After our FIN, the peer has so many milliseconds without a byte, and so many altogether, to send its own. */
const LINGER = { idle: 2000, total: 30_000 };

/** What hangs on a connection: its data connections, and the ports that wait for one. */
export interface Dependent {
  /** The connection is closed. What is not at its end already is to go as well. */
  orphan(reason: CloseReason): void;
}

/** What the connections of one lab share. */
export interface Roster {
  readonly events: EventStream;
  /** Those that are open, data connections included. */
  readonly open: Set<SocketConnection>;
}

/** A connection over a socket that core has accepted or dialled. The only code that closes one. */
export class SocketConnection implements Connection {
  readonly id: string;
  readonly origin: Required<Origin>;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly closed: Promise<CloseReason>;
  readonly dependents = new Set<Dependent>();
  readonly #roster: Roster;
  readonly #socket: Socket;
  readonly #opened = performance.now();
  #reason: CloseReason | undefined;
  #ending = false;
  #lingering: NodeJS.Timeout | undefined;
  #traffic = 0;
  #active = this.#opened;
  #children = 0;

  constructor(socket: Socket, origin: Required<Origin>, roster: Roster, parent?: SocketConnection) {
    this.id = origin.connection;
    this.origin = origin;
    this.peer = endpointOf(socket.remoteAddress, socket.remotePort);
    this.local = endpointOf(socket.localAddress, socket.localPort);
    this.#roster = roster;
    this.#socket = socket;
    roster.open.add(this);
    parent?.dependents.add(this);
    roster.events.emit(origin, {
      type: "opened",
      peer: this.peer,
      secure: this.secure,
      ...(parent && { parent: parent.id }),
    });
    socket.on("error", (error) => {
      const code = codeOf(error);
      const reset = code === "ECONNRESET" || code === "EPIPE";
      this.#reason ??= reset ? "reset" : "error";
      if (!reset) this.emit({ type: "error", code: code ?? "IO", message: messageOf(error) });
    });
    socket.once("end", () => {
      this.#reason ??= "client";
    });
    this.closed = new Promise((resolve) => {
      // A socket that was reset between the kernel's accept and ours is closed already, and tells nobody.
      if (socket.closed) queueMicrotask(() => this.#onClose(resolve, parent));
      else socket.once("close", () => this.#onClose(resolve, parent));
    });
  }

  /**
   * The bytes for the engine. A plain lab hands out the bare socket: this is the one place where a stream that shapes or
   * records bytes would be put around it, above TLS, so that what it sees can be read.
   */
  get stream(): Duplex {
    return this.#socket;
  }

  get secure(): boolean {
    return false;
  }

  get observed(): boolean {
    return this.#roster.events.observed;
  }

  async startTls(): Promise<void> {
    throw new WirelabError(
      "TLS_UNAVAILABLE",
      `${this.origin.server} has no certificate, so it cannot speak TLS.`,
    );
  }

  emit(event: Occurrence): void {
    this.#roster.events.emit(this.origin, event);
  }

  async amend(reply: Reply): Promise<Reply | undefined> {
    return reply;
  }

  /** The origin of a data connection of this one. */
  childOrigin(): Required<Origin> {
    this.#children += 1;
    return { ...this.origin, connection: `${this.id}.${this.#children}` };
  }

  end(reason: CloseReason = "server"): void {
    if (this.#ending || this.#socket.destroyed) return;
    this.#ending = true;
    this.#reason ??= reason;
    const socket = this.#socket;
    socket.setTimeout(LINGER.idle, () => socket.destroy());
    socket.once("finish", () => {
      this.#lingering = setTimeout(() => socket.destroy(), LINGER.total);
    });
    // An engine that pipes would go on writing behind our FIN.
    this.stream.unpipe();
    this.stream.end();
    // What still comes in is read and thrown away: closing with unread input would send RST and eat our last words.
    this.stream.resume();
  }

  cut(reason: CloseReason): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  orphan(reason: CloseReason): void {
    if (!this.#ending) this.cut(reason);
  }

  /**
   * Which clock has run out by `now`, if any, with limits in milliseconds. Data connections are their parent's traffic;
   * one that stands still is cut, so that commands alone do not keep it.
   */
  expired(
    now: number,
    limits: { readonly idle: number; readonly lifetime: number },
  ): "idle" | "lifetime" | undefined {
    if (this.#ending) return undefined;
    if (now - this.#opened >= limits.lifetime) return "lifetime";
    for (const dependent of this.dependents) {
      if (!(dependent instanceof SocketConnection)) continue;
      if (dependent.expired(now, limits)) dependent.cut("idle");
      this.#active = Math.max(this.#active, dependent.#active);
    }
    const traffic = this.#socket.bytesRead + this.#socket.bytesWritten;
    if (traffic !== this.#traffic) {
      this.#traffic = traffic;
      this.#active = now;
    }
    return now - this.#active >= limits.idle ? "idle" : undefined;
  }

  #onClose(resolve: (reason: CloseReason) => void, parent: SocketConnection | undefined): void {
    clearTimeout(this.#lingering);
    const reason = this.#reason ?? "server";
    for (const dependent of this.dependents) dependent.orphan(reason);
    parent?.dependents.delete(this);
    this.#roster.open.delete(this);
    this.#roster.events.emit(this.origin, {
      type: "closed",
      reason,
      received: this.#socket.bytesRead,
      sent: this.#socket.bytesWritten,
      ms: performance.now() - this.#opened,
    });
    resolve(reason);
  }
}
