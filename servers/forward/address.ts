import { isIPv6 } from "node:net";
import { connectableHost, endpointText, parseAddress } from "../../core/address.ts";
import { messageOf, WirelabError } from "../../core/errors.ts";
import type { Endpoint } from "../../core/events/events.ts";
import { type TlsClient, type TlsClientOptions, tlsClient } from "../../core/tls/client.ts";

/** Where connections are forwarded to: `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH`, or a port of 127.0.0.1; names are looked up at each connection. */
export type ForwardTarget = string | (Endpoint & TargetOptions);

interface TargetOptions {
  /** How large its share is, from 1 to 1,000. Default 1. */
  readonly weight?: number;
  /** Whether it is reached by TLS; its certificate is always verified. Default false. */
  readonly tls?: boolean | TlsClientOptions;
}

/** A target as it was asked for. */
export interface TargetAddress {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly weight: number;
  readonly tls: TlsClient | undefined;
}

/**
 * Reads the targets of a forwarder.
 *
 * @param own where it listens itself, as far as that is known.
 * @throws WirelabError `BAD_OPTION` where there is none, for one that is no address, is named twice, or is the forwarder itself.
 */
export function targetsFrom(
  to: ForwardTarget | readonly ForwardTarget[],
  own: { readonly host?: string; readonly port?: number; readonly path?: string },
): readonly TargetAddress[] {
  const targets = [to].flat().map(targetFrom);
  if (targets.length === 0) reject("needs a target: to: ['127.0.0.1:8080'], for example");
  const names = new Set<string>();
  for (const { name, endpoint } of targets) {
    if (names.has(name)) reject(`names ${name} twice; give it a weight instead`);
    names.add(name);
    if (isSelf(endpoint, own)) reject(`would forward to itself: it listens on ${name}`);
  }
  return targets;
}

/** The name of a target, however its address is written. @throws WirelabError `BAD_OPTION` for what is no address. */
export function targetName(text: string): string {
  return targetFrom(text).name;
}

function targetFrom(target: ForwardTarget): TargetAddress {
  const { weight = 1, tls = false, ...endpoint } = typeof target === "string" ? endpointFrom(target) : target;
  const name = endpointText(endpoint);
  if (typeof target !== "string") endpointFrom(name);
  if (!Number.isSafeInteger(weight) || weight < 1 || weight > MAX_WEIGHT)
    reject(`has ${name} with weight ${weight}; a weight is a whole number, 1 to ${MAX_WEIGHT}`);
  return {
    name,
    endpoint,
    weight,
    tls: tls === false ? undefined : tlsClient(endpoint, tls === true ? {} : tls),
  };
}

/** The largest weight. */
const MAX_WEIGHT = 1000;

const EXPECTED = "A target is HOST:PORT, [IPV6]:PORT, unix:PATH, or a port of 127.0.0.1.";

function endpointFrom(text: string): Endpoint & TargetOptions {
  try {
    if (/^[a-z][\w.-]*$/i.test(text)) throw new Error(`"${text}" names no port. ${EXPECTED}`);
    const address = parseAddress(text, EXPECTED);
    if ("path" in address) return address;
    const { host = "127.0.0.1", port } = address;
    if (port === 0) throw new Error(`"${text}" has port 0, which nobody can listen on. ${EXPECTED}`);
    if (!isIPv6(host) && !/^[\w.-]+$/.test(host)) throw new Error(`"${host}" is no host name. ${EXPECTED}`);
    return { host, port };
  } catch (error) {
    return reject(`has a target that is none: ${messageOf(error)}`, error);
  }
}

function isSelf(
  to: Endpoint,
  own: { readonly host?: string; readonly port?: number; readonly path?: string },
) {
  if ("path" in to) return to.path === own.path;
  if (own.path !== undefined || to.port !== own.port) return false;
  const listens = connectableHost(own.host ?? "127.0.0.1");
  return [to.host, LOCAL_NAMES.get(to.host)].includes(listens);
}

const LOCAL_NAMES: ReadonlyMap<string, string> = new Map([
  ["localhost", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

function reject(why: string, cause?: unknown): never {
  throw new WirelabError("BAD_OPTION", `A forwarder ${why.replace(/\.$/, "")}.`, { cause });
}
