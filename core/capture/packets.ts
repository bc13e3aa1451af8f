import { isIPv4, isIPv6 } from "node:net";

/** One end of a synthesised connection. */
export interface Station {
  readonly host: string;
  readonly port: number;
}

/** RFC 9293 §3.1. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

export interface Segment {
  readonly from: Station;
  readonly to: Station;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly payload?: Uint8Array;
}

const TCP = 6;
const UDP = 17;

/** What a receiver says it takes. */
const WINDOW = 65_535;

/** How many bytes a segment carries at most: together with its headers it fits an IPv4 packet's 65,535. */
export const MAX_SEGMENT = 32_768;

/** A TCP segment in an IP packet, both with right checksums. */
export function tcpPacket({ from, to, sequence, acknowledged, flags, payload }: Segment): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(from.port, 0);
  header.writeUInt16BE(to.port, 2);
  header.writeUInt32BE(sequence % 2 ** 32, 4);
  header.writeUInt32BE(acknowledged % 2 ** 32, 8);
  header[12] = (header.length / 4) << 4;
  header[13] = flags;
  header.writeUInt16BE(WINDOW, 14);
  return ipPacket(from.host, to.host, TCP, Buffer.concat([header, payload ?? Buffer.alloc(0)]), 16);
}

/** A UDP datagram in an IP packet. */
export function udpPacket(from: Station, to: Station, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(from.port, 0);
  header.writeUInt16BE(to.port, 2);
  header.writeUInt16BE(header.length + payload.length, 4);
  return ipPacket(from.host, to.host, UDP, Buffer.concat([header, payload]), 6);
}

/** @param at where in the content its checksum stands. */
function ipPacket(from: string, to: string, protocol: number, content: Buffer, at: number): Buffer {
  const bothV4 = isIPv4(from) && isIPv4(to);
  const source = bothV4 ? v4(from) : v6(from);
  const destination = bothV4 ? v4(to) : v6(to);
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(content.length, 0);
  pseudo.writeUInt32BE(protocol, 4);
  // RFC 768 and 9293: over a pseudo-header of addresses, length and protocol; a UDP checksum of zero means none.
  const sum = checksum([source, destination, pseudo, content]);
  content.writeUInt16BE(sum === 0 && protocol === UDP ? 0xffff : sum, at);
  return Buffer.concat([
    bothV4
      ? headerV4(source, destination, protocol, content.length)
      : headerV6(source, destination, protocol, content.length),
    content,
  ]);
}

function headerV4(source: Buffer, destination: Buffer, protocol: number, length: number): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(header.length + length, 2);
  // Do not fragment.
  header.writeUInt16BE(0x4000, 6);
  header[8] = 64;
  header[9] = protocol;
  source.copy(header, 12);
  destination.copy(header, 16);
  header.writeUInt16BE(checksum([header]), 10);
  return header;
}

function headerV6(source: Buffer, destination: Buffer, protocol: number, length: number): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(length, 4);
  header[6] = protocol;
  header[7] = 64;
  source.copy(header, 8);
  destination.copy(header, 24);
  return header;
}

/** RFC 1071, over parts that are of even length but for the last. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    const even = part.length & ~1;
    for (let at = 0; at < even; at += 2) sum += part.readUInt16BE(at);
    if (even < part.length) sum += (part[even] ?? 0) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function v4(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

/** An IPv4 address among IPv6 ones is a mapped one (RFC 4291 §2.5.5.2). */
function v6(address: string): Buffer {
  if (isIPv4(address)) return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), v4(address)]);
  const bytes = Buffer.alloc(16);
  if (!isIPv6(address)) return bytes;
  const [plain = ""] = address.split("%");
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  const tail =
    dotted?.[2] === undefined ? [] : [v4(dotted[2]).readUInt16BE(0), v4(dotted[2]).readUInt16BE(2)];
  const [before = "", after] = (dotted?.[1]?.replace(/:$/, "") ?? plain).split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const left = groups(before);
  const right = [...groups(after ?? ""), ...tail];
  for (const [index, group] of left.entries()) bytes.writeUInt16BE(group, 2 * index);
  for (const [index, group] of right.entries()) bytes.writeUInt16BE(group, 16 - 2 * (right.length - index));
  return bytes;
}
