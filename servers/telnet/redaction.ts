import { MASK, type Redaction } from "../../core/capture/redaction.ts";
import { DO, DONT, FIRST_COMMAND, IAC, SB, WILL, WONT } from "./codec.ts";

const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;

type State = "text" | "command" | "option" | "subnegotiation" | "command inside";

/**
 * Masks what is typed while it is secret. Line ends and Telnet's own commands (RFC 854) stay as they are; what counts as one is
 * what the decoder takes for one.
 *
 * @param secret asked for each piece that comes.
 */
export function typingRedacted(secret: () => boolean): Redaction {
  let state: State = "text";
  return (received) => {
    const hide = secret();
    const copy = hide ? Buffer.from(received) : received;
    for (const [at, byte] of received.entries()) {
      const typed = state === "text" ? byte !== IAC : state.startsWith("command") && byte < FIRST_COMMAND;
      if (hide && typed && byte !== CR && byte !== LF && byte !== NUL) copy[at] = MASK;
      state = next(state, byte);
    }
    return copy;
  };
}

function next(state: State, byte: number): State {
  switch (state) {
    case "text":
      return byte === IAC ? "command" : "text";
    case "option":
      return "text";
    case "subnegotiation":
      return byte === IAC ? "command inside" : "subnegotiation";
    case "command inside":
      // Where the IAC SE is missing, the command that is here instead has ended the subnegotiation.
      return byte === IAC ? "subnegotiation" : next("command", byte);
    case "command":
      if (byte === SB) return "subnegotiation";
      return byte === WILL || byte === WONT || byte === DO || byte === DONT ? "option" : "text";
  }
}
