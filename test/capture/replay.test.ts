import { once } from "node:events";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { wholeRecording } from "../../core/capture/recorded.ts";
import {
  ftp,
  type Lab,
  type RecordedLine,
  replay,
  type Service,
  startLab,
  tcp,
  telnet,
} from "../../index.ts";
import { exactly, ftpLine, typed } from "../../servers/replay/expectation.ts";

/** What is recorded while somebody speaks with a server of that kind. */
async function recorded(
  service: Service,
  speak: (lab: Lab<"one">) => Promise<unknown>,
): Promise<RecordedLine[]> {
  const events = new PassThrough();
  const lines = wholeRecording(events);
  const lab = await startLab({ one: service }, { record: { events } });
  await speak(lab);
  await lab.stop();
  events.end();
  return lines;
}

/** Sends lines one after another, each when the answer to the one before has come; gives all that came. */
async function converse(
  { servers: { one } }: Lab<"one">,
  turns: readonly { readonly await: string; readonly send: string }[],
): Promise<string> {
  const socket = connect({ host: one.host, port: one.port, allowHalfOpen: true });
  let came = "";
  let from = 0;
  const closed = once(socket, "end");
  socket.on("data", (chunk) => {
    came += chunk.toString("latin1");
  });
  for (const turn of turns) {
    while (!came.slice(from).includes(turn.await)) {
      if (socket.readableEnded) break;
      await Promise.race([once(socket, "data"), closed]);
    }
    from = came.length;
    socket.write(turn.send);
  }
  await closed;
  socket.end();
  return came;
}

const FTP_TURNS = [
  { await: "220", send: "USER foo\r\n" },
  { await: "331", send: "PASS bar\r\n" },
  { await: "230", send: "FEAT\r\n" },
  { await: "211 ", send: "CWD /nowhere\r\n" },
  { await: "550", send: "QUIT\r\n" },
];

test("FTP: the same conversation, with another password and verbs in another case", async () => {
  const recording = await recorded(ftp(), (lab) => converse(lab, FTP_TURNS));
  await using lab = await startLab({ one: replay(recording) });
  const again = FTP_TURNS.map((turn) => ({ ...turn, send: turn.send.replace("PASS bar", "pass other") }));
  const came = await converse(lab, again);
  expect(came).toContain("220 wirelab FTP server ready.\r\n");
  expect(came).toMatch(/211-[\s\S]* UTF8\r\n[\s\S]*211 End/);
  expect(came.endsWith("221 Goodbye.\r\n")).toBe(true);
  expect(lab.servers.one.differences()).toEqual([]);
  expect(lab.servers.one.followed()).toBe(1);
  expect(lab.servers.one.url).toMatch(/^ftp:/);
});

test("FTP: the first difference is reported, to the client as well", async () => {
  const recording = await recorded(ftp(), (lab) => converse(lab, FTP_TURNS));
  await using lab = await startLab({ one: replay(recording) });
  const told = lab.events.next("error");
  const came = await converse(lab, [
    ...FTP_TURNS.slice(0, 3),
    { await: "211 ", send: "CWD /elsewhere\r\n" },
    { await: "550", send: "QUIT\r\n" },
  ]);
  expect(came).toMatch(/500 one#1, step 8 of 11: expected CWD \/nowhere, and CWD \/elsewhere came\.\r\n$/);
  expect(await told).toMatchObject({ code: "MISMATCH" });
  expect(lab.servers.one.differences()).toMatchObject([
    { conversation: "one#1", step: 8, expected: "CWD /nowhere", came: "CWD /elsewhere" },
  ]);
  await lab.reset();
  expect(lab.servers.one.differences()).toEqual([]);
});

test("TCP: bytes as they were, in whatever pieces they come", async () => {
  const recording = await recorded(tcp({ behaviour: "echo" }), async ({ servers: { one } }) => {
    const socket = connect(one.port, one.host);
    socket.write(Buffer.from([0, 255, 1]));
    await once(socket, "data");
    await text(socket.end("bye"));
  });
  await using lab = await startLab({ one: replay(recording) });
  const { host, port } = lab.servers.one;
  const socket = connect(port, host);
  socket.setNoDelay();
  const all = (async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks);
  })();
  for (const byte of [0, 255, 1, 98, 121, 101]) {
    await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
  }
  socket.end();
  expect(await all).toEqual(Buffer.from([0, 255, 1, 98, 121, 101]));
  expect(lab.servers.one.followed()).toBe(1);

  const other = connect(port, host);
  other.on("error", () => {});
  other.end(Buffer.from([0, 254]));
  await once(other.resume(), "close");
  expect(lab.servers.one.differences()).toHaveLength(1);

  const early = connect(port, host);
  early.end(Buffer.from([0]));
  await once(early.resume(), "close");
  expect(lab.servers.one.differences()[1]).toMatchObject({ came: "the end of the connection" });
});

test("Telnet: with a login, whatever the client negotiates", async () => {
  const turns = [
    { await: "login: ", send: "foo\r\n" },
    { await: "Password: ", send: "bar\r\n" },
    { await: "foo> ", send: "echo hi\r\n" },
    { await: "hi", send: "quit\r\n" },
  ];
  const recording = await recorded(telnet({ login: "required" }), (lab) => converse(lab, turns));
  expect(JSON.stringify(recording)).not.toContain("bar");
  await using lab = await startLab({ one: replay(recording) });
  const refusal = "\xff\xfe\x01\xff\xfe\x03";
  const again = turns.map((turn) => ({ ...turn, send: turn.send.replace("bar", "longer") }));
  const came = await converse(lab, [{ await: "", send: "" }, ...again]);
  expect(came).toContain("Welcome to wirelab. You are foo");
  expect(came).toContain("Goodbye.");
  expect(lab.servers.one.differences()).toEqual([]);
  const [first, ...others] = turns;
  const socketTurns = [{ ...first!, send: `${refusal}${first!.send}` }, ...others];
  await converse(lab, socketTurns);
  expect(lab.servers.one.followed()).toBe(2);
});

test("a recording without such a server is refused", async () => {
  await expect(startLab({ one: replay([]) })).rejects.toMatchObject({ code: "BAD_OPTION" });
  const recording = await recorded(tcp(), ({ servers: { one } }) =>
    text(connect(one.port, one.host).end("x")),
  );
  await expect(startLab({ one: replay(recording, { server: "two" }) })).rejects.toThrow(/It has: one\./);
});

test.each([
  ["the same", "a*c\r\n", "a*c\r\n", { found: 5 }],
  ["another line end", "ab\r\n", "ab\r\0", { found: 4 }],
  ["a bare one", "ab\r\n", "ab\n", { found: 3 }],
  ["a longer password", "***\r\n", "s3cret\r\nnext", { found: 8 }],
  ["a password that has not ended", "***\r\n", "s3cr", "more"],
  ["a part", "help\r\n", "he", "more"],
  ["negotiation between", "ab", "a\xff\xfd\x01b", { found: 5 }],
  ["negotiation that is not complete", "ab", "a\xff\xfa\x18", "more"],
  ["something else", "ab\r\n", "ax\r\n", { instead: '"x\\n"' }],
] as const)("typed: %s", (_name, wanted, came, finding) => {
  expect(typed(Buffer.from(wanted, "latin1")).find(Buffer.from(came, "latin1"))).toEqual(finding);
});

test("lines and bytes", () => {
  expect(ftpLine("RETR", "a b").find(Buffer.from("retr a b\r\nNOOP"))).toEqual({ found: 10 });
  expect(ftpLine("SITE CHMOD", "644 a").find(Buffer.from("SITE CHMOD 644 a\n"))).toEqual({ found: 17 });
  expect(ftpLine("RETR", "a").find(Buffer.from("RETR b\r\n"))).toEqual({ instead: "RETR b" });
  expect(ftpLine("NOOP", undefined).find(Buffer.from("PASS secret\r\n"))).toEqual({ instead: "PASS" });
  expect(exactly(Buffer.from("abc")).find(Buffer.from("ab"))).toBe("more");
  expect(exactly(Buffer.from("abc")).find(Buffer.from("abd"))).toEqual({ instead: '"abd"' });
});
