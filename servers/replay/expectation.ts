/** What was found of something that is expected, in what has come so far. */
type Finding =
  /** All of it; so many bytes of what came are used up. */
  | { readonly found: number }
  /** What came begins as it does: more of it may come. */
  | "more"
  /** Something else came. */
  | { readonly instead: string };

/** Something that a client is to send, as it was recorded. */
export interface Expectation {
  /** For people. */
  readonly text: string;
  /** Looks for it at the beginning of what has come. */
  find(came: Buffer): Finding;
}

/** How much of a wrong beginning is shown, in bytes. */
const SHOWN = 200;

/** These very bytes. */
export function exactly(bytes: Buffer): Expectation {
  return {
    text: shown(bytes),
    find(came) {
      const length = Math.min(came.length, bytes.length);
      if (!came.subarray(0, length).equals(bytes.subarray(0, length))) return { instead: shown(came) };
      return length === bytes.length ? { found: length } : "more";
    },
  };
}

const LF = 0x0a;

/** FTP commands whose argument is another one each time: a password, which is not recorded, and the client's own ports. */
const ANY_ARGUMENT = ["PASS", "ACCT", "PORT", "EPRT"];

/** A command line of FTP; its verb in any case. */
export function ftpLine(verb: string, argument: string | undefined): Expectation {
  const text = argument === undefined ? verb : `${verb} ${argument}`;
  return {
    text,
    find(came) {
      const end = came.indexOf(LF);
      if (end === -1) return "more";
      const line = came.subarray(0, end).toString("utf8").replace(/\r$/, "");
      const [given = ""] = line.split(" ", 1);
      const rest = line.slice(given.length + 1);
      const [word = "", ...more] = verb.split(" ");
      const wanted = [...more, ...(argument === undefined ? [] : [argument])].join(" ");
      const same = given.toUpperCase() === word && (rest === wanted || ANY_ARGUMENT.includes(word));
      return same
        ? { found: end + 1 }
        : { instead: ANY_ARGUMENT.includes(given.toUpperCase()) ? given : line };
    },
  };
}

const IAC = 255;
const SB = 250;
const SE = 240;
const CR = 0x0d;
const NUL = 0;
const STAR = 0x2a;

/**
 * What was typed by Telnet: without negotiation, which comes when it comes, and with all line ends alike. A star may be what
 * stands for a password's character: it fits any character, and before a line's end any number of them.
 */
export function typed(bytes: Buffer): Expectation {
  const wanted = keysIn(bytes).map(({ byte }) => byte);
  return {
    text: shown(Buffer.from(wanted)),
    find(came) {
      const keys = keysIn(came);
      let used = 0;
      for (let at = 0; at < wanted.length; at += 1) {
        const end = maskEnd(wanted, at);
        if (end !== undefined) {
          const here = keys.findIndex(({ byte }, index) => index >= used && byte === LF);
          if (here === -1) return "more";
          used = here;
          at = end - 1;
          continue;
        }
        const key = keys[used];
        if (!key) return "more";
        const fits = wanted[at] === STAR ? key.byte !== LF : wanted[at] === key.byte;
        if (!fits) return { instead: shown(Buffer.from(keys.slice(used).map(({ byte }) => byte))) };
        used += 1;
      }
      return { found: keys[used - 1]?.end ?? 0 };
    },
  };
}

/** Where the line ends that is nothing but stars from here on, if it is one. */
function maskEnd(wanted: readonly number[], from: number): number | undefined {
  if (wanted[from] !== STAR) return undefined;
  const end = wanted.findIndex((byte, index) => index > from && byte !== STAR);
  return wanted[end] === LF ? end : undefined;
}

interface Key {
  readonly byte: number;
  /** Behind which byte of the input it is complete. */
  readonly end: number;
}

/** The characters among Telnet's bytes (RFC 854), each line end as an LF; a command that is not complete ends them. */
function keysIn(bytes: Buffer): Key[] {
  const keys: Key[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === IAC) {
      const end = commandEnd(bytes, at);
      if (end === undefined) break;
      at = end - 1;
    } else if (byte === CR) {
      const next = bytes[at + 1];
      if (next === LF || next === NUL) at += 1;
      keys.push({ byte: LF, end: at + 1 });
    } else if (byte !== NUL) {
      keys.push({ byte, end: at + 1 });
    }
  }
  return keys;
}

/** Where a command ends that begins here. */
function commandEnd(bytes: Buffer, at: number): number | undefined {
  const verb = bytes[at + 1];
  if (verb === undefined) return undefined;
  if (verb === SB) {
    const end = bytes.indexOf(Buffer.from([IAC, SE]), at + 2);
    return end === -1 ? undefined : end + 2;
  }
  const end = at + (verb > SB && verb < IAC ? 3 : 2);
  return end <= bytes.length ? end : undefined;
}

/** Bytes as people read them, on one line. */
export function shown(bytes: Buffer): string {
  const text = bytes.subarray(0, SHOWN).toString("utf8");
  return `${JSON.stringify(text)}${bytes.length > SHOWN ? ` and ${bytes.length - SHOWN} bytes more` : ""}`;
}
