import { type IncomingMessage, STATUS_CODES } from "node:http";
import { codeOf } from "../../core/errors.ts";
import type { Settings } from "./settings.ts";

/** An opening handshake that is answered with an HTTP error: what is wrong, and what to do. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 6455 §4.2.1: 16 bytes in base64. */
const KEY = /^[+/\dA-Za-z]{22}==$/;

const TOKEN = "[!#$%&'*+\\-.^_`|~\\w]+";
const PARAMETER = `${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|"${TOKEN}"))?`;
const EXTENSION = `${TOKEN}(?:[ \\t]*;[ \\t]*${PARAMETER})*`;

/** RFC 6455 §9.1 and §11.3.4. */
const EXTENSIONS = listOf(EXTENSION);
const SUBPROTOCOLS = listOf(TOKEN);

const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/i;

/** The version that is spoken, for those who have asked for another (RFC 6455 §4.4). */
const VERSION = { "Sec-WebSocket-Version": "13" };

/** What a client has to be told that asked by plain HTTP (RFC 9110 §15.5.22). */
const UPGRADE = { Upgrade: "websocket", Connection: "Upgrade, close" };

/** The path that a request asks for, without its query, and undefined where it is none. */
export function locationOf({ url = "" }: IncomingMessage): URL | undefined {
  // In absolute form a target names a host (RFC 9112 §3.2.2).
  const text = url.startsWith("/") ? `ws://host${url}` : /^(?:ws|http)s?:/i.test(url) ? url : "";
  return URL.canParse(text) ? new URL(text) : undefined;
}

/**
 * What RFC 6455 §4.2 asks of a client's opening handshake, or why it is refused.
 *
 * @param kind `unknown` where there is nothing at its path, `plain` where Node has found no wish to upgrade.
 */
export function refusalOf(
  request: IncomingMessage,
  { origins }: Settings,
  kind: "upgrade" | "plain" | "unknown",
): Refusal | undefined {
  const { method, httpVersion, headers } = request;
  const { origin } = headers;
  if (!hasOneHost(request))
    return { status: 400, message: "A request has one Host header, and a valid one." };
  if (kind === "unknown") return { status: 404, message: "There is nothing at this path." };
  if (method !== "GET") {
    return { status: 405, message: "A WebSocket begins with GET.", headers: { Allow: "GET" } };
  }
  if (kind === "plain" || headers.upgrade?.toLowerCase() !== "websocket") {
    return { status: 426, message: "This is a WebSocket server, and that was plain HTTP.", headers: UPGRADE };
  }
  if (httpVersion !== "1.1") return { status: 400, message: "A WebSocket begins with HTTP/1.1." };
  // It would be taken for frames.
  if (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0) {
    return { status: 400, message: "A handshake has no body." };
  }
  if (headers["sec-websocket-version"] !== "13") {
    return { status: 426, message: "The version of WebSocket is 13.", headers: { ...UPGRADE, ...VERSION } };
  }
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) {
    return { status: 400, message: "Sec-WebSocket-Key has to be 16 bytes in base64, and there once." };
  }
  if (!SUBPROTOCOLS.test(headers["sec-websocket-protocol"] ?? "none") || hasTwins(request)) {
    return { status: 400, message: "Sec-WebSocket-Protocol has to be a list of names, each there once." };
  }
  if (!EXTENSIONS.test(headers["sec-websocket-extensions"] ?? "none")) {
    return { status: 400, message: "Sec-WebSocket-Extensions is no list of extensions." };
  }
  if (origins && origin !== undefined && !origins.includes(origin)) {
    return { status: 403, message: "Pages of this origin may not connect." };
  }
  return undefined;
}

/** The refusal of what Node's parser could not read, or undefined where it is the socket that failed and nobody hears. */
export function malformed(error: Error): Refusal | undefined {
  switch (codeOf(error)) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, message: "The handshake took too long to arrive." };
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, message: "The handshake is too long." };
    default:
      return codeOf(error)?.startsWith("HPE_")
        ? { status: 400, message: "That is no HTTP/1.1 request, with which a WebSocket begins." }
        : undefined;
  }
}

/**
 * The refusal as a whole response: the connection ends behind it.
 *
 * @param known the paths that there are, where that may help.
 */
export function responseOf(
  { status, message, headers }: Refusal,
  now: number,
  { method, known = [] }: { readonly method?: string | undefined; readonly known?: readonly string[] } = {},
): string {
  const hint = known.length > 0 ? `A client of WebSocket finds these paths here: ${known.join(" ")}\n` : "";
  const body = `${status} ${reasonOf(status)}\n${message}\n${hint}`;
  const lines = Object.entries({
    Date: new Date(now).toUTCString(),
    Connection: "close",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": `${Buffer.byteLength(body)}`,
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines.join("")}\r\n${method === "HEAD" ? "" : body}`;
}

export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? "Error";
}

/** The subprotocols that a client offers, in its order. */
export function offeredIn({ headers }: IncomingMessage): string[] {
  return elementsOf(headers["sec-websocket-protocol"] ?? "");
}

/** Takes empty elements out of a handshake's lists, where they are to be ignored (RFC 9110 §5.6.1.2) and ws would refuse them. */
export function withoutGaps({ headers }: IncomingMessage): void {
  for (const name of ["sec-websocket-protocol", "sec-websocket-extensions"] as const) {
    const list = headers[name];
    if (list !== undefined) headers[name] = elementsOf(list).join(", ");
  }
}

function elementsOf(list: string): string[] {
  return list.split(",").flatMap((element) => element.trim() || []);
}

function hasTwins(request: IncomingMessage): boolean {
  const offered = offeredIn(request);
  return new Set(offered).size < offered.length;
}

/** RFC 9112 §3.2; Node drops a second one silently. */
function hasOneHost({ rawHeaders, headers }: IncomingMessage): boolean {
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  return names.filter((name) => name.toLowerCase() === "host").length === 1 && HOST.test(headers.host ?? "");
}

/** At least one element, and empty ones anywhere. */
function listOf(element: string): RegExp {
  return new RegExp(`^(?:[ \\t]*,)*[ \\t]*${element}(?:[ \\t]*,(?:[ \\t]*${element})?)*[ \\t]*$`);
}
