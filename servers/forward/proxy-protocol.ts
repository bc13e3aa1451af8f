import { isIPv6 } from "node:net";
import type { Connection } from "../../core/service.ts";

/**
 * How a target is told whose connection it gets: by a line of text or by a binary header in front of the client's bytes, as
 * HAProxy's PROXY protocol has them (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
 */
export const PROXY_PROTOCOLS = ["v1", "v2"] as const;

/** One of {@link PROXY_PROTOCOLS}. */
export type ProxyProtocol = (typeof PROXY_PROTOCOLS)[number];

/** The header that tells of a client; of one that has no address, as on a Unix-domain socket, that it is unknown. */
export function proxyHeader(
  version: ProxyProtocol,
  { peer, local }: Pick<Connection, "peer" | "local">,
): Buffer {
  const known = "host" in peer && "host" in local && isIPv6(peer.host) === isIPv6(local.host);
  if (version === "v1") {
    if (!known) return Buffer.from("PROXY UNKNOWN\r\n");
    const family = isIPv6(peer.host) ? "TCP6" : "TCP4";
    const hosts = `${unzoned(peer.host)} ${unzoned(local.host)}`;
    return Buffer.from(`PROXY ${family} ${hosts} ${peer.port} ${local.port}\r\n`);
  }
  // Version 2, command LOCAL, AF_UNSPEC: with the command PROXY receivers may refuse that, and HAProxy does (§2.2).
  if (!known) return Buffer.concat([SIGNATURE, Buffer.from([0x20, 0x00, 0, 0])]);
  // Version 2, command PROXY; then TCP over IPv4 or IPv6.
  const addresses = Buffer.concat([addressBytes(peer.host), addressBytes(local.host), Buffer.alloc(4)]);
  addresses.writeUInt16BE(peer.port, addresses.length - 4);
  addresses.writeUInt16BE(local.port, addresses.length - 2);
  const family = isIPv6(peer.host) ? 0x21 : 0x11;
  return Buffer.concat([SIGNATURE, Buffer.from([0x21, family, 0, addresses.length]), addresses]);
}

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** `fe80::1%eth0` is of no use on another machine's interfaces. */
function unzoned(host: string): string {
  return host.replace(/%.*$/, "");
}

/** An address as it is on the wire: 4 or 16 bytes. */
function addressBytes(host: string): Buffer {
  if (!isIPv6(host)) return Buffer.from(host.split(".").map(Number));
  // The last 32 bits may be written as an IPv4 address (RFC 4291 §2.2).
  const groups = unzoned(host).replace(/\d+\.\d+\.\d+\.\d+$/, (v4) => {
    const bytes = addressBytes(v4);
    return `${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`;
  });
  const [before = [], after = []] = groups.split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const words = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}
