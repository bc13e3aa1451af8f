import { codeOf, type ErrorCode } from "../../core/errors.ts";
import type { Reply } from "../../core/events/events.ts";

/** A reply as FTP has it: always with a code. Lines of the text are parted by `\n`. */
export interface FtpReply extends Reply {
  readonly code: number;
}

/** A reply of one line. */
export function reply(code: number, text: string): FtpReply {
  return { code, text: printable(text) };
}

/** A reply of several lines, the first and the last of which frame the others (RFC 959 §4.2). */
export function multiline(code: number, first: string, lines: readonly string[], last: string): FtpReply {
  return { code, text: [first, ...lines, last].map(printable).join("\n") };
}

/** A reply of as many lines as the owner of the server has written. */
export function ofLines(code: number, text: string): FtpReply {
  return { code, text: text.replaceAll("\r\n", "\n") };
}

/** How lines of replies end, and what stands in front of those in the middle. */
export interface ReplyForm {
  readonly lineEnd?: "\r\n" | "\n";
  readonly continuation?: "bare" | "code";
}

/** A reply as it is sent. */
export function onTheWire(
  { code, text }: Reply,
  { lineEnd = "\r\n", continuation = "bare" }: ReplyForm = {},
): string {
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  if (code === undefined) return `${text}${lineEnd}`;
  // A line that begins with digits could be taken for the last one (RFC 959 §4.2): it is indented.
  const padded = lines.map((line, index) =>
    index === 0 || (continuation === "code" && !line.startsWith(" "))
      ? `${code}-${line}`
      : line.replace(/^(?=\d)/, " "),
  );
  return `${[...padded, `${code} ${last}`].join(lineEnd)}${lineEnd}`;
}

/** Text that can neither end a line nor move a cursor: a name that a client chose must not forge a reply. */
export function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, "?");
}

/** In FTP's words what went wrong with a path. None of the store's own, and none of the disk's paths. */
const REFUSALS: Partial<Record<ErrorCode, readonly [number, string]>> = {
  NOT_FOUND: [550, "No such file or directory."],
  FORBIDDEN: [550, "Permission denied."],
  EXISTS: [550, "There is such a file or directory already."],
  IS_DIRECTORY: [550, "Is a directory."],
  NOT_DIRECTORY: [550, "Not a directory."],
  NOT_EMPTY: [550, "Directory not empty."],
  BAD_PATH: [553, "File name not allowed."],
  QUOTA: [552, "No room left: the storage is full."],
  IO: [451, "The storage failed."],
};

/** The reply to an error of the store, or of our own making. */
export function refusal(error: unknown): FtpReply {
  const [code, text] = REFUSALS[codeOf(error) as ErrorCode] ?? [451, "Something failed in the server."];
  return { code, text };
}
