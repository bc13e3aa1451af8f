import { expect, test } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { arrived, DO, ECHO, IAC, NAWS, RawClient, SB, SE, TTYPE, typist, WILL } from "./dialogue.ts";

const serving = () => startLab({ shell: telnet({ shell: { programs: { date: "/bin/date" } } }) });

test.each([
  ["a command, as far as there is one way", "who\x15ech\thi\r", "echo hi"],
  ["what a command is told of", "help cl\t\r", "help cl"],
  ["help's argument", "help ech\t\r", "help echo "],
  ["a program", "run d\t\r", "run date "],
  ["a room", "who lo\t\r", "who lobby "],
  ["a nick", "tell gu\thi\r", "tell guest1 hi"],
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
