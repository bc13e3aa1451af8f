import { isIP, isIPv6 } from "node:net";
import { WirelabError } from "./errors.ts";
import type { Endpoint, Protocol } from "./events/events.ts";
import type { TlsStart } from "./tls/options.ts";

/** An address to listen on, as the command line has it; what is left out is for a default to fill in. */
export type ListenAddress = { readonly host?: string; readonly port: number } | { readonly path: string };

const SCHEMES: Readonly<Record<Protocol, string>> = {
  ftp: "ftp",
  telnet: "telnet",
  http: "http",
  websocket: "ws",
  tcp: "tcp",
  udp: "udp",
  forward: "tcp",
  file: "file",
};

/** Where TLS begins with the first byte. */
const SECURE_SCHEMES: Readonly<Record<Protocol, string>> = {
  ftp: "ftps",
  telnet: "telnets",
  http: "https",
  websocket: "wss",
  tcp: "tls",
  udp: "dtls",
  forward: "tls",
  file: "file",
};

/** Host and port as they stand in a URL: an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An endpoint as people read it: `127.0.0.1:1234`, `[::1]:1234` or `unix:/run/lab.sock`. */
export function endpointText(endpoint: Endpoint): string {
  return "host" in endpoint ? authority(endpoint.host, endpoint.port) : `unix:${endpoint.path}`;
}

/**
 * The URL of a running server, to be pasted as it is: with a literal address, and one that can be connected to where the
 * server listens on all of them.
 */
export function serverUrl(protocol: Protocol, at: Endpoint, tls?: TlsStart): string {
  const schemes = tls === "implicit" ? SECURE_SCHEMES : SCHEMES;
  return "host" in at
    ? `${schemes[protocol]}://${authority(connectableHost(at.host), at.port)}`
    : `unix:${at.path}`;
}

/** An address that reaches a server which listens on `host`: one of loopback where that is every address. */
export function connectableHost(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}

/** Whether a literal address is of this machine's loopback. */
export function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}

/** An address as people write it: an IPv4 client of an IPv6 socket (`::ffff:127.0.0.1`) is an IPv4 client. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

/** An endpoint out of what a socket tells of one of its ends; a Unix-domain socket tells nothing. */
export function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  return address === undefined || port === undefined ? { path: "" } : { host: plainAddress(address), port };
}

/** Why a Unix-domain socket cannot have a path, where it cannot. */
export function whyNoSocketPath(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.includes("\0")) return "has a NUL";
  // sun_path of sockaddr_un holds 108 bytes on Linux and 104 elsewhere, its closing NUL included.
  return Buffer.byteLength(path) > 103
    ? "is too long for a Unix-domain socket, which takes 103 bytes"
    : undefined;
}

const EXPECTED = "An address is PORT, HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes any free port.";

/**
 * Reads `PORT`, `HOST:PORT`, `[V6]:PORT` or `unix:PATH`. Port 0 takes any free one.
 *
 * @param expected the sentence that says so, where the address is for something else than to listen on.
 * @throws WirelabError `BAD_ADDRESS` that says what was meant.
 *
 * @example
 * ```ts
 * import { parseAddress } from "wirelab";
 * parseAddress("[::1]:2121"); // { host: "::1", port: 2121 }
 * ```
 */
export function parseAddress(text: string, expected = EXPECTED): ListenAddress {
  const reject = (why: string): never => {
    throw new WirelabError("BAD_ADDRESS", `"${text}" ${why}. ${expected}`);
  };
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    const why = whyNoSocketPath(path);
    return why ? reject(`has a path that ${why}`) : { path };
  }
  const match = /^(?:(?:\[([^\]]*)\]|([^:[\]]+)):)?(\d+)$/.exec(text);
  if (!match) {
    const bare = isIPv6(text) || isIPv6(text.replace(/:\d+$/, ""));
    return reject(bare ? "has an IPv6 address without brackets" : "is no address");
  }
  const [, v6, name, digits] = match;
  const port = Number(digits);
  if (port > 65535) reject(`has port ${digits}, and ports end at 65535`);
  if (v6 !== undefined && !isIPv6(v6)) reject(`has "${v6}" in brackets, which is no IPv6 address`);
  if (name !== undefined && isIP(name) === 0 && /^[\d.]+$/.test(name))
    reject(`has "${name}", which is no IPv4 address`);
  const host = v6 ?? name;
  return host === undefined ? { port } : { host, port };
}
