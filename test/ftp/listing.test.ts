import { describe, expect, test } from "vitest";
import { Dialogue, ftpLab } from "./dialogue.ts";

const FILES = {
  "/a.txt": "1",
  "/b.txt": "22",
  "/.hidden": "",
  "/d/one.c": "",
  "/d/two.c": "",
  "/d/sub/x": "",
  "/e/three.c": "",
  "/with space/f": "",
  "/-la": "",
  "/[x]": "",
};

/** The names that a command lists. */
async function names(client: Dialogue, command: string): Promise<string[]> {
  const { text, reply } = await client.download(command);
  return reply.startsWith("226") ? text.split("\r\n").slice(0, -1) : [reply];
}

describe("NLST", () => {
  test("lists names: a directory's own, a file's or a pattern's as they were asked for", async () => {
    await using lab = await ftpLab({ files: FILES });
    await using client = await Dialogue.loggedIn(lab);
    const root = ["-la", ".hidden", "[x]", "a.txt", "b.txt", "d", "e", "with space"];
    const cases: Record<string, readonly string[]> = {
      NLST: root,
      "NLST /": root,
      "NLST d": ["one.c", "sub", "two.c"],
      "NLST d/sub/..": ["one.c", "sub", "two.c"],
      "NLST a.txt": ["a.txt"],
      "NLST /d/one.c": ["/d/one.c"],
      "NLST *.txt": ["a.txt", "b.txt"],
      "NLST ?.txt": ["a.txt", "b.txt"],
      "NLST [b-z].txt": ["b.txt"],
      "NLST [!b]*": ["-la", "[x]", "a.txt", "d", "e", "with space"],
      "NLST d/*.c": ["d/one.c", "d/two.c"],
      "NLST */*.c": ["d/one.c", "d/two.c", "e/three.c"],
      "NLST /*/*.c": ["/d/one.c", "/d/two.c", "/e/three.c"],
      "NLST .*": [".hidden"],
      "NLST with space": ["f"],
      "NLST w* s*": ["with space"],
      "NLST -la": ["-la"],
      "NLST -l": root,
      "NLST -a": root,
      "NLST -al d": ["one.c", "sub", "two.c"],
      "NLST -l with space": ["f"],
      "NLST [x]": ["[x]"],
    };
    for (const [command, expected] of Object.entries(cases)) {
      expect((await names(client, command)).sort(), command).toEqual([...expected].sort());
    }
    for (const command of [
      "NLST missing",
      "NLST *.none",
      "NLST missing/*",
      "NLST -l missing",
      "NLST a.txt/*",
    ]) {
      expect(await names(client, command), command).toEqual([expect.stringMatching(/^550 /)]);
    }
  });

  test("opens the data connection for an empty directory too", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    await client.say("MKD empty");
    for (const verb of ["NLST", "LIST", "MLSD"]) {
      expect(await client.download(`${verb} empty`)).toMatchObject({
        text: "",
        reply: expect.stringMatching(/^226 /),
      });
    }
  });

  test("does not take forever over a pattern made for that", async () => {
    await using lab = await ftpLab({ files: { [`/${"a".repeat(250)}`]: "" } });
    await using client = await Dialogue.loggedIn(lab);
    expect((await client.download(`NLST ${"*a".repeat(120)}b`)).reply).toMatch(/^550 /);
    expect((await client.download(`NLST ${"a*".repeat(100)}`)).text.length).toBe(252);
  });
});

describe("LIST", () => {
  test("writes lines as ls does, dates by age on the lab's clock", async () => {
    await using lab = await ftpLab({ files: { "/f": "12345", "/d/x": "" }, clock: "2026-01-31T12:00:00Z" });
    await lab.store.setMode("/f", 0o640);
    await using client = await Dialogue.loggedIn(lab);
    const dates = { "2026-01-30T04:05:06Z": "Jan 30 04:05", "2025-09-01T00:00:00Z": "Sep 01 00:00" };
    const old = { "2025-07-01T00:00:00Z": "Jul 01  2025", "2027-01-01T00:00:00Z": "Jan 01  2027" };
    for (const [modified, date] of Object.entries({ ...dates, ...old })) {
      await lab.store.setModified("/d", new Date(modified));
      await lab.store.setModified("/f", new Date(modified));
      expect(await names(client, "LIST")).toEqual([
        `drwxr-xr-x 2 ftp ftp            0 ${date} d`,
        `-rw-r----- 1 ftp ftp            5 ${date} f`,
      ]);
    }
  });

  test("takes flags, paths with spaces, single files and patterns", async () => {
    await using lab = await ftpLab({ files: FILES });
    await using client = await Dialogue.loggedIn(lab);
    const last = async (command: string) =>
      (await names(client, command)).map((line) => line.replace(/^.*\d\d:\d\d /, ""));
    expect(await last("LIST -la d")).toEqual(["one.c", "sub", "two.c"]);
    expect(await last("LIST -la")).toEqual(["-la"]);
    expect(await last("LIST -a -l with space")).toEqual(["f"]);
    expect(await last("LIST with space")).toEqual(["f"]);
    expect(await last("LIST d/one.c")).toEqual(["one.c"]);
    expect(await last("LIST d/*.c")).toEqual(["one.c", "two.c"]);
    expect(await last("LIST missing")).toEqual(["550 No such file or directory."]);
  });

  test("cannot be forged by a name", async () => {
    await using lab = await ftpLab({
      files: { "/a\r\n-rw-r--r-- 1 ftp ftp 1 Jan 01 00:00 forged": "", "/b\x1b[2J": "" },
    });
    await using client = await Dialogue.loggedIn(lab);
    for (const verb of ["LIST", "NLST", "MLSD"]) {
      const lines = await names(client, verb);
      expect(lines.length, verb).toBe(2);
      expect(lines.join("")).not.toMatch(/[\r\n\x1b]/);
    }
    expect((await client.say("STAT /")).split("\n").length).toBe(4);
  });
});

describe("MLSD", () => {
  test("tells facts of every entry, and refuses a file", async () => {
    await using lab = await ftpLab({ files: { "/d/f": "123", "/d/sub/x": "" } });
    await lab.store.setModified("/d/f", new Date("2024-02-29T01:02:03Z"));
    await using client = await Dialogue.loggedIn(lab);
    const [f, sub] = await names(client, "MLSD d");
    expect(f).toMatch(/^type=file;perm=adfrw;size=3;modify=20240229010203;unique=\w+;UNIX\.mode=0644; f$/);
    expect(sub).toMatch(/^type=dir;perm=cdeflmp;size=0;modify=\d{14};unique=\w+;UNIX\.mode=0755; sub$/);
    expect((await client.download("MLSD d/f")).reply).toMatch(/^501 /);
    expect((await client.download("MLSD missing")).reply).toMatch(/^550 /);
    await client.say("OPTS MLST size;");
    expect(await names(client, "MLSD d")).toEqual(["size=3; f", "size=0; sub"]);
  });
});

describe("STAT with a path", () => {
  test("lists over the control connection: 213 for a file, 212 for a directory", async () => {
    await using lab = await ftpLab({ files: FILES });
    await using client = await Dialogue.loggedIn(lab);
    const file = (await client.say("STAT a.txt")).split("\n");
    expect(file.length).toBe(3);
    expect(file[0]).toMatch(/^213-/);
    expect(file[1]).toMatch(/^-rw-r--r-- .* a\.txt$/);
    expect(file[2]).toMatch(/^213 /);
    expect((await client.say("STAT d")).split("\n")).toHaveLength(5);
    expect(await client.say("STAT -la d")).toMatch(/^212-/);
    expect(await client.code("STAT missing")).toBe(550);
  });
});

test("ten thousand entries are listed", async () => {
  const files = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`/many/f${index}`, ""]));
  await using lab = await ftpLab({ files });
  await using client = await Dialogue.loggedIn(lab);
  expect((await names(client, "LIST many")).length).toBe(10_000);
  expect((await names(client, "NLST many/*9")).length).toBe(1000);
});
