import type { KnownCharset } from "./charset.ts";
import { CHARSET, GMCP, MSSP, NEW_ENVIRON, type Side } from "./options.ts";

/** How many variables of a client are kept. */
const MAX_VARIABLES = 64;

/** RFC 2066 §1. */
const [REQUEST, ACCEPTED, REJECTED, TTABLE_IS, TTABLE_REJECTED] = [1, 2, 3, 4, 5] as const;

/** RFC 1572 §2. */
const [IS, SEND, INFO] = [0, 1, 2] as const;
const [VAR, VALUE, ESC, USERVAR] = [0, 1, 2, 3] as const;

/** MSSP, which counts from 1. */
const [MSSP_VAR, MSSP_VAL] = [1, 2] as const;

/** What we can write, by the names that clients give it (IANA's registry). */
const CHARSETS: Readonly<Record<string, KnownCharset>> = {
  "UTF-8": "utf-8",
  "ISO-8859-1": "latin1",
  "US-ASCII": "ascii",
};

/** What a subnegotiation says, for people, and what answers it once they have been told. */
export interface Heard {
  readonly preview: string;
  answer?(): void;
}

export interface ExtensionsUser {
  /** Sends a subnegotiation; `preview` says it to people. */
  subnegotiate(option: number, payload: Uint8Array, preview: string): void;
  /** A character set has been agreed on. */
  charset(name: KnownCharset): void;
  /** What MSSP tells of the server, by name. */
  status(): Readonly<Record<string, string>>;
}

/** Options that have no effect but for clients that ask for them: CHARSET, NEW-ENVIRON, MSSP, GMCP. */
export class Extensions {
  /** What the client has told of its surroundings (NEW-ENVIRON). */
  readonly environment = new Map<string, string>();
  readonly #user: ExtensionsUser;
  /** Our offer of character sets is not answered yet. */
  #offered = false;

  constructor(user: ExtensionsUser) {
    this.#user = user;
  }

  /** An option has come into force. */
  agreed(side: Side, option: number): void {
    const { subnegotiate, status } = this.#user;
    if (side === "remote" && option === NEW_ENVIRON) {
      subnegotiate(NEW_ENVIRON, Uint8Array.of(SEND), "SB NEW-ENVIRON SEND");
    }
    if (side !== "local") return;
    if (option === CHARSET) {
      this.#offered = true;
      const offer = ";UTF-8;ISO-8859-1";
      subnegotiate(CHARSET, withText(REQUEST, offer), `SB CHARSET REQUEST ${offer}`);
    }
    if (option === MSSP) {
      const pairs = Object.entries(status());
      const payload = pairs.flatMap(([name, value]) => [withText(MSSP_VAR, name), withText(MSSP_VAL, value)]);
      subnegotiate(MSSP, Buffer.concat(payload), `SB MSSP ${pairs.map((pair) => pair.join("=")).join(" ")}`);
    }
  }

  /** Takes a subnegotiation of an option that is in force. */
  heard(option: number, payload: Uint8Array): Heard | undefined {
    switch (option) {
      case CHARSET:
        return this.#charset(payload);
      case NEW_ENVIRON:
        return this.#environment(payload);
      case GMCP:
        return this.#gmcp(Buffer.from(payload).toString());
      default:
        return undefined;
    }
  }

  #charset([kind, ...rest]: Uint8Array): Heard {
    const text = Buffer.from(rest).toString("latin1");
    if (kind === ACCEPTED || kind === REJECTED) {
      const known = kind === ACCEPTED && this.#offered ? knownCharset(text) : undefined;
      if (known) this.#user.charset(known);
      this.#offered = false;
      return { preview: kind === ACCEPTED ? `CHARSET ACCEPTED ${text}` : "CHARSET REJECTED" };
    }
    if (kind === TTABLE_IS) {
      return { preview: "CHARSET TTABLE-IS", answer: () => this.#settle(TTABLE_REJECTED, "TTABLE-REJECTED") };
    }
    if (kind !== REQUEST) return { preview: `CHARSET ${kind}` };
    // RFC 2066 §5: a version of one byte may follow the offer of a translation table, which we do not take.
    const list = text.replace(/^\[TTABLE\]./s, "");
    const wanted = list.split(list.charAt(0)).find((name) => knownCharset(name)) ?? "";
    // Of two requests that cross, the server's is the one that counts.
    const known = this.#offered ? undefined : knownCharset(wanted);
    const answer = () => {
      if (known) this.#settle(ACCEPTED, "ACCEPTED", wanted);
      else this.#settle(REJECTED, "REJECTED");
      if (known) this.#user.charset(known);
    };
    return { preview: `CHARSET REQUEST ${list}`, answer };
  }

  #settle(kind: number, word: string, name = ""): void {
    this.#user.subnegotiate(CHARSET, withText(kind, name), `SB CHARSET ${word} ${name}`.trimEnd());
  }

  #environment([kind, ...rest]: Uint8Array): Heard {
    if (kind !== IS && kind !== INFO) return { preview: `NEW-ENVIRON ${kind}` };
    const names: string[] = [];
    for (const [name, value] of variablesIn(rest)) {
      if (value === undefined) this.environment.delete(name);
      else if (this.environment.size < MAX_VARIABLES || this.environment.has(name))
        this.environment.set(name, value);
      names.push(name);
    }
    // Of the values nobody is told: any of them may be a secret.
    return { preview: `NEW-ENVIRON ${kind === IS ? "IS" : "INFO"} ${names.join(" ")}` };
  }

  #gmcp(message: string): Heard {
    const preview = `GMCP ${message}`;
    if (!/^Core\.Ping\b/i.test(message)) return { preview };
    return {
      preview,
      answer: () => this.#user.subnegotiate(GMCP, Buffer.from("Core.Ping"), "SB GMCP Core.Ping"),
    };
  }
}

function withText(kind: number, text: string): Buffer {
  return Buffer.concat([Uint8Array.of(kind), Buffer.from(text)]);
}

function knownCharset(name: string): KnownCharset | undefined {
  const key = name.toUpperCase();
  return Object.hasOwn(CHARSETS, key) ? CHARSETS[key] : undefined;
}

/** RFC 1572 §2: names, each with a value behind it unless the variable is not defined; ESC takes a byte as it is. */
function variablesIn(bytes: readonly number[]): Map<string, string | undefined> {
  const variables = new Map<string, string | undefined>();
  let name: number[] | undefined;
  let value: number[] | undefined;
  const keep = () => {
    if (name?.length) variables.set(clean(name), value && clean(value));
  };
  for (let at = 0; at < bytes.length; at += 1) {
    let byte = bytes[at] ?? 0;
    if (byte === VAR || byte === USERVAR) {
      keep();
      name = [];
      value = undefined;
      continue;
    }
    if (byte === VALUE) {
      value = [];
      continue;
    }
    if (byte === ESC) {
      at += 1;
      byte = bytes[at] ?? 0;
    }
    (value ?? name)?.push(byte);
  }
  keep();
  return variables;
}

function clean(bytes: readonly number[]): string {
  return Buffer.from(bytes)
    .toString()
    .replace(/\p{Cc}/gu, "");
}
