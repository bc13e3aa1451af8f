import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { Dialogue, ftpLab } from "./dialogue.ts";

describe("lines", () => {
  test("end with CR LF or with LF alone", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    client.write("NOOP\nSYST\r\n");
    expect(await client.reply()).toMatch(/^200 /);
    expect(await client.reply()).toBe("215 UNIX Type: L8");
  });

  test("come in single bytes as well", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    for (const byte of "USER foo\r\nPASS bar\r\nPWD\r\n") {
      client.write(byte);
      await new Promise(setImmediate);
    }
    expect(await client.reply()).toMatch(/^331 /);
    expect(await client.reply()).toMatch(/^230 /);
    expect(await client.reply()).toBe('257 "/"');
  });

  test("of 4,096 bytes are read; a longer one gets one 500, and reading goes on behind it", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    const answer = await client.say(`MKD ${"a".repeat(4096 - 4)}`);
    expect(answer).not.toMatch(/^500 /);
    client.write(`MKD ${"a".repeat(4096 - 4)}\n`);
    expect(await client.reply()).toBe(answer);
    expect(await client.code(`MKD ${"a".repeat(4096 - 3)}`)).toBe(500);
    client.write(`MKD ${"a".repeat(5000)}`);
    expect(await client.reply()).toMatch(/^500 .*4096/);
    client.write(`${"b".repeat(100_000)}\r\nNOOP\r\n`);
    expect(await client.reply()).toMatch(/^200 /);
  });

  test("may hold telnet commands, which are taken out", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    client.write(Buffer.from([255, 253, 1, 255, 251, 10])); // DO ECHO, WILL 10, which is a line feed's code
    client.write(Buffer.from("NO\xff\xf4OP\r\n", "latin1")); // IP amid a word
    expect(await client.reply()).toMatch(/^200 /);
    client.write(Buffer.from([255, 250, 24, 1, 255, 240]));
    client.write("SYST\r\n");
    expect(await client.reply()).toMatch(/^215 /);
    client.write(Buffer.from([255]));
    await new Promise(setImmediate);
    client.write(Buffer.concat([Buffer.from([244, 242]), Buffer.from("SYST\r\n")]));
    expect(await client.reply()).toMatch(/^215 /);
  });

  test("hold names as they are: quotes, dashes, backslashes, spaces in front and behind, UTF-8, escaped IAC", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    for (const name of [
      'a "b" c',
      "-l",
      "-rf -x",
      " two",
      "back\\slash",
      "grün ☃",
      "behind ",
      "ÿ",
      "%0a$(x)",
      "*?[a]",
    ]) {
      expect(await client.say(`MKD ${name}`)).toBe(`257 "/${name.replaceAll('"', '""')}"`);
      expect(await client.code(`CWD ${name}`)).toBe(250);
      expect(await client.say("PWD")).toBe(`257 "/${name.replaceAll('"', '""')}"`);
      expect(await client.code("CDUP")).toBe(250);
      expect((await lab.store.stat(`/${name}`)).type).toBe("directory");
      expect(await client.code(`RMD ${name}`)).toBe(250);
    }
    client.write(Buffer.from("MKD \xe9t\xe9\xff\xff\r\n", "latin1"));
    expect(await client.reply()).toBe('257 "/étéÿ"');
  });

  test("cannot hold NUL, and what is in a name forges no reply", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.code("MKD a\0b")).toBe(501);
    expect(await client.code("NO\0OP")).toBe(500);
    const answer = await client.say("MKD a\r226 forged\x1b[2J");
    expect(answer).not.toMatch(/[\r\x1b]/);
    expect(await client.code("NOOP")).toBe(200);
  });
});

describe("commands", () => {
  test("that are pipelined are answered in their order, one by one", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    const dirs = Array.from({ length: 200 }, (_, index) => `d${index}`);
    client.write(
      ["USER foo", "PASS bar", ...dirs.flatMap((dir) => [`MKD ${dir}`, `CWD ${dir}`, "PWD", "CWD /"]), "QUIT"]
        .map((line) => `${line}\r\n`)
        .join(""),
    );
    expect(await client.reply()).toMatch(/^331 /);
    expect(await client.reply()).toMatch(/^230 /);
    for (const dir of dirs) {
      expect(await client.reply()).toBe(`257 "/${dir}"`);
      expect(await client.reply()).toMatch(/^250 /);
      expect(await client.reply()).toBe(`257 "/${dir}"`);
      expect(await client.reply()).toMatch(/^250 /);
    }
    expect(await client.reply()).toMatch(/^221 /);
    expect(await client.reply()).toBe("<end>");
  });

  test("behind a transfer in the same segment are answered behind it", async () => {
    await using lab = await ftpLab({ files: { "/a": "content" } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    client.write("RETR a\r\nNOOP\r\nSTAT\r\nSIZE a\r\n");
    data.resume();
    const codes = [];
    for (let count = 0; count < 5; count += 1) codes.push((await client.reply()).slice(0, 3));
    expect(codes).toEqual(["150", "226", "200", "211", "213"]);
    data.destroy();
  });

  test("of every kind get exactly one final reply, whatever stands behind the verb", async () => {
    await using lab = await ftpLab({}, { maxLoginTries: 1000 });
    await using client = await Dialogue.greeted(lab.servers.files);
    const verbs =
      `ABOR ACCT ADAT ALLO APPE AUTH CCC CDUP CONF CWD DELE ENC EPRT EPSV FEAT HELP LANG LIST MDTM MFMT MIC MKD
      MLSD MLST MODE NLST NOOP OPTS PASS PASV PBSZ PORT PROT PWD REIN REST RETR RMD RNFR RNTO SITE SIZE SMNT STAT STOR STOU
      STRU SYST TYPE USER XCUP XCWD XMKD XPWD XRMD XYZZY constructor __proto__`.split(/\s+/);
    const tails = [
      "",
      " ",
      "  ",
      " x",
      " -",
      ' "',
      " ?!?",
      " -1",
      " a b c",
      " |||",
      " 1,2,3,4,5,6",
      ` ${"z".repeat(300)}`,
    ];
    tails.push(
      " |1|127.0.0.1|",
      " ../..",
      " ;",
      " CHMOD",
      " CHMOD 999 x",
      " UTIME",
      " HELP",
      " HELP x",
      " MLST a b",
      "\t",
    );
    const commands = tails.flatMap((tail) => verbs.map((verb) => `${verb}${tail}`));
    for (const login of [false, true]) {
      for (const command of commands) {
        if (login && /^(USER|REIN|PASS)/.test(command)) continue;
        // Each is framed by commands whose replies are known, so that a missing or a second reply shows.
        client.write(`${command}\r\nSYST\r\n`);
        const reply = await client.reply();
        expect(reply, command).toMatch(/^[2345]\d\d/);
        expect(await client.reply(), `behind ${command}`).toBe("215 UNIX Type: L8");
        if (/^22[79]/.test(reply)) await client.say("ABOR");
      }
      await client.say("USER foo");
      await client.say("PASS bar");
    }
  });

  test("need an argument where the table says so, and take none where it says so", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    const needing =
      "ALLO APPE CWD DELE EPRT MDTM MFMT MKD MODE OPTS PORT REST RETR RMD RNFR RNTO SITE SIZE STOR STRU TYPE USER";
    for (const verb of needing.split(" ").slice(0, -1)) expect(await client.code(verb), verb).toBe(501);
    for (const verb of "ABOR CDUP FEAT NOOP PASV PWD QUIT REIN SYST".split(" ")) {
      expect(await client.code(`${verb} x`), verb).toBe(501);
    }
    expect(await client.code("noop")).toBe(200);
    expect(await client.code("NOOP ")).toBe(200);
  });

  test("that nobody knows get 500, those that are not made 502", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    expect(await client.say("XYZZY a")).toBe("500 XYZZY is not understood.");
    expect(await client.code("")).toBe(500);
    expect(await client.code(" NOOP")).toBe(500);
    expect(await client.code("SMNT x")).toBe(502);
  });
});

describe("what the server says of itself", () => {
  test("FEAT names what there is, and each is there", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    expect((await client.say("FEAT")).split("\n")).toEqual([
      "211-Extensions supported:",
      " AVBL",
      " EPRT",
      " EPSV",
      " HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32",
      " HOST",
      " MDTM",
      " MFMT",
      " MLST type*;perm*;size*;modify*;unique*;UNIX.mode*;",
      " MODE Z",
      " REST STREAM",
      " SIZE",
      " TVFS",
      " UTF8",
      " XCRC",
      " XMD5",
      " XSHA1",
      " XSHA256",
      " XSHA512",
      "211 End",
    ]);
  });

  test("HELP lists every verb and tells the syntax of one", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    const help = await client.say("HELP");
    expect(help).toMatch(/^214-/);
    for (const verb of "USER PASS RETR STOR MLSD EPSV SITE HASH XSHA1 XSHA256 XSHA512".split(" "))
      expect(help).toContain(` ${verb}`);
    expect(await client.say("HELP retr")).toBe("214 Syntax: RETR PATH");
    expect(await client.code("HELP xyzzy")).toBe(501);
    expect(await client.say("SITE HELP")).toMatch(/^214-[\s\S]*CHMOD[\s\S]*UTIME/);
    expect(await client.say("SITE HELP chmod")).toBe("214 Syntax: SITE CHMOD MODE PATH");
    expect(await client.code("SITE HELP xyzzy")).toBe(501);
    expect(await client.code("SITE xyzzy")).toBe(500);
  });

  test("the greeting is the owner's, of several lines if they like", async () => {
    await using lab = await ftpLab({}, { greeting: "Welcome\n220 is the code\nof the lab" });
    await using client = await Dialogue.greeted(lab.servers.files);
    expect(client.greeting).toBe("220-Welcome\n 220 is the code\n220 of the lab");
  });

  test("STAT tells who is there", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.greeted(lab.servers.files);
    expect(await client.say("STAT")).toMatch(/^211-[\s\S]*127\.0\.0\.1[\s\S]*Not logged in[\s\S]*\n211 /);
    await client.say("USER foo");
    await client.say("PASS bar");
    expect(await client.say("STAT")).toMatch(/Logged in as foo/);
  });
});

test("a client that ends its side gets the replies to all it has sent", async () => {
  await using lab = await ftpLab();
  const client = await Dialogue.greeted(lab.servers.files);
  client.socket.end("USER foo\r\nPASS bar\r\nPWD\r\n");
  expect(await client.reply()).toMatch(/^331 /);
  expect(await client.reply()).toMatch(/^230 /);
  expect(await client.reply()).toMatch(/^257 /);
  expect(await client.reply()).toBe("<end>");
});

test("QUIT is the last word: what is pipelined behind it is not done", async () => {
  await using lab = await ftpLab();
  const client = await Dialogue.loggedIn(lab);
  client.write("QUIT\r\nMKD late\r\n");
  expect(await client.reply()).toMatch(/^221 /);
  expect(await client.reply()).toBe("<end>");
  client.socket.end();
  await once(client.socket, "close");
  await expect(lab.store.stat("/late")).rejects.toThrow();
});
