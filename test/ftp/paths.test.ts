import { expect, test } from "vitest";
import { memoryStore } from "../../core/store/memory.ts";
import { type Store, WirelabError } from "../../index.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

test("CWD, CDUP and PWD go about", async () => {
  await using lab = await ftpLab({ files: { "/d/e/f": "1" } });
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.say("CWD d")).toBe('250 "/d"');
  expect(await client.code("XCWD e")).toBe(250);
  expect(await client.say("XPWD")).toBe('257 "/d/e"');
  expect(await client.code("CWD f")).toBe(550);
  expect(await client.code("CWD missing")).toBe(550);
  expect(await client.say("PWD")).toBe('257 "/d/e"');
  expect(await client.say("CDUP")).toBe('250 "/d"');
  expect(await client.code("CWD ../..")).toBe(250);
  expect(await client.code("XCUP")).toBe(250);
  expect(await client.say("PWD")).toBe('257 "/"');
  expect(await client.code("CWD //d///e/")).toBe(250);
  expect(await client.say("PWD")).toBe('257 "/d/e"');
});

test("MKD and RMD make and remove", async () => {
  await using lab = await ftpLab({ files: { "/d/f": "1" } });
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.say("MKD new")).toBe('257 "/new"');
  expect(await client.say('XMKD new/a "b"')).toBe('257 "/new/a ""b"""');
  expect(await client.code("MKD new")).toBe(550);
  expect(await client.code("MKD d/f")).toBe(550);
  expect(await client.code("MKD missing/a")).toBe(550);
  expect(await client.code("RMD new")).toBe(550);
  expect(await client.code("RMD d/f")).toBe(550);
  expect(await client.code("RMD missing")).toBe(550);
  expect(await client.say("RMD /")).toBe("550 Can't remove root directory.");
  expect(await client.say("RNFR /new/..")).toBe("550 Can't rename home directory.");
  expect(await client.code('XRMD new/a "b"')).toBe(250);
  expect(await client.code("RMD new")).toBe(250);
});

test("DELE removes files and nothing else", async () => {
  await using lab = await ftpLab({ files: { "/d/f": "1" } });
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.say("DELE d")).toBe("550 Is a directory.");
  expect(await client.say("DELE missing")).toBe("550 No such file or directory.");
  expect(await client.code("DELE d/f")).toBe(250);
  expect(await client.code("RMD d")).toBe(250);
});

test("RNFR and RNTO move, one right behind the other", async () => {
  await using lab = await ftpLab({ files: { "/a": "1", "/b": "2", "/d/c": "3" } });
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.code("RNTO x")).toBe(503);
  expect(await client.code("RNFR missing")).toBe(550);
  expect(await client.code("RNTO x")).toBe(503);
  expect(await client.code("RNFR a")).toBe(350);
  expect(await client.code("NOOP")).toBe(200);
  expect(await client.code("RNTO x")).toBe(503);
  expect(await client.code("RNFR a")).toBe(350);
  expect(await client.code("RNTO d/a b")).toBe(250);
  expect(await stored(lab, "/d/a b")).toBe("1");
  expect(await client.code("RNTO x")).toBe(503);
  await client.say("RNFR d/c");
  expect(await client.code("RNTO b")).toBe(250);
  expect(await stored(lab, "/b")).toBe("3");
  await client.say("RNFR b");
  expect(await client.code("RNTO d")).toBe(550);
  await client.say("RNFR b");
  expect(await client.code("RNTO missing/b")).toBe(550);
  await client.say("CWD d");
  await client.say("RNFR a b");
  expect(await client.code("RNTO ../back")).toBe(250);
  expect(await stored(lab, "/back")).toBe("1");
});

test("SIZE and MDTM tell of files, and of files only", async () => {
  await using lab = await ftpLab({ files: { "/d/f": "12345" } });
  await lab.store.setModified("/d/f", new Date("2024-02-29T23:59:58.700Z"));
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.say("SIZE d/f")).toBe("213 5");
  expect(await client.say("MDTM d/f")).toBe("213 20240229235958");
  for (const path of ["d", "/", "missing"]) {
    expect(await client.code(`SIZE ${path}`)).toBe(550);
    expect(await client.code(`MDTM ${path}`)).toBe(550);
  }
  expect(await client.say("SIZE d")).toContain("not retrievable");
});

test("MFMT and SITE UTIME set the time, SITE CHMOD the mode", async () => {
  await using lab = await ftpLab({ files: { "/a b": "1" } });
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.say("MFMT 20200229010203 a b")).toBe("213 Modify=20200229010203; a b");
  expect(await client.say("MDTM a b")).toBe("213 20200229010203");
  expect(await client.code("SITE UTIME 20210304050607 a b")).toBe(200);
  expect(await client.say("MDTM a b")).toBe("213 20210304050607");
  expect(await client.code("SITE UTIME 202103040506 a b")).toBe(200);
  expect(await client.say("MDTM a b")).toBe("213 20210304050600");
  expect(await client.code("SITE UTIME a b 20220101000000 20220202000000 20220303000000 UTC")).toBe(200);
  expect(await client.say("MDTM a b")).toBe("213 20220202000000");
  for (const time of ["20210229000000", "20211301000000", "20210101250000", "2021", "x"]) {
    expect(await client.code(`MFMT ${time} a b`), time).toBe(501);
    expect(await client.code(`SITE UTIME ${time} a b`), time).toBe(501);
  }
  expect(await client.code("MFMT 20200229010203 missing")).toBe(550);
  expect(await client.code("SITE CHMOD 640 a b")).toBe(200);
  expect((await lab.store.stat("/a b")).mode & 0o777).toBe(0o640);
  expect(await client.code("SITE CHMOD 999 a b")).toBe(501);
  expect(await client.code("SITE CHMOD 644")).toBe(501);
  expect(await client.code("SITE CHMOD 644 missing")).toBe(550);
});

test("MLST tells the facts that were chosen", async () => {
  await using lab = await ftpLab({
    accounts: [
      { name: "foo", password: "bar", permissions: "elradfmwMT" },
      { name: "reader", password: "x" },
    ],
    files: { "/d/f": "123" },
  });
  await lab.store.setModified("/d/f", new Date("2024-02-29T01:02:03Z"));
  await lab.store.setMode("/d/f", 0o640);
  await using client = await Dialogue.loggedIn(lab);
  expect((await client.say("MLST d/f")).split("\n")).toEqual([
    "250-Listing begins.",
    expect.stringMatching(
      /^ type=file;perm=adfrw;size=3;modify=20240229010203;unique=\w+;UNIX\.mode=0640; \/d\/f$/,
    ),
    "250 Listing ends.",
  ]);
  expect(await client.say("MLST")).toMatch(/^ type=dir;.*perm=celmp;.* \/$/m);
  expect(await client.say("MLST d")).toMatch(/^ type=dir;.*perm=cdeflmp;.* \/d$/m);
  expect(await client.code("MLST missing")).toBe(550);
  expect(await client.say("OPTS MLST Size;nonsense;TYPE;")).toBe("200 MLST OPTS type;size;");
  expect(await client.say("MLST d/f")).toMatch(/^ type=file;size=3; \/d\/f$/m);
  expect(await client.say("FEAT")).toContain(" MLST type*;perm;size*;modify;unique;UNIX.mode;");
  expect(await client.say("OPTS MLST")).toBe("200 MLST OPTS");
  expect(await client.say("MLST d/f")).toMatch(/^ {2}\/d\/f$/m);
  expect(await client.code("OPTS MLST bad")).toBe(501);
  expect(await client.code("OPTS MLST type ;")).toBe(501);
  await client.say("OPTS MLST UNIX.mode;");
  expect(await client.code("SITE CHMOD 007 d/f")).toBe(200);
  expect(await client.say("MLST d/f")).toMatch(/^ UNIX\.mode=0007; \/d\/f$/m);
  await using reader = await Dialogue.loggedIn(lab, "reader", "x");
  expect(await reader.say("MLST d/f")).toContain("perm=r;");
  expect(await reader.say("MLST d")).toContain("perm=el;");
});

test("OPTS knows UTF8, which is always on", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  expect(await client.code("OPTS UTF8 ON")).toBe(200);
  expect(await client.code("opts utf8 on ")).toBe(200);
  expect(await client.code("OPTS UTF8")).toBe(200);
  expect(await client.code("OPTS UTF8 OFF")).toBe(504);
  expect(await client.code("OPTS WHATEVER")).toBe(501);
});

test("what the store says becomes FTP's words: no code is wrong and no path of the disk is told", async () => {
  const codes = {
    NOT_FOUND: 550,
    FORBIDDEN: 550,
    EXISTS: 550,
    NOT_EMPTY: 550,
    BAD_PATH: 553,
    QUOTA: 552,
    IO: 451,
  } as const;
  for (const [code, expected] of Object.entries(codes)) {
    const fail = async () => {
      throw new WirelabError(code as keyof typeof codes, "/var/lib/secret/place: no");
    };
    const store: Store = { ...memoryStore(), makeDirectory: fail, write: fail, read: fail, remove: fail };
    await using lab = await ftpLab({ store });
    await using client = await Dialogue.loggedIn(lab);
    for (const reply of [
      await client.say("MKD a"),
      await client.upload("STOR a", "1"),
      (await client.download("RETR a")).reply,
    ]) {
      expect(reply).toMatch(new RegExp(`^${expected} `));
      expect(reply).not.toContain("secret");
    }
  }
  const broken: Store = {
    ...memoryStore(),
    stat: () => Promise.reject(new TypeError("at /var/lib/secret.ts:1")),
  };
  await using lab = await ftpLab({ store: broken });
  await using client = await Dialogue.loggedIn(lab);
  for (const command of ["CWD a", "SIZE a", "DELE a"])
    expect(await client.say(command)).toMatch(/^451 [^/]*$/);
});
