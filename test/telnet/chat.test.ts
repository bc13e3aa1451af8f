import { describe, expect, test } from "vitest";
import { MAX_MEMBERS } from "../../core/rooms.ts";
import { type ShellSession, startLab, telnet } from "../../index.ts";
import { arrived, RawClient, typist } from "./dialogue.ts";

/** Takes a nick. */
async function called<T extends RawClient>(client: T, nick: string): Promise<T> {
  await client.send(`nick ${nick}\r\n`).read(`${nick}> `);
  return client;
}

describe("two clients", () => {
  test("hear what the other says, and see it once themselves", async () => {
    await using lab = await startLab({ shell: telnet() });
    using ann = await called(await arrived(lab), "ann");
    using bob = await called(await arrived(lab), "bob");
    expect(await ann.read("is now bob.\r\nann> ")).toBe(
      "\r\n* guest2 has joined lobby.\r\nann> \r\n* guest2 is now bob.\r\nann> ",
    );
    expect(await bob.send("say hello ann\r\n").read("> ")).toBe("bob: hello ann\r\nbob> ");
    expect(await ann.read("> ")).toBe("\r\nbob: hello ann\r\nann> ");
    expect(await ann.send("me waves\r\n").read("> ")).toBe("* ann waves\r\nann> ");
    expect(await bob.read("> ")).toBe("\r\n* ann waves\r\nbob> ");
    expect(await ann.send("who\r\n").read("> ")).toBe("In lobby: ann (you), bob\r\nann> ");
    bob.send("quit\r\n");
    expect(await ann.read("> ")).toBe("\r\n* bob has left lobby.\r\nann> ");
  });

  test("can tell each other what nobody else hears", async () => {
    await using lab = await startLab({ shell: telnet() });
    using ann = await called(await arrived(lab), "ann");
    using bob = await called(await arrived(lab), "bob");
    using eve = await called(await arrived(lab), "eve");
    await bob.read("now eve.\r\nbob> ");
    expect(await ann.send("tell BOB  the secret \r\n").read("ann> You tell")).toContain("ann> ");
    expect(await bob.read("> ")).toBe("\r\nann tells you: the secret\r\nbob> ");
    await ann.send("say done\r\n").read("ann: done");
    expect(await eve.read("> ")).toBe("\r\nann: done\r\neve> ");
  });

  test("are in rooms of their own", async () => {
    await using lab = await startLab({ shell: telnet(), den: telnet({ shell: { room: "den" } }) });
    using ann = await called(await arrived(lab), "ann");
    using bob = await called(await arrived(lab, "den"), "bob");
    await ann.send("say nobody hears this\r\n").read("ann> ");
    expect(await bob.send("rooms\r\n").read("> ")).toBe("den: 1\r\nlobby: 1\r\nbob> ");
    expect(await ann.send("join den\r\n").read("> ")).toBe("In den: ann (you), bob\r\nann> ");
    expect(await bob.read("> ")).toBe("\r\n* ann has joined den.\r\nbob> ");
  });

  test("cannot have the same nick", async () => {
    await using lab = await startLab({ shell: telnet() });
    using _ann = await called(await arrived(lab), "ann");
    using bob = await arrived(lab);
    expect(await bob.send("nick Ann\r\n").read("> ")).toBe("nick: The nick Ann is taken.\r\nguest2> ");
  });

  test("have nothing to do with those of another lab", async () => {
    await using lab = await startLab({ shell: telnet() });
    await using other = await startLab({ shell: telnet() });
    using ann = await called(await arrived(lab), "ann");
    using twin = await called(await arrived(other), "ann");
    await ann.send("say here\r\n").read("ann> ");
    expect(await twin.send("who\r\n").read("> ")).toBe("In lobby: ann (you)\r\nann> ");
  });
});

test("a line reaches all of 300 sessions in one room, once and in order", async () => {
  await using lab = await startLab({ shell: telnet() });
  const clients: RawClient[] = [];
  try {
    for (let group = 0; group < 6; group += 1)
      clients.push(...(await Promise.all(Array.from({ length: 50 }, () => arrived(lab)))));
    const [speaker, ...listeners] = clients;
    expect(await speaker!.send("rooms\r\n").read("lobby: 300\r\n")).toContain("guest1> ");
    speaker!.send("say one\r\nsay two\r\n");
    for (const listener of listeners)
      expect((await listener.read(": two\r\n")).match(/(?<=guest1: )\w+/g)).toEqual(["one", "two"]);
  } finally {
    for (const { socket } of clients) socket.destroy();
  }
});

test("controls of others are never shown", async () => {
  await using lab = await startLab({ shell: telnet() });
  using ann = await arrived(lab);
  using bob = await arrived(lab);
  await ann.read("joined lobby.\r\nguest1> ");
  // ESC and what follows is a key; a C1 control, a bidi override and the bytes of both are nothing.
  bob.send("say a\x1b[31mb\x07c\u009bd\u202ee\x00f\r\n");
  const heard = Buffer.from(await ann.read("> "), "latin1").toString();
  expect(heard).toBe("\r\nguest2: abcdef\r\nguest1> ");
});

test("UTF-8 comes over, also from one in character mode to one in line mode", async () => {
  await using lab = await startLab({ shell: telnet() });
  using ann = await typist(lab);
  using bob = await arrived(lab);
  ann.send("say grüße 👋🏽 李雷\r\0");
  expect(Buffer.from(await bob.read("> "), "latin1").toString()).toBe(
    "\r\nguest1: grüße 👋🏽 李雷\r\nguest2> ",
  );
});

test("messages wait while a command runs", async () => {
  let finish = () => {};
  const slow = {
    summary: "",
    run: () =>
      new Promise<string>((resolve) => {
        finish = () => resolve("done");
      }),
  };
  await using lab = await startLab({ shell: telnet({ shell: { commands: { slow } } }) });
  using ann = await arrived(lab);
  using bob = await arrived(lab);
  await ann.read("joined lobby.\r\nguest1> ");
  ann.send("slow\r\n");
  await lab.events.next("command");
  await bob.send("say hi\r\n").read("guest2: hi");
  finish();
  expect(await ann.read("> ")).toBe("done\r\nguest2: hi\r\nguest1> ");
});

test("what was heard during the last command is shown before the end", async () => {
  await using lab = await startLab({ shell: telnet() });
  using ann = await arrived(lab);
  ann.send("tell guest1 hi");
  ann.socket.end();
  expect(await ann.rest()).toBe("You tell guest1: hi\r\nguest1 tells you: hi\r\n");
});

test("a room that is full has another one beside it", async () => {
  const crowd = {
    summary: "",
    run(_text: string, { rooms }: ShellSession) {
      while (rooms.members("lobby").length < MAX_MEMBERS) rooms.join("lobby", () => {});
      return `${rooms.members("lobby").length}`;
    },
  };
  await using lab = await startLab({ shell: telnet({ shell: { commands: { crowd } } }) });
  using first = await arrived(lab);
  await first.send("crowd\r\n").read(`${MAX_MEMBERS}\r\n`);
  using second = new RawClient(lab.servers.shell);
  expect(await second.read("> ")).toContain("in the room lobby-2.");
  await first.read("> ");
  first.send("join lobby-2\r\n");
  expect(await second.read("> ")).toBe("\r\n* guest1 has joined lobby-2.\r\nguest1001> ");
  second.send("join lobby\r\nquit\r\n");
  expect(await second.rest()).toContain("guest1000, guest1001 (you)\r\n");
});
