import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Accounts } from "./accounts.ts";
import type { Redaction } from "./capture/redaction.ts";
import type { Clock } from "./clock.ts";
import type { CloseReason, Endpoint, Occurrence, Origin, Protocol, Reply } from "./events/events.ts";
import type { GateOptions } from "./gate.ts";
import type { Logger } from "./log.ts";
import type { Rooms } from "./rooms.ts";
import type { Store } from "./store/store.ts";
import type { TlsClient } from "./tls/client.ts";
import type { TlsSetting, TlsStart } from "./tls/options.ts";

/** Where a server listens, and whom it lets in. */
export interface ListenOptions {
  /** 0, the default, takes a free port: the running server tells which. */
  readonly port?: number;
  /** The literal address to listen on. Default: the lab's, which is 127.0.0.1. */
  readonly host?: string;
  /**
   * The path of a Unix-domain socket, instead of host and port. The file of a process that is gone is replaced; it goes with the
   * server.
   */
  readonly path?: string;
  /** The mode of the socket's file, which says who may connect. Default 0o600: its owner alone, whatever the umask. */
  readonly mode?: number;
  /** Whom it lets in, how many at once, and for how long. Default: everybody, within the limits there. */
  readonly gate?: GateOptions;
  /**
   * Whether it speaks TLS (HTTPS, telnets and so on), and how: `true` for a certificate that the lab's own CA issues, which
   * clients trust by `lab.ca`. Default: as the lab's option `tls` has it, and that is `false`.
   */
  readonly tls?: TlsSetting;
}

/**
 * A server as it is described, by `ftp()`, `http()`, `tcp()` …: a value, nothing running.
 *
 * @typeParam Own what its running server offers beyond what every server does: see {@link Engine.own}.
 */
export interface Service<Own extends object = object> {
  readonly protocol: Protocol;
  readonly listen: ListenOptions;
  /**
   * Folders of the disk with what the server runs. Where they lie among the lab's files, nobody can read, list, write or move
   * them by any protocol; they cannot hold the lab's files. Default: none.
   */
  readonly secludes?: readonly string[];
  /**
   * How the protocol begins TLS, where it is spoken: `implicit`, with the first byte; `explicit`, when the engine calls
   * `connection.startTls()`; `none` where there is no TLS for it. Default `implicit`.
   */
  readonly tlsStart?: TlsStart;
  /** The protocols that clients can choose from by ALPN (RFC 7301), `http/1.1` for example. Default: what they offer is ignored. */
  readonly alpn?: readonly string[];
  /** Called once per lab; imports the engine's package here, so that a lab loads only what it runs. */
  open(site: Site): Speaker<Own> | Promise<Speaker<Own>>;
}

/** What speaks a protocol, over TCP or over UDP. */
export type Speaker<Own extends object = object> = Engine<Own> | DatagramEngine<Own>;

/** What speaks a protocol: a function of streams. It never listens. */
export interface Engine<Own extends object = object> {
  /**
   * What the running server offers beyond what every server does, by names that {@link Server} does not have: members of this
   * become members of `lab.servers.NAME`. Default: nothing.
   */
  readonly own?: Own;
  /** Takes over a connection that was let in. From here on it is the engine's to end. */
  accept(connection: Connection): void;
  /**
   * Takes over a connection that began with HTTP, by a request with `Upgrade` (RFC 9110 §7.8): the request is the engine's to
   * answer, and from here on the connection is its to end. Default: nobody comes to this protocol by way of HTTP.
   *
   * @param head what has come in behind the request already.
   */
  upgrade?(connection: Connection, request: IncomingMessage, head: Buffer): void;
  /**
   * The words for a client whom core sends away, in the protocol's own form (`421 …`): `full` at the gate, `idle` and
   * `lifetime` when a clock ran out, `plain` where it speaks in plain text and the server TLS, `certificate` when its certificate
   * is not good. None by default; a protocol whose words are no text says them itself.
   *
   * @param connection the client's, where it was let in.
   */
  goodbye?(reason: Goodbye, connection?: Connection): string | undefined;
  /**
   * Takes the passwords out of what a client sends, for those who remember bytes. Called when a connection opens, before
   * {@link Engine.accept}; what it gives is called for all that is received, in order. Default: there are none.
   */
  redaction?(origin: Required<Origin>): Redaction | undefined;
  /** The lab is stopping: say goodbye where nothing is under way, and after it where something is. */
  drain?(): void;
  /** The lab is made what it was at its start: forgets what outlives connections. Every connection is closed. */
  reset?(): void;
  /** The last call, when every connection is closed. */
  close?(): void | Promise<void>;
}

/** What speaks a protocol over UDP: a function of datagrams. Core makes the socket, and knows by `receive` which one it is. */
export interface DatagramEngine<Own extends object = object>
  extends Pick<Engine<Own>, "own" | "reset" | "close"> {
  /** Is given each datagram as it comes. What it throws is told as an `error`, and ends nothing. */
  receive(datagram: Datagram): void;
}

/** One packet that somebody has sent. */
export interface Datagram {
  readonly flow: Flow;
  /** 65,507 bytes at most over IPv4, and maybe none. */
  readonly bytes: Buffer;
  /**
   * Sends a datagram back. All answers to one that did not come from this machine's loopback have as many bytes as it had, at
   * most, since its sender's address may be a victim's: what would be more is not sent, and told as an `error`.
   */
  answer(bytes: Uint8Array): void;
}

/**
 * All that is exchanged with one address and port (RFC 7011's flow): UDP has no connection to tell. It is the same object for
 * each of its datagrams, until the peer has been silent for the gate's `idle`, or made room for others.
 */
export interface Flow {
  /** Unique in its lab, among connections too: `c7`. */
  readonly id: string;
  readonly peer: Endpoint;
  /** Tells the lab's observers what the protocol saw. The datagrams themselves are told by core, as frames. */
  emit(event: Occurrence): void;
}
/** Why core sends a client away: see {@link Engine.goodbye}. */
export type Goodbye = "full" | "idle" | "lifetime" | "plain" | "certificate";

/** All that a protocol may reach. */
export interface Site {
  /** The server's name in the lab. */
  readonly server: string;
  readonly log: Logger;
  /** Unguarded: `guarded()` makes an account's view of it. */
  readonly store: Store;
  readonly accounts: Accounts;
  readonly rooms: Rooms;
  /** How this server begins TLS; undefined where it speaks none. */
  readonly tls: "implicit" | "explicit" | undefined;
  /** What time it is, for all that is said of time. */
  readonly clock: Clock;
  /** Aborted when the lab begins to stop. */
  readonly signal: AbortSignal;
  /** Tells the lab's observers what is of no one connection. */
  emit(event: Occurrence): void;
  /** A port for one data connection from the parent's own peer (FTP passive), on the address the parent came in by. */
  listenOnce(parent: Connection, ports?: PortRange): Promise<DataPort>;
  /**
   * A connection made by the server (FTP active, forwarding).
   *
   * @throws WirelabError `UNREACHABLE` when it was refused or did not come about in time; `TLS_FAILED`.
   */
  dial(parent: Connection, to: Endpoint, options?: DialOptions): Promise<Connection>;
  /**
   * Whether somebody listens there: connects, and closes at once. Ends with the lab.
   *
   * @param ms how long to wait, in milliseconds; default 10,000.
   * @throws WirelabError `UNREACHABLE` when it was refused or did not come about in time.
   */
  reach(to: Endpoint, ms?: number): Promise<void>;
}

/**
 * What a dialled connection is to its parent:
 *
 * - `data` moves bytes beside it (FTP active), from the address that the client came in by, and is cut when it goes;
 * - `relay` carries on what came on it (forwarding), from any address. Rules for whole connections act on it only with
 *   `on: "data"`, `in` is still what the client sends, and when the parent goes it ends as the parent did: by RST, or by FIN
 *   behind what is still to be sent.
 */
export type DialledAs = "data" | "relay";

/** How a server connects to another one. */
export interface DialOptions {
  /** Default `data`. */
  readonly as?: DialledAs;
  /** How long to wait for it, in milliseconds. Default 10,000. */
  readonly timeout?: number;
  /** What is sent in front of all else, TLS included. Default nothing. */
  readonly preface?: Uint8Array;
  /** Makes it a TLS connection, of which we are the client. Default: it is none. */
  readonly tls?: TlsClient;
}

/** Ports from the first to the last, both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A port that waits for one data connection. */
export interface DataPort {
  readonly host: string;
  readonly port: number;
  /**
   * The connection, whether it has come already or comes later. Called once.
   *
   * @param ms how long to wait, in milliseconds; default 10,000.
   * @throws WirelabError `TIMED_OUT`, or `STOPPED` when the port was closed first.
   */
  connection(ms?: number): Promise<Connection>;
  /** Stops listening, and ends a connection that came and was not taken. Harmless when called again. */
  close(): void;
}

/** One stream between a client and an engine. Core has accepted (or dialled) it, counts it, and tells when it closes. */
export interface Connection {
  /** Unique in its lab: `c7`; a data connection of it is `c7.1`. */
  readonly id: string;
  readonly peer: Endpoint;
  /** Our end: the address that the client reached us by. */
  readonly local: Endpoint;
  /** Decrypted bytes. Half-closed clients stay writable (`allowHalfOpen`); the engine ends its own side. */
  readonly stream: Duplex;
  readonly secure: boolean;
  /** Whether the TLS session is one that began on another connection. */
  readonly resumed: boolean;
  /** Who the peer is by its certificate, which was found good; undefined where it has shown none. */
  readonly certificate: X509Certificate | undefined;
  /** Whether anybody wants commands, replies and frames: ask before building one. The other events are always told. */
  readonly observed: boolean;
  /** Whether a rule could act here: where none could, {@link Connection.amend} need not be asked. */
  readonly ruled: boolean;
  /**
   * Whether a rule acts when a reply has been sent: a protocol whose replies have a head and a body sends the head, and tells
   * of it, before the body.
   */
  readonly followsReplies: boolean;
  /** Whether a rule holds back what has been sent, either way: then it is not the client who is slow. */
  readonly held: boolean;
  /** Resolves when the connection is closed, however it came to that. */
  readonly closed: Promise<CloseReason>;
  /**
   * Whether it was broken off, by an RST of either side or by an error. Known when it is closed, and of data connections and
   * relays without TLS two turns after their end.
   */
  readonly torn: boolean;
  /**
   * Upgrades to TLS in place, as server; `stream` may be another one afterwards, so who listens to it lets go of it first,
   * and pauses it. What was written leaves before, and the handshake has its time-out. What came before and was not read is thrown
   * away, since it came in plain text; of a stream that nobody has begun to read, it is the beginning of the handshake.
   *
   * @throws WirelabError `TLS_UNAVAILABLE` when the server has no certificate; `TLS_FAILED`, and the connection is closed.
   */
  startTls(): Promise<void>;
  /** Tells the lab's observers what the protocol saw. Free while nobody observes. */
  emit(event: Occurrence): void;
  /**
   * Every reply passes through here before it is sent: the one place where a wrong one can be scripted.
   *
   * @param verb the command that it answers, where that need not be the latest one; a protocol that answers others while one
   *   with a data connection is under way says which.
   */
  amend(reply: Reply, verb?: string): Promise<Reply | undefined>;
  /**
   * Sends what is still to be sent, then FIN, and discards further input until the peer's FIN (5 s without a byte, 30 s
   * altogether), so that no RST eats the last reply. Harmless when called again.
   *
   * @param reason what observers are told; default `server`.
   */
  end(reason?: CloseReason): void;
  /** Closes at once; what was not sent yet is lost. */
  cut(reason: CloseReason): void;
  /** As {@link Connection.cut}, with an RST, as a machine closes that has crashed. Harmless when called again. */
  reset(reason: CloseReason): void;
}
