import { expect, test } from "vitest";
import { startLab } from "../../index.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

test("the lab's account logs in", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  expect(await client.code("USER foo")).toBe(331);
  expect(await client.code("PASS bar")).toBe(230);
  expect(await client.say("PWD")).toBe('257 "/"');
});

test("the reply is the same whichever of name and password is wrong", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  const known = [await client.say("USER foo"), await client.say("PASS wrong")];
  const unknown = [await client.say("USER nobody"), await client.say("PASS bar")];
  expect(known).toEqual(unknown);
  expect(known[1]).toMatch(/^530 /);
});

test("a wrong name can be followed by a right one, and a login by another", async () => {
  await using lab = await ftpLab({
    accounts: [
      { name: "foo", password: "bar" },
      { name: "ann", password: "pw", home: "/ann" },
    ],
    files: { "/ann/hers": "1" },
  });
  await using client = await Dialogue.greeted(lab.servers.files);
  expect(await client.code("USER wrong")).toBe(331);
  expect(await client.code("USER foo")).toBe(331);
  expect(await client.code("PASS bar")).toBe(230);
  expect(await client.code("USER ann")).toBe(331);
  expect(await client.code("PWD")).toBe(530);
  expect(await client.code("PASS pw")).toBe(230);
  expect(await client.say("PWD")).toBe('257 "/"');
  expect(await client.code("SIZE hers")).toBe(213);
});

test("after three failures the client is sent away; others are not held up by the pause", async () => {
  await using lab = await ftpLab({}, { loginPause: 200 });
  const client = await Dialogue.greeted(lab.servers.files);
  await using other = await Dialogue.greeted(lab.servers.files);
  const failing = (async () => {
    const codes = [];
    for (let count = 0; count < 3; count += 1) {
      await client.say("USER foo");
      codes.push(await client.code("PASS wrong"));
    }
    return codes;
  })();
  await lab.events.next("login", { ok: false });
  await other.say("USER foo");
  expect(await other.code("PASS bar")).toBe(230);
  expect(lab.transcript.toString()).not.toContain("530");
  expect(await failing).toEqual([530, 530, 421]);
  expect(await client.reply()).toBe("<end>");
  client.socket.end();
});

test("a client that goes during the pause leaves nothing behind", async () => {
  await using lab = await ftpLab({}, { loginPause: 60_000 });
  const client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER foo");
  client.write("PASS wrong\r\n");
  await lab.events.next("login", { ok: false });
  client.socket.resetAndDestroy();
  await lab.events.next("closed");
});

test("PASS keeps quotes and spaces", async () => {
  await using lab = await ftpLab({ accounts: [{ name: "a b", password: ' "x" y ' }] });
  await using client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER a b");
  expect(await client.code('PASS  "x" y ')).toBe(230);
  await client.say("USER a b");
  expect(await client.code("PASS x y")).toBe(530);
});

test("PASS needs USER before it, ACCT is not needed, REIN begins again", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  expect(await client.code("PASS bar")).toBe(503);
  expect(await client.code("ACCT x")).toBe(202);
  await client.say("USER foo");
  await client.say("PASS bar");
  await client.say("TYPE I");
  await client.say("CWD ..");
  expect(await client.code("PASS bar")).toBe(503);
  expect(await client.code("REIN")).toBe(220);
  expect(await client.code("PWD")).toBe(530);
  expect(await client.code("PASS bar")).toBe(503);
  await client.say("USER foo");
  expect(await client.code("PASS bar")).toBe(230);
  expect(await client.say("STAT")).toContain("ASCII");
});

test("whoever has not logged in may say little", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  const closed =
    `ABOR|ALLO 1|APPE a|CDUP|CWD a|DELE a|EPRT ,1,127.0.0.1,2000,|EPSV|LIST|MDTM a|MFMT 20200101000000 a|MKD a|MLSD
    MLST|MODE S|NLST|PASV|PORT 127,0,0,1,20,20|PWD|REST 1|RETR a|RMD a|RNFR a|RNTO a|SITE CHMOD 644 a|SIZE a|STAT /|STOR a|STOU
    STRU F|TYPE I|XCUP|XCWD a|XMKD a|XPWD|XRMD a`.split(/\||\n\s*/);
  for (const command of closed) expect(await client.code(command), command).toBe(530);
  const open = {
    FEAT: 211,
    HELP: 214,
    NOOP: 200,
    STAT: 211,
    SYST: 215,
    "SITE HELP": 214,
    "OPTS UTF8 ON": 200,
  };
  for (const [command, code] of Object.entries(open)) expect(await client.code(command), command).toBe(code);
});

test("TLS is refused while there is no certificate", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  expect(await client.code("AUTH TLS")).toBe(534);
  expect(await client.code("AUTH KERBEROS_V4")).toBe(504);
  expect(await client.code("PBSZ 0")).toBe(503);
  expect(await client.code("PROT P")).toBe(503);
});

test("anonymous logs in with any password or none, and does what it is permitted", async () => {
  await using lab = await ftpLab({ accounts: [{ name: "anonymous" }], files: { "/a": "1" } });
  for (const [name, password] of [
    ["anonymous", "PASS me@example.org"],
    ["anonymous", "PASS "],
    ["ftp", "PASS"],
  ] as const) {
    await using client = await Dialogue.greeted(lab.servers.files);
    await client.say(`USER ${name}`);
    expect(await client.code(password)).toBe(230);
    expect((await client.download("RETR a")).text).toBe("1");
    expect(await client.upload("STOR b", "2")).toMatch(/^550 /);
  }
});

test("no event, log or transcript holds a password", async () => {
  await using lab = await ftpLab({ accounts: [{ name: "foo", password: "s3cr3t" }] });
  await using client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER foo");
  for (const line of [
    "PASS s3cr3t",
    "pass s3cr3t",
    "ACCT s3cr3t",
    "PASS\ts3cr3t",
    "PASSs3cr3t",
    "PASSWORD s3cr3t",
  ]) {
    await client.say(line);
  }
  expect(JSON.stringify([...lab.transcript])).not.toMatch(/s3cr3t/i);
  expect(lab.transcript.toString()).toContain("> PASS ****");
  expect([...lab.transcript].find(({ type }) => type === "login")).toMatchObject({ user: "foo", ok: true });
});

test("each permission opens its verbs and no other", async () => {
  const letters = [..."elradfmwMT"];
  await using lab = await ftpLab({
    accounts: letters.map((letter) => ({ name: letter, password: "x", permissions: letter })),
    files: { "/f": "1", "/d/x": "1" },
  });
  const attempts: Record<string, readonly string[]> = {
    e: ["CWD d", "CDUP"],
    l: ["SIZE f", "MDTM f", "MLST f", "STAT f"],
    d: ["DELE missing"],
    f: ["RNFR f"],
    m: ["MKD d"],
    M: ["SITE CHMOD 600 f"],
    T: ["MFMT 20200101000000 f"],
  };
  for (const letter of letters) {
    await using client = await Dialogue.loggedIn(lab, letter, "x");
    for (const [needed, commands] of Object.entries(attempts)) {
      for (const command of commands) {
        const denied = /denied/.test(await client.say(command));
        expect(denied, `${command} with ${letter}`).toBe(letter !== needed);
      }
    }
    expect(/denied/.test((await client.download("RETR f")).reply), `RETR with ${letter}`).toBe(
      letter !== "r",
    );
    expect(/denied/.test((await client.download("LIST")).reply), `LIST with ${letter}`).toBe(letter !== "l");
    expect(/denied/.test(await client.upload("STOR f", "1")), `STOR with ${letter}`).toBe(letter !== "w");
    expect(/denied/.test(await client.upload("APPE f", "")), `APPE with ${letter}`).toBe(letter !== "a");
  }
});

test("a home is the account's root, and no path leaves it", async () => {
  await using lab = await ftpLab({
    accounts: [{ name: "ann", password: "pw", home: "/people/ann", permissions: "elradfmwMT" }],
    files: { "/secret": "s", "/people/annex": "x", "/people/ann/own": "o" },
  });
  await using client = await Dialogue.loggedIn(lab, "ann", "pw");
  expect((await client.download("NLST")).text).toBe("own\r\n");
  for (const path of ["/secret", "../../secret", "../annex", "/../../secret", "./../../people/annex"]) {
    expect(await client.code(`SIZE ${path}`), path).toBe(550);
    expect((await client.download(`RETR ${path}`)).reply, path).toMatch(/^550 /);
  }
  expect(await client.say("MKD /sub")).toBe('257 "/sub"');
  expect(await client.upload("STOR /sub/f", "1")).toMatch(/^226 /);
  expect(await stored(lab, "/people/ann/sub/f")).toBe("1");
  expect(await client.say("MLST /sub/f")).toMatch(/ \/sub\/f$/m);
  expect(await client.code("CWD /sub/../..")).toBe(250);
  expect(await client.say("PWD")).toBe('257 "/"');
  expect(await client.code("RMD /")).toBe(550);
  expect(await client.code("RNFR /")).toBe(550);
});

test("two labs with different accounts live side by side, and no signal is listened for", async () => {
  const signals = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] as const;
  const before = signals.map((signal) => process.listenerCount(signal));
  const { ftp } = await import("../../index.ts");
  await using one = await startLab({ files: ftp() }, { accounts: [{ name: "one", password: "1" }] });
  await using two = await startLab(
    { files: ftp(), more: ftp() },
    { accounts: [{ name: "two", password: "2" }] },
  );
  expect(signals.map((signal) => process.listenerCount(signal))).toEqual(before);
  await using first = await Dialogue.loggedIn(one, "one", "1");
  await using second = await Dialogue.greeted(two.servers.more);
  await second.say("USER one");
  expect(await second.code("PASS 1")).toBe(530);
  await second.say("USER two");
  expect(await second.code("PASS 2")).toBe(230);
  expect(await first.code("PWD")).toBe(257);
});
