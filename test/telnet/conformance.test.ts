import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lab, startLab, telnet } from "../../index.ts";
import { arrived, DO, DONT, ECHO, IAC, NAWS, RawClient, SB, SE, SGA, TTYPE, WILL, WONT } from "./dialogue.ts";

// What RFC 854, 855 and 1143 ask of a server, by raw sockets: every option in every state, storms, and conversations that the
// network splits anywhere, or that end anywhere.

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ shell: telnet() });
});
afterAll(() => lab.stop());

const latin1 = (...bytes: readonly number[]) => Buffer.from(bytes).toString("latin1");

/** What is said until the server has answered a TIMING-MARK, without subnegotiations, GA and EOR. */
async function answer(client: RawClient, ...bytes: readonly number[]): Promise<string> {
  const mark = latin1(IAC, WILL, 6);
  const text = await client.send([...bytes, IAC, DO, 6]).read(mark);
  return text.slice(0, -mark.length).replace(/\xff\xfa.*?\xff\xf0|\xff[\xef\xf9]/gs, "");
}

/** The options that are agreed to, by who performs them; of the first ones the server has asked itself. */
const SIDES = [
  {
    side: "ours",
    yes: DO,
    no: DONT,
    agree: WILL,
    refuse: WONT,
    asked: [ECHO, SGA],
    welcome: [0, 5, 25, 42, 70, 201],
  },
  {
    side: "the client's",
    yes: WILL,
    no: WONT,
    agree: DO,
    refuse: DONT,
    asked: [TTYPE, NAWS],
    welcome: [0, SGA, 39, 42, 201],
  },
] as const;

describe.each(SIDES)("each option, $side", ({ yes, no, agree, refuse, asked, welcome }) => {
  const is = (list: readonly number[], option: number) => list.includes(option);
  // TIMING-MARK is answered each time, and what follows COMPRESS2 is compressed.
  const options = Array.from({ length: 256 }, (_, option) => option).filter(
    (option) => option !== 6 && option !== 86,
  );

  test("is agreed to once, or refused each time; and given up once", async () => {
    using client = await arrived(lab);
    for (const option of options) {
      const said: string[] = [];
      for (const verb of [yes, yes, no, no, yes, no]) said.push(await answer(client, IAC, verb, option));
      const [agreed, refused] = [latin1(IAC, agree, option), latin1(IAC, refuse, option)];
      const expected = is(asked, option)
        ? ["", "", refused, "", agreed, refused]
        : is(welcome, option)
          ? [agreed, "", refused, "", agreed, refused]
          : [refused, refused, "", "", refused, ""];
      expect(said, `option ${option}`).toEqual(expected);
    }
    await client.send("echo alive\r\n").read("alive\r\n");
  });

  test("that the server has asked for may be refused, and agreed to later", async () => {
    using client = await arrived(lab);
    for (const option of asked) {
      expect(await answer(client, IAC, no, option, IAC, no, option)).toBe("");
      expect(await answer(client, IAC, yes, option)).toBe(latin1(IAC, agree, option));
    }
  });
});

test.each([
  ["a welcome option", [IAC, DO, 0, IAC, DONT, 0], 6],
  ["one that is refused", [IAC, DO, 200, IAC, DONT, 200], 3],
  ["the client's window", [IAC, WILL, NAWS, IAC, WONT, NAWS], 6],
  ["refusals alone", [IAC, DONT, 200, IAC, WONT, 200], 0],
])("a storm of %s gets one word for each that asks for one", async (_name, unit, bytes) => {
  using client = await arrived(lab);
  const rounds = 5000;
  const said = await answer(client, ...Array.from({ length: rounds }, () => unit).flat());
  expect(said.length).toBeLessThanOrEqual(bytes * rounds);
  expect(said.length).toBeGreaterThanOrEqual(bytes * (rounds - 1));
  await client.send("echo alive\r\n").read("alive\r\n");
});

const WORDS: readonly (readonly number[])[] = [
  [...Buffer.from("echo grü")],
  [IAC, WILL, NAWS, IAC, SB, NAWS, 0, 80, IAC, IAC, 24, IAC, SE],
  [...Buffer.from("ße ")],
  [IAC, IAC, IAC, 241, IAC, WILL, TTYPE, IAC, SB, TTYPE, 0, 86, IAC, IAC, IAC, SE],
  [IAC, SB, 24, 65, IAC, DO, 200],
  [13, 0, 101, 99, 104, 111, 32, 120, 13, 10, 10, 13],
  [IAC, DO, 6],
  [...Buffer.from("help help\r\nquit\r\n")],
];

test("a conversation that the network splits anywhere is the same", { timeout: 30_000 }, async () => {
  const input = WORDS.flat();
  const heard = async (...pieces: readonly (readonly number[])[]) => {
    using client = await arrived(lab);
    client.socket.setNoDelay();
    for (const piece of pieces) {
      client.send(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return (await client.rest())
      .replaceAll(client.nick, "NICK")
      .replace(/\r\n\* guest\d+ .*?\r\nNICK> /g, "");
  };
  const whole = await heard(input);
  expect(whole).toContain("Goodbye.");
  for (let at = 1; at < input.length; at += 1)
    expect(await heard(input.slice(0, at), input.slice(at)), `split at ${at}`).toBe(whole);
  expect(await heard(...input.map((byte) => [byte]))).toBe(whole);
});

describe.each([
  ["a command", [IAC]],
  ["a word of negotiation", [IAC, DO]],
  ["a subnegotiation", [IAC, SB]],
  ["its payload", [IAC, SB, TTYPE, 0, 65]],
  ["its end", [IAC, SB, TTYPE, 0, 65, IAC]],
  ["an interrupt", [IAC, 244, IAC]],
  ["a character", [0xe2, 0x82]],
  ["a key", [0x1b, 0x5b]],
  ["a line end", [0x0d]],
])("one who goes amid %s", (_name, bytes) => {
  test.each([
    ["FIN", "client"],
    ["RST", "reset"],
  ])("by %s is told to be closed, once", async (way, reason) => {
    const reasons: string[] = [];
    using _told = lab.events.subscribe((event) => {
      if (event.type === "closed") reasons.push(event.reason);
    });
    using client = await arrived(lab);
    const closed = lab.events.next("closed");
    client.send("echo heard\r\n", bytes);
    await client.read("heard\r\n");
    if (way === "RST") client.socket.resetAndDestroy();
    else {
      client.socket.end();
      await client.rest();
    }
    await closed;
    expect(reasons).toEqual([reason]);
  });
});

test("one who has closed its side before the greeting gets the answer to all that it has sent", async () => {
  using client = new RawClient(lab.servers.shell!);
  client.send("echo one\r\necho two", [IAC, DO, 200, IAC]);
  client.socket.end();
  const text = await client.rest();
  expect(text).toMatch(/Welcome[\s\S]*one\r\n[\s\S]*two\r\n/);
  expect(text).toContain(latin1(IAC, WONT, 200));
});
