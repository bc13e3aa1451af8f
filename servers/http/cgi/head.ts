import { STATUS_CODES } from "node:http";

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
    // It came a character for each byte.
    return { status: 200, redirect: Buffer.from(location, "latin1").toString(), headers };
  }
  const status = location !== undefined && !seen.has("status") ? 302 : Number(code);
  const said = seen.has("status") && reason !== "" && reason !== STATUS_CODES[status];
  return { status, ...(said && { reason }), headers: status === 204 ? withoutLength(headers) : headers };
}

/** RFC 9110 §8.6. */
function withoutLength(headers: readonly string[]): readonly string[] {
  return headers.filter((_, index) => !/^content-length$/i.test(headers[index - (index % 2)] ?? ""));
}
