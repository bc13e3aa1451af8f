import { codeOf } from "../../core/errors.ts";
import { unknownMethod, unknownVersion } from "./head.ts";
import { Refusal } from "./refusal.ts";

/**
 * The refusal of what Node's parser could not read, or undefined where it is the socket that failed and nobody hears.
 *
 * @param maxHeaderSize in bytes: what has no line end so far into it is too long a target.
 */
export function malformed(error: Error, maxHeaderSize: number): Refusal | undefined {
  const code = codeOf(error) ?? "";
  const packet =
    "rawPacket" in error && error.rawPacket instanceof Uint8Array ? error.rawPacket : new Uint8Array();
  const [line = ""] = Buffer.from(packet.subarray(0, maxHeaderSize)).toString("latin1").split("\n", 1);
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Refusal(408, "The request took too long to arrive.");
    case "HPE_HEADER_OVERFLOW":
      return line.length === maxHeaderSize && /^[A-Z]+ /.test(line)
        ? new Refusal(414, `The request's target is too long: its head may have ${maxHeaderSize} bytes.`)
        : new Refusal(431, `The request's head is too long: it may have ${maxHeaderSize} bytes.`);
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new Refusal(413, "The extensions of the body's chunks are too long.");
    case "HPE_INVALID_METHOD":
    case "HPE_INVALID_VERSION":
    case "HPE_PAUSED_H2_UPGRADE":
      return ofLine(line, code) ?? new Refusal(400, "That is no HTTP/1.1 request.");
    default:
      return code.startsWith("HPE_")
        ? new Refusal(400, `That is no HTTP/1.1 request${reasonOf(error)}.`)
        : undefined;
  }
}

/** A request line that is well-formed (RFC 9112 §3), in a version or with a method that nobody here knows. */
function ofLine(line: string, code: string): Refusal | undefined {
  const [, method, version] = /^([\w!#$%&'*+.^`|~-]+) \S+ HTTP\/(\d\.\d)\r$/.exec(line) ?? [];
  if (method === undefined || version === undefined) return undefined;
  if (!version.startsWith("1.") || code === "HPE_INVALID_VERSION") return unknownVersion();
  return unknownMethod(method);
}

/** What the parser says of it. */
function reasonOf(error: Error): string {
  return "reason" in error && typeof error.reason === "string" && error.reason !== ""
    ? ` (${error.reason})`
    : "";
}
