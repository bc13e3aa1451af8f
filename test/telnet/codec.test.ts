import { describe, expect, test } from "vitest";
import { Decoder, escaped, MAX_SUBNEGOTIATION, subnegotiation } from "../../servers/telnet/codec.ts";

const [IAC, SB, SE, WILL, WONT, DO, DONT] = [255, 250, 240, 251, 252, 253, 254];
const [NOP, DM, BRK, IP, AO, AYT, EC, EL, GA] = [241, 242, 243, 244, 245, 246, 247, 248, 249];

/** What a decoder finds in chunks, as text: data runs joined, everything else by its numbers. */
function decode(...chunks: (Uint8Array | readonly number[])[]): string[] {
  const found: string[] = [];
  let data: number[] = [];
  const add = (what: string) => {
    if (data.length > 0) found.push(`data ${Buffer.from(data).toString("latin1")}`);
    data = [];
    found.push(what);
  };
  const decoder = new Decoder({
    data: (bytes) => void data.push(...bytes),
    command: (code) => add(`command ${code}`),
    negotiation: (verb, option) => add(`${verb} ${option}`),
    subnegotiation: (option, payload) => add(`sb ${option} ${[...payload].join(",")}`),
  });
  for (const chunk of chunks) decoder.push(Uint8Array.from(chunk));
  add("end");
  return found.slice(0, -1);
}

const bytes = (...parts: (string | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from([part]))));

const CORPUS: readonly (readonly [string, Uint8Array, readonly string[]])[] = [
  ["plain text", bytes("help\r\n"), ["data help\r\n"]],
  ["a doubled IAC", bytes("a", IAC, IAC, "b"), ["data a\u00ffb"]],
  ["four IACs", bytes(IAC, IAC, IAC, IAC), ["data \u00ff\u00ff"]],
  ["a doubled IAC before a command", bytes(IAC, IAC, IAC, NOP), ["data \u00ff", `command ${NOP}`]],
  [
    "the four verbs",
    bytes(IAC, WILL, 1, IAC, WONT, 3, IAC, DO, 24, IAC, DONT, 31),
    [`${WILL} 1`, `${WONT} 3`, `${DO} 24`, `${DONT} 31`],
  ],
  ["an option that looks like a command", bytes(IAC, DO, IAC, "x"), [`${DO} 255`, "data x"]],
  [
    "commands amid text",
    bytes("a", IAC, AYT, "b", IAC, EC, IAC, EL, "c", IAC, GA, IAC, BRK, IAC, AO),
    [
      "data a",
      `command ${AYT}`,
      "data b",
      `command ${EC}`,
      `command ${EL}`,
      "data c",
      `command ${GA}`,
      `command ${BRK}`,
      `command ${AO}`,
    ],
  ],
  ["a subnegotiation", bytes(IAC, SB, 31, 0, 80, 0, 24, IAC, SE, "x"), ["sb 31 0,80,0,24", "data x"]],
  [
    "a doubled IAC in a subnegotiation",
    bytes(IAC, SB, 31, 0, IAC, IAC, 0, 24, IAC, SE),
    ["sb 31 0,255,0,24"],
  ],
  ["SE as data in a subnegotiation", bytes(IAC, SB, 31, SE, SB, IAC, SE), [`sb 31 ${SE},${SB}`]],
  ["an empty subnegotiation", bytes(IAC, SB, IAC, SE, "x"), ["data x"]],
  ["a subnegotiation without payload", bytes(IAC, SB, 24, IAC, SE, "x"), ["sb 24 ", "data x"]],
  [
    "a subnegotiation cut short by a command",
    bytes(IAC, SB, 24, 0, "ab", IAC, WILL, 31, "x"),
    [`${WILL} 31`, "data x"],
  ],
  [
    "a subnegotiation cut short by another",
    bytes(IAC, SB, 24, 0, IAC, SB, 31, 0, 1, 0, 2, IAC, SE),
    ["sb 31 0,1,0,2"],
  ],
  ["IAC and no command in a subnegotiation", bytes(IAC, SB, 24, 0, IAC, 5, "help"), ["data \u0005help"]],
  ["IAC before text", bytes("a", IAC, "help"), ["data ahelp"]],
  ["SE by itself", bytes("a", IAC, SE, "b"), ["data ab"]],
  ["an interrupt whose DM is lost", bytes(IAC, IP, IAC, "help\r\n"), [`command ${IP}`, "data help\r\n"]],
  [
    "two interrupts whose DMs are lost",
    bytes(IAC, IP, IAC, DO, 6, IAC, IAC, IP, IAC, DO, 6, IAC, "help"),
    [`command ${IP}`, `${DO} 6`, `command ${IP}`, `${DO} 6`, "data help"],
  ],
  [
    "an interrupt with its DM",
    bytes(IAC, IP, IAC, DM, "a", IAC, IAC),
    [`command ${IP}`, `command ${DM}`, "data a\u00ff"],
  ],
];

describe("the decoder", () => {
  test.each(CORPUS)("reads %s", (_name, input, found) => {
    expect(decode(input)).toEqual(found);
  });

  test.each(CORPUS)("reads %s at every split", (_name, input, found) => {
    for (let at = 0; at <= input.length; at += 1) {
      expect(decode(input.subarray(0, at), input.subarray(at))).toEqual(found);
    }
    expect(decode(...[...input].map((byte) => [byte]))).toEqual(found);
  });

  test("reads the whole corpus in one, at every split", () => {
    const input = Buffer.concat(CORPUS.map(([, part]) => part));
    const whole = decode(input);
    for (let at = 0; at <= input.length; at += 1) {
      expect(decode(input.subarray(0, at), input.subarray(at))).toEqual(whole);
    }
  });

  test("keeps the longest subnegotiation that it heeds, and none that is longer", () => {
    const payload = new Uint8Array(MAX_SUBNEGOTIATION - 1).fill(65);
    expect(decode(subnegotiation(24, payload))).toEqual([`sb 24 ${payload.join(",")}`]);
    expect(decode(subnegotiation(24, new Uint8Array(MAX_SUBNEGOTIATION).fill(65)), bytes("x"))).toEqual([
      "data x",
    ]);
  });

  test("finds the same in random bytes, however they are split", () => {
    let seed = 1143;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    // Mostly bytes that mean something.
    const alphabet = [IAC, IAC, IAC, SB, SE, WILL, WONT, DO, DONT, IP, DM, AYT, 0, 6, 13, 10, 65, 239, 31];
    for (let round = 0; round < 200; round += 1) {
      const input = Uint8Array.from({ length: 64 }, () =>
        random(10) === 0 ? random(256) : (alphabet[random(alphabet.length)] ?? 0),
      );
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < input.length; ) {
        const to = at + 1 + random(8);
        chunks.push(input.subarray(at, to));
        at = to;
      }
      expect(decode(...chunks), input.join(" ")).toEqual(decode(input));
    }
  });
});

describe("the encoder", () => {
  test("doubles IAC and nothing else", () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    expect([...escaped(all)]).toEqual([...all, IAC]);
    expect(decode(escaped(all))).toEqual([`data ${Buffer.from(all).toString("latin1")}`]);
  });

  test("makes subnegotiations that the decoder reads", () => {
    expect(decode(subnegotiation(31, Uint8Array.of(0, 255, 1, 240)))).toEqual(["sb 31 0,255,1,240"]);
  });
});
