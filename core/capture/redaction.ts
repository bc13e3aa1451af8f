/** Makes a copy of what a client has sent, piece after piece, without its passwords, and as long. */
export type Redaction = (received: Buffer) => Buffer;

/** What stands for each byte of a password. */
export const MASK = 0x2a;

const CR = 0x0d;
const LF = 0x0a;

/** Bytes from here on are Telnet's commands (RFC 854), which FTP clients put in front of ABOR, or no text at all. */
const FIRST_COMMAND = 0xf0;

/** Behind what FTP's clients send passwords (RFC 959 §4.1.1). */
export const FTP_PASSWORDS = ["pass ", "acct "] as const;

/** Behind what HTTP's do (RFC 9110 §11.6.2 and §11.7.2), and those of WebSocket, which begins with HTTP. */
export const HTTP_PASSWORDS = ["authorization:", "proxy-authorization:"] as const;

/**
 * Masks what stands behind certain words at the beginning of a line, up to the line's end, however the lines are cut: for
 * protocols in which passwords stand so.
 *
 * @param beginnings in lower case; {@link FTP_PASSWORDS} and {@link HTTP_PASSWORDS} for those protocols.
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
