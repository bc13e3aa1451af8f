import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { endpointOf } from "./address.ts";
import type { Testimony, Witness, Witnessed } from "./capture/witness.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import type {
  CloseReason,
  Direction,
  Endpoint,
  EventStream,
  Occurrence,
  Origin,
  Reply,
} from "./events/events.ts";
import { isForDatagrams } from "./faults/fate.ts";
import { acted, type FaultTable, type Moment, type StandingRule } from "./faults/faults.ts";
import { Injector } from "./faults/injector.ts";
import { type Shaper, shaperOf } from "./faults/shapers.ts";
import { resetSocket, rst, Wire } from "./faults/wire.ts";
import type { Connection, DialledAs } from "./service.ts";
import { securedTowards, type TlsClient, verified } from "./tls/client.ts";
import { tlsReason } from "./tls/failures.ts";
import {
  certificateOf,
  clientHello,
  factsOf,
  HandshakeFailure,
  handshake,
  secured,
} from "./tls/handshake.ts";
import type { ServerTls } from "./tls/server-tls.ts";

/** After our FIN, the peer has so many milliseconds without a byte, and so many altogether, to send its own. */
const LINGER = { idle: 5000, total: 30_000 };

const NOTHING = new Uint8Array();

/** The ends that are not of the lab's own doing. */
const BY_CLIENTS: readonly CloseReason[] = ["client", "reset", "error"];

/** What hangs on a connection: its data connections, and the ports that wait for one. */
export interface Dependent {
  /** The connection is closed. What is not at its end already is to go as well. */
  orphan(reason: CloseReason): void;
}

/** Where a connection comes from that hangs on another one. */
export interface Descent {
  readonly parent: SocketConnection;
  readonly as: DialledAs;
  readonly opener: "peer" | "server";
}

/** Bytes that have passed on a connection, as they were on the wire: passwords included. */
export interface PassedBytes extends Required<Origin> {
  readonly direction: Direction;
  readonly bytes: Uint8Array;
}

/** Is shown all bytes that pass, in order. It must not change them, throw, or wait. */
export type Tap = (passed: PassedBytes) => void;

/** What the connections of one server share, and all but `tls` with those of its lab. */
export interface Roster {
  readonly events: EventStream;
  readonly faults: FaultTable;
  readonly witness: Witness | undefined;
  /** How the server speaks TLS, if it does. */
  readonly tls: ServerTls | undefined;
  /** Those that are open, data connections included. */
  readonly open: Set<SocketConnection>;
  /** Where datagrams are heard. */
  readonly ports: Set<Endpoint>;
}

/** A connection over a socket that core has accepted or dialled. The only code that closes one. */
export class SocketConnection implements Connection, Witnessed {
  readonly id: string;
  readonly origin: Required<Origin>;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly opener: "peer" | "server";
  readonly as: DialledAs | undefined;
  readonly closed: Promise<CloseReason>;
  readonly dependents = new Set<Dependent>();
  readonly #roster: Roster;
  readonly #socket: Socket;
  /** What carries the bytes: the socket, or TLS on it. */
  #carrier: Socket;
  readonly #testimony: Testimony | undefined;
  readonly #wire: Wire | undefined;
  readonly #injector: Injector;
  /** The rules that shape these bytes, until the end: one that comes again, with the next command, adds nothing to itself. */
  readonly #shapers = new Map<StandingRule, Shaper>();
  readonly #opened = performance.now();
  readonly #descent: Descent | undefined;
  #reason: CloseReason | undefined;
  #torn = false;
  #ending = false;
  #lingering: NodeJS.Timeout | undefined;
  #traffic = 0;
  #active = this.#opened;
  #children = 0;
  /** A handshake that is under way. */
  #securing: Promise<void> | undefined;

  /** @param struck the rules that act on this connection as a whole. */
  constructor(
    socket: Socket,
    origin: Required<Origin>,
    roster: Roster,
    descent?: Descent,
    struck: Iterable<StandingRule> = [],
  ) {
    const parent = descent?.parent;
    this.#descent = descent;
    this.id = origin.connection;
    this.origin = origin;
    this.peer = endpointOf(socket.remoteAddress, socket.remotePort);
    this.local = endpointOf(socket.localAddress, socket.localPort);
    this.opener = descent?.opener ?? "peer";
    this.as = descent?.as;
    this.#roster = roster;
    this.#socket = socket;
    this.#carrier = socket;
    const where = whereOf(origin.server, parent?.peer ?? this.peer);
    this.#injector = new Injector(roster.faults, this, where);
    const testimony = roster.witness?.(this);
    this.#testimony = testimony;
    const passed = testimony && ((direction: Direction, bytes: Buffer) => testimony.passed(direction, bytes));
    this.#wire = passed || roster.faults.wantsBytes(where) ? new Wire(socket, passed) : undefined;
    // The engine hears of it by the stream's close; without a listener an error would end the process.
    this.#wire?.on("error", () => {});
    roster.open.add(this);
    parent?.dependents.add(this);
    roster.events.emit(origin, {
      type: "opened",
      peer: this.peer,
      // A data connection's TLS begins when its transfer does.
      secure: roster.tls?.start === "implicit" && !parent,
      ...(parent && { parent: parent.id }),
      ...(this.opener === "server" && { opener: "server" }),
    });
    this.#attend(socket);
    this.closed = new Promise((resolve) => {
      // A socket that was reset between the kernel's accept and ours is closed already, and tells nobody.
      if (socket.closed) queueMicrotask(() => this.#onClose(resolve, parent));
      else socket.once("close", () => this.#onClose(resolve, parent));
    });
    for (const standing of struck) this.strike(standing);
  }

  /** The bytes for the engine: the bare socket, unless they are tapped or a rule could want to act on them. */
  get stream(): Duplex {
    return this.#wire ?? this.#carrier;
  }

  get secure(): boolean {
    return this.#carrier instanceof TLSSocket;
  }

  get resumed(): boolean {
    return this.#carrier instanceof TLSSocket && this.#carrier.isSessionReused();
  }

  get torn(): boolean {
    return this.#torn;
  }

  get certificate(): X509Certificate | undefined {
    return this.#carrier instanceof TLSSocket ? certificateOf(this.#carrier) : undefined;
  }

  get observed(): boolean {
    return this.#roster.events.observed || this.#injector.concerned;
  }

  get ruled(): boolean {
    return this.#injector.concerned;
  }

  get followsReplies(): boolean {
    return this.#injector.followsReplies;
  }

  get held(): boolean {
    return this.#wire?.holding ?? false;
  }

  async startTls(): Promise<void> {
    const { tls } = this.#roster;
    if (!tls) {
      throw new WirelabError(
        "TLS_UNAVAILABLE",
        `${this.origin.server} has no certificate, so it cannot speak TLS: give it the option tls.`,
      );
    }
    await this.#wire?.flushed();
    await this.#whileSecuring(this.#secure(tls));
  }

  /**
   * Upgrades to TLS in place, as client of the server that was dialled; what was written leaves before.
   *
   * @param ms how long that may take, in milliseconds.
   * @throws WirelabError `TLS_FAILED`, and the connection is closed.
   */
  async joinTls(tls: TlsClient, ms: number): Promise<void> {
    await this.#wire?.flushed();
    await this.#whileSecuring(this.#secureTowards(tls, ms));
  }

  emit(event: Occurrence): void {
    this.#roster.events.emit(this.origin, event);
    this.#injector.saw(event);
  }

  amend(reply: Reply, verb?: string): Promise<Reply | undefined> {
    return this.#injector.amend(reply, verb);
  }

  /** The data connections that are under way. */
  children(): SocketConnection[] {
    return [...this.dependents].filter(
      (child) => child instanceof SocketConnection && !child.#ending,
    ) as SocketConnection[];
  }

  /** What the current command does to a data connection, or data port, that comes only now. */
  armed(): readonly StandingRule[] {
    return this.#injector.armed();
  }

  /** Lets a rule act on this connection's bytes. Without a Wire, only what needs to see no byte can act. */
  strike(standing: StandingRule): void {
    const { fault } = standing.rule;
    if (fault.kind === "reply" || isForDatagrams(fault)) return;
    if (fault.kind === "refuse") {
      this.tell(standing);
      this.#reason ??= "fault";
      this.#torn = true;
      // At once: not a byte is to pass.
      rst(this.#socket);
    } else if (this.#wire) {
      const known = this.#shapers.get(standing);
      const shaper = known ?? shaperOf(fault, () => this.#roster.faults.random());
      const tell = () => {
        if (fault.kind !== "stall") this.#reason ??= "fault";
        if (shaper.limit?.outcome === "reset") this.#torn = true;
        this.tell(standing);
      };
      if (!shaper.limit) this.tell(standing);
      if (known) return;
      this.#shapers.set(standing, shaper);
      const shaping = this.#wire.shape(shaper, fault.direction && this.#facing(fault.direction), tell);
      standing.effects.add(shaping);
      void this.closed.then(() => standing.effects.delete(shaping));
    } else if ((fault.kind === "close" || fault.kind === "reset") && !fault.afterBytes) {
      this.tell(standing);
      if (fault.kind === "close") this.end("fault");
      else this.reset("fault");
    }
  }

  /** Tells observers that a rule has acted here. */
  tell(standing: StandingRule): void {
    this.#roster.events.emit(this.origin, acted(standing));
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
    const socket = this.#carrier;
    const linger = () => socket.setTimeout(LINGER.idle, () => socket.destroy());
    // A Wire may be holding what is still to be sent for longer than any patience.
    if (!this.#wire) linger();
    const finished = () => {
      // Both sides have ended, and the socket closes by itself.
      if (socket.readableEnded) return;
      linger();
      this.#lingering = setTimeout(() => socket.destroy(), LINGER.total);
    };
    // An engine that passes a FIN on has ended its own side before.
    if (socket.writableFinished) finished();
    else socket.once("finish", finished);
    // An engine that pipes would go on writing behind our FIN.
    this.stream.unpipe();
    this.stream.end();
    // What still comes in is read and thrown away: closing with unread input would send RST and eat our last words.
    this.stream.resume();
  }

  cut(reason: CloseReason): void {
    this.#reason ??= reason;
    this.#socket.destroy();
    // What rules hold would reach the engine when its client is long gone, and maybe another test's turn; or never, and the
    // engine that has given up would wait for its end. What a client has sent before it went is still delivered.
    if (!BY_CLIENTS.includes(reason)) this.#wire?.destroy();
  }

  reset(reason: CloseReason): void {
    this.#reason ??= reason;
    if (this.#torn) return;
    this.#torn = true;
    this.#ending = true;
    resetSocket(this.#socket, this.#carrier);
  }

  orphan(reason: CloseReason): void {
    if (this.#ending) return;
    const parent = this.#descent?.parent;
    if (!parent || this.as !== "relay") this.cut(reason);
    else if (parent.torn) this.reset(reason);
    else {
      // What the client has sent is still delivered, though a Wire may hold it for a while, and its receiver be slow.
      this.#socket.setTimeout(LINGER.total, () => this.#socket.destroy());
      const parted = () => {
        const { writableEnded, writableFinished } = this.stream;
        if (writableEnded && !writableFinished) this.stream.once("finish", () => this.end(reason));
        else this.end(reason);
      };
      if (parent.stream.closed) parted();
      else parent.stream.once("close", parted);
    }
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

  /** Which way bytes go, as clients see it: towards a target, what they send goes out. */
  #facing(direction: Direction): Direction {
    if (this.as !== "relay") return direction;
    return direction === "in" ? "out" : "in";
  }

  async #whileSecuring(securing: Promise<void>): Promise<void> {
    this.#securing = securing;
    try {
      await securing;
    } finally {
      this.#securing = undefined;
    }
  }

  #carryBy(carrier: TLSSocket): void {
    this.#carrier = carrier;
    this.#attend(carrier);
    this.#wire?.adopt(carrier);
    this.#testimony?.secured?.();
  }

  async #secureTowards(tls: TlsClient, ms: number): Promise<void> {
    const carrier = securedTowards(this.#socket, tls);
    this.#carryBy(carrier);
    try {
      await verified(carrier, ms);
    } catch (error) {
      this.#reason ??= "error";
      this.emit({ type: "error", code: codeOf(error) ?? "TLS_FAILED", message: messageOf(error) });
      throw error;
    }
    this.#roster.events.emit(this.origin, factsOf(carrier));
  }

  async #secure(tls: ServerTls): Promise<void> {
    const until = performance.now() + tls.handshakeTimeout;
    try {
      // Whoever begins with TLS may speak something else, and can be told so as long as nothing is encrypted.
      if (this.stream.readableFlowing === null) await clientHello(this.#socket, tls.handshakeTimeout);
      // In plain text, and in front of the handshake: somebody may have put it there who is not the client.
      else while (this.#socket.read() !== null);
      const carrier = secured(this.#socket, tls);
      this.#carryBy(carrier);
      await handshake(carrier, until - performance.now());
      this.#roster.events.emit(this.origin, factsOf(carrier));
    } catch (error) {
      if (!(error instanceof HandshakeFailure)) throw error;
      const ours = this.#reason !== undefined && !BY_CLIENTS.includes(this.#reason);
      this.#reason ??= "error";
      if (error.kind !== "silent" && !ours)
        this.emit({ type: "error", code: error.code, message: error.message });
      throw error;
    }
  }

  #attend(carrier: Socket): void {
    carrier.on("error", (error) => {
      // Below TLS, which has its own: only the question of its end has failed.
      if (carrier !== this.#carrier) return;
      this.#torn = true;
      const code = codeOf(error);
      const reset = code === "ECONNRESET" || code === "EPIPE";
      this.#reason ??= reset ? "reset" : "error";
      // What happened to a handshake is told by its failure.
      if (reset || this.#securing) return;
      const why = tlsReason(error);
      if (why === undefined) this.emit({ type: "error", code: code ?? "IO", message: messageOf(error) });
      else this.emit({ type: "error", code: "TLS_FAILED", message: `TLS has failed: ${why}.` });
    });
    carrier.once("end", () => this.#ended(carrier));
  }

  /** An RST in one breath with bytes reaches Node as an end. Writing nothing asks the system which of them it was. */
  #ended(carrier: Socket): void {
    if (this.secure) {
      // Behind a proper end clients send RST as well, if they have left tickets unread, so that it tears nothing. But what is
      // written now would neither leave nor fail.
      this.#reason ??= "client";
      this.#socket.write(NOTHING, (error) => {
        if (error) this.cut("client");
      });
      return;
    }
    // An end is what tells a file to be whole, and a target that all has come.
    const matters = this.as !== undefined || this.children().some(({ as }) => as === "relay");
    if (!matters || !carrier.writable) {
      this.#reason ??= "client";
      return;
    }
    carrier.write(NOTHING, (error) => {
      this.#reason ??= error ? "reset" : "client";
    });
  }

  async #onClose(
    resolve: (reason: CloseReason) => void,
    parent: SocketConnection | undefined,
  ): Promise<void> {
    clearTimeout(this.#lingering);
    // Why it failed is told before the end.
    if (this.#securing) await this.#securing.catch(() => {});
    const reason = this.#reason ?? "server";
    for (const dependent of this.dependents) dependent.orphan(reason);
    parent?.dependents.delete(this);
    this.#roster.open.delete(this);
    const by = reason === "client" || reason === "reset" ? "peer" : "server";
    this.#testimony?.closed?.(by, this.#torn ? "reset" : "fin");
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

/** Where a client is, as rules name it. */
export function whereOf(server: string, peer: Endpoint): Moment {
  return { server, peer: "host" in peer ? peer.host : "" };
}
