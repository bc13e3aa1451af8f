import iconv from "iconv-lite";
import type { Encoding } from "./tty.ts";

/** Whether there is a character set of this name: `latin1`, `cp437`, `koi8-r` …, whatever its case. */
export function isCharset(name: string): boolean {
  return iconv.encodingExists(name);
}

/** A character set, with what it keeps of a character that the network has split. */
export function encodingOf(charset: string): Encoding {
  const decoder = iconv.getDecoder(charset);
  return {
    decode: (bytes) => decoder.write(Buffer.from(bytes)),
    encode: (text) => iconv.encode(text, charset),
  };
}
