import { isUtf8 } from "node:buffer";

/** The longest command line, in bytes, its end not counted. */
export const LINE_LIMIT = 4096;

/** What {@link CommandLines} gives for a line over the limit. */
export const TOO_LONG = Symbol("too long");

const LF = 0x0a;
const CR = 0x0d;

/**
 * What clients may send as urgent data (RFC 959 §4.1): ABOR, as the ftplib of Python does, STAT, as Ruby's, and QUIT. The last
 * byte is the urgent one, which is the LF, and Node never gives it.
 */
const URGENT = /^[\xf0-\xff]*(ABOR|QUIT|STAT( .*)?)\r$/i;

/**
 * Cuts the bytes of a control connection into command lines, however segments cut them: CR LF or LF ends a line (RFC 1123
 * §4.1.2.12 asks to be lenient), telnet commands are taken out (RFC 959 §4.1.3), and no more than a line is ever held.
 */
export class CommandLines {
  readonly #telnet = new TelnetFilter();
  #held: Buffer = Buffer.alloc(0);
  #skipping = false;
  /** A line was told without its LF, which may still come. */
  #owed = false;
  readonly #textOf: typeof textOf;

  /** @param encoding of names: UTF-8 is guessed by default, and Latin-1 is as it is. */
  constructor(encoding: "utf8" | "latin1" = "utf8") {
    this.#textOf = encoding === "latin1" ? latin1Of : textOf;
  }

  /** The lines that are whole with this chunk. A line that is too long is told once, as soon as that is known. */
  push(chunk: Buffer): (string | typeof TOO_LONG)[] {
    const bytes = this.#telnet.strip(chunk);
    const lines: (string | typeof TOO_LONG)[] = [];
    let from = 0;
    if (this.#owed && bytes.length > 0) {
      if (bytes[0] === LF) from = 1;
      this.#owed = false;
    }
    for (;;) {
      const end = bytes.indexOf(LF, from);
      const part = bytes.subarray(from, end === -1 ? bytes.length : end);
      // One byte more may be the CR of a line's end.
      if (!this.#skipping && this.#held.length + part.length > LINE_LIMIT + 1) {
        this.#skipping = true;
        this.#held = Buffer.alloc(0);
        lines.push(TOO_LONG);
      }
      if (end === -1) {
        // Copied by concat: a few bytes must not keep a whole segment in memory.
        if (!this.#skipping) this.#held = Buffer.concat([this.#held, part]);
        if (this.#held.at(-1) === CR && URGENT.test(this.#held.toString("latin1"))) {
          lines.push(this.#textOf(this.#held));
          this.#held = Buffer.alloc(0);
          this.#owed = true;
        }
        return lines;
      }
      if (!this.#skipping)
        lines.push(this.#textOf(this.#held.length === 0 ? part : Buffer.concat([this.#held, part])));
      this.#held = Buffer.alloc(0);
      this.#skipping = false;
      from = end + 1;
    }
  }
}

/** A line's text: UTF-8 (RFC 2640), or Latin-1 where it is not, so that an old client's names stay apart. */
function textOf(line: Buffer): string | typeof TOO_LONG {
  const text = bytesOf(line);
  if (text === TOO_LONG) return text;
  return isUtf8(text) ? text.toString("utf8") : text.toString("latin1");
}

function latin1Of(line: Buffer): string | typeof TOO_LONG {
  const text = bytesOf(line);
  return text === TOO_LONG ? text : text.toString("latin1");
}

/** A line without its end, and without what an abort has left in front of it. */
function bytesOf(line: Buffer): Buffer | typeof TOO_LONG {
  // A client that aborts sends IAC and DM as urgent data, of which the kernel takes away one byte (RFC 959 §4.1.3, ABOR):
  // the other one is left in front of the verb, where no letter has such a code.
  let start = 0;
  while ((line[start] ?? 0) >= SE) start += 1;
  const text = line.subarray(start, line.at(-1) === CR ? -1 : undefined);
  return text.length > LINE_LIMIT ? TOO_LONG : text;
}

// RFC 854: what comes behind an IAC.
const SE = 0xf0;
const SB = 0xfa;
const WILL = 0xfb;
const DONT = 0xfe;
const IAC = 0xff;

/** Takes telnet commands out of a stream; what it has seen half of, it remembers. */
class TelnetFilter {
  #state: "data" | "command" | "option" | "subnegotiation" | "subnegotiation command" = "data";

  strip(chunk: Buffer): Buffer {
    if (this.#state === "data" && !chunk.includes(IAC)) return chunk;
    const kept = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    for (const byte of chunk) {
      if (this.#isData(byte)) {
        kept[length] = byte;
        length += 1;
      }
    }
    return kept.subarray(0, length);
  }

  #isData(byte: number): boolean {
    switch (this.#state) {
      case "data":
        if (byte !== IAC) return true;
        this.#state = "command";
        return false;
      case "command":
        this.#state = byte === SB ? "subnegotiation" : byte >= WILL && byte <= DONT ? "option" : "data";
        // A doubled IAC is a byte of data, and what is no command at all belongs to a name that nobody has escaped.
        return byte === IAC || byte < SE;
      case "option":
        this.#state = "data";
        return false;
      case "subnegotiation":
        // No FTP client subnegotiates. One that never ends must not make the server deaf: the line's end ends it too.
        if (byte === LF) this.#state = "data";
        else if (byte === IAC) this.#state = "subnegotiation command";
        return byte === LF;
      case "subnegotiation command":
        this.#state = byte === SE || byte === LF ? "data" : "subnegotiation";
        return byte === LF;
    }
  }
}
