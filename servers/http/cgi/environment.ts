import { STATUS_CODES } from "node:http";
import type { Turn } from "../turn.ts";
import type { CgiSettings } from "./options.ts";
import type { Program } from "./program.ts";

/** What has a variable of its own, or is none of a program's business: passwords, the connection, and httpoxy's way in. */
const NOT_PASSED = new Set([
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "proxy",
  "proxy-authorization",
  "transfer-encoding",
]);

/** Who asks, and with how much body. */
export interface Asking {
  readonly user: string | undefined;
  /** Of the body in bytes; undefined where there is none. */
  readonly length: number | undefined;
}

/** The variables of RFC 3875 §4.1, and those beside them that programs commonly look at. */
export function environmentOf(
  turn: Turn,
  { file, name, rest }: Program,
  settings: CgiSettings,
  { user, length }: Asking,
): Record<string, string> {
  const { request, connection } = turn;
  const { headers, method, url, httpVersion } = request;
  const { certificate } = connection;
  const mark = url.indexOf("?");
  const peer = "host" in connection.peer ? connection.peer : { host: "127.0.0.1", port: 0 };
  const local = "host" in connection.local ? connection.local : { host: "127.0.0.1", port: 0 };
  const environment: Record<string, string> = {
    ...settings.environment,
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_PROTOCOL: `HTTP/${httpVersion}`,
    SERVER_SOFTWARE: "wirelab",
    SERVER_NAME: hostIn(headers.host) ?? local.host,
    SERVER_PORT: String(local.port),
    REQUEST_METHOD: method,
    REQUEST_URI: url,
    SCRIPT_NAME: name,
    SCRIPT_FILENAME: file,
    QUERY_STRING: mark < 0 ? "" : url.slice(mark + 1),
    REMOTE_ADDR: peer.host,
    REMOTE_HOST: peer.host,
    REMOTE_PORT: String(peer.port),
    // Interpreters that are programs themselves (php-cgi) run only where a server has asked for them.
    REDIRECT_STATUS: "200",
    ...(connection.secure && { HTTPS: "on" }),
    // As Apache's mod_ssl names them.
    ...(certificate && {
      SSL_CLIENT_VERIFY: "SUCCESS",
      SSL_CLIENT_S_DN: (certificate.subject ?? "").replaceAll("\n", ","),
    }),
    ...(rest !== "" && { PATH_INFO: rest }),
    ...(user !== undefined && { AUTH_TYPE: "Basic", REMOTE_USER: user }),
    ...(length !== undefined && { CONTENT_LENGTH: String(length) }),
    ...(headers["content-type"] !== undefined && { CONTENT_TYPE: headers["content-type"] }),
  };
  for (const [field, value] of Object.entries(headers)) {
    // A name with an underscore would be another one's double.
    if (value === undefined || NOT_PASSED.has(field) || !/^[a-z0-9-]+$/.test(field)) continue;
    environment[`HTTP_${field.toUpperCase().replaceAll("-", "_")}`] = [value].flat().join(", ");
  }
  return environment;
}

function hostIn(host: string | undefined): string | undefined {
  return host?.replace(/:\d*$/, "") || undefined;
}

/** What a program says before its body. */
export interface ScriptHead {
  readonly status: number;
  /** The reason phrase, where the program gives one. */
  readonly reason?: string;
  /** A path of this server to answer with instead. */
  readonly redirect?: string;
  /** Names and values in turn, as they came. */
  readonly headers: readonly string[];
}

/** What the server alone can say, for they tell how a message is sent and not what it is. */
const OF_THE_SERVER = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|status)$/i;

/**
 * Reads a program's header fields (RFC 3875 §6).
 *
 * @returns undefined where it is no CGI response.
 */
export function scriptHead(text: string): ScriptHead | undefined {
  const headers: string[] = [];
  const seen = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, name, value = ""] =
      /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) return undefined;
    const key = name.toLowerCase();
    const single = ["status", "location", "content-type", "content-length"].includes(key);
    if (single && seen.has(key)) return undefined;
    seen.set(key, value);
    if (!OF_THE_SERVER.test(name)) headers.push(name, value);
  }
  const location = seen.get("location");
  if (!seen.has("content-type") && !seen.has("status") && location === undefined) return undefined;
  if (seen.has("content-length") && !/^\d{1,15}$/.test(seen.get("content-length") ?? "")) return undefined;
  const [, code, reason = ""] = /^([2-5]\d\d)(?: (.*))?$/.exec(seen.get("status") ?? "200") ?? [];
  if (code === undefined) return undefined;
  if (location?.startsWith("/") && !location.startsWith("//") && !seen.has("status")) {
    return { status: 200, redirect: location, headers };
  }
  const status = location !== undefined && !seen.has("status") ? 302 : Number(code);
  const said = seen.has("status") && reason !== "" && reason !== STATUS_CODES[status];
  return { status, ...(said && { reason }), headers };
}
