import { createHash } from "node:crypto";
import { once } from "node:events";
import { deflateSync, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { clientTest, run } from "../clients.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

const sha = (name: string, text: string) => createHash(name).update(text).digest("hex");

describe("digests", () => {
  test("HASH tells the digest that OPTS HASH has chosen", async () => {
    await using lab = await ftpLab({ files: { "/my file": "hello" } });
    await using dialogue = await Dialogue.loggedIn(lab);
    expect(await dialogue.say("FEAT")).toContain("\n HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32\n");
    expect(await dialogue.say("HASH my file")).toBe(`213 SHA-256 0-4 ${sha("sha256", "hello")} my file`);
    expect(await dialogue.say("OPTS HASH md5")).toBe("200 MD5");
    expect(await dialogue.say("OPTS HASH")).toBe("200 MD5");
    expect(await dialogue.say("HASH my file")).toBe(`213 MD5 0-4 ${sha("md5", "hello")} my file`);
    expect(await dialogue.code("OPTS HASH WHIRLPOOL")).toBe(501);
    expect(await dialogue.code("HASH none")).toBe(550);
    expect(await dialogue.code("HASH /")).toBe(550);
  });

  test.each([
    ["XCRC 3", "250 3610A686"],
    ["XMD5 3", `250 ${sha("md5", "hello").toUpperCase()}`],
    ["XSHA1 3", `250 ${sha("sha1", "hello").toUpperCase()}`],
    ["XSHA256 3", `250 ${sha("sha256", "hello").toUpperCase()}`],
    ["XSHA512 3", `250 ${sha("sha512", "hello").toUpperCase()}`],
    ['XMD5 "my file" 1', `250 ${sha("md5", "ello").toUpperCase()}`],
    ["XMD5 my file 1 3", `250 ${sha("md5", "el").toUpperCase()}`],
    ["XMD5 my file 2 2", `250 ${sha("md5", "").toUpperCase()}`],
    ["XMD5 my file 3 9", "501 The file has the bytes 0 to 5."],
    ["XMD5 none 1", "550 No such file or directory."],
    ["XCRC", "501 Syntax error: command needs an argument."],
  ])("%s", async (command, answer) => {
    await using lab = await ftpLab({ files: { "/my file": "hello", "/3": "hello" } });
    await using dialogue = await Dialogue.loggedIn(lab);
    expect(await dialogue.say(command)).toBe(answer);
  });

  test("who may not read a file is not told its digest", async () => {
    await using lab = await ftpLab({
      files: { "/a": "hello" },
      accounts: [{ name: "foo", password: "bar", permissions: "el" }],
    });
    await using dialogue = await Dialogue.loggedIn(lab);
    expect(await dialogue.say("HASH a")).toBe("550 Permission denied.");
    expect(await dialogue.say("XMD5 a")).toBe("550 Permission denied.");
  });
});

test("AVBL tells how much room there is", async () => {
  await using lab = await ftpLab({ files: { "/a": "hello" } });
  await using dialogue = await Dialogue.loggedIn(lab);
  expect(await dialogue.say("AVBL")).toBe(`213 ${1024 ** 3 - 5}`);
  expect(await dialogue.code("AVBL /none")).toBe(550);
});

test("HOST comes before USER, and names a host", async () => {
  await using lab = await ftpLab();
  await using dialogue = await Dialogue.greeted(lab.servers.files);
  expect(await dialogue.code("HOST files.example.com")).toBe(220);
  expect(await dialogue.code("HOST [::1]")).toBe(220);
  for (const none of ["two words", "[::1", "[:::]", "[127.0.0.1]", "files.example.com:21"])
    expect(await dialogue.code(`HOST ${none}`), none).toBe(501);
  await dialogue.say("USER foo");
  expect(await dialogue.code("HOST files.example.com")).toBe(503);
});

describe("MODE Z", () => {
  test("carries files and listings deflated, both ways, until MODE S", async () => {
    await using lab = await ftpLab({ files: { "/a": "hello ".repeat(10_000), "/empty": "" } });
    await using dialogue = await Dialogue.loggedIn(lab);
    expect(await dialogue.code("MODE B")).toBe(504);
    expect(await dialogue.code("MODE Z")).toBe(200);
    expect(await dialogue.say("OPTS MODE Z LEVEL 9")).toBe("200 MODE Z LEVEL is 9.");
    const { bytes, reply } = await dialogue.download("RETR a");
    expect(reply).toMatch(/^226/);
    expect(bytes.length).toBeLessThan(1000);
    expect(inflateSync(bytes).toString()).toBe("hello ".repeat(10_000));
    expect(inflateSync((await dialogue.download("RETR empty")).bytes).length).toBe(0);
    expect(inflateSync((await dialogue.download("NLST")).bytes).toString()).toBe("a\r\nempty\r\n");
    expect(await dialogue.upload("STOR b", deflateSync("packed"))).toMatch(/^226/);
    expect(await stored(lab, "/b")).toBe("packed");
    expect(await dialogue.code("MODE S")).toBe(200);
    expect((await dialogue.download("RETR b")).text).toBe("packed");
  });

  test.each([
    ["that is not deflated", Buffer.from("plain words")],
    ["that is cut off", deflateSync("packed words").subarray(0, -6)],
  ])("an upload %s fails, and the old file stays", async (_name, bytes) => {
    await using lab = await ftpLab({ files: { "/b": "old" } });
    await using dialogue = await Dialogue.loggedIn(lab);
    await dialogue.say("MODE Z");
    expect(await dialogue.upload("STOR b", bytes)).toMatch(/^4/);
    expect(await stored(lab, "/b")).toBe("old");
    expect(await dialogue.code("NOOP")).toBe(200);
  });

  clientTest("lftp", "uses it both ways", async () => {
    await using lab = await ftpLab({ files: { "/a": "hello\n".repeat(1000) } });
    const script = "set ftp:use-mode-z yes; set net:max-retries 1; ls; cat a; put a.bin -o b; bye";
    const out = await run("lftp", [
      "-u",
      "foo,bar",
      "-e",
      script.replace("a.bin", "/etc/hostname"),
      lab.servers.files.url,
    ]);
    expect(out).toMatchObject({ code: 0, stderr: "" });
    expect(out.stdout).toContain("hello\n".repeat(1000));
    expect([...lab.transcript].some((event) => event.type === "command" && event.target === "Z")).toBe(true);
  });
});

describe("flags of LIST", () => {
  const FILES = { "/b": "1", "/a": "333", "/c": "22", "/d/e/f": "x", "/d/g": "y" };
  const names = (text: string) => text.trim().split("\r\n");

  test.each([
    ["NLST", ["a", "b", "c", "d"]],
    ["NLST -r", ["d", "c", "b", "a"]],
    ["NLST -S", ["a", "c", "b", "d"]],
    ["NLST -Sr", ["d", "b", "c", "a"]],
    ["NLST -t", ["d", "c", "a", "b"]],
    ["NLST -d /d", ["/d"]],
    ["NLST -d", ["."]],
    ["NLST -R", [".:", "a", "b", "c", "d", "", "./d:", "e", "g", "", "./d/e:", "f"]],
    ["NLST -aR d", ["d:", "e", "g", "", "d/e:", "f"]],
  ])("%s", async (command, lines) => {
    await using lab = await ftpLab({ files: FILES });
    for (const [index, name] of ["b", "a", "c", "d"].entries()) {
      await lab.store.setModified(`/${name}`, new Date(Date.UTC(2020, index)));
    }
    await using dialogue = await Dialogue.loggedIn(lab);
    expect(names((await dialogue.download(command)).text)).toEqual(lines);
  });

  test("LIST -d tells of the directory itself", async () => {
    await using lab = await ftpLab({ files: FILES });
    await using dialogue = await Dialogue.loggedIn(lab);
    expect((await dialogue.download("LIST -ld d")).text).toMatch(/^drwxr-xr-x .* d\r\n$/);
  });
});

describe("a torn upload", () => {
  async function torn(command: string, before: readonly string[], options = {}) {
    await using lab = await ftpLab({ files: { "/a": "0123456789" } }, options);
    await using dialogue = await Dialogue.loggedIn(lab);
    for (const each of before) await dialogue.say(each);
    const data = await dialogue.passive();
    expect(await dialogue.say(command)).toMatch(/^150/);
    data.write("abcdef");
    await dialogue.moved(6);
    data.resetAndDestroy();
    await once(data, "close");
    expect(await dialogue.reply()).toMatch(/^426/);
    return stored(lab, "/a");
  }

  test("leaves the old file whole", async () => {
    expect(await torn("STOR a", [])).toBe("0123456789");
  });

  test("is kept where keepPartial asks for it", async () => {
    expect(await torn("STOR a", [], { keepPartial: true })).toBe("abcdef");
    expect(await torn("APPE a", [], { keepPartial: true })).toBe("0123456789abcdef");
  });

  test("behind REST is kept, unless that would lose what was there", async () => {
    expect(await torn("STOR a", ["REST 10"])).toBe("0123456789abcdef");
    expect(await torn("STOR a", ["REST 5"])).toBe("0123456789");
  });
});
