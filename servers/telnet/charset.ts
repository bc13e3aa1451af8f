import { isAscii, isUtf8 } from "node:buffer";
import { DM } from "./codec.ts";

/**
 * The characters of one client. UTF-8, also where the network splits a character; bytes that are none are read as ISO
 * 8859-1, and whoever sends such bytes is answered in it, until valid UTF-8 comes from there.
 */
export class Charset {
  #pending: number[] = [];
  #latin1 = false;

  decode(bytes: Uint8Array): string {
    if (this.#pending.length === 0 && isAscii(bytes)) return Buffer.from(bytes).toString("latin1");
    let text = "";
    for (const byte of bytes) text += this.#take(byte);
    return text;
  }

  encode(text: string): Buffer {
    return this.#latin1 ? Buffer.from(text.replace(/[^\0-\xff]/gu, "?"), "latin1") : Buffer.from(text);
  }

  #take(byte: number): string {
    if (this.#pending.length === 0) return byte < 0x80 ? String.fromCharCode(byte) : this.#lead(byte);
    if ((byte & 0xc0) !== 0x80) return this.#asLatin1() + this.#take(byte);
    this.#pending.push(byte);
    if (this.#pending.length < lengthOf(this.#pending[0] ?? 0)) return "";
    const character = Buffer.from(this.#pending);
    if (!isUtf8(character)) return this.#asLatin1();
    this.#pending = [];
    this.#latin1 = false;
    return character.toString();
  }

  #lead(byte: number): string {
    this.#pending.push(byte);
    return lengthOf(byte) === 0 ? this.#asLatin1() : "";
  }

  #asLatin1(): string {
    // Some clients send the IAC of IAC DM as urgent data, which Node's sockets drop, and the DM is left. UTF-8 has no
    // character that begins with that byte.
    if (this.#pending[0] === DM && this.#pending.length === 1 && !this.#latin1) {
      this.#pending = [];
      return "";
    }
    const text = Buffer.from(this.#pending).toString("latin1");
    this.#pending = [];
    this.#latin1 = true;
    return text;
  }
}

/** How many bytes a UTF-8 character has that begins with this byte; 0 where none does (RFC 3629 §4). */
function lengthOf(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}
