import { expect, test } from "vitest";
import { Charset } from "../../servers/telnet/charset.ts";

/** A client's characters, after it has sent some bytes. */
function after(...bytes: number[]) {
  const charset = new Charset();
  return { charset, text: charset.decode(Uint8Array.from(bytes)) };
}

const TEXT = "aä€👋\u{10ffff}z\u07ff\u0800\uffff\u{10000}";

test("UTF-8 is read at every split", () => {
  const bytes = Buffer.from(TEXT);
  for (let at = 0; at <= bytes.length; at += 1) {
    const charset = new Charset();
    expect(charset.decode(bytes.subarray(0, at)) + charset.decode(bytes.subarray(at))).toBe(TEXT);
    expect(charset.encode(TEXT)).toEqual(bytes);
  }
});

test.each([
  ["a letter of ISO 8859-1 before an ASCII one", [0xfc, 0x6e], "ün"],
  ["two such letters", [0xe4, 0xf6, 0x21], "äö!"],
  ["a continuation without a beginning", [0xa9], "©"],
  ["an overlong form", [0xc0, 0xaf], "À¯"],
  ["a surrogate", [0xed, 0xa0, 0x80], "í\u00a0\u0080"],
  ["what is above U+10FFFF", [0xf4, 0x90, 0x80, 0x80], "ô\u0090\u0080\u0080"],
  ["bytes that no UTF-8 has", [0xff, 0xfe, 0xf8], "ÿþø"],
])("%s is read as ISO 8859-1, and answered in it", (_name, bytes, text) => {
  const { charset, text: read } = after(...bytes);
  expect(read).toBe(text);
  expect(charset.encode("ä€👋")).toEqual(Buffer.from("\u00e4??", "latin1"));
});

test("a client that is known to write UTF-8 stays with it", () => {
  const { charset } = after(...Buffer.from("ä"));
  expect(charset.decode(Uint8Array.of(0xc3, 0x0a, 0xff))).toBe("\ufffd\n\ufffd");
  expect(charset.encode("ä")).toEqual(Buffer.from("ä"));
});

test("a client that turns out to write UTF-8 is answered in it", () => {
  const { charset } = after(0xc3, 0x0a);
  charset.decode(Buffer.from("ä"));
  expect(charset.encode("ä")).toEqual(Buffer.from("ä"));
});

test.each([
  ["latin1", "\u00c3\u00a4\u00ff", [0xe4, 0x3f]],
  ["ascii", "\u00c3\u00a4\u00ff", [0x3f, 0x3f]],
  ["utf-8", "ä\ufffd", [0xc3, 0xa4, 0xe2, 0x82, 0xac]],
] as const)("what was agreed on holds: %s", (agreed, read, written) => {
  const { charset } = after(0xc3, 0x0a);
  charset.agree(agreed);
  expect(charset.decode(Uint8Array.of(0xc3, 0xa4, 0xff))).toBe(read);
  expect([...charset.encode("ä€")].slice(0, written.length)).toEqual(written);
});

test("what was half a character when a set of single bytes is agreed on is not lost", () => {
  const { charset, text } = after(0x61, 0xc3);
  charset.agree("latin1");
  expect(text + charset.decode(Uint8Array.of(0xa4))).toBe("aÃ¤");
});

test("the DM that is left of a synch is nothing", () => {
  const { charset, text } = after(0xf2, 0x68, 0x69, ...Buffer.from("ä"), 0xf2, 0x21);
  expect(text).toBe("hiä!");
  expect(charset.encode("ä")).toEqual(Buffer.from("ä"));
});
