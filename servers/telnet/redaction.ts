import { MASK, type Redaction } from "../../core/capture/redaction.ts";
import { DO, DONT, IAC, SB, SE, WILL, WONT } from "./codec.ts";

const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;

/**
 * Masks what is typed while it is secret. Line ends and Telnet's own commands (RFC 854) stay as they are.
 *
 * @param secret asked for each piece that comes.
 */
export function typingRedacted(secret: () => boolean): Redaction {
  let state: "text" | "command" | "option" | "subnegotiation" | "command inside" = "text";
  return (received) => {
    const hide = secret();
    const copy = hide ? Buffer.from(received) : received;
    for (const [at, byte] of received.entries()) {
      switch (state) {
        case "text":
          if (byte === IAC) state = "command";
          else if (hide && byte !== CR && byte !== LF && byte !== NUL) copy[at] = MASK;
          break;
        case "command":
          state =
            byte === SB
              ? "subnegotiation"
              : byte === WILL || byte === WONT || byte === DO || byte === DONT
                ? "option"
                : "text";
          break;
        case "option":
          state = "text";
          break;
        case "subnegotiation":
          if (byte === IAC) state = "command inside";
          break;
        case "command inside":
          state = byte === SE ? "text" : "subnegotiation";
      }
    }
    return copy;
  };
}
