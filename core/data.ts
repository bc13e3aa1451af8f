import { connect, createServer, isIP, type Server as NetServer, type Socket } from "node:net";
import { endpointOf, endpointText } from "./address.ts";
import { bind } from "./bind.ts";
import { type Dependent, type Roster, SocketConnection, whereOf } from "./connection.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import type { CloseReason, Endpoint } from "./events/events.ts";
import type { StandingRule } from "./faults/faults.ts";
import type { DataPort, DialledAs, DialOptions, PortRange } from "./service.ts";

/** How long a connection is waited for, either way, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/** How long somebody else may come where it cannot be told any more who has come, in milliseconds. */
const NAMELESS_PATIENCE = 500;

/** See {@link Site.listenOnce}. */
export async function listenOnce(
  parent: SocketConnection,
  roster: Roster,
  ports?: PortRange,
): Promise<DataPort> {
  const host = "host" in parent.local ? parent.local.host : "127.0.0.1";
  const server = await bindOneOf(host, ports, `${parent.origin.server} (data port)`);
  if (!roster.open.has(parent)) {
    server.close();
    throw new WirelabError("STOPPED", "The client has gone while its data port opened.");
  }
  return new OneShotPort(server, parent, roster, parent.armed());
}

/** See {@link Site.dial}. */
export async function dial(
  parent: SocketConnection,
  roster: Roster,
  to: Endpoint,
  { as = "data", timeout = CONNECT_TIMEOUT, preface, tls }: DialOptions = {},
): Promise<SocketConnection> {
  if (!roster.open.has(parent)) throw unreachable(to, new Error("the client is gone"));
  const struck = strikesOn(parent, roster, as);
  const refusal = struck.find(({ rule }) => rule.fault.kind === "refuse");
  if (refusal) {
    parent.tell(refusal);
    throw unreachable(to, new Error("a fault refuses it"));
  }
  // From the address that the client knows us by: it would distrust another one.
  const known = as === "data" && "host" in parent.local && isIP(parent.local.host) !== 0;
  const from = known && "host" in parent.local ? { localAddress: parent.local.host } : {};
  const socket = connect({ ...to, ...from, allowHalfOpen: true, noDelay: true });
  const dependent: Dependent = { orphan: () => socket.destroy(new Error("the client is gone")) };
  parent.dependents.add(dependent);
  socket.once("close", () => parent.dependents.delete(dependent));
  const until = performance.now() + timeout;
  const connection = await connected(socket, to, timeout, () => {
    parent.dependents.delete(dependent);
    const origin = parent.childOrigin();
    return new SocketConnection(socket, origin, roster, { parent, as, opener: "server" }, struck);
  });
  if (preface) connection.stream.write(preface);
  if (tls) await connection.joinTls(tls, until - performance.now());
  return connection;
}

/** See {@link Site.reach}. */
export async function reach(to: Endpoint, signal: AbortSignal, ms = CONNECT_TIMEOUT): Promise<void> {
  const socket = connect(to);
  const stop = () => socket.destroy(new Error("the lab has stopped"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await connected(socket, to, ms, () => {
      // A late error of the socket that is being destroyed must find somebody.
      socket.on("error", () => {});
      socket.destroy();
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Waits for a socket to connect.
 *
 * @param take called at once, before anything else can happen to the socket.
 * @throws WirelabError `UNREACHABLE`
 */
function connected<T>(socket: Socket, to: Endpoint, ms: number, take: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${ms / 1000} s`)), ms);
    const refuse = (error: Error) => {
      clearTimeout(timer);
      // A late second error of the socket that is being destroyed must find somebody.
      socket.on("error", () => {});
      reject(unreachable(to, error));
    };
    socket.once("error", refuse);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", refuse);
      resolve(take());
    });
  });
}

function unreachable(to: Endpoint, cause: Error): WirelabError {
  // Of a name with several addresses, Node tells a code and no message.
  const why = messageOf(cause) || codeOf(cause);
  return new WirelabError("UNREACHABLE", `${endpointText(to)} cannot be reached: ${why}.`, { cause });
}

/** The rules that act on a child of the parent: those of its command, and those for whole connections. */
function strikesOn(
  parent: SocketConnection,
  roster: Roster,
  as: DialledAs,
  armed: readonly StandingRule[] = [],
): StandingRule[] {
  const where = whereOf(parent.origin.server, parent.peer);
  return [...armed, ...parent.armed(), ...roster.faults.acting("connection", { ...where, on: as })];
}

/** A listening socket for the first connection of the parent's own peer; strangers are dropped. */
class OneShotPort implements DataPort, Dependent {
  readonly host: string;
  readonly port: number;
  readonly #server: NetServer;
  readonly #parent: SocketConnection;
  readonly #roster: Roster;
  readonly #armed: readonly StandingRule[];
  #arrived: SocketConnection | undefined;
  #taken = false;
  /** Lets go of the one that was reset before it was accepted: the parent's peer, who has changed its mind, or a stranger. */
  #forgetNameless = () => {};
  #waiting: ((connection: SocketConnection | undefined) => void) | undefined;

  /** @param armed the rules that act on whoever comes, or that let nobody come. */
  constructor(server: NetServer, parent: SocketConnection, roster: Roster, armed: readonly StandingRule[]) {
    const bound = server.address();
    if (bound === null || typeof bound === "string") {
      throw new WirelabError("STOPPED", "The data port was closed while it opened.");
    }
    this.host = bound.address;
    this.port = bound.port;
    this.#server = server;
    this.#parent = parent;
    this.#roster = roster;
    this.#armed = armed;
    parent.dependents.add(this);
    server.on("connection", (socket) => this.#admit(socket));
    // One accept that failed; the client tries again or gives up.
    server.on("error", () => {});
    const refusal = armed.find(({ rule }) => rule.fault.kind === "refuse");
    if (!refusal) return;
    parent.tell(refusal);
    server.close();
  }

  connection(ms = CONNECT_TIMEOUT): Promise<SocketConnection> {
    return new Promise((resolve, reject) => {
      const take = (connection: SocketConnection | undefined) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        if (!connection) {
          reject(new WirelabError("STOPPED", "The data port was closed before anybody connected."));
          return;
        }
        this.#taken = true;
        resolve(connection);
      };
      const timer = setTimeout(() => {
        this.#waiting = undefined;
        reject(new WirelabError("TIMED_OUT", `Nobody connected to the data port within ${ms} ms.`));
      }, ms);
      if (this.#arrived || !this.#server.listening) take(this.#arrived);
      else this.#waiting = take;
    });
  }

  close(): void {
    this.orphan("server");
  }

  orphan(reason: CloseReason): void {
    this.#parent.dependents.delete(this);
    if (this.#server.listening) this.#server.close();
    this.#forgetNameless();
    if (!this.#taken) this.#arrived?.cut(reason);
    this.#waiting?.(undefined);
  }

  #admit(socket: Socket): void {
    const peer = endpointOf(socket.remoteAddress, socket.remotePort);
    const stranger = "host" in this.#parent.peer && "host" in peer && peer.host !== this.#parent.peer.host;
    if (stranger || this.#arrived) {
      const { server, protocol } = this.#parent.origin;
      this.#roster.events.emit(
        { server, protocol },
        { type: "refused", peer, reason: stranger ? "stranger" : "full" },
      );
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.#forgetNameless();
    if ("host" in peer) {
      this.#welcome(socket);
      return;
    }
    const timer = setTimeout(() => this.#welcome(socket), NAMELESS_PATIENCE);
    socket.on("error", () => {});
    this.#forgetNameless = () => {
      clearTimeout(timer);
      socket.destroy();
    };
  }

  #welcome(socket: Socket): void {
    this.#forgetNameless = () => {};
    this.#server.close();
    const parent = this.#parent;
    const struck = strikesOn(parent, this.#roster, "data", this.#armed);
    const origin = parent.childOrigin();
    this.#arrived = new SocketConnection(
      socket,
      origin,
      this.#roster,
      { parent, as: "data", opener: "peer" },
      struck,
    );
    this.#waiting?.(this.#arrived);
  }
}

/** Binds a free port, or the first free one of a range, begun at a random place so that ports are not soon used again. */
async function bindOneOf(host: string, ports: PortRange | undefined, name: string): Promise<NetServer> {
  const size = ports ? ports.to - ports.from + 1 : 1;
  const offset = Math.floor(Math.random() * size);
  for (let tried = 0; ; tried += 1) {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const port = ports ? ports.from + ((offset + tried) % size) : 0;
    try {
      await bind(server, { host, port }, name);
      return server;
    } catch (error) {
      if (codeOf(error) !== "ADDRESS_IN_USE" || tried + 1 >= size) throw error;
    }
  }
}
