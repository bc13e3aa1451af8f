/** Makes a copy of what a client has sent, piece after piece, without its passwords, and as long. */
export type Redaction = (received: Buffer) => Buffer;

/** What stands for each byte of a password. */
const MASK = 0x2a;

const CR = 0x0d;
const LF = 0x0a;

/** Bytes from here on are Telnet's commands (RFC 854), which FTP clients put in front of ABOR, or no text at all. */
const FIRST_COMMAND = 0xf0;

/**
 * Masks what stands behind certain words at the beginning of a line, up to the line's end, however the lines are cut: for
 * protocols in which passwords stand so.
 *
 * @param beginnings in lower case: `pass ` of FTP, `authorization:` of HTTP.
 */
export function linesRedacted(beginnings: readonly string[]): Redaction {
  const longest = Math.max(...beginnings.map((beginning) => beginning.length));
  let head = "";
  let state: "head" | "plain" | "secret" = "head";
  return (received) => {
    let copy: Buffer | undefined;
    for (let at = 0; at < received.length; at += 1) {
      const byte = received[at] ?? 0;
      if (byte === LF) {
        head = "";
        state = "head";
      } else if (byte === CR) {
        // Alone it ends no line, neither for FTP nor for HTTP.
      } else if (state === "secret") {
        copy ??= Buffer.from(received);
        copy[at] = MASK;
      } else if (state === "plain") {
        // On to the line's end: nothing before it matters.
        const end = received.indexOf(LF, at);
        if (end === -1) break;
        at = end - 1;
      } else if (byte < FIRST_COMMAND) {
        head += String.fromCharCode(byte).toLowerCase();
        if (beginnings.includes(head)) state = "secret";
        else if (head.length >= longest) state = "plain";
      }
    }
    return copy ?? received;
  };
}
