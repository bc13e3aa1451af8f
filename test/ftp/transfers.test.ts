import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../core/store/memory.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

describe("RETR", () => {
  test("sends a file: 150 with its size, then 226", async () => {
    await using lab = await ftpLab({ files: { "/a.txt": "one\ntwo\n" } });
    await using client = await Dialogue.loggedIn(lab);
    const { opening, text, reply } = await client.download("RETR a.txt");
    expect(opening).toMatch(/^150 .*BINARY.*a\.txt \(8 bytes\)/);
    expect(text).toBe("one\ntwo\n");
    expect(reply).toMatch(/^226 /);
  });

  test("sends an empty file", async () => {
    await using lab = await ftpLab({ files: { "/empty": "" } });
    await using client = await Dialogue.loggedIn(lab);
    const { bytes, reply } = await client.download("RETR empty");
    expect(bytes.length).toBe(0);
    expect(reply).toMatch(/^226 /);
    expect(await client.say("SIZE empty")).toBe("213 0");
  });

  test("sends 20 MB whole to a client that reads slowly", async () => {
    const content = randomBytes(20_000_000);
    await using lab = await ftpLab({ files: { "/big": content } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    await client.say("RETR big");
    const chunks: Buffer[] = [];
    for await (const chunk of data) {
      chunks.push(chunk);
      if (chunks.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(await client.reply()).toMatch(/^226 /);
  });

  test("refuses what is missing or a directory, and the data connection stays good", async () => {
    await using lab = await ftpLab({ files: { "/d/a": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    expect(await client.code("RETR missing")).toBe(550);
    expect(await client.code("RETR d")).toBe(550);
    expect(await client.code("RETR d/a")).toBe(150);
    expect((await buffer(data)).toString()).toBe("1");
    expect(await client.reply()).toMatch(/^226 /);
    data.destroy();
  });

  test("gives the content of one moment, whatever is stored meanwhile", async () => {
    const content = Buffer.alloc(16_000_000, "old");
    await using lab = await ftpLab({ files: { "/f": content } });
    await using reader = await Dialogue.loggedIn(lab);
    await using writer = await Dialogue.loggedIn(lab);
    const data = await reader.passive();
    await reader.say("RETR f");
    await once(data, "readable");
    expect(await writer.upload("STOR f", "new")).toMatch(/^226 /);
    expect((await buffer(data)).equals(content)).toBe(true);
    expect(await stored(lab, "/f")).toBe("new");
    data.destroy();
  });
});

describe("STOR and APPE", () => {
  test("store what comes, and answer 226 when it is there", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.upload("STOR a", "first")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("first");
    expect(await client.upload("STOR a", "2nd")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("2nd");
    expect(await client.upload("APPE a", " more")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("2nd more");
    expect(await client.upload("APPE new", "made")).toMatch(/^226 /);
    expect(await stored(lab, "/new")).toBe("made");
    expect(await client.upload("STOR empty", "")).toMatch(/^226 /);
    expect(await stored(lab, "/empty")).toBe("");
  });

  test("store bytes as they are, however large", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    const content = randomBytes(10_000_000);
    expect(await client.upload("STOR big", content)).toMatch(/^226 /);
    expect((await client.download("RETR big")).bytes.equals(content)).toBe(true);
  });

  test("refuse a directory, and one that is missing", async () => {
    await using lab = await ftpLab({ files: { "/d/a": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const verb of ["STOR", "APPE"]) {
      for (const path of ["d", "missing/a", "/", "d/a/b"]) {
        expect(await client.upload(`${verb} ${path}`, "x"), `${verb} ${path}`).toMatch(/^550 /);
      }
    }
  });

  test("are refused with 552 when the storage is full, and the old file stays whole", async () => {
    await using lab = await ftpLab({ store: memoryStore({ files: { "/a": "old" }, capacity: 1_000_000 }) });
    await using client = await Dialogue.loggedIn(lab);
    for (const command of ["STOR a", "APPE a", "STOR b"]) {
      const data = await client.passive();
      data.on("error", () => {});
      await client.say(command);
      data.end(Buffer.alloc(5_000_000));
      data.resume();
      expect(await client.reply(), command).toMatch(/^552 /);
      data.destroy();
    }
    expect(await stored(lab, "/a")).toBe("old");
    expect(await stored(lab, "/b")).toBeUndefined();
    expect(await client.upload("STOR a", "new")).toMatch(/^226 /);
  });

  test("tell of each transfer when it is over", async () => {
    await using lab = await ftpLab({ files: { "/a": "12345" } });
    await using client = await Dialogue.loggedIn(lab);
    const sent = lab.events.next("transfer", { direction: "out" });
    await client.download("RETR a");
    expect(await sent).toMatchObject({ path: "/a", bytes: 5, complete: true, connection: "c1" });
    const received = lab.events.next("transfer", { direction: "in" });
    await client.upload("STOR b", "123");
    expect(await received).toMatchObject({ path: "/b", bytes: 3, complete: true });
  });
});

describe("STOU", () => {
  test("stores under a name of its own, and tells it", async () => {
    await using lab = await ftpLab({ files: { "/d/x": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const [command, prefix] of [
      ["STOU", "ftp."],
      ["STOU a.txt", "a.txt."],
      ["STOU d/x", "d/x."],
    ] as const) {
      const names: string[] = [];
      for (const content of ["one", "two"]) {
        const data = await client.passive();
        const name = /^150 FILE: (.+)$/.exec(await client.say(command))![1]!;
        data.end(content);
        data.resume();
        expect(await client.reply()).toMatch(/^226 /);
        expect(name.startsWith(prefix)).toBe(true);
        expect(await stored(lab, `/${name}`)).toBe(content);
        names.push(name);
      }
      expect(new Set(names).size).toBe(2);
    }
  });
});

describe("REST", () => {
  test("goes on with a download from there", async () => {
    await using lab = await ftpLab({ files: { "/a": "0123456789" } });
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.code("REST 4")).toBe(350);
    expect((await client.download("RETR a")).text).toBe("456789");
    expect((await client.download("RETR a")).text).toBe("0123456789");
    await client.say("REST 10");
    expect(await client.download("RETR a")).toMatchObject({
      text: "",
      reply: expect.stringMatching(/^226 /),
    });
    await client.say("REST 11");
    expect((await client.download("RETR a")).reply).toMatch(/^554 /);
    expect((await client.download("RETR a")).text).toBe("0123456789");
  });

  test("goes on with an upload from there: what was before stays, and what is behind", async () => {
    await using lab = await ftpLab({ files: { "/a": "0123456789" } });
    await using client = await Dialogue.loggedIn(lab);
    await client.say("REST 4");
    expect(await client.upload("STOR a", "xyz")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("0123xyz789");
    await client.say("REST 10");
    expect(await client.upload("APPE a", "!")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("0123xyz789!");
    await client.say("REST 2");
    expect(await client.upload("APPE a", "-")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("01-3xyz789!");
    await client.say("REST 12");
    expect(await client.upload("STOR a", "-")).toMatch(/^554 /);
    expect(await stored(lab, "/a")).toBe("01-3xyz789!");
    await client.say("REST 4");
    expect(await client.upload("STOR missing", "-")).toMatch(/^550 /);
    await client.say("REST 4");
    expect(await client.upload("STOU", "-")).toMatch(/^450 /);
    expect(await client.upload("STOU", "-")).toMatch(/^226 /);
    expect(await client.upload("STOR a", "all")).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("all");
  });

  test("refuses what is no number of bytes, and ASCII mode", async () => {
    await using lab = await ftpLab({ files: { "/a": "0123456789" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const argument of ["str", "-1", "10.1", "1e3", "0x10", " 5", "99999999999999999999"]) {
      expect(await client.code(`REST ${argument}`), argument).toBe(501);
    }
    await client.say("TYPE A");
    expect(await client.say("REST 3")).toMatch(/^501 .*not allowed in ASCII mode/);
    expect(await client.code("REST 0")).toBe(350);
    await client.say("TYPE I");
    await client.say("REST 3");
    await client.say("TYPE A");
    expect((await client.download("RETR a")).reply).toMatch(/^554 /);
  });

  test("is good for one transfer only, even one that fails", async () => {
    await using lab = await ftpLab({ files: { "/a": "0123456789" } });
    await using client = await Dialogue.loggedIn(lab);
    await client.say("REST 4");
    expect((await client.download("RETR missing")).reply).toMatch(/^550 /);
    expect(await client.upload("STOR b", "whole")).toMatch(/^226 /);
    expect(await stored(lab, "/b")).toBe("whole");
    await client.say("REST 4");
    expect((await client.download("LIST")).reply).toMatch(/^226 /);
    expect((await client.download("RETR a")).text).toBe("0123456789");
  });
});

describe("TYPE", () => {
  test("A sends LF as CR LF, and stores CR LF as LF", async () => {
    await using lab = await ftpLab({ files: { "/a": "one\ntwo\r\nthree\r\r\n\n" } });
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.code("TYPE A")).toBe(200);
    const { opening, text } = await client.download("RETR a");
    expect(opening).toMatch(/ASCII/);
    expect(text).toBe("one\r\ntwo\r\nthree\r\r\n\r\n");
    expect(await client.upload("STOR b", "one\r\ntwo\nthree\rfour\r\r\n\r")).toMatch(/^226 /);
    expect(await stored(lab, "/b")).toBe("one\ntwo\nthree\rfour\r\n\r");
    expect(await client.upload("APPE b", "\r\n")).toMatch(/^226 /);
    expect(await stored(lab, "/b")).toBe("one\ntwo\nthree\rfour\r\n\r\n");
  });

  test("A converts line ends that segments part", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    await client.say("TYPE A");
    const data = await client.passive();
    data.setNoDelay(true);
    await client.say("STOR a");
    for (const byte of "a\r\nb\rc\r\n\r\n") {
      data.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    data.end();
    expect(await client.reply()).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("a\nb\rc\n\n");
    data.destroy();
  });

  test("decides what SIZE answers: the bytes of a transfer of that type", async () => {
    await using lab = await ftpLab({
      files: { "/a": "one\ntwo\r\nthree\n", "/large": Buffer.alloc(9_000_000) },
    });
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.say("SIZE a")).toBe("213 15");
    expect(await client.say("SIZE large")).toBe("213 9000000");
    await client.say("TYPE A");
    expect(await client.say("SIZE a")).toBe("213 17");
    expect((await client.download("RETR a")).bytes.length).toBe(17);
    expect(await client.code("SIZE large")).toBe(550);
  });

  test.each([
    ["A", 200],
    ["a n", 200],
    ["A N", 200],
    ["I", 200],
    ["L 8", 200],
    ["L8", 200],
    ["L7", 200],
    ["E", 504],
    ["A T", 504],
    ["A C", 504],
    ["L 36", 504],
    ["L", 504],
    ["I N", 504],
    ["?!?", 504],
  ])("%s is answered %i", async (type, code) => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.code(`TYPE ${type}`)).toBe(code);
  });

  test("MODE and STRU know stream and file, ALLO is not needed", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    const codes = {
      "MODE S": 200,
      "MODE s": 200,
      "MODE B": 504,
      "MODE C": 504,
      "STRU F": 200,
      "STRU R": 504,
      "STRU P": 504,
    };
    for (const [command, code] of Object.entries(codes))
      expect(await client.code(command), command).toBe(code);
    expect(await client.code("ALLO 1000")).toBe(202);
  });
});
