import { describe, expect, test } from "vitest";
import { linesRedacted, type Redaction } from "../../core/capture/redaction.ts";
import { typingRedacted } from "../../servers/telnet/redaction.ts";

/** What becomes of the bytes, given in pieces of so many. */
function redacted(redaction: Redaction, bytes: Buffer, size: number): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(redaction(bytes.subarray(at, at + size)));
  return Buffer.concat(pieces).toString("latin1");
}

const sizes = [1, 2, 3, 7, 1000];

describe("lines", () => {
  test.each(sizes)("a password is masked, and nothing else (in pieces of %i)", (size) => {
    const said = Buffer.from("USER ann\r\nPASS  s3 cret\r\nSTOR PASS x\r\npass again\nCWD /pass word\r\n");
    expect(redacted(linesRedacted(["pass ", "acct "]), said, size)).toBe(
      "USER ann\r\nPASS ********\r\nSTOR PASS x\r\npass *****\nCWD /pass word\r\n",
    );
  });

  test.each(sizes)("a CR ends no line (in pieces of %i)", (size) => {
    expect(redacted(linesRedacted(["pass "]), Buffer.from("PASS a\rb\r\nNOOP\r\n"), size)).toBe(
      "PASS *\r*\r\nNOOP\r\n",
    );
  });

  test.each(sizes)("Telnet's commands in front of a line are none of it (in pieces of %i)", (size) => {
    const said = Buffer.concat([Buffer.from([0xff, 0xf4, 0xff, 0xf2]), Buffer.from("PASS x\r\n")]);
    expect(redacted(linesRedacted(["pass "]), said, size).slice(4)).toBe("PASS *\r\n");
  });

  test("what needs no mask is not copied", () => {
    const said = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(linesRedacted(["authorization:"])(said)).toBe(said);
  });
});

describe("typing", () => {
  test.each(sizes)("text is masked while it is secret, commands are not (in pieces of %i)", (size) => {
    const typed = Buffer.concat([
      Buffer.from("ab"),
      Buffer.from([255, 251, 24]),
      Buffer.from([255, 250, 24, 0, 65, 255, 255, 66, 255, 240]),
      Buffer.from("c\r\n"),
    ]);
    const expected = `**${typed.subarray(2, -3).toString("latin1")}*\r\n`;
    expect(
      redacted(
        typingRedacted(() => true),
        typed,
        size,
      ),
    ).toBe(expected);
    expect(
      redacted(
        typingRedacted(() => false),
        typed,
        size,
      ),
    ).toBe(typed.toString("latin1"));
  });

  test.each(sizes)("so is what the decoder takes for text (in pieces of %i)", (size) => {
    const typed = Buffer.concat([
      Buffer.from([255, 250, 24, 0, 65, 255, 251, 31]),
      Buffer.from("secret\r\n"),
      Buffer.from([255, 250, 24, 0, 65, 255, 98]),
      Buffer.from([99, 255, 100, 255, 13, 255, 250, 24, 255, 250, 31, 255, 240, 101]),
    ]);
    const masked = Buffer.from(typed);
    for (const [at, byte] of typed.entries()) if (byte >= 98 && byte < 120) masked[at] = 42;
    const redaction = typingRedacted(() => true);
    expect(redacted(redaction, typed, size)).toBe(masked.toString("latin1"));
  });
});
