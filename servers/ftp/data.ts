import { isIPv6, SocketAddress } from "node:net";
import type { Endpoint } from "../../core/events/events.ts";
import type { Connection, DataPort, PortRange, Site } from "../../core/service.ts";

export type InternetEndpoint = Extract<Endpoint, { readonly host: string }>;

/** How the next data connection comes about: the client connects to a port of ours, or we connect to one of the client's. */
export type DataRoute =
  | { readonly kind: "passive"; readonly port: DataPort }
  | { readonly kind: "active"; readonly to: Endpoint };

/**
 * The dynamic ports of RFC 6335, one of which is tried at random. The system would choose as well, but takes milliseconds to
 * find a free port while thousands of transfers that have ended are in TIME_WAIT.
 */
const ANY_PORT: PortRange = { from: 49_152, to: 65_535 };

/** The data connection that a session has arranged: one at most, good for one transfer. */
export class DataChannel {
  readonly #site: Site;
  readonly #control: Connection;
  #route: DataRoute | undefined;
  #closed = false;

  constructor(site: Site, control: Connection) {
    this.#site = site;
    this.#control = control;
  }

  /** Whether a transfer has somewhere to go. */
  get arranged(): boolean {
    return this.#route !== undefined;
  }

  /** Opens a port for the client, in place of what was arranged before (PASV, EPSV). */
  async listen(ports: PortRange = ANY_PORT): Promise<DataPort> {
    this.drop();
    const port = await this.#site.listenOnce(this.#control, ports);
    // The client may have gone while the port opened, and nobody would close it any more.
    if (this.#closed) port.close();
    else this.#route = { kind: "passive", port };
    return port;
  }

  /** Remembers the client's own port, in place of what was arranged before (PORT, EPRT). */
  aim(to: Endpoint): void {
    this.drop();
    this.#route = { kind: "active", to };
  }

  /** Hands over what was arranged, to be used once. */
  take(): DataRoute | undefined {
    const route = this.#route;
    this.#route = undefined;
    return route;
  }

  /** Lets go of what was arranged. */
  drop(): void {
    if (this.#route?.kind === "passive") this.#route.port.close();
    this.#route = undefined;
  }

  /** The session is over. */
  close(): void {
    this.#closed = true;
    this.drop();
  }
}

/** `h1,h2,h3,h4,p1,p2`, as PORT has it (RFC 959 §5.3.2); undefined where it is none. */
export function parsePort(argument: string): InternetEndpoint | undefined {
  const numbers = /^\d{1,3}(?:,\d{1,3}){5}$/.test(argument) ? argument.split(",").map(Number) : [];
  if (numbers.length === 0 || numbers.some((number) => number > 255)) return undefined;
  const [high = 0, low = 0] = numbers.slice(4);
  return { host: numbers.slice(0, 4).join("."), port: high * 256 + low };
}

/** `(h1,h2,h3,h4,p1,p2)`, as the reply to PASV has it. */
export function passiveAddress(host: string, port: number): string {
  return `(${host.replaceAll(".", ",")},${port >> 8},${port & 255})`;
}

/** `|1|132.235.1.2|6275|` with any delimiter, as EPRT has it (RFC 2428 §2); undefined where it is none. */
export function parseExtendedPort(
  argument: string,
): { readonly family: string; readonly to: InternetEndpoint } | undefined {
  const delimiter = argument.charAt(0);
  const [before, family, host, port, after, ...rest] = argument.split(delimiter);
  if (!/^[!-~]$/.test(delimiter) || before !== "" || after !== "" || rest.length > 0) return undefined;
  if (!family || !/^\d+$/.test(family) || !host || !port || !/^\d{1,5}$/.test(port)) return undefined;
  return Number(port) > 65535 ? undefined : { family, to: { host, port: Number(port) } };
}

/** The number of a connection's protocol (RFC 2428 §2): 1 for IPv4, 2 for IPv6. */
export function familyOf({ local }: Connection): "1" | "2" {
  return "host" in local && isIPv6(local.host) ? "2" : "1";
}

/** Whether `host` is the client's own address, however it is written. */
export function isOwnAddress(host: string, { peer }: Connection): boolean {
  if (!("host" in peer)) return false;
  return (
    host === peer.host || (isIPv6(host) && isIPv6(peer.host) && canonical(host) === canonical(peer.host))
  );
}

function canonical(address: string): string {
  return new SocketAddress({ address, family: "ipv6" }).address;
}
