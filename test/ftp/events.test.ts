import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Dialogue, ftpLab } from "./dialogue.ts";

test("a command tells the path in the store that it names, wherever it stands in the argument", async () => {
  await using lab = await ftpLab({
    accounts: [{ name: "ann", password: "pw", home: "/ann", permissions: "elradfmwMT" }],
    files: { "/ann/d/f": "1" },
  });
  await using client = await Dialogue.loggedIn(lab, "ann", "pw");
  await client.say("CWD d");
  const paths: Record<string, string | undefined> = {
    "SIZE f": "/ann/d/f",
    "CWD ..": "/ann",
    "MKD a b": "/ann/a b",
    "RNFR d/f": "/ann/d/f",
    "MFMT 20200101000000 d/f": "/ann/d/f",
    "SITE CHMOD 600 d/f": "/ann/d/f",
    "SITE UTIME 202001010000 d/f": "/ann/d/f",
    "SITE UTIME d/f 20200101000000 20200101000000 20200101000000 UTC": "/ann/d/f",
    "STAT -la d": "/ann/d",
    "LIST -a": "/ann",
    "RETR /../../etc/passwd": "/ann/etc/passwd",
    STAT: undefined,
    NOOP: undefined,
    "TYPE A": undefined,
    "XYZZY a": undefined,
  };
  for (const [command, path] of Object.entries(paths)) {
    const told = lab.events.next("command");
    await client.say(command);
    expect((await told).path, command).toBe(path);
  }
});

test("a command tells whether it is about a data connection", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.loggedIn(lab);
  for (const command of [
    "RETR a",
    "STOU",
    "NLST",
    "MLSD",
    "CWD a",
    "PASV",
    "EPSV",
    "PORT 1",
    "EPRT 1",
    "ABOR",
  ]) {
    const told = lab.events.next("command");
    await client.say(command);
    expect((await told).data, command).toBe(/^(CWD|ABOR)/.test(command) ? undefined : true);
  }
});

test("every reply is told, and how long its command took", async () => {
  await using lab = await ftpLab({ files: { "/a": "content" } });
  await using client = await Dialogue.loggedIn(lab);
  const codes: (number | undefined)[] = [];
  using _ = lab.events.subscribe((event) => {
    if (event.type !== "reply") return;
    expect(event.ms).toBeGreaterThanOrEqual(0);
    codes.push(event.code);
  });
  await client.download("RETR a");
  await client.say("FEAT");
  await client.say("XYZZY");
  expect(codes).toEqual([229, 150, 226, 211, 500]);
});

test("a scripted reply takes the place of the server's, once each", async () => {
  await using lab = await ftpLab({ files: { "/a": "old" } });
  await using client = await Dialogue.loggedIn(lab);
  using _cwd = lab.faults.add({
    when: { verb: "CWD" },
    times: 1,
    fault: { kind: "reply", with: { code: 421, text: "Busy\n220 now" } },
  });
  expect(await client.say("CWD /")).toBe("421-Busy\n421 220 now");
  expect(await client.code("CWD /")).toBe(250);
  using _150 = lab.faults.add({
    when: { verb: "STOR", code: 150 },
    times: 1,
    fault: { kind: "reply", with: { code: 452, text: "Full" } },
  });
  expect(await client.upload("STOR a", "new")).toBe("452 Full");
  expect(await client.code("NOOP")).toBe(200);
  expect(await client.upload("STOR a", "new")).toMatch(/^226 /);
});

test.each(["reset", "close"] as const)(
  "a download is torn by %s at the byte that a rule names",
  async (kind) => {
    await using lab = await ftpLab({ files: { "/large": Buffer.alloc(10_000_000) } });
    await using client = await Dialogue.loggedIn(lab);
    lab.faults.add({ when: { verb: "RETR" }, times: 1, fault: { kind, afterBytes: 1_000_000 } });
    const data = await client.passive();
    data.on("error", () => {});
    expect(await client.code("RETR large")).toBe(150);
    const got = await buffer(data).catch(() => undefined);
    expect(got?.length).toBe(kind === "reset" ? undefined : 1_000_000);
    expect(await client.reply()).toMatch(/^426 /);
    data.destroy();
    expect((await client.download("RETR large")).bytes.length).toBe(10_000_000);
  },
);

test("a data connection is reset at the byte that a rule names, and the file stays as it was", async () => {
  await using lab = await ftpLab({ files: { "/in/a": "old", "/b": "old" } });
  await using client = await Dialogue.loggedIn(lab);
  lab.faults.add({
    when: { verb: "STOR", target: "/in/*" },
    skip: 1,
    times: 1,
    fault: { kind: "reset", afterBytes: 512 },
  });
  const bytes = Buffer.alloc(10_000);
  expect(await client.upload("STOR b", bytes)).toMatch(/^226 /);
  expect(await client.upload("STOR in/a", bytes)).toMatch(/^226 /);
  const data = await client.passive();
  data.on("error", () => {});
  await client.say("STOR in/a");
  const torn = lab.events.next("transfer");
  data.end(Buffer.alloc(20_000));
  expect(await client.reply()).toMatch(/^426 /);
  expect(await torn).toMatchObject({ path: "/in/a", complete: false });
  expect((await lab.store.stat("/in/a")).size).toBe(10_000);
  data.destroy();
});
