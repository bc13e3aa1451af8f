import { once } from "node:events";
import { connect, createServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

/** More than the sockets of a loopback connection hold: its download stands still until somebody reads. */
const LARGE = Buffer.alloc(30_000_000, "large");

describe("ABOR", () => {
  test("ends a download: 426, then 226", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    data.on("error", () => {});
    expect(await client.code("RETR large")).toBe(150);
    const event = lab.events.next("transfer");
    expect(await client.code("ABOR")).toBe(426);
    expect(await client.reply()).toMatch(/^226 /);
    expect(await event).toMatchObject({ path: "/large", complete: false });
    expect(await client.code("NOOP")).toBe(200);
    data.destroy();
    expect((await client.download("RETR large")).bytes.length).toBe(LARGE.length);
  });

  test("ends an upload, and the old file stays whole", async () => {
    await using lab = await ftpLab({ files: { "/a": "old" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const command of ["STOR a", "APPE a", "STOR new"]) {
      const data = await client.passive();
      data.on("error", () => {});
      await client.say(command);
      data.write("half of it");
      await client.moved(10);
      expect(await client.code("ABOR"), command).toBe(426);
      expect(await client.reply()).toMatch(/^226 /);
      data.destroy();
    }
    await client.say("REST 1");
    const data = await client.passive();
    data.on("error", () => {});
    await client.say("STOR a");
    data.write("half");
    await client.moved(4);
    expect(await client.code("ABOR")).toBe(426);
    expect(await client.reply()).toMatch(/^226 /);
    data.destroy();
    expect(await stored(lab, "/a")).toBe("old");
    expect(await stored(lab, "/new")).toBeUndefined();
  });

  test("ends an upload that a rule holds, though its client has sent all of it", async () => {
    await using lab = await ftpLab({ files: { "/a": "old" } });
    lab.faults.add({ when: { verb: "STOR" }, fault: { kind: "stall", afterBytes: 4 } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    data.on("error", () => {});
    expect(await client.code("STOR a")).toBe(150);
    const held = lab.events.next("fault");
    data.end("half of it").resume();
    await held;
    expect(await client.code("ABOR")).toBe(426);
    expect(await client.reply()).toMatch(/^226 /);
    expect(await stored(lab, "/a")).toBe("old");
  });

  test("ends the wait for a data connection", async () => {
    await using lab = await ftpLab({ files: { "/a": "old" } });
    await using client = await Dialogue.loggedIn(lab);
    const port = await client.passivePort();
    expect(await client.code("STOR a")).toBe(150);
    expect(await client.code("ABOR")).toBe(426);
    expect(await client.reply()).toMatch(/^226 /);
    const late = connect(port);
    const [error] = await once(late, "error");
    expect((error as NodeJS.ErrnoException).code).toBe("ECONNREFUSED");
    expect(await stored(lab, "/a")).toBe("old");
  });

  test("in the same segment as the transfer ends it at once", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    await using client = await Dialogue.loggedIn(lab);
    await client.passivePort();
    client.write("RETR large\r\nABOR\r\nNOOP\r\n");
    const codes = [];
    for (let count = 0; count < 4; count += 1) codes.push((await client.reply()).slice(0, 3));
    expect(codes).toEqual(["150", "426", "226", "200"]);
  });

  test("behind other commands in that segment ends it as well", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    client.write("RETR large\r\nNOOP\r\nABOR\r\n");
    const codes = [];
    for (let count = 0; count < 4; count += 1) codes.push((await client.reply()).slice(0, 3));
    expect(codes).toEqual(["150", "426", "200", "226"]);
    data.destroy();
  });

  test("is heard with the telnet signals in front of it that clients send", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    await using client = await Dialogue.loggedIn(lab);
    for (const signals of [[255, 244, 255, 242], [255, 244, 242], [242]]) {
      const data = await client.passive();
      data.on("error", () => {});
      await client.say("RETR large");
      client.write(Buffer.concat([Buffer.from(signals), Buffer.from("ABOR\r\n")]));
      expect(await client.reply()).toMatch(/^426 /);
      expect(await client.reply()).toMatch(/^226 /);
      data.destroy();
    }
  });

  test("is heard as urgent data, of which the LF never comes, as STAT and QUIT are", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE, "/a": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    // What a server of Node's has of them; where the LF was only late it makes no command of its own.
    for (const behind of ["NOOP\r\n", "\nNOOP\r\n"]) {
      const data = await client.passive();
      data.on("error", () => {});
      await client.say("RETR large");
      client.write("ABOR\r");
      expect(await client.reply()).toMatch(/^426 /);
      expect(await client.reply()).toMatch(/^226 /);
      client.write(behind);
      expect(await client.reply()).toMatch(/^200 /);
      client.write("stat a\r");
      expect(await client.reply()).toMatch(/^213-/);
      client.write(behind);
      expect(await client.reply()).toMatch(/^200 /);
      data.destroy();
    }
    client.write("QUIT\r");
    expect(await client.reply()).toMatch(/^221 /);
  });

  test("without a transfer is answered 225, and closes the port", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.code("ABOR")).toBe(225);
    await client.passivePort();
    expect(await client.code("ABOR")).toBe(225);
    expect(await client.code("LIST")).toBe(425);
  });
});

describe("while a transfer is under way", () => {
  test("NOOP, STAT and what needs no data connection are answered; the rest waits", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    await client.say("RETR large");
    expect(await client.code("NOOP")).toBe(200);
    expect(await client.say("STAT")).toMatch(/^211-[\s\S]*\d+ bytes sent so far/);
    expect(await client.code("PWD")).toBe(257);
    client.write("SIZE large\r\nNOOP\r\n");
    expect((await buffer(data)).length).toBe(LARGE.length);
    expect(await client.reply()).toMatch(/^226 /);
    expect(await client.reply()).toMatch(/^213 /);
    expect(await client.reply()).toMatch(/^200 /);
    data.destroy();
  });

  test("QUIT is answered behind it", async () => {
    await using lab = await ftpLab();
    const client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    await client.say("STOR a");
    data.write("first ");
    client.socket.end("QUIT\r\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(client.unread).toBe("");
    data.end("second");
    data.resume();
    expect(await client.reply()).toMatch(/^226 /);
    expect(await client.reply()).toMatch(/^221 /);
    expect(await client.reply()).toBe("<end>");
    expect(await stored(lab, "/a")).toBe("first second");
  });

  test("REIN and USER change who is logged in, and the transfer goes on as it began", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    for (const [command, code] of [
      ["REIN", 220],
      ["USER foo", 331],
    ] as const) {
      await using client = await Dialogue.loggedIn(lab);
      const data = await client.passive();
      await client.say("RETR large");
      expect(await client.code(command)).toBe(code);
      expect(await client.code("TYPE A")).toBe(530);
      expect((await buffer(data)).length).toBe(LARGE.length);
      expect(await client.reply()).toMatch(/^226 /);
      expect(await client.code("SIZE large")).toBe(530);
      data.destroy();
    }
  });
});

test("a transfer that is refused amid another one leaves that one alone", async () => {
  await using lab = await ftpLab({ files: { "/large": LARGE } });
  await using client = await Dialogue.loggedIn(lab);
  const data = await client.passive();
  await client.say("RETR large");
  await client.say("USER foo");
  expect(await client.code("LIST")).toBe(530);
  expect(await client.say("STAT")).toContain(" bytes sent so far");
  await client.say("PASS bar");
  expect(await client.code("ABOR")).toBe(426);
  expect(await client.reply()).toMatch(/^226 /);
  data.destroy();
});

describe("a torn transfer", () => {
  test("leaves the old file whole when the data connection is reset", async () => {
    await using lab = await ftpLab({ files: { "/a": "old" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const command of ["STOR a", "APPE a", "STOU", "STOR new"]) {
      const data = await client.passive();
      await client.say(command);
      data.write("half of it");
      await client.moved(10);
      data.resetAndDestroy();
      expect(await client.reply(), command).toMatch(/^426 /);
    }
    expect(await stored(lab, "/a")).toBe("old");
    expect((await lab.store.list("/")).map(({ name }) => name)).toEqual(["a"]);
    expect(await client.upload("STOR a", "new")).toMatch(/^226 /);
  });

  test.each([1, 5000, 50_000])(
    "is not taken for a whole one where the RST comes in one breath with %i bytes",
    async (bytes) => {
      await using lab = await ftpLab({ files: { "/a": "old" } });
      await using client = await Dialogue.loggedIn(lab);
      for (const type of ["TYPE I", "TYPE A"]) {
        await client.say(type);
        for (const command of ["STOR a", "APPE a", "STOR new"]) {
          const data = await client.passive();
          await client.say(command);
          data.write(Buffer.alloc(bytes, "x"));
          data.resetAndDestroy();
          expect(await client.reply(), `${type}, ${command}`).toMatch(/^426 /);
        }
      }
      expect(await stored(lab, "/a")).toBe("old");
      expect((await lab.store.list("/")).map(({ name }) => name)).toEqual(["a"]);
    },
  );

  test.each([
    ["reset", (client: Dialogue) => client.socket.resetAndDestroy()],
    ["closed", (client: Dialogue) => client.socket.destroy()],
    ["half-closed without QUIT", (client: Dialogue) => client.socket.end()],
  ])("leaves the old file whole when the control connection is %s", async (_how, lose) => {
    await using lab = await ftpLab({ files: { "/a": "old" } });
    const client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    data.on("error", () => {});
    await client.say("STOR a");
    data.write("half of it");
    await client.moved(10);
    const torn = lab.events.next("transfer", { complete: false });
    lose(client);
    await torn;
    expect(await stored(lab, "/a")).toBe("old");
    data.destroy();
    client.socket.destroy();
  });

  test.each([
    ["resets its control connection", (client: Dialogue) => client.socket.resetAndDestroy()],
    ["closes its control connection", (client: Dialogue) => client.socket.end()],
    ["does so a moment later", (client: Dialogue) => void setTimeout(() => client.socket.end(), 1)],
  ])(
    "is not taken for a whole one when the client dies, which ends its data connection and %s",
    async (_how, lose) => {
      await using lab = await ftpLab({ files: { "/a": "old" } });
      for (let round = 0; round < 10; round += 1) {
        const client = await Dialogue.loggedIn(lab);
        const data = await client.passive();
        await client.say("STOR a");
        if (round % 2 === 0) data.write(Buffer.alloc(16_384, "half of it"));
        const over = lab.events.next("transfer");
        data.end();
        lose(client);
        expect(await over).toMatchObject({ complete: false });
        data.destroy();
        client.socket.destroy();
      }
      expect(await stored(lab, "/a")).toBe("old");
    },
  );

  test("of a download costs that download only", async () => {
    await using lab = await ftpLab({ files: { "/large": LARGE } });
    await using client = await Dialogue.loggedIn(lab);
    const data = await client.passive();
    await client.say("RETR large");
    await once(data, "readable");
    data.resetAndDestroy();
    expect(await client.reply()).toMatch(/^426 /);
    expect(await client.code("SIZE large")).toBe(213);
  });
});

test("a reset at any moment hurts its own session only", async () => {
  await using lab = await ftpLab({ files: { "/large": LARGE, "/a": "1" } });
  await using witness = await Dialogue.loggedIn(lab);
  await using silent = await new Promise<{ port: number } & AsyncDisposable>((resolve) => {
    const server = createServer(() => {});
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      resolve({ port, [Symbol.asyncDispose]: async () => void server.close() });
    });
  });
  const states: Record<string, (client: Dialogue) => Promise<unknown>> = {
    greeted: async () => {},
    "USER sent": async (client) => client.write("USER foo\r\n"),
    "in a line": async (client) => client.write("USER f"),
    "failed login": async (client) => client.write("USER foo\r\nPASS x\r\n"),
    passive: async (client) => client.write("USER foo\r\nPASS bar\r\nEPSV\r\n"),
    "waiting for data": async (client) => client.write("USER foo\r\nPASS bar\r\nEPSV\r\nRETR large\r\n"),
    dialling: async (client) =>
      client.write(`USER foo\r\nPASS bar\r\nEPRT |1|127.0.0.1|${silent.port}|\r\nSTOR b\r\n`),
    downloading: async (client) => {
      await client.say("USER foo");
      await client.say("PASS bar");
      const data = await client.passive();
      data.on("error", () => {});
      await client.say("RETR large");
      setImmediate(() => data.resetAndDestroy());
    },
    quitting: async (client) => client.write("QUIT\r\n"),
  };
  for (const [state, reach] of Object.entries(states)) {
    for (const delay of [0, 3]) {
      const client = await Dialogue.greeted(lab.servers.files);
      await reach(client);
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      client.socket.resetAndDestroy();
      expect((await witness.download("RETR a")).text, state).toBe("1");
    }
  }
  expect(await stored(lab, "/b")).toBeUndefined();
});
