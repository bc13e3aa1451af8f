import { isUtf8 } from "node:buffer";
import { join } from "node:path";
import { resolvePath } from "../../../core/path.ts";
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

/** Who asks, and of what. */
export interface Asking {
  readonly user: string | undefined;
  /** Of the body in bytes; undefined where there is none. */
  readonly length: number | undefined;
  /** The folder of the lab's files, where they are in one. */
  readonly files: string | undefined;
}

/** The variables of RFC 3875 §4.1, and those beside them that programs commonly look at. */
export function environmentOf(
  turn: Turn,
  { file, name, rest }: Program,
  settings: CgiSettings,
  { user, length, files }: Asking,
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
    // §4.1.6: where that path would lead in the lab's files, be there anything or not.
    ...(rest !== "" && files !== undefined && { PATH_TRANSLATED: join(files, resolvePath(rest)) }),
    ...(user !== undefined && { AUTH_TYPE: "Basic", REMOTE_USER: user }),
    ...(length !== undefined && { CONTENT_LENGTH: String(length) }),
    ...(headers["content-type"] !== undefined && { CONTENT_TYPE: asSent(headers["content-type"]) }),
  };
  for (const [field, value] of Object.entries(headers)) {
    // A name with an underscore would be another one's double.
    if (value === undefined || NOT_PASSED.has(field) || !/^[a-z0-9-]+$/.test(field)) continue;
    environment[`HTTP_${field.toUpperCase().replaceAll("-", "_")}`] = asSent([value].flat().join(", "));
  }
  return environment;
}

/** Node has a character for each byte of a value, and writes variables in UTF-8: what came in UTF-8 is to arrive so. */
function asSent(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString() : value;
}

function hostIn(host: string | undefined): string | undefined {
  return host?.replace(/:\d*$/, "") || undefined;
}
