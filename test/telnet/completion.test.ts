import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { startLab, type TelnetSession, telnet } from "../../index.ts";
import { arrived, DO, ECHO, IAC, NAWS, RawClient, SB, SE, TTYPE, typist, WILL } from "./dialogue.ts";

const FILES = { "/index.html": "", "/in/a.csv": "", "/in/deep/b": "", "/my notes.txt": "", "/\x1bodd": "" };

const serving = () =>
  startLab({ shell: telnet({ shell: { programs: { date: "/bin/date" } } }) }, { files: FILES });

test.each([
  ["a command, as far as there is one way", "who\x15ech\thi\r", "echo hi"],
  ["what a command is told of", "help cl\t\r", "help cl"],
  ["help's argument", "help ech\t\r", "help echo "],
  ["a program", "run d\t\r", "run date "],
  ["a room", "who lo\t\r", "who lobby "],
  ["a nick", "tell gu\thi\r", "tell guest1 hi"],
  ["another word for a command", "? ech\t\r", "? echo "],
  ["a file", "cat ind\t\r", "cat index.html "],
  ["a file in a directory, which no blank follows", "cat in/d\tb\r", "cat in/deep/b"],
  ["a file from the root", "ls /in/a\t\r", "ls /in/a.csv "],
  ["a directory alone for cd", "cd i\t\r", "cd in/"],
  ["a name with a blank in it", "cat my no\t\r", "cat my notes.txt "],
  ["what is typed before anybody knows what there is", "cat in/a\t\x7f\x7f\x15echo hi\r", "echo hi"],
  ["in the middle of the line", "hi\x01ec\t\r", "echo hi"],
])("Tab completes %s", async (_name, typed, line) => {
  await using lab = await serving();
  const commands = lab.events;
  using client = await typist(lab);
  const command = commands.next("command");
  client.send(typed);
  const { verb, target } = await command;
  expect(`${verb} ${target ?? ""}`.trim()).toBe(line.trim().replace("help cl", "help clear"));
});

test("Tab shows the ways where there are several, and the line again", async () => {
  await using lab = await serving();
  using client = await typist(lab);
  expect(await client.send("t\t").read("time\r\n")).toContain("tell  term  time\r\n");
  await client.read("guest1> t");
  expect(await client.send("e\t\t").read("tell  term\r\n")).toContain("\x1b[Jtell");
  await client.read("guest1> te");
});

test("Tab rings the bell where there is none, and is a blank where nothing can be completed", async () => {
  await using lab = await serving();
  using client = await typist(lab);
  await client.send("xyz\t").read("xyz\x07");
  expect(await client.send("\x15echo a\t").read("\x07")).toContain("echo a");
  await using other = await startLab({
    shell: telnet({ session: async (terminal) => terminal.write(`[${await terminal.readLine("> ")}]`) }),
  });
  using plain = new RawClient(other.servers.shell);
  plain.send([IAC, DO, ECHO], "a\tb\r");
  await plain.read("[a b]");
});

test("Tab shows names without the directory that is typed, and no more than a hundred", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 150 }, (_, number) => [`/many/f${1000 + number}`, ""]),
  );
  await using lab = await startLab({ shell: telnet() }, { files: { ...many, "/many/\x1b[2J": "" } });
  using client = await typist(lab);
  const shown = await client.send("cat /many/\t\t").read("more\r\n");
  expect(shown).toContain("f1000  f1001  ");
  expect(shown).toMatch(/f1099 {2}\xe2\x80\xa6 50 more\r\n$/);
});

test("Tab rings the bell where the account may not look, and where a session cannot say what there is", async () => {
  const accounts = [{ name: "anonymous", permissions: "er" }];
  await using lab = await startLab({ shell: telnet() }, { files: FILES, accounts });
  using client = await typist(lab);
  expect(await client.send("cat ind\t").read("\x07")).toBe("cat ind\x07");
  const complete = () => {
    throw new Error("no idea");
  };
  const session: TelnetSession = async (terminal) => {
    await terminal.write(`[${await terminal.readLine("> ", { complete })}]`);
  };
  await using other = await startLab({ shell: telnet({ session }) });
  using plain = new RawClient(other.servers.shell);
  await plain.send([IAC, DO, ECHO], "a\tb\r").read("[ab]");
});

test("one who goes while it is found out leaves nothing behind", async () => {
  const complete = () => new Promise<string[]>((resolve) => setTimeout(resolve, 50, ["word"]));
  const session: TelnetSession = async (terminal) => void (await terminal.readLine("> ", { complete }));
  await using lab = await startLab({ shell: telnet({ session }) });
  for (const end of ["resetAndDestroy", "destroy", "end"] as const) {
    const closed = lab.events.next("closed");
    using client = new RawClient(lab.servers.shell);
    await client.send([IAC, DO, ECHO], "w\t").read("w");
    client.socket[end]();
    await closed;
  }
});

test("a flood of Tabs leaves others their turn behind each", async () => {
  let asked = 0;
  let inOneTurn = 0;
  const complete = () => {
    asked += 1;
    return [];
  };
  await using lab = await startLab({
    shell: telnet({
      session: async (terminal) => terminal.write(`${await terminal.readLine("> ", { complete })}!`),
    }),
  });
  using client = new RawClient(lab.servers.shell);
  client.send([IAC, DO, ECHO], `x${"\t".repeat(2000)}y\r`);
  for (let before = 0; asked < 2000; before = asked) {
    await turn();
    inOneTurn = Math.max(inOneTurn, asked - before);
  }
  await client.read("xy!");
  expect(inOneTurn).toBeLessThanOrEqual(2);
});

test("in line mode a tab is a blank", async () => {
  await using lab = await serving();
  using client = await arrived(lab);
  expect(await client.send("echo\ta\r\n").read("> ")).toBe("a\r\nguest1> ");
});

test("term tells what the client has told", async () => {
  await using lab = await serving();
  using client = await typist(lab);
  client.send([IAC, WILL, NAWS, IAC, SB, NAWS, 0, 100, 0, 40, IAC, SE]);
  client.send([IAC, WILL, TTYPE, IAC, SB, TTYPE, 0], "XTERM", [IAC, SE], "term\r");
  const told = await client.read("DO NAWS\r\n");
  expect(told).toContain("type     XTERM\r\nwindow   100 columns, 40 rows\r\nmode     character\r\n");
  expect(told).toContain("options  WILL ECHO, WILL SGA, DO TTYPE, DO NAWS");
});
