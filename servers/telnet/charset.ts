import { isAscii, isUtf8 } from "node:buffer";
import { DM } from "./codec.ts";

/** What can be agreed on. */
export type KnownCharset = "utf-8" | "latin1" | "ascii";

/** What a character set has not got. */
const FOREIGN = { latin1: /[^\0-\xff]/gu, ascii: /[^\0-\x7f]/gu } as const;

/**
 * The characters of one client: UTF-8, also where the network splits a character. Who sends bytes that are none, and has
 * never sent a character of several bytes that is one, is taken to write ISO 8859-1, and is answered in it.
 */
export class Charset {
  #pending: number[] = [];
  #known: KnownCharset | undefined;
  #agreed = false;

  /** From now on the client's characters are known, whatever its bytes look like. */
  agree(charset: KnownCharset): void {
    this.#known = charset;
    this.#agreed = true;
  }

  decode(bytes: Uint8Array): string {
    if (this.#pending.length === 0 && isAscii(bytes)) return Buffer.from(bytes).toString("latin1");
    if (this.#agreed && this.#known !== "utf-8")
      return this.#invalid() + Buffer.from(bytes).toString("latin1");
    let text = "";
    for (const byte of bytes) text += this.#take(byte);
    return text;
  }

  encode(text: string): Buffer {
    return this.#known === "latin1" || this.#known === "ascii"
      ? Buffer.from(text.replace(FOREIGN[this.#known], "?"), "latin1")
      : Buffer.from(text);
  }

  #take(byte: number): string {
    if (this.#pending.length === 0) return byte < 0x80 ? String.fromCharCode(byte) : this.#lead(byte);
    if ((byte & 0xc0) !== 0x80) return this.#invalid() + this.#take(byte);
    this.#pending.push(byte);
    if (this.#pending.length < lengthOf(this.#pending[0] ?? 0)) return "";
    const character = Buffer.from(this.#pending);
    if (!isUtf8(character)) return this.#invalid();
    this.#pending = [];
    this.#known = "utf-8";
    return character.toString();
  }

  #lead(byte: number): string {
    this.#pending.push(byte);
    return lengthOf(byte) === 0 ? this.#invalid() : "";
  }

  #invalid(): string {
    const bytes = this.#pending;
    this.#pending = [];
    // Some clients send the IAC of IAC DM as urgent data, which Node's sockets drop, and the DM is left. No character of
    // UTF-8 begins with that byte.
    if (this.#known !== "latin1" && bytes.length === 1 && bytes[0] === DM) return "";
    if (this.#known === "utf-8") return "\ufffd";
    this.#known ??= "latin1";
    return Buffer.from(bytes).toString("latin1");
  }
}

/** How many bytes a UTF-8 character has that begins with this byte; 0 where none does (RFC 3629 §4). */
function lengthOf(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}
