import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Device, startLab, telnet } from "../../index.ts";
import { DO, DONT, ECHO, IAC, OFFERS, RawClient, WILL, WONT } from "./dialogue.ts";

async function facing(device: Device | string, options: Parameters<typeof startLab>[1] = {}) {
  const lab = await startLab({ box: telnet({ device }) }, options);
  const client = new RawClient(lab.servers.box);
  return {
    lab,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await lab.stop();
    },
  };
}

describe("what is on the wire", () => {
  test("is banner and prompt to the byte, behind the offers", async () => {
    await using box = await facing({ banner: "Hi\n", prompt: "\r\x1b[Kbox$" });
    expect(await box.client.read("box$")).toBe(`${OFFERS.toString("latin1")}Hi\r\n\r\x1b[Kbox$`);
  });

  test("is not a word of negotiation from a device that proposes none, and answers from it all the same", async () => {
    await using box = await facing({ prompt: "$ ", negotiation: "passive", commands: { a: "b" } });
    expect(await box.client.read("$ ")).toBe("$ ");
    box.client.send([IAC, DO, 200], [IAC, DO, ECHO], "a\r\n");
    expect(await box.client.read("$ ")).toBe(
      `${Buffer.from([IAC, WONT, 200, IAC, WILL, ECHO]).toString("latin1")}a\r\nb\r\n$ `,
    );
  });

  test.each([
    ["\n", "one\ntwo\n> "],
    ["\n\r", "one\n\rtwo\n\r> "],
    ["\r\n", "one\r\ntwo\r\n> "],
  ])("has line ends as they are wished for: %j", async (lineEnd, answer) => {
    await using box = await facing({ lineEnd, negotiation: "passive", commands: { a: "one\ntwo" } });
    await box.client.read("> ");
    expect(await box.client.send("a\r\n").read("> ")).toBe(answer);
  });

  test.each([
    ["latin1", "grüße", "gr\xfc\xdfe"],
    ["cp437", "grüße ░", "gr\x81\xe1e \xb0"],
    ["utf-8", "ü", "\xc3\xbc"],
  ])("is in %s, both ways", async (charset, text, bytes) => {
    await using box = await facing({ charset, negotiation: "passive", commands: { [text]: `${text}!` } });
    await box.client.read("> ");
    box.client.send([...Buffer.from(`${bytes}\r\n`, "latin1")]);
    expect(await box.client.read("> ")).toBe(`${bytes}!\r\n> `);
  });

  test("comes slowly, in the pieces that are wished for", async () => {
    await using box = await facing({
      prompt: "$ ",
      negotiation: "passive",
      pace: { bytes: [1, 3], ms: 2 },
      commands: { a: "12345678", bye: { text: "gone", end: "fin" } },
    });
    const pieces: string[] = [];
    box.client.socket.on("data", (text: string) => pieces.push(text));
    await box.client.read("$ ");
    box.client.send("a\r\n");
    expect(await box.client.read("$ ")).toBe("12345678\r\n$ ");
    expect(pieces.length).toBeGreaterThan(3);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(10);
    expect(await box.client.send("bye\r\n").rest()).toBe("gone\r\n");
  });
});

describe("echo", () => {
  test("on: what is typed comes back when the client agrees, and not before", async () => {
    await using box = await facing({ commands: { a: "b" } });
    await box.client.read("> ");
    expect(await box.client.send("a\r\n").read("> ")).toBe("b\r\n> ");
    expect(await box.client.send([IAC, DO, ECHO], "a\r\n").read("> ")).toBe("a\r\nb\r\n> ");
  });

  test("always: whatever the client says", async () => {
    await using box = await facing({ echo: "always", commands: { a: "b" } });
    await box.client.read("> ");
    expect(await box.client.send([IAC, DONT, ECHO], "a\r\n").read("> ")).toBe("a\r\nb\r\n> ");
  });

  test("off: it is offered for the password alone", async () => {
    await using box = await facing({ echo: "off", login: { users: { ann: "pw" } } });
    const [will, wont] = [WILL, WONT].map((verb) => Buffer.from([IAC, verb, ECHO]).toString("latin1"));
    expect(await box.client.read("login: ")).not.toContain(will);
    expect(await box.client.send("ann\r\n").read("Password: ")).toBe(`${will}Password: `);
    box.client.send([IAC, DO, ECHO]);
    expect(await box.client.send("pw\r\n").read("> ")).toBe(`\r\n${wont}> `);
  });
});

describe("login", () => {
  const device: Device = { login: { users: { ann: "pw" }, pause: 1 }, welcome: "Hello.\n" };

  test("lets in who knows the password, and tells observers who that was", async () => {
    await using box = await facing(device);
    const login = box.lab.events.next("login");
    await box.client.read("login: ");
    await box.client.send("ann\r\n").read("Password: ");
    expect(await box.client.send("pw\r\n").read("> ")).toBe("Hello.\r\n> ");
    expect(await login).toMatchObject({ user: "ann", ok: true });
    expect(JSON.stringify([...box.lab.transcript])).not.toContain("pw");
  });

  test("ends after three tries", async () => {
    await using box = await facing(device);
    box.client.send("ann\r\nno\r\ntoString\r\nx\r\n\r\neve\r\npw\r\nann\r\npw\r\n");
    const text = await box.client.rest();
    expect(text.match(/Login incorrect/g)).toHaveLength(3);
    expect(text).not.toContain("Hello.");
  });

  test("takes the accounts of the lab where the device has none", async () => {
    const accounts = [{ name: "bob", password: "b" }];
    await using box = await facing({ login: {} }, { accounts });
    box.client.send("bob\r\nb\r\n");
    await box.client.read("> ");
  });
});

describe("commands", () => {
  test("are lines, patterns and functions, in this order", async () => {
    await using box = await facing({
      negotiation: "passive",
      commands: {
        "/show (\\S+)(?: (\\S+))?/i": "pattern $1/$2/$0",
        "show a": "line",
        fn: async ([line], { user, mode }) => `${line}/${user}/${mode}`,
        nothing: () => undefined,
        constructor: "own",
      },
      unknown: "? $0",
    });
    await box.client.read("> ");
    for (const [line, answer] of [
      ["show a", "line\r\n"],
      ["  show a  ", "line\r\n"],
      ["SHOW b c", "pattern b/c/SHOW b c\r\n"],
      ["show b", "pattern b//show b\r\n"],
      ["no show b", "? no show b\r\n"],
      ["fn", "fn//\r\n"],
      ["nothing", ""],
      ["", ""],
      ["constructor", "own\r\n"],
      ["toString", "? toString\r\n"],
    ]) {
      expect(await box.client.send(`${line}\r\n`).read("> ")).toBe(`${answer}> `);
    }
  });

  test("may be a key, which takes effect at once and gives up the line", async () => {
    await using box = await facing({
      prompt: "",
      modes: {
        config: { prompt: "(config)# ", commands: { "\u001a": { mode: "top" }, "\t": "?" } },
        top: { prompt: "# ", commands: { a: "b" } },
      },
    });
    await box.client.read("(config)# ");
    expect(await box.client.send("half\x1a").read("# ")).toBe("# ");
    // Here it is none.
    expect(await box.client.send("a\x1a", [IAC, 237], "\r\n").read("# ")).toBe("b\r\n# ");
    await using other = await facing({ commands: { "\u001a": "^Z it was", "\t": "?" } });
    await other.client.send([IAC, DO, ECHO]).read("> ");
    expect(await other.client.send("half\x1a").read("> ")).toBe("half^Z\r\n^Z it was\r\n> ");
    expect(await other.client.send("\t").read("> ")).toBe("^I\r\n?\r\n> ");
    expect(await other.client.send([IAC, 237]).read("> ")).toBe("^Z\r\n^Z it was\r\n> ");
  });

  test("may be Enter alone, for a console that waits for it", async () => {
    await using box = await facing({
      negotiation: "passive",
      banner: "Press RETURN to get started.\n",
      modes: {
        asleep: { prompt: "", commands: { "": { text: "Awake.", mode: "user" }, "/.+/": {} } },
        user: { prompt: "> " },
      },
    });
    expect(await box.client.send("hello\r\n\r\n").read("> ")).toBe(
      "Press RETURN to get started.\r\nAwake.\r\n> ",
    );
    expect(await box.client.send("\r\n").read("> ")).toBe("> ");
  });

  test("lead from mode to mode, each with a prompt and commands of its own", async () => {
    await using box = await facing({
      commands: { where: "anywhere" },
      modes: {
        user: {
          prompt: "sw>",
          commands: {
            enable: { ask: { prompt: "Password: ", answer: "s3cret", hidden: true }, mode: "enabled" },
          },
        },
        enabled: { prompt: "sw#", commands: { where: "here", disable: { mode: "user" } } },
      },
    });
    const { client } = box;
    await client.read("sw>");
    expect(await client.send("where\r\n").read("sw>")).toBe("anywhere\r\nsw>");
    await client.send("enable\r\n").read("Password: ");
    expect(await client.send("1\r\n2\r\n3\r\n").read("sw>")).toBe(
      "Password: Password: % Access denied\r\nsw>",
    );
    await client.send("enable\r\n").read("Password: ");
    expect(await client.send("s3cret\r\n").read("sw#")).toBe("sw#");
    expect(await client.send("where\r\n").read("sw#")).toBe("here\r\nsw#");
    await client.send("disable\r\n").read("sw>");
    expect(JSON.stringify([...box.lab.transcript])).not.toContain("s3cret");
    expect(box.lab.transcript.verbs()).toEqual(["where", "enable", "enable", "where", "disable"]);
  });

  test("end with FIN or RST, behind their text", async () => {
    const commands = { bye: { text: "Bye", end: "fin" }, crash: { text: "Guru", end: "rst" } } as const;
    await using box = await facing({ commands });
    await box.client.read("> ");
    expect(await box.client.send("bye\r\n").rest()).toBe("Bye\r\n");
    using other = new RawClient(box.lab.servers.box);
    const failed = new Promise((resolve) => other.socket.once("error", resolve));
    await other.read("> ");
    await other.send("crash\r\n").read("Guru\r\n");
    expect(await failed).toMatchObject({ code: "ECONNRESET" });
  });

  test("can be answered wrongly by a rule", async () => {
    await using box = await facing({ commands: { a: "right" } });
    box.lab.faults.add({ when: { verb: "a" }, fault: { kind: "reply", with: { text: "wrong" } } });
    await box.client.read("> ");
    expect(await box.client.send("a\r\n").read("> ")).toBe("wrong\r\n> ");
  });

  test.each([
    ["a mode that is not there", { mode: "nowhere" }, 'leads to the mode "nowhere"'],
    ["what is none", 7 as never, "must be an object"],
    ["a delay that no timer has", { delay: 2 ** 31 }, ".delay must be a whole number of milliseconds"],
  ])("that answer %s are told, and end their own session", async (_name, answer, why) => {
    await using box = await facing({ commands: { a: () => answer } });
    const told = box.lab.events.next("error");
    await box.client.read("> ");
    expect(await box.client.send("a\r\n").rest()).toContain(why);
    expect(await told).toMatchObject({ code: "BAD_OPTION", message: expect.stringContaining(why) });
  });

  test("that fail end their own session alone", async () => {
    await using box = await facing({
      commands: {
        fail: () => {
          throw new Error("no");
        },
        a: "b",
      },
    });
    using other = new RawClient(box.lab.servers.box);
    await other.read("> ");
    expect(await box.client.send("fail\r\n").rest()).toContain("This session has failed.");
    expect(await other.send("a\r\n").read("> ")).toBe("b\r\n> ");
  });
});

describe("paging", () => {
  const lines = Array.from({ length: 9 }, (_, index) => `line ${index + 1}`);
  const device: Device = {
    negotiation: "passive",
    paging: { rows: 4 },
    commands: { list: lines.join("\n"), "/length (\\d+)/": { rows: "$1" } },
  };
  const ERASE = `\r${" ".repeat(8)}\r`;

  test("Space is a page, Enter a line, and any other key the end", async () => {
    await using box = await facing(device);
    const { client } = box;
    await client.read("> ");
    const more = () => client.read("--More--");
    expect(await client.send("list\r\n").read("--More--")).toBe("line 1\r\nline 2\r\nline 3\r\n--More--");
    client.send(" ");
    expect(await more()).toBe(`${ERASE}line 4\r\nline 5\r\nline 6\r\n--More--`);
    client.send("\r\n");
    expect(await more()).toBe(`${ERASE}line 7\r\n--More--`);
    expect(await client.send("q").read("> ")).toBe(`${ERASE}> `);
  });

  test("a key may come with a line end behind it, as clients in line mode send it", async () => {
    await using box = await facing(device);
    await box.client.read("> ");
    await box.client.send("list\r\n").read("--More--");
    await box.client.send(" \r\n").read("--More--");
    expect(await box.client.send(" \r\n").read("> ")).toBe(`${ERASE}line 7\r\nline 8\r\nline 9\r\n> `);
  });

  test("can be switched off, and a client that has gone is not waited for", async () => {
    await using box = await facing(device);
    await box.client.read("> ");
    await box.client.send("length 0\r\n").read("> ");
    expect(await box.client.send("list\r\n").read("> ")).toContain("line 9\r\n> ");
    await box.client.send("length 4\r\n").read("> ");
    const closed = box.lab.events.next("closed");
    await box.client.send("list\r\n").read("--More--");
    box.client.socket.end();
    await box.client.rest();
    await closed;
  });
});

describe("a strict dialogue", () => {
  const dialogue: Device["dialogue"] = [
    { send: "login: " },
    { expect: "admin" },
    { send: "Password: " },
    { expect: "s3cret", hidden: true },
    { send: "sw> " },
    { expect: "/show .+/" },
    { send: "1 port\nsw> " },
    { expect: /^(exit|quit)$/ },
    { end: "fin" },
  ];

  test("goes through to its end where the client keeps to it", async () => {
    await using box = await facing({ dialogue, negotiation: "passive" });
    for (const line of ["admin", "s3cret", "show ports", "exit"]) box.client.send(`${line}\r\n`);
    expect(await box.client.rest()).toBe("login: Password: sw> 1 port\r\nsw> ");
    expect(box.lab.transcript.find("error")).toBeUndefined();
  });

  test("reports the first line that is another: what was expected, what came, and all before it", async () => {
    await using box = await facing({ dialogue, negotiation: "passive" });
    const reported = box.lab.events.next("error");
    for (const line of ["admin", "s3cret", "reload", "exit"]) box.client.send(`${line}\r\n`);
    const { code, message } = await reported;
    expect(code).toBe("MISMATCH");
    expect(message).toBe(
      [
        'Step 6 of the dialogue: expected "/show .+/", but "reload" came. The conversation so far:',
        '  < "login: "',
        '  > "admin"',
        '  < "Password: "',
        '  > "(hidden)"',
        '  < "sw> "',
      ].join("\n"),
    );
    expect(await box.client.rest()).toContain('but "reload" came');
  });

  test("may expect a key", async () => {
    const steps = [{ expect: "\u001a" }, { send: "left\n" }, { expect: "" }, { end: "fin" }] as const;
    await using box = await facing({ dialogue: steps });
    const reported = box.lab.events.next("error");
    box.client.send("conf\x1a\r\n");
    expect(await box.client.rest()).toMatch(/left\r\n$/);
    using other = new RawClient(box.lab.servers.box);
    other.send("exit\r\n");
    expect((await reported).message).toContain('Step 1 of the dialogue: expected "\\u001a", but "exit" came');
    await other.rest();
  });

  test("tells neither of two hidden lines that differ", async () => {
    await using box = await facing({ dialogue });
    const reported = box.lab.events.next("error");
    box.client.send("admin\r\nwr0ng\r\n");
    expect((await reported).message).toContain("expected a hidden line, but another one came");
    expect(JSON.stringify([...box.lab.transcript])).not.toMatch(/s3cret|wr0ng/);
  });

  test.each([
    [
      "that ends too early",
      "admin\r\n",
      "Step 4 of the dialogue: expected a hidden line, but the client has ended",
    ],
    ["that goes on", "a\r\nb\r\n", 'Step 2 of the dialogue: expected the end, but "b" came'],
  ])("reports a client %s", async (_name, sent, message) => {
    await using box = await facing({ dialogue: sent.startsWith("admin") ? dialogue : [{ expect: "a" }] });
    const reported = box.lab.events.next("error");
    box.client.send(sent);
    box.client.socket.end();
    expect((await reported).message).toContain(message);
  });
});

describe("a description", () => {
  test.each([
    [{ promt: "x" }, 'device knows no "promt"; it may have banner'],
    [{ login: { tries: 0 } }, "device.login.tries must be a whole number above 0"],
    [{ charset: "klingon" }, 'device: there is no character set "klingon"'],
    [{ echo: "maybe" }, "device.echo must be on or off or always"],
    [{ modes: { user: {} } }, 'device.modes["user"] needs "prompt"'],
    [{ commands: { go: { mode: "there" } } }, 'device: "go" leads to the mode "there"'],
    [{ commands: { "/(/": "x" } }, "device.commands: Invalid regular expression"],
    [{ commands: { a: 7 } }, 'device.commands["a"] must be an object'],
    [{ dialogue: [] }, "device.dialogue must be a list that is not empty"],
    [{ dialogue: [{ say: "x" }] }, "device.dialogue[0] must be a step"],
    [{ dialogue: [{ send: "x" }], prompt: "$" }, "device: a device with a dialogue has no prompt"],
    ["nowhere.json", "The device file nowhere.json cannot be read: ENOENT"],
  ])("that is wrong is refused: %j", async (device, message) => {
    await expect(startLab({ box: telnet({ device: device as Device }) })).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining(message),
    });
  });

  test("is given alone", () => {
    expect(() => telnet({ device: {}, shell: {} })).toThrow("give one of shell, session and device");
  });

  test("may be a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wirelab-device-"));
    const path = join(folder, "box.json");
    writeFileSync(path, JSON.stringify({ prompt: "from a file$" }));
    await using box = await facing(path);
    await box.client.read("from a file$");
    rmSync(folder, { recursive: true });
  });
});
