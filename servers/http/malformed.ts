import { codeOf } from "../../core/errors.ts";
import { unknownMethod, unknownVersion } from "./head.ts";
import { Refusal } from "./refusal.ts";

/** A request's first line (RFC 9112 §3). */
const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]+) \S+ HTTP\/(\d\.\d)\r$/;

/**
 * The refusal of what Node's parser could not read, or undefined where it is the socket that failed and nobody hears.
 *
 * @param maxHeaderSize in bytes.
 */
export function malformed(error: Error, maxHeaderSize: number): Refusal | undefined {
  const code = codeOf(error) ?? "";
  const [, method, version] = REQUEST_LINE.exec(lineOf(error)) ?? [];
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Refusal(408, "The request took too long to arrive.");
    case "HPE_HEADER_OVERFLOW":
      return /^[A-Z]+ /.test(lineOf(error))
        ? new Refusal(414, `The request's target is too long: the head may have ${maxHeaderSize} bytes.`)
        : new Refusal(431, `The request's head is too long: it may have ${maxHeaderSize} bytes.`);
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new Refusal(413, "The extensions of the body's chunks are too long.");
    case "HPE_PAUSED_H2_UPGRADE":
      return unknownVersion();
    case "HPE_INVALID_METHOD":
      return method ? unknownMethod(method) : new Refusal(400, "That is no HTTP/1.1 request.");
    case "HPE_INVALID_VERSION":
      return version ? unknownVersion() : new Refusal(400, "That is no HTTP/1.1 request.");
    default:
      return code.startsWith("HPE_")
        ? new Refusal(400, `That is no HTTP/1.1 request${reasonOf(error)}.`)
        : undefined;
  }
}

/** Whether what could not be read is the beginning of a TLS handshake (RFC 8446 §5.1). */
export function beginsTls(error: Error): boolean {
  return "rawPacket" in error && error.rawPacket instanceof Uint8Array && /^\x16\x03/.test(lineOf(error));
}

/** The line that the parser stumbled over, as far as it has come in; empty where Node does not tell. */
function lineOf(error: Error): string {
  if (!("rawPacket" in error && error.rawPacket instanceof Uint8Array && "bytesParsed" in error)) return "";
  const packet = Buffer.from(error.rawPacket).toString("latin1");
  const start = packet.lastIndexOf("\n", Number(error.bytesParsed) - 1) + 1;
  const end = packet.indexOf("\n", start);
  return packet.slice(start, end < 0 ? undefined : end);
}

/** What the parser says of it. */
function reasonOf(error: Error): string {
  return "reason" in error && typeof error.reason === "string" && error.reason !== ""
    ? ` (${error.reason})`
    : "";
}
