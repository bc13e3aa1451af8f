import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lab, startLab, websocket } from "../../index.ts";
import { agreementIn, Deflation } from "./deflate.ts";
import { closing, fragments, frame, type Heard, type Opcode, RawClient } from "./dialogue.ts";

// The catalogue of the Autobahn test-suite, sections 1 to 7, 9, 10, 12 and 13, by its numbers: what a client does, and what an
// echoing server is to answer. Sizes of 9, 12 and 13 are scaled down. One behaviour is what Autobahn calls non-strict: text
// that is no UTF-8 is refused when its message is whole (6.4).

let lab: Lab<"live">;

/** The same, but all is told and remembered, passes through a Wire, and is held against rules that never act. */
let watched: Lab<"live">;

beforeAll(async () => {
  const live = websocket({ compression: "on" });
  lab = await startLab({ live }, { transcript: 0 });
  watched = await startLab({ live });
  watched.faults.add({ when: { verb: "NEVER" }, fault: { kind: "stall" } });
  watched.faults.add({ when: { verb: "NEVER" }, fault: { kind: "reply", with: "drop" } });
});

afterAll(() => Promise.all([lab.stop({ grace: 0 }), watched.stop({ grace: 0 })]));

/** A case: its number, frames, what is heard, and in what pieces it is sent: frame by frame, or so many octets at a time. */
type Case = readonly [
  id: string,
  says: readonly Buffer[],
  hears: readonly string[],
  chops?: "frames" | number | undefined,
];

/** What was heard, to be compared: long payloads by their digest. */
function told(kind: Opcode | "end" | "reset", payload: string | Uint8Array = ""): string {
  const data = Buffer.from(payload);
  if (kind === "close" && data.length > 1)
    return `close ${data.readUInt16BE()} ${data.toString("latin1", 2)}`.trimEnd();
  const text = data.length <= 130 ? data.toString("latin1") : createHash("sha1").update(data).digest("hex");
  return `${kind} ${data.length} ${text}`.trimEnd();
}

const heardAs = ({ kind, data }: Heard) => (kind === "end" || kind === "reset" ? kind : told(kind, data));

async function converse([, says, hears, chops]: Case, { servers } = lab): Promise<void> {
  using client = await RawClient.open(servers.live, "/echo");
  if (chops === undefined) client.send(...says);
  else if (chops === "frames") for (const each of says) await client.chop(each, each.length);
  else await client.chop(Buffer.concat(says), chops);
  const heard: string[] = [];
  for (let last: Heard | undefined; last?.kind !== "end" && last?.kind !== "reset"; ) {
    last = await client.next();
    heard.push(heardAs(last));
  }
  expect(heard).toEqual(hears);
}

const GOODBYE = frame("close", closing(1000));

/** A legal conversation, with the closing handshake at its end. */
function legal(id: string, says: readonly Buffer[], hears: readonly string[], chops?: Case[3]): Case {
  return [id, [...says, GOODBYE], [...hears, "close 1000", "end"], chops];
}

/** One that the server has to end. */
function illegal(
  id: string,
  says: readonly Buffer[],
  code: number,
  chops?: Case[3],
  before: readonly string[] = [],
): Case {
  return [id, says, [...before, `close ${code}`, "end"], chops];
}

/** A case without chops, with chops of frames, and octet by octet. */
function inAllChops(first: string, make: (id: string, chops?: Case[3]) => Case): Case[] {
  const [section, number] = [
    first.slice(0, first.lastIndexOf(".")),
    Number(first.slice(first.lastIndexOf(".") + 1)),
  ];
  return ([undefined, "frames", 1] as const).map((chops, index) =>
    make(`${section}.${number + index}`, chops),
  );
}

function run(section: string, cases: readonly Case[]): void {
  test.each(cases)(`${section}: $0`, async (...each) => {
    await converse(each as unknown as Case);
    if (!section.includes("limits")) await converse(each as unknown as Case, watched);
  });
}

const text = (payload: string | Uint8Array, odd = {}) => frame("text", payload, odd);
const more = (payload: string | Uint8Array, odd = {}) => frame("continuation", payload, odd);
const HELLO = "Hello, world!";
const ECHOED = told("text", HELLO);

run(
  "1 framing",
  (["text", "binary"] as const).flatMap((kind, index) =>
    [0, 125, 126, 127, 128, 65_535, 65_536, 65_536].map((size, number) => {
      const payload = kind === "text" ? "*".repeat(size) : Buffer.alloc(size, 0xfe);
      const chops = number === 7 ? 997 : undefined;
      return legal(`1.${index + 1}.${number + 1}`, [frame(kind, payload)], [told(kind, payload)], chops);
    }),
  ),
);

const BINARY = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
const LONGEST = Buffer.alloc(125, 0xfe);
const TEN = Array.from({ length: 10 }, (_, index) => `payload-${index}`);

run("2 pings and pongs", [
  legal("2.1", [frame("ping")], [told("pong")]),
  legal("2.2", [frame("ping", HELLO)], [told("pong", HELLO)]),
  legal("2.3", [frame("ping", BINARY)], [told("pong", BINARY)]),
  legal("2.4", [frame("ping", LONGEST)], [told("pong", LONGEST)]),
  illegal("2.5", [frame("ping", Buffer.alloc(126, 0xfe))], 1002),
  legal("2.6", [frame("ping", LONGEST)], [told("pong", LONGEST)], 1),
  legal("2.7", [frame("pong")], []),
  legal("2.8", [frame("pong", "unsolicited")], []),
  legal("2.9", [frame("pong", "unsolicited"), frame("ping", "ping")], [told("pong", "ping")]),
  legal(
    "2.10",
    TEN.map((each) => frame("ping", each)),
    TEN.map((each) => told("pong", each)),
  ),
  legal(
    "2.11",
    TEN.map((each) => frame("ping", each)),
    TEN.map((each) => told("pong", each)),
    1,
  ),
]);

run("3 reserved bits", [
  illegal("3.1", [text(HELLO, { rsv: 1 })], 1002),
  illegal("3.2", [text(HELLO), text(HELLO, { rsv: 2 }), frame("ping")], 1002, undefined, [ECHOED]),
  illegal("3.3", [text(HELLO), text(HELLO, { rsv: 3 }), frame("ping")], 1002, "frames", [ECHOED]),
  illegal("3.4", [text(HELLO), text(HELLO, { rsv: 4 }), frame("ping")], 1002, 1, [ECHOED]),
  illegal("3.5", [frame("binary", BINARY, { rsv: 5 })], 1002),
  illegal("3.6", [frame("ping", HELLO, { rsv: 6 })], 1002),
  illegal("3.7", [frame("close", closing(1000), { rsv: 7 })], 1002),
]);

run(
  "4 opcodes",
  [3, 11].flatMap((first, index) => {
    const id = (number: number) => `4.${index + 1}.${number}`;
    return [
      illegal(id(1), [frame(first)], 1002),
      illegal(id(2), [frame(first + 1, "reserved")], 1002),
      illegal(id(3), [text(HELLO), frame(first + 2), frame("ping")], 1002, undefined, [ECHOED]),
      illegal(id(4), [text(HELLO), frame(first + 3, "reserved"), frame("ping")], 1002, "frames", [ECHOED]),
      illegal(id(5), [text(HELLO), frame(first + 4, "reserved"), frame("ping")], 1002, 1, [ECHOED]),
    ];
  }),
);

const HALVES = [text("frag", { fin: false }), more("ment")];
const WHOLE = told("text", "fragment");

run("5 fragmentation", [
  illegal("5.1", [frame("ping", "frag", { fin: false }), more("ment")], 1002),
  illegal("5.2", [frame("pong", "frag", { fin: false }), more("ment")], 1002),
  ...inAllChops("5.3", (id, chops) => legal(id, HALVES, [WHOLE], chops)),
  ...inAllChops("5.6", (id, chops) =>
    legal(id, [HALVES[0]!, frame("ping", "now"), HALVES[1]!], [told("pong", "now"), WHOLE], chops),
  ),
  ...inAllChops("5.9", (id, chops) => illegal(id, [more("nothing to continue"), text(HELLO)], 1002, chops)),
  ...inAllChops("5.12", (id, chops) =>
    illegal(id, [more("nothing to continue", { fin: false }), text(HELLO)], 1002, chops),
  ),
  illegal("5.15", [...HALVES, more("nothing", { fin: false }), text(HELLO)], 1002, undefined, [WHOLE]),
  illegal("5.16", [more("x", { fin: false }), text("frag", { fin: false }), more("ment")], 1002),
  illegal("5.17", [more("x"), text("frag", { fin: false }), more("ment")], 1002),
  illegal("5.18", [text("frag", { fin: false }), text("ment")], 1002),
  ...(["frames", undefined] as const).map((chops, index) =>
    legal(
      `5.${19 + index}`,
      [
        text("one", { fin: false }),
        more("two", { fin: false }),
        frame("ping", "first"),
        more("three", { fin: false }),
        more("four", { fin: false }),
        frame("ping", "second"),
        more("five"),
      ],
      [told("pong", "first"), told("pong", "second"), told("text", "onetwothreefourfive")],
      chops,
    ),
  ),
]);

const hex = (bytes: string) => Buffer.from(bytes.replaceAll(" ", ""), "hex");
const KOSME = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");
const BROKEN = hex("ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64");
const GREETING = "Hello-µ@ßöäüàá-UTF-8!!";
const octets = (payload: Uint8Array | string) => fragments("text", payload, 1);

run("6 UTF-8", [
  legal("6.1.1", [text("")], [told("text")]),
  legal("6.1.2", [text("", { fin: false }), more("", { fin: false }), more("")], [told("text")]),
  legal(
    "6.1.3",
    [text("", { fin: false }), more("middle", { fin: false }), more("")],
    [told("text", "middle")],
  ),
  legal("6.2.1", [text(GREETING)], [told("text", GREETING)]),
  legal("6.2.2", [text("Hello-µ@ßöä", { fin: false }), more("üàá-UTF-8!!")], [told("text", GREETING)]),
  legal("6.2.3", octets(GREETING), [told("text", GREETING)]),
  legal("6.2.4", octets(KOSME), [told("text", KOSME)]),
  illegal("6.3.1", [text(BROKEN)], 1007),
  illegal("6.3.2", octets(BROKEN), 1007),
  illegal(
    "6.4.1",
    [text(KOSME, { fin: false }), more(hex("f4 90 80 80"), { fin: false }), more("edited")],
    1007,
    "frames",
  ),
  illegal(
    "6.4.2",
    [text(KOSME, { fin: false }), more(hex("f4 90"), { fin: false }), more(hex("80 80"))],
    1007,
    "frames",
  ),
  illegal(
    "6.4.3",
    [text(Buffer.concat([KOSME, hex("f4 90 80 80"), Buffer.from("edited")]))],
    1007,
    KOSME.length + 6,
  ),
  illegal("6.4.4", [text(Buffer.concat([KOSME, hex("f4 90 80 80"), Buffer.from("edited")]))], 1007, 1),
]);

/** By section: what is UTF-8, and what is none. */
const SEQUENCES: Readonly<Record<string, readonly ["valid" | "invalid", readonly string[]]>> = {
  "6.5": [
    "valid",
    [
      "48656c6c6f20776f726c6421",
      "68 65 6c 6c 6f 24 77 6f 72 6c 64",
      "68 65 6c 6c 6f c2 a2 77 6f 72 6c 64",
      "68 65 6c 6c 6f e2 82 ac 77 6f 72 6c 64",
      "68 65 6c 6c 6f f0 a4 ad a2 77 6f 72 6c 64",
    ],
  ],
  "6.6 whole": [
    "valid",
    ["ce ba", "ce ba e1 bd b9", "ce ba e1 bd b9 cf 83", "ce ba e1 bd b9 cf 83 ce bc", KOSME.toString("hex")],
  ],
  "6.6 partial": [
    "invalid",
    [
      "ce",
      "ce ba e1",
      "ce ba e1 bd",
      "ce ba e1 bd b9 cf",
      "ce ba e1 bd b9 cf 83 ce",
      "ce ba e1 bd b9 cf 83 ce bc ce",
    ],
  ],
  "6.7 first of each length": ["valid", ["00", "c2 80", "e0 a0 80", "f0 90 80 80"]],
  "6.8 first of five and six": ["invalid", ["f8 88 80 80 80", "fc 84 80 80 80 80"]],
  "6.9 last of each length": ["valid", ["7f", "df bf", "ef bf bf", "f4 8f bf bf"]],
  "6.10 last of four to six": ["invalid", ["f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"]],
  "6.11 other bounds": ["valid", ["ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf"]],
  "6.11 above": ["invalid", ["f4 90 80 80"]],
  "6.12 unexpected continuations": [
    "invalid",
    [
      "80",
      "bf",
      "80 bf",
      "80 bf 80",
      "80 bf 80 bf",
      "80 bf 80 bf 80",
      "80 bf 80 bf 80 bf",
      Buffer.from(Array.from({ length: 64 }, (_, index) => 0x80 + index)).toString("hex"),
    ],
  ],
  "6.13 lonely starts": [
    "invalid",
    [spaced(0xc0, 0xdf), spaced(0xe0, 0xef), spaced(0xf0, 0xf7), spaced(0xf8, 0xfb), spaced(0xfc, 0xfd)],
  ],
  "6.14 last byte missing": [
    "invalid",
    [
      "c0",
      "e0 80",
      "f0 80 80",
      "f8 80 80 80",
      "fc 80 80 80 80",
      "df",
      "ef bf",
      "f7 bf bf",
      "fb bf bf bf",
      "fd bf bf bf bf",
    ],
  ],
  "6.15 all of those": [
    "invalid",
    ["c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd bf bf bf bf"],
  ],
  "6.16 impossible bytes": ["invalid", ["fe", "ff", "fe fe ff ff"]],
  "6.17 overlong slash": [
    "invalid",
    ["c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af"],
  ],
  "6.18 last overlong": [
    "invalid",
    ["c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"],
  ],
  "6.19 overlong NUL": [
    "invalid",
    ["c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80"],
  ],
  "6.20 single surrogates": [
    "invalid",
    ["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf"],
  ],
  "6.21 paired surrogates": [
    "invalid",
    [
      "ed a0 80 ed b0 80",
      "ed a0 80 ed bf bf",
      "ed ad bf ed b0 80",
      "ed ad bf ed bf bf",
      "ed ae 80 ed b0 80",
      "ed ae 80 ed bf bf",
      "ed af bf ed b0 80",
      "ed af bf ed bf bf",
    ],
  ],
  "6.22 noncharacters": [
    "valid",
    [
      "ef bf be",
      "ef bf bf",
      ...Array.from({ length: 16 }, (_, plane) =>
        [0xfffe, 0xffff].map((last) =>
          Buffer.from(String.fromCodePoint((plane + 1) * 0x10000 + last)).toString("hex"),
        ),
      ).flat(),
    ],
  ],
  "6.23 specials": [
    "valid",
    ["ef bf b9", "ef bf ba", "ef bf bb", "ef bf bc", "ef bf bd", "ef bf be", "ef bf bf"],
  ],
};

/** Each of some bytes with a space behind it. */
function spaced(first: number, last: number): string {
  return Buffer.from(
    Array.from({ length: last - first + 1 }, (_, index) => [first + index, 0x20]).flat(),
  ).toString("hex");
}

for (const [section, [kind, sequences]] of Object.entries(SEQUENCES)) {
  run(
    section,
    sequences.map((sequence) => {
      const bytes = hex(sequence);
      return kind === "valid"
        ? legal(sequence, [text(bytes)], [told("text", bytes)])
        : illegal(sequence, [text(bytes)], 1007);
    }),
  );
}

const LONG = "*".repeat(256 * 1024);

run("7 closing", [
  legal("7.1.1", [text(HELLO)], [ECHOED]),
  legal("7.1.2", [GOODBYE], []),
  ["7.1.3", [GOODBYE, frame("ping")], ["close 1000", "end"]],
  ["7.1.4", [GOODBYE, text(HELLO)], ["close 1000", "end"]],
  ["7.1.5", [text("frag", { fin: false }), GOODBYE, more("ment")], ["close 1000", "end"]],
  ["7.1.6", [text(LONG), GOODBYE, frame("ping")], [told("text", LONG), "close 1000", "end"]],
  ["7.3.1", [frame("close")], ["close 0", "end"]],
  illegal("7.3.2", [frame("close", "x")], 1002),
  ["7.3.3", [GOODBYE], ["close 1000", "end"]],
  ["7.3.4", [frame("close", closing(1000, HELLO))], [`close 1000 ${HELLO}`, "end"]],
  ["7.3.5", [frame("close", closing(1000, "*".repeat(123)))], [`close 1000 ${"*".repeat(123)}`, "end"]],
  illegal("7.3.6", [frame("close", closing(1000, "*".repeat(124)))], 1002),
  illegal("7.5.1", [frame("close", closing(1000, BROKEN))], 1007),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code, index): Case => [
      `7.7.${index + 1} ${code}`,
      [frame("close", closing(code))],
      [`close ${code}`, "end"],
    ],
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999].map((code, index) =>
    illegal(`7.9.${index + 1} ${code}`, [frame("close", closing(code))], 1002),
  ),
  ...[5000, 65_535].map((code, index) =>
    illegal(`7.13.${index + 1} ${code}`, [frame("close", closing(code))], 1002),
  ),
]);

const K = 1024;

describe("9", () => {
  for (const [index, kind] of (["text", "binary"] as const).entries()) {
    const payload = (size: number) => Buffer.alloc(size, kind === "text" ? "*" : 0xfe);
    run(
      `limits: whole ${kind}`,
      [64 * K, 1024 * K, 16 * 1024 * K].map((size) =>
        legal(`9.${1 + index} ${size} octets`, [frame(kind, payload(size))], [told(kind, payload(size))]),
      ),
    );
    run(
      `limits: ${kind} in fragments`,
      (
        [
          [4096 * K, kind === "text" ? 64 : 4 * K],
          [512 * K, 256],
          [4096 * K, 64 * K],
        ] as const
      ).map(([size, each]) =>
        legal(`9.${3 + index} of ${each}`, fragments(kind, payload(size), each), [told(kind, payload(size))]),
      ),
    );
    run(
      `limits: ${kind} in chops`,
      [64, 512, 2048].map((chops) =>
        legal(
          `9.${5 + index} of ${chops}`,
          [frame(kind, payload(128 * K))],
          [told(kind, payload(128 * K))],
          chops,
        ),
      ),
    );
    test.each([0, 16, 256, 4 * K])(
      `9.${7 + index}: 100 ${kind} messages of %d octets, one after another`,
      async (size) => {
        using client = await RawClient.open(lab.servers.live, "/echo");
        const message = payload(size);
        for (let count = 0; count < 100; count += 1) {
          expect(heardAs(await client.send(frame(kind, message)).next())).toBe(told(kind, message));
        }
      },
    );
  }
});

run("10 fragments of 1,300", [
  legal("10.1.1", fragments("text", "*".repeat(64 * K), 1300), [told("text", "*".repeat(64 * K))]),
]);

/** Messages of different nature: easy, hard, and impossible to deflate. */
const NATURES: Readonly<Record<string, (size: number, seed: number) => Buffer>> = {
  "12.1 JSON": (size, seed) =>
    Buffer.from(JSON.stringify(Array.from({ length: size }, (_, id) => ({ id, seed }))).slice(0, size)),
  "12.2 noise": (size, seed) => noise(size, seed),
  "12.3 prose": (size, seed) =>
    Buffer.from(`${seed} The quick brown fox jumps over the lazy dog. `.repeat(size / 40 + 1).slice(0, size)),
};

/** The same bytes for the same seed. */
function noise(size: number, seed: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < size; at += 32) pieces.push(createHash("sha256").update(`${seed} ${at}`).digest());
  return Buffer.concat(pieces).subarray(0, size);
}

/** Size, messages, and of how many octets their frames are. */
const EXCHANGES = [
  [16, 50, undefined],
  [256, 50, undefined],
  [4 * K, 20, undefined],
  [128 * K, 4, undefined],
  [8 * K, 10, 256],
  [128 * K, 4, 32 * K],
] as const;

const OFFERS: Readonly<Record<string, string>> = {
  "13.1": "permessage-deflate; client_max_window_bits",
  "13.2": "permessage-deflate; server_no_context_takeover; client_max_window_bits",
  "13.3": "permessage-deflate; server_max_window_bits=9; client_max_window_bits",
  "13.4": "permessage-deflate; server_max_window_bits=15; client_max_window_bits",
  "13.5":
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
  "13.6":
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=15; client_no_context_takeover",
  "13.7":
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, permessage-deflate; server_no_context_takeover, permessage-deflate",
};

async function exchange(offer: string, nature: (size: number, seed: number) => Buffer): Promise<void> {
  using client = await RawClient.open(lab.servers.live, "/echo", { "Sec-WebSocket-Extensions": offer });
  const agreement = agreementIn(client.response);
  if (!agreement) throw new Error(`Nothing was agreed on: ${client.response}`);
  if (offer.includes("server_no_context_takeover")) expect(agreement.serverTakeover).toBe("none");
  if (offer.includes("server_max_window_bits=9")) expect(agreement.serverWindow).toBe(9);
  const deflation = new Deflation(agreement);
  for (const [size, count, each] of EXCHANGES) {
    for (let seed = 0; seed < count; seed += 1) {
      const message = nature(size, seed);
      const kind = seed % 2 === 0 || nature === NATURES["12.2 noise"] ? "binary" : "text";
      await deflation.send(client, kind, message, each);
      const heard = await client.next();
      expect(heard.kind).toBe(kind);
      expect((await deflation.read(heard)).equals(message)).toBe(true);
    }
  }
  expect(await client.send(GOODBYE).rest()).toEqual(["close 1000", "end"]);
}

describe("12 deflating", () => {
  test.each(Object.entries(NATURES))("%s", (_name, nature) => exchange(OFFERS["13.1"]!, nature));

  test("what is no deflate is refused with 1007, and what inflates too far with 1009", async () => {
    const answer = async (data: Buffer) => {
      using client = await RawClient.open(lab.servers.live, "/echo", {
        "Sec-WebSocket-Extensions": "permessage-deflate",
      });
      return await client.send(frame("binary", data, { rsv: 4 })).rest();
    };
    expect(await answer(hex("ff ff ff ff"))).toEqual(["close 1007", "end"]);
    expect(await answer(deflateRawSync(Buffer.alloc(16 * K * K + 1)))).toEqual(["close 1009", "end"]);
  });

  test("a control frame, or a continuation, that says it is deflated is refused", async () => {
    for (const said of [
      [frame("ping", "x", { rsv: 4 })],
      [text("a", { fin: false }), more("b", { rsv: 4 })],
    ]) {
      using client = await RawClient.open(lab.servers.live, "/echo", {
        "Sec-WebSocket-Extensions": "permessage-deflate",
      });
      expect(await client.send(...said).rest()).toEqual(["close 1002", "end"]);
    }
  });
});

// ws reads on behind an error in what has come in meanwhile, and throws where nobody catches.
test.each([
  ["text that is no UTF-8", frame("text", Buffer.alloc(100, 0xff)), "close 1007"],
  ["a frame too many", more("x"), "close 1002"],
  ["an opcode that is not known", frame(3, "x"), "close 1002"],
] as const)("what comes in while a message is inflated may be wrong: %s", async (_name, wrong, close) => {
  const extensions = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  using client = await RawClient.open(lab.servers.live, "/echo", extensions);
  const long = frame("binary", deflateRawSync(Buffer.alloc(15 * K * K)), { rsv: 4 });
  for (const each of [long, wrong, frame("binary", Buffer.alloc(1000))]) {
    client.send(each);
    // Each is to be read by itself.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { kind, data } = await client.next();
  expect([kind, data.length > 0]).toEqual(["binary", true]);
  expect(await client.rest()).toEqual([close, "end"]);
  using next = await RawClient.open(lab.servers.live, "/echo", extensions);
  expect(await next.send(text(HELLO)).words()).toMatch(/^text /);
});

describe("13 deflating as agreed", () => {
  test.each(Object.entries(OFFERS))("%s: %s", (_name, offer) => exchange(offer, NATURES["12.3 prose"]!));
});
