import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { PERMISSIONS } from "../../index.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

describe("letters for some paths", () => {
  const accounts = [
    {
      name: "ann",
      password: "pw",
      home: "/home",
      permissions: "elr",
      paths: { "/home/in": PERMISSIONS, "/home/in/old": "el", "/home/dark": "" },
    },
  ];
  const files = { "/home/a": "a", "/home/in/x": "x", "/home/in/old/y": "y", "/home/dark/z": "z" };

  test("open and shut what they are about", async () => {
    await using lab = await ftpLab({ accounts, files });
    await using client = await Dialogue.loggedIn(lab, "ann", "pw");
    const codes: Record<string, number> = {
      "MKD new": 550,
      "MKD in/new": 257,
      "RMD in/new": 250,
      "MKD in/old/new": 550,
      "CWD dark": 550,
      "SIZE dark/z": 550,
      "STAT dark": 550,
      "CWD in": 250,
      "DELE old/y": 550,
      "MFMT 20200101000000 x": 213,
      "SITE CHMOD 600 old/y": 550,
      "RNFR x": 350,
      "RNTO ../moved": 550,
      "RNFR ../a": 550,
    };
    for (const [command, code] of Object.entries(codes))
      expect(await client.code(command), command).toBe(code);
    expect(await client.upload("STOR /in/new", "1")).toMatch(/^226 /);
    expect(await client.upload("APPE /in/old/y", "1")).toMatch(/^550 /);
    expect(await client.upload("STOU /b", "1")).toMatch(/^550 /);
    expect((await client.download("RETR /in/old/y")).reply).toMatch(/^550 /);
    expect((await client.download("NLST /dark")).reply).toMatch(/^550 /);
    expect((await client.download("NLST /dark/*")).reply).toMatch(/^550 /);
    expect((await client.download("NLST /*/x")).text).toBe("/in/x\r\n");
    expect((await client.download("NLST /*/o*")).text).toBe("/in/old\r\n");
    expect(await stored(lab, "/home/in/new")).toBe("1");
  });

  test("are the fact perm of each entry", async () => {
    await using lab = await ftpLab({ accounts, files });
    await using client = await Dialogue.loggedIn(lab, "ann", "pw");
    await client.say("OPTS MLST perm;");
    expect((await client.download("MLSD")).text).toBe("perm=r; a\r\nperm=; dark\r\nperm=cdeflmp; in\r\n");
    expect((await client.download("MLSD in")).text).toBe("perm=el; old\r\nperm=adfrw; x\r\n");
    expect(await client.say("MLST in/old/y")).toContain("\n perm=; /in/old/y\n");
  });
});

test("an account has a greeting of its own", async () => {
  const greeting = "Hello, ann.\n230 files are new.\r\nHave a nice day.";
  await using lab = await ftpLab({ accounts: [{ name: "ann", password: "pw", greeting }] });
  await using client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER ann");
  expect(await client.say("PASS pw")).toBe("230-Hello, ann.\n 230 files are new.\n230 Have a nice day.");
});

describe("a limit of sessions", () => {
  const limited = {
    accounts: [
      { name: "two", password: "2", maxSessions: 2 },
      { name: "foo", password: "bar" },
    ],
  };

  test("refuses one more by 530, which costs no try, until one of them goes", async () => {
    await using lab = await ftpLab(limited, { maxLoginTries: 1 });
    const one = await Dialogue.loggedIn(lab, "two", "2");
    await using _two = await Dialogue.loggedIn(lab, "two", "2");
    await using three = await Dialogue.greeted(lab.servers.files);
    for (let count = 0; count < 3; count += 1) {
      await three.say("USER two");
      expect(await three.say("PASS 2")).toMatch(/^530 Too many sessions/);
      expect(await three.code("PWD")).toBe(530);
    }
    await using _other = await Dialogue.loggedIn(lab);
    const closed = lab.events.next("closed", { connection: "c1" });
    await one[Symbol.asyncDispose]();
    await closed;
    await three.say("USER two");
    expect(await three.code("PASS 2")).toBe(230);
  });

  test.each(["REIN", "USER foo"])(
    "%s gives a place free, and the same session may have it again",
    async (command) => {
      await using lab = await ftpLab(limited);
      await using one = await Dialogue.loggedIn(lab, "two", "2");
      await using _two = await Dialogue.loggedIn(lab, "two", "2");
      for (let count = 0; count < 3; count += 1) {
        await one.say(command);
        await one.say("USER two");
        expect(await one.code("PASS 2")).toBe(230);
      }
    },
  );

  test("is forgotten by a reset", async () => {
    await using lab = await ftpLab(limited);
    for (let count = 0; count < 3; count += 1) {
      const clients = [await Dialogue.loggedIn(lab, "two", "2"), await Dialogue.loggedIn(lab, "two", "2")];
      await lab.reset();
      for (const client of clients) client.socket.destroy();
    }
  });
});

describe("a limit of bytes a second", () => {
  const accounts = [
    { name: "slow", password: "s", permissions: PERMISSIONS, bytesPerSecond: { in: 100_000, out: 200_000 } },
    { name: "slowest", password: "s", permissions: PERMISSIONS, bytesPerSecond: { in: 10 } },
    { name: "foo", password: "bar" },
  ];
  const files = { "/a": Buffer.alloc(60_000, "a") };

  test("holds for uploads and downloads of that account alone, and loses nothing", async () => {
    await using lab = await ftpLab({ accounts, files });
    await using client = await Dialogue.loggedIn(lab, "slow", "s");
    const down = lab.events.next("transfer", { direction: "out" });
    expect((await client.download("RETR a")).bytes.equals(files["/a"])).toBe(true);
    expect((await down).ms).toBeGreaterThan(250);
    const up = lab.events.next("transfer", { direction: "in" });
    expect(await client.upload("STOR b", Buffer.alloc(30_000, "b"))).toMatch(/^226 /);
    expect((await up).ms).toBeGreaterThan(250);
    expect(await stored(lab, "/b")).toBe("b".repeat(30_000));
  });

  test("leaves the control connection live", async () => {
    await using lab = await ftpLab({ accounts, files: { "/large": Buffer.alloc(5_000_000) } });
    await using client = await Dialogue.loggedIn(lab, "slow", "s");
    const data = await client.passive();
    data.on("error", () => {});
    await client.say("RETR large");
    expect(await client.code("NOOP")).toBe(200);
    expect(await client.code("ABOR")).toBe(426);
    expect(await client.reply()).toMatch(/^226 /);
    expect((await buffer(data).catch(() => Buffer.alloc(0))).length).toBeLessThan(1_000_000);
    data.destroy();
  });

  test("does not hold up an ABOR behind what has come", async () => {
    await using lab = await ftpLab({ accounts, files });
    await using client = await Dialogue.loggedIn(lab, "slowest", "s");
    const data = await client.passive();
    data.on("error", () => {});
    await client.say("STOR b");
    data.write(files["/a"]);
    while (!/ [1-9]\d* bytes /.test(await client.say("STAT"))) await new Promise(setImmediate);
    expect(await client.code("ABOR")).toBe(426);
    expect(await client.reply()).toMatch(/^226 /);
    data.destroy();
  });
});
