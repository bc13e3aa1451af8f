import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { authority, connectableHost, endpointOf, endpointText, isLoopback } from "./address.ts";
import { bindError } from "./bind.ts";
import type { Testimony } from "./capture/witness.ts";
import { LONGEST } from "./checks.ts";
import { type Roster, whereOf } from "./connection.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import { type Direction, type Endpoint, type Occurrence, type Origin, previewOf } from "./events/events.ts";
import { fateOf } from "./faults/fate.ts";
import { acted, type Fault } from "./faults/faults.ts";
import { Gate } from "./gate.ts";
import type { Served } from "./listener.ts";
import type { Intake } from "./server.ts";
import type { Datagram, DatagramEngine, Flow, ListenOptions } from "./service.ts";

/** How many bytes may wait in faults, and as many for the system to send them; each datagram counts for {@link OVERHEAD} more. */
const MAX_WAITING = 16 * 1024 * 1024;

/** What a datagram takes beside its bytes. */
const OVERHEAD = 512;

/** Bytes that the system is asked to keep for us while we are busy; it may keep fewer. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

/** A datagram that a fault holds. */
interface Held {
  readonly direction: Direction;
  readonly cost: number;
  readonly timer: NodeJS.Timeout;
  readonly go: () => void;
}

/** A flow as core knows it. */
interface OwnFlow extends Flow {
  readonly origin: Required<Origin>;
  /** Where answers go, as the socket has it. */
  readonly to: RemoteInfo;
  readonly testimony: Testimony | undefined;
  heard: number;
  /** Those that wait for the next one to overtake them. */
  readonly waiting: Partial<Record<Direction, Held>>;
}

/** The UDP socket of one server: what comes in passes the gate and the faults, and goes to the engine. */
export class Datagrams implements Intake {
  readonly address: Endpoint;
  readonly #served: Served<DatagramEngine>;
  readonly #origin: Origin;
  readonly #roster: Roster;
  readonly #gate: Gate;
  readonly #socket: Socket;
  /** By address and port; the longest silent one first. */
  readonly #flows = new Map<string, OwnFlow>();
  readonly #held = new Set<Held>();
  #heldBytes = 0;
  #sendingBytes = 0;
  #closing = false;
  #settled = () => {};

  /**
   * Binds the address.
   *
   * @throws WirelabError `ADDRESS_IN_USE`, `ADDRESS_DENIED`, `ADDRESS_UNAVAILABLE` or `BAD_OPTION`, naming server and address.
   */
  static async open(
    listen: ListenOptions & { readonly host: string },
    served: Served<DatagramEngine>,
    roster: Roster,
  ): Promise<Datagrams> {
    const { host, port = 0, path } = listen;
    if (path !== undefined) {
      throw new WirelabError(
        "BAD_OPTION",
        `${served.server} speaks UDP: it cannot have a Unix-domain socket.`,
      );
    }
    const gate = new Gate(listen.gate);
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    try {
      socket.bind({ address: host, port, exclusive: true });
      await once(socket, "listening");
    } catch (error) {
      socket.close();
      throw bindError(error as Error, authority(host, port), served.server);
    }
    return new Datagrams(socket, gate, served, roster);
  }

  private constructor(socket: Socket, gate: Gate, served: Served<DatagramEngine>, roster: Roster) {
    const { address, port } = socket.address();
    this.address = endpointOf(address, port);
    this.#served = served;
    this.#origin = { server: served.server, protocol: served.protocol };
    this.#roster = roster;
    this.#gate = gate;
    this.#socket = socket;
    roster.ports.add(this.address);
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // It keeps what it would keep anyway.
    }
    socket.on("message", (bytes, from) => this.#arrived(bytes, from));
    // Somebody's port was unreachable, say: the next datagram is another one's.
    socket.on("error", (error) => this.#fail(this.#origin, error));
  }

  /** Forgets all peers, and what faults hold. */
  reset(): void {
    this.#release([...this.#held], () => {});
    for (const key of this.#flows.keys()) this.#forget(key);
  }

  async close(grace: number): Promise<void> {
    this.#closing = true;
    this.#socket.removeAllListeners("message");
    this.#release(
      [...this.#held].filter(({ direction }) => direction === "in"),
      () => {},
    );
    if (grace > 0 && this.#sendingBytes + this.#heldBytes > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(grace, LONGEST));
        this.#settled = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.reset();
    this.#roster.ports.delete(this.address);
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #arrived(bytes: Buffer, from: RemoteInfo): void {
    const peer = endpointOf(from.address, from.port);
    if (!this.#gate.permits(peer) || this.#isOurs(peer)) {
      this.#roster.events.emit(this.#origin, { type: "refused", peer, reason: "denied" });
      return;
    }
    const flow = this.#flowOf(peer, from);
    this.#pass(flow, "in", bytes, () => this.#deliver(flow, bytes));
  }

  /** Whether somebody has forged an address of this lab: an answer would be a question, and its answer another, for ever. */
  #isOurs(peer: Endpoint): boolean {
    for (const ours of this.#roster.ports) if (isAt(peer, ours)) return true;
    return false;
  }

  #flowOf(peer: Endpoint, to: RemoteInfo): OwnFlow {
    const { idle, maxConnections } = this.#gate.limits;
    const key = endpointText(peer);
    const now = performance.now();
    const known = this.#flows.get(key);
    if (known && now - known.heard >= idle) this.#forget(key);
    const flow = this.#flows.get(key) ?? this.#begun(peer, to);
    flow.heard = now;
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    for (const longestSilent of this.#flows.keys()) {
      if (this.#flows.size <= maxConnections) break;
      this.#forget(longestSilent);
    }
    return flow;
  }

  #forget(key: string): void {
    this.#flows.get(key)?.testimony?.closed?.("peer", "fin");
    this.#flows.delete(key);
  }

  #begun(peer: Endpoint, to: RemoteInfo): OwnFlow {
    const origin = { ...this.#origin, connection: this.#served.nextId() };
    const emit = (event: Occurrence) => this.#roster.events.emit(origin, event);
    const testimony = this.#roster.witness?.({ origin, peer, local: this.address, opener: "peer" });
    return { id: origin.connection, peer, emit, origin, to, testimony, heard: 0, waiting: {} };
  }

  /** Lets a datagram go on its way, as often, as late and in such an order as the rules have it. */
  #pass(flow: OwnFlow, direction: Direction, bytes: Uint8Array, go: () => void): void {
    const { faults } = this.#roster;
    const struck: Fault[] = [];
    if (faults.active) {
      const moment = { ...whereOf(this.#served.server, flow.peer), direction };
      for (const standing of faults.acting("datagram", moment)) {
        flow.emit(acted(standing));
        struck.push(standing.rule.fault);
      }
    }
    const { copies, ms, overtaken } = fateOf(struck, () => faults.random());
    if (copies === 0) return;
    const arrive = () => {
      for (let copy = 0; copy < copies; copy += 1) go();
    };
    const travel = () => {
      const overtakes = flow.waiting[direction];
      if (overtaken === undefined || overtakes) {
        arrive();
        if (overtakes) this.#release([overtakes], (held) => held.go());
        return;
      }
      const held = this.#hold(flow, direction, bytes, overtaken, () => {
        delete flow.waiting[direction];
        arrive();
      });
      if (held) flow.waiting[direction] = held;
    };
    if (ms > 0) this.#hold(flow, direction, bytes, ms, travel);
    else travel();
  }

  /** Keeps a datagram for a while, where there is room. */
  #hold(
    flow: OwnFlow,
    direction: Direction,
    bytes: Uint8Array,
    ms: number,
    go: () => void,
  ): Held | undefined {
    const cost = bytes.byteLength + OVERHEAD;
    if (!this.#fits(flow, this.#heldBytes, cost)) return undefined;
    const timer = setTimeout(() => this.#release([held], () => go()), Math.min(ms, LONGEST));
    const held: Held = { direction, cost, timer, go };
    this.#held.add(held);
    this.#heldBytes += cost;
    return held;
  }

  /** Lets go of what is held. */
  #release(these: readonly Held[], then: (held: Held) => void): void {
    for (const held of these) {
      if (!this.#held.delete(held)) continue;
      clearTimeout(held.timer);
      this.#heldBytes -= held.cost;
      then(held);
    }
    this.#settle();
  }

  #deliver(flow: OwnFlow, bytes: Buffer): void {
    if (this.#closing) return;
    this.#tell(flow, "in", bytes);
    let allowance = allowanceFor(flow.peer, bytes);
    const datagram: Datagram = {
      flow,
      bytes,
      answer: (answer) =>
        this.#pass(flow, "out", answer, () => {
          if (answer.byteLength > allowance) {
            flow.emit({
              type: "error",
              code: "AMPLIFICATION",
              message: amplification(flow.peer, bytes, answer),
            });
            return;
          }
          allowance -= answer.byteLength;
          this.#send(flow, answer);
        }),
    };
    try {
      this.#served.engine.receive(datagram);
    } catch (error) {
      this.#fail(flow.origin, error);
    }
  }

  #send(flow: OwnFlow, bytes: Uint8Array): void {
    const cost = bytes.byteLength + OVERHEAD;
    if (!this.#fits(flow, this.#sendingBytes, cost)) return;
    const sent = (error: unknown) => {
      this.#sendingBytes -= cost;
      if (error) this.#fail(flow.origin, error, `${bytes.byteLength} bytes were not sent: `);
      this.#settle();
    };
    this.#sendingBytes += cost;
    try {
      const { address, port } = flow.to;
      this.#socket.send(bytes, port, address, sent);
      this.#tell(flow, "out", bytes);
    } catch (error) {
      // Port 0, which nobody can be answered at; or the socket is closed.
      sent(error);
    }
  }

  /** Tells a tap and observers of a datagram that has got through. */
  #tell(flow: OwnFlow, direction: Direction, bytes: Uint8Array): void {
    const { events } = this.#roster;
    flow.testimony?.passed(direction, bytes);
    if (!events.observed) return;
    const { peer } = flow;
    const preview = previewOf(bytes);
    flow.emit({ type: "frame", direction, kind: "datagram", bytes: bytes.byteLength, preview, peer });
  }

  #fits(flow: OwnFlow, waiting: number, cost: number): boolean {
    if (waiting + cost <= MAX_WAITING) return true;
    const message = `${MAX_WAITING} bytes wait already: a datagram of ${cost - OVERHEAD} is dropped.`;
    flow.emit({ type: "error", code: "OVERFLOW", message });
    return false;
  }

  #fail(origin: Origin, error: unknown, what = ""): void {
    const message = `${what}${messageOf(error)}`;
    this.#roster.events.emit(origin, { type: "error", code: codeOf(error) ?? "IO", message });
  }

  #settle(): void {
    if (this.#sendingBytes + this.#heldBytes === 0) this.#settled();
  }
}

/** Whether a peer is the one who listens there: at that very address, or at any of this machine's. */
function isAt(peer: Endpoint, listening: Endpoint): boolean {
  if (!("host" in peer && "host" in listening) || peer.port !== listening.port) return false;
  const { host } = listening;
  if (peer.host === host || isLoopback(peer.host)) return true;
  return connectableHost(host) !== host && isOfThisMachine(peer.host);
}

/** Whether this machine has a literal address, which may have a zone. */
function isOfThisMachine(host: string): boolean {
  const address = host.replace(/%.*$/, "");
  return Object.values(networkInterfaces()).some((all) => all?.some((each) => each.address === address));
}

/** How many bytes may be sent for a datagram: it may come from anybody, in a victim's name. */
export function allowanceFor(peer: Endpoint, { byteLength }: Uint8Array): number {
  return "host" in peer && isLoopback(peer.host) ? Number.POSITIVE_INFINITY : byteLength;
}

function amplification(peer: Endpoint, question: Uint8Array, answer: Uint8Array): string {
  return (
    `An answer of ${answer.byteLength} bytes is not sent to ${endpointText(peer)}: beyond loopback, ` +
    `what is answered to ${question.byteLength} bytes may have no more. Ask with a longer datagram.`
  );
}
