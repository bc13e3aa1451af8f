import { createServer, type Server as NetServer, type Socket } from "node:net";
import { endpointOf } from "./address.ts";
import { bind } from "./bind.ts";
import { type Roster, SocketConnection, whereOf } from "./connection.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import type { Endpoint, Origin, Protocol } from "./events/events.ts";
import { acted } from "./faults/faults.ts";
import { rst } from "./faults/wire.ts";
import { Gate } from "./gate.ts";
import type { Intake } from "./server.ts";
import type { Engine, ListenOptions, Speaker } from "./service.ts";
import { SocketFile } from "./socket-file.ts";
import { HandshakeFailure } from "./tls/handshake.ts";

/** How long somebody who is not let in has to take the words that say so, in milliseconds. */
const TURNED_AWAY = 2000;

/** What takes in clients, serves them to this: a server of the lab, by name. */
export interface Served<Taker extends Speaker = Engine> {
  readonly server: string;
  readonly protocol: Protocol;
  readonly engine: Taker;
  readonly nextId: () => string;
}

/** The listening socket of one server: whatever comes in passes the gate, becomes a connection, and goes to the engine. */
export class Listener implements Intake {
  readonly address: Endpoint;
  readonly #served: Served;
  readonly #origin: Origin;
  readonly #roster: Roster;
  readonly #gate: Gate;
  readonly #server: NetServer;
  readonly #file: SocketFile | undefined;
  readonly #own = new Set<SocketConnection>();
  readonly #turnedAway = new Set<Socket>();
  readonly #securing = new Set<SocketConnection>();
  #clock: NodeJS.Timeout | undefined;

  /**
   * Binds the address; nothing is accepted before the answer.
   *
   * @throws WirelabError `ADDRESS_IN_USE`, `ADDRESS_DENIED`, `ADDRESS_UNAVAILABLE`, `BAD_ADDRESS` or `BAD_OPTION`, naming server
   *   and address.
   */
  static async open(
    listen: ListenOptions & { readonly host: string },
    served: Served,
    roster: Roster,
  ): Promise<Listener> {
    const gate = new Gate(listen.gate);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const { host, port, path, mode } = listen;
    const refuse = (why: string): never => {
      throw new WirelabError("BAD_OPTION", `${served.server} has ${why}.`);
    };
    if (path === undefined && mode !== undefined)
      refuse("a mode, which is of a Unix-domain socket, and no path");
    if (path !== undefined && port !== undefined) refuse("a port and the path of a Unix-domain socket");
    const file = path === undefined ? undefined : await SocketFile.bind(server, path, served.server, mode);
    if (!file) await bind(server, { host, port: port ?? 0 }, served.server);
    return new Listener(server, file, gate, served, roster);
  }

  private constructor(
    server: NetServer,
    file: SocketFile | undefined,
    gate: Gate,
    served: Served,
    roster: Roster,
  ) {
    const bound = server.address();
    if (bound === null) throw new WirelabError("STOPPED", `${served.server} was closed while it started.`);
    this.address = typeof bound === "string" ? { path: bound } : endpointOf(bound.address, bound.port);
    this.#served = served;
    this.#origin = { server: served.server, protocol: served.protocol };
    this.#roster = roster;
    this.#gate = gate;
    this.#server = server;
    this.#file = file;
    server.on("connection", (socket) => this.#admit(socket));
    // After a successful bind, what can fail is one accept (out of file handles, say): told, and the next may succeed.
    server.on("error", (error) =>
      roster.events.emit(this.#origin, {
        type: "error",
        code: codeOf(error) ?? "IO",
        message: messageOf(error),
      }),
    );
  }

  /** Stops accepting; connections that are open stay. Resolves when the socket no longer listens. */
  close(): Promise<void> {
    for (const socket of this.#turnedAway) socket.destroy();
    // No engine knows them yet, so none could say goodbye.
    for (const connection of this.#securing) connection.cut("stopped");
    return new Promise((resolve) => {
      // Node calls back when every accepted connection is closed too; the address is free before that.
      if (this.#file) this.#file.close(this.#server);
      else this.#server.close();
      setImmediate(resolve);
    });
  }

  #admit(socket: Socket): void {
    const peer = endpointOf(socket.remoteAddress, socket.remotePort);
    const refused = this.#gate.admit(peer);
    if (refused) {
      this.#roster.events.emit(this.#origin, { type: "refused", peer, reason: refused });
      const wordless = refused === "denied" || this.#secures;
      this.#turnAway(socket, wordless ? undefined : this.#served.engine.goodbye?.("full"));
      return;
    }
    const { nextId, server } = this.#served;
    const { faults } = this.#roster;
    const struck = [...faults.acting("connection", { ...whereOf(server, peer), on: "control" })];
    const refusal = struck.find(({ rule }) => rule.fault.kind === "refuse");
    if (refusal) {
      this.#gate.release(peer);
      this.#roster.events.emit(this.#origin, acted(refusal));
      this.#roster.events.emit(this.#origin, { type: "refused", peer, reason: "fault" });
      rst(socket);
      return;
    }
    const origin = { ...this.#origin, connection: nextId() };
    const connection = new SocketConnection(socket, origin, this.#roster, undefined, struck);
    this.#own.add(connection);
    this.#clock ??= setInterval(() => this.#sweep(), sweepPeriod(this.#gate.limits));
    connection.closed.then(() => {
      this.#gate.release(peer);
      this.#own.delete(connection);
      if (this.#own.size > 0) return;
      clearInterval(this.#clock);
      this.#clock = undefined;
    });
    if (this.#secures) void this.#secure(connection);
    else this.#accept(connection);
  }

  /** Whether TLS begins with the first byte. */
  get #secures(): boolean {
    return this.#roster.tls?.start === "implicit";
  }

  async #secure(connection: SocketConnection): Promise<void> {
    this.#securing.add(connection);
    try {
      await connection.startTls();
    } catch (error) {
      this.#refuse(connection, error);
      return;
    } finally {
      this.#securing.delete(connection);
    }
    this.#accept(connection);
  }

  /** Ends a connection that did not come to TLS, with words where they can be read. Observers have been told why. */
  #refuse(connection: SocketConnection, error: unknown): void {
    const kind = error instanceof HandshakeFailure ? error.kind : "failed";
    const words =
      kind === "plain" || kind === "certificate" ? this.#served.engine.goodbye?.(kind) : undefined;
    if (words === undefined || !connection.stream.writable) {
      connection.cut("error");
      return;
    }
    connection.stream.write(words);
    connection.end("error");
  }

  #accept(connection: SocketConnection): void {
    try {
      this.#served.engine.accept(connection);
    } catch (error) {
      connection.emit({ type: "error", code: codeOf(error) ?? "IO", message: messageOf(error) });
      connection.cut("error");
    }
  }

  #turnAway(socket: Socket, words: string | undefined): void {
    socket.on("error", () => {});
    if (words === undefined) {
      socket.destroy();
      return;
    }
    this.#turnedAway.add(socket);
    socket.once("close", () => this.#turnedAway.delete(socket));
    socket.setTimeout(TURNED_AWAY, () => socket.destroy());
    socket.end(words);
    socket.resume();
  }

  /** One clock for all: a timer per connection would cost more than it tells. */
  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#own) {
      const reason = connection.expired(now, this.#gate.limits);
      if (!reason) continue;
      const words = this.#served.engine.goodbye?.(reason, connection);
      if (words !== undefined && connection.stream.writable) connection.stream.write(words);
      connection.end(reason);
    }
  }
}

/** How often the clocks are looked at: a quarter of the shortest, and a second at most. */
function sweepPeriod(limits: { readonly idle: number; readonly lifetime: number }): number {
  return Math.max(10, Math.min(1000, limits.idle / 4, limits.lifetime / 4));
}
