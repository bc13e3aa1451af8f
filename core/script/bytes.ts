import { StringDecoder } from "node:string_decoder";
import type { ScriptBytes } from "./steps.ts";

/** The bytes that a script has written down. */
export function bytesOf(written: string | ScriptBytes): Buffer {
  if (typeof written === "string") return Buffer.from(written);
  if (written instanceof Uint8Array) return Buffer.from(written);
  if ("hex" in written) return Buffer.from(written.hex.replaceAll(/\s/g, ""), "hex");
  return "text" in written ? Buffer.from(written.text) : Buffer.from(written.base64, "base64");
}

/** How much of some bytes is told, in bytes. */
const TOLD = 1024;

/** Bytes as people read them: a text in quotes where they are one, else hexadecimal digits. */
export function told(bytes: Uint8Array): string {
  const some = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, TOLD));
  // A character that is cut off at the end is left out.
  const text = new StringDecoder("utf8").write(some);
  const isText =
    Buffer.from(text).equals(some.subarray(0, Buffer.byteLength(text))) && !/[^\P{Cc}\t\r\n]/u.test(text);
  const more = bytes.byteLength > TOLD ? ` … (${bytes.byteLength} bytes)` : "";
  return `${isText ? JSON.stringify(text) : `hex ${some.toString("hex").replaceAll(/..\B/g, "$& ")}`}${more}`;
}
