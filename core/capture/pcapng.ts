import { authority, connectableHost } from "../address.ts";
import type { Endpoint, Protocol } from "../events/events.ts";
import {
  ACK,
  FIN,
  MAX_SEGMENT,
  PSH,
  RST,
  type Segment,
  type Station,
  SYN,
  tcpPacket,
  udpPacket,
} from "./packets.ts";
import type { Passage } from "./passage.ts";

// A capture as Wireshark reads it: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html. The packets are
// synthesised around what has passed, since wirelab sees streams and never packets.

/** Raw IP: a packet begins with its IP header. */
const LINKTYPE_RAW = 101;

/** Wireshark tells protocols by their ports: those servers that have one of their own are shown there, wherever they listen. */
const WELL_KNOWN: Partial<Readonly<Record<Protocol, number>>> = {
  ftp: 21,
  telnet: 23,
  http: 80,
  websocket: 80,
};

/** The options of pcapng that we write. */
const OPTION = { end: 0, comment: 1, application: 4, name: 2, description: 3 } as const;

/** A stream of TCP as it is drawn: where its ends are, and how far each of them has come. */
interface Stream {
  readonly peer: Station;
  readonly local: Station;
  readonly sent: { peer: number; local: number };
  closed: boolean;
}

/** A whole file. */
export function pcapng(passages: Iterable<Passage>): Uint8Array {
  const writer = new PcapngWriter();
  const blocks = [writer.header()];
  for (const passage of passages) blocks.push(writer.blocks(passage));
  return Buffer.concat(blocks);
}

/** Makes blocks of a pcapng file out of passages, one after another. */
export class PcapngWriter {
  readonly #interfaces = new Map<string, number>();
  readonly #streams = new Map<string, Stream>();

  /** What a file begins with. */
  header(): Buffer {
    const body = Buffer.alloc(16);
    body.writeUInt32LE(0x1a2b3c4d, 0);
    body.writeUInt16LE(1, 4);
    // The section's length: not known in advance.
    body.writeBigInt64LE(-1n, 8);
    return block(0x0a0d0d0a, Buffer.concat([body, options([[OPTION.application, "wirelab"]])]));
  }

  /** The blocks of a passage, in front of them that of its server where it is the first one of it. */
  blocks(passage: Passage): Buffer {
    const { server, connection } = passage.origin;
    const known = this.#interfaces.get(server);
    const number = known ?? this.#interfaces.size;
    this.#interfaces.set(server, number);
    const introduced = known === undefined ? [interfaceBlock(server)] : [];
    const packets = this.#packets(passage).map(([bytes, comment]) =>
      packetBlock(number, passage.at, bytes, comment),
    );
    if (passage.kind === "closed") this.#streams.delete(connection);
    return Buffer.concat([...introduced, ...packets]);
  }

  #packets(passage: Passage): Packet[] {
    const { connection, protocol } = passage.origin;
    if (passage.kind === "opened") {
      const stream = streamOf(passage.peer, passage.local, passage.origin);
      this.#streams.set(connection, stream);
      return protocol === "udp" ? [] : handshake(stream, passage.opener, commentOf(passage));
    }
    const stream = this.#streams.get(connection);
    if (!stream || stream.closed) return [];
    switch (passage.kind) {
      case "bytes":
        if (protocol === "udp") {
          const [from, to] =
            passage.direction === "in" ? [stream.peer, stream.local] : [stream.local, stream.peer];
          return [[udpPacket(from, to, passage.bytes)]];
        }
        return [...carried(stream, passage.direction === "in" ? "peer" : "local", passage.bytes)];
      case "secured":
        // Nothing has passed in plain text: it is all one.
        if (stream.sent.peer + stream.sent.local === 2) return [];
        // A reader that has seen AUTH TLS would take what follows for TLS. So it stands on a stream of its own.
        return [...goodbye(stream, "peer", "fin"), ...this.#insideTls(stream, passage.origin)];
      case "closed":
        return protocol === "udp"
          ? []
          : goodbye(stream, passage.by === "peer" ? "peer" : "local", passage.how);
    }
  }

  #insideTls(stream: Stream, origin: Passage["origin"]): Packet[] {
    const port = (stream.peer.port % 65_535) + 1;
    const inside: Stream = {
      ...stream,
      peer: { ...stream.peer, port },
      sent: { peer: 0, local: 0 },
      closed: false,
    };
    this.#streams.set(origin.connection, inside);
    return handshake(inside, "peer", `${origin.connection}: what was inside TLS`);
  }
}

function streamOf(peer: Endpoint, local: Endpoint, { protocol, connection }: Passage["origin"]): Stream {
  // A data connection keeps its port, which the control connection has told.
  const wellKnown = connection.includes(".") ? undefined : WELL_KNOWN[protocol];
  const there = stationOf(local, wellKnown ?? 1);
  return {
    peer: stationOf(peer, ephemeralPort(connection)),
    local: wellKnown === undefined ? there : { ...there, port: wellKnown },
    sent: { peer: 0, local: 0 },
    closed: false,
  };
}

/** Unix-domain sockets have no addresses: they are drawn on loopback. */
function stationOf(endpoint: Endpoint, port: number): Station {
  return "host" in endpoint
    ? { host: connectableHost(endpoint.host), port: endpoint.port }
    : { host: "127.0.0.1", port };
}

/** A port for a client that has none, the same for all of its packets. */
function ephemeralPort(connection: string): number {
  const number = Number(/\d+/.exec(connection)?.[0] ?? 0);
  return 49_152 + (number % 16_384);
}

function commentOf({ origin, local }: Extract<Passage, { kind: "opened" }>): string {
  const where = "host" in local ? authority(local.host, local.port) : `unix:${local.path}`;
  return `${origin.connection}: ${origin.protocol} server ${origin.server} at ${where}`;
}

type End = "peer" | "local";
type Packet = readonly [Buffer, comment?: string];

function handshake(stream: Stream, opener: "peer" | "server", comment: string): Packet[] {
  const [first, second]: [End, End] = opener === "peer" ? ["peer", "local"] : ["local", "peer"];
  return [
    [segment(stream, first, SYN), comment],
    [segment(stream, second, SYN | ACK)],
    [segment(stream, first, ACK)],
  ];
}

/** The bytes, each segment acknowledged at once, as the next one is never further than a window. */
function* carried(stream: Stream, from: End, bytes: Uint8Array): Generator<Packet> {
  for (let at = 0; at < bytes.length; at += MAX_SEGMENT) {
    yield [segment(stream, from, PSH | ACK, bytes.subarray(at, at + MAX_SEGMENT))];
    yield [segment(stream, other(from), ACK)];
  }
}

function goodbye(stream: Stream, by: End, how: "fin" | "reset"): Packet[] {
  stream.closed = true;
  if (how === "reset") return [[segment(stream, by, RST | ACK)]];
  return [
    [segment(stream, by, FIN | ACK)],
    [segment(stream, other(by), FIN | ACK)],
    [segment(stream, by, ACK)],
  ];
}

/** A segment, and its sender so much further: SYN and FIN count as a byte each (RFC 9293 §3.4). */
function segment(stream: Stream, from: End, flags: number, payload?: Uint8Array): Buffer {
  const to = other(from);
  const made: Segment = {
    from: stream[from],
    to: stream[to],
    sequence: stream.sent[from],
    acknowledged: flags & ACK ? stream.sent[to] : 0,
    flags,
    ...(payload && { payload }),
  };
  stream.sent[from] += (payload?.length ?? 0) + (flags & (SYN | FIN) ? 1 : 0);
  return tcpPacket(made);
}

function other(end: End): End {
  return end === "peer" ? "local" : "peer";
}

function interfaceBlock(server: string): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(LINKTYPE_RAW, 0);
  return block(1, Buffer.concat([body, options([[OPTION.name, server]])]));
}

function packetBlock(number: number, at: number, packet: Buffer, comment?: string): Buffer {
  const microseconds = BigInt(Math.round(at * 1000));
  const head = Buffer.alloc(20);
  head.writeUInt32LE(number, 0);
  head.writeUInt32LE(Number(microseconds >> 32n), 4);
  head.writeUInt32LE(Number(microseconds & 0xffff_ffffn), 8);
  head.writeUInt32LE(packet.length, 12);
  head.writeUInt32LE(packet.length, 16);
  const comments = comment === undefined ? [] : [[OPTION.comment, comment] as const];
  return block(6, Buffer.concat([head, padded(packet), options(comments)]));
}

function options(list: readonly (readonly [number, string])[]): Buffer {
  if (list.length === 0) return Buffer.alloc(0);
  const parts = list.map(([code, text]) => {
    const value = Buffer.from(text);
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, padded(value)]);
  });
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** A block says its length at both ends. */
function block(type: number, body: Buffer): Buffer {
  const whole = Buffer.alloc(12 + body.length);
  whole.writeUInt32LE(type, 0);
  whole.writeUInt32LE(whole.length, 4);
  body.copy(whole, 8);
  whole.writeUInt32LE(whole.length, whole.length - 4);
  return whole;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
