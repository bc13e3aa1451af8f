import { mkdtempSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { type Script, type ScriptSource, type ScriptStep, startLab, tcp } from "../../index.ts";
import { clientTest, run } from "../clients.ts";

/** A lab whose server plays a script, and clients that connect to it. */
async function playing(script: ScriptSource) {
  const lab = await startLab({ one: tcp({ script }) });
  const { host, port } = lab.servers.one;
  const dial = (): Socket => connect({ host, port, allowHalfOpen: true, noDelay: true });
  return {
    lab,
    host,
    port: `${port}`,
    one: lab.servers.one,
    dial,
    /** Sends something and ends; answers all that came. */
    say: (words: string | Uint8Array): Promise<string> => text(dial().end(words)),
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

/** What a client is told that sends words to a script; empty where they fit. */
async function mismatchOf(script: ScriptSource, words: string | Uint8Array): Promise<string> {
  await using server = await playing(script);
  await server.say(words);
  return server.one.mismatches()[0]?.message ?? "";
}

const POP: readonly ScriptStep[] = [
  { send: "+OK ready\n" },
  { expect: "USER ann" },
  { send: "+OK\n" },
  { expect: /^PASS \w+$/ },
  { send: "+OK 2 messages\n" },
  { expect: "QUIT" },
  { send: "+OK bye\n" },
  { end: "fin" },
];

describe("a conversation as it is written", () => {
  test("is held, however the client's bytes are cut", async () => {
    await using server = await playing(POP);
    const client = server.dial();
    const said = text(client);
    for (const byte of "USER ann\r\nPASS x\nQUIT\n") {
      client.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await said).toBe("+OK ready\n+OK\n+OK 2 messages\n+OK bye\n");
    client.destroy();
    await server.one.played();
    expect(server.one.mismatches()).toEqual([]);
    expect(String(server.lab.transcript)).toMatchInlineSnapshot(`
      "one#1 opened
      one#1 < +OK ready
      one#1 > USER ann\\r\\n (10 bytes)
      one#1 < +OK
      one#1 > PASS x\\n (7 bytes)
      one#1 < +OK 2 messages
      one#1 > QUIT\\n (5 bytes)
      one#1 < +OK bye"
    `);
  });

  test("all at once, and again with the next client", async () => {
    await using server = await playing(POP);
    for (let count = 0; count < 3; count += 1)
      expect(await server.say("USER ann\nPASS x\nQUIT\n")).toMatch(/bye\n$/);
    await server.one.played(3);
  });

  test("bytes, in any way they are written", async () => {
    const script: readonly ScriptStep[] = [
      { expect: { hex: "00 ff" } },
      { expect: new Uint8Array([1]) },
      { expect: { base64: "AgM=" } },
      { expect: { text: "grün" } },
      { expect: { bytes: 3 } },
      { send: { hex: "00 01 FE" } },
      { send: { base64: "/w==" } },
      { send: new Uint8Array([10]) },
      { end: "fin" },
    ];
    await using server = await playing(script);
    const client = server.dial();
    client.write(Buffer.concat([Buffer.from([0, 255, 1, 2, 3]), Buffer.from("grünxyz")]));
    expect(Buffer.concat(await client.toArray())).toEqual(Buffer.from([0, 1, 254, 255, 10]));
    client.destroy();
    await server.one.played();
  });

  test("what a pattern has found can be said again", async () => {
    await using server = await playing([{ expect: "/get (\\w+)( now)?/i" }, { send: "$1=$1!$2 ($0)\n" }]);
    expect(await server.say("GET x1\n")).toBe("x1=x1! (GET x1)\n");
    await using plain = await playing([{ expect: "x" }, { send: "$1 costs $0" }]);
    expect(await plain.say("x\n")).toBe("$1 costs $0");
  });

  test("a pattern that would go on where it was begins anew", async () => {
    await using server = await playing([{ repeat: [{ expect: /a(b)/g }, { send: "$1" }], times: 2 }]);
    expect(await server.say("ab\nab\n")).toBe("bb");
  });

  test("a wait is one, and ends with its client", async () => {
    await using server = await playing([{ wait: 60 }, { send: "late" }]);
    const began = performance.now();
    expect(await server.say("")).toBe("late");
    expect(performance.now() - began).toBeGreaterThan(55);
    await using slow = await playing([{ wait: 60_000 }]);
    const opened = slow.lab.events.next("opened");
    const client = slow.dial();
    await opened;
    const closed = slow.lab.events.next("closed");
    client.resetAndDestroy();
    await closed;
    expect(slow.one.mismatches()).toEqual([]);
  });

  test("an end by reset", async () => {
    await using server = await playing([{ expect: "x" }, { end: "rst" }]);
    await expect(text(server.dial().end("x\n"))).rejects.toMatchObject({ code: "ECONNRESET" });
    await server.one.played();
  });
});

describe("repeats", () => {
  const echo: readonly ScriptStep[] = [
    { repeat: [{ expect: /^ECHO (.*)$/ }, { send: "$1\n" }], times: 2 },
    { send: "." },
  ];

  test("so many times", async () => {
    await using server = await playing(echo);
    expect(await server.say("ECHO a\nECHO b\n")).toBe("a\nb\n.");
    expect(await mismatchOf(echo, "ECHO a\n")).toContain(
      "Step 1.1 of the script: expected /^ECHO (.*)$/, but the client has ended",
    );
  });

  const loop: readonly ScriptStep[] = [
    { send: "> " },
    { repeat: [{ expect: "PING" }, { repeat: [{ send: "PONG\n" }], times: 2 }] },
    { expect: "QUIT" },
    { send: "bye\n" },
  ];

  test("as often as the client begins them", async () => {
    await using server = await playing(loop);
    expect(await server.say("QUIT\n")).toBe("> bye\n");
    expect(await server.say("PING\nPING\nQUIT\n")).toBe("> PONG\nPONG\nPONG\nPONG\nbye\n");
    await server.one.played(2);
    expect(await mismatchOf(loop, "PING\nPONG\n")).toContain(
      'Step 3 of the script: expected "PING" or "QUIT", but "PONG\\n" came.',
    );
    expect(await mismatchOf(loop, "PING\n")).toContain(
      'expected "PING" or "QUIT", but the client has ended its side',
    );
  });

  test("to the end of the client", async () => {
    const endless: readonly ScriptStep[] = [{ repeat: [{ expect: { hex: "01" } }, { send: "." }] }];
    await using server = await playing(endless);
    expect(await server.say(new Uint8Array([1, 1, 1]))).toBe("...");
    await server.one.played();
    expect(await mismatchOf(endless, new Uint8Array([1, 2]))).toContain(
      "expected hex 01 or the end, but hex 02 came",
    );
  });

  test("within one another", async () => {
    const nested: readonly ScriptStep[] = [
      {
        repeat: [{ expect: "BEGIN" }, { repeat: [{ expect: /^\d+$/ }, { send: "$0;" }] }, { expect: "END" }],
      },
      { send: "." },
    ];
    await using server = await playing(nested);
    expect(await server.say("BEGIN\n1\n2\nEND\nBEGIN\nEND\n")).toBe("1;2;.");
    await server.one.played();
    expect(await mismatchOf(nested, "BEGIN\n1\nBEGIN\n")).toContain(
      'Step 1.3 of the script: expected /^\\d+$/ or "END", but "BEGIN\\n" came.',
    );
  });
});

describe("a mismatch", () => {
  test("tells what was expected, what came, and the conversation so far: to the client, to observers, to the author", async () => {
    await using server = await playing(POP);
    const failed = server.lab.events.next("error");
    const said = await server.say("USER ann\nPASS two words\n");
    const { code, message, connection } = await failed;
    expect(code).toBe("MISMATCH");
    expect(said).toBe(`+OK ready\n+OK\n${message}\n`);
    expect(message).toMatchInlineSnapshot(`
      "Step 4 of the script: expected /^PASS \\w+$/, but "PASS two words\\n" came. The conversation so far:
        < "+OK ready\\n"
        > "USER ann\\n"
        < "+OK\\n""
    `);
    expect(server.one.mismatches()).toEqual([{ connection, message }]);
    await expect(server.one.played()).rejects.toMatchObject({ code: "MISMATCH", message });
  });

  test.each([
    [[{ expect: "a" }], "b\n", 'Step 1 of the script: expected "a", but "b\\n" came.'],
    [[{ expect: "a" }], "", 'expected "a", but the client has ended its side.'],
    [[{ expect: "/a|b/" }], "ab\n", 'expected "/a|b/", but "ab\\n" came.'],
    [[{ expect: { text: "hello" } }], "help", 'expected "hello", but "help" came.'],
    [
      [{ expect: { text: "hello" } }],
      "hel",
      'expected "hello", but "hel" came, and then the client has ended its side.',
    ],
    [
      [{ expect: { bytes: 4 } }],
      "\0\x01",
      "expected 4 bytes, but hex 00 01 came, and then the client has ended its side.",
    ],
    [[{ expect: "a" }], "a\nmore", 'The end of the script: expected nothing more, but "more" came.'],
    [[{ expect: "a" }], `${"x".repeat(100_000)}\n`, "(65536 bytes) without a line's end came."],
    [[{ expect: /^x+$/ }, { expect: /^x+$/ }], `${"x".repeat(100_000)}\n`, "without a line's end came."],
  ] satisfies [ScriptStep[], string, string][])("%j of %j", async (script, words, told) => {
    expect(await mismatchOf(script, words)).toContain(told);
  });

  test("of bytes is found with the first wrong one", async () => {
    await using server = await playing([{ expect: { text: "hello" } }]);
    const client = server.dial();
    client.write("hex");
    expect(await text(client)).toContain('expected "hello", but "hex" came.');
    client.destroy();
  });

  test.each([
    ["close", ""],
    ["reset", "ECONNRESET"],
  ] as const)("%s says nothing", async (mismatch, outcome) => {
    await using server = await playing({ steps: [{ expect: "a" }], mismatch });
    expect(await server.say("b\n").catch((error) => error.code)).toBe(outcome);
    expect(server.one.mismatches().length).toBe(1);
  });

  test("is none where the lab has ended the conversation, or a fault", async () => {
    await using server = await playing([{ expect: "a" }]);
    const client = server.dial().resume();
    client.on("end", () => client.end()).on("error", () => {});
    await server.lab.events.next("opened");
    await server.lab.reset();
    server.lab.faults.add({ times: 1, fault: { kind: "reset", afterBytes: 1, direction: "in" } });
    const closed = server.lab.events.next("closed");
    const struck = server.dial().on("error", () => {});
    struck.write("aaa");
    expect((await closed).reason).toBe("fault");
    const last = server.dial().resume();
    last.on("end", () => last.end());
    await server.lab.events.next("opened");
    await server.lab.stop();
    expect(server.one.mismatches()).toEqual([]);
    expect(server.lab.transcript.find("error")).toBeUndefined();
  });
});

describe("line ends", () => {
  const steps: readonly ScriptStep[] = [{ expect: "HELO x" }, { send: "250 ok\nbye\n" }];

  test("either is taken, and the last line needs none", async () => {
    for (const words of ["HELO x\n", "HELO x\r\n", "HELO x"]) {
      await using server = await playing(steps);
      expect(await server.say(words)).toBe("250 ok\nbye\n");
    }
  });

  test.each([
    ["\r\n", "HELO x\r\n", "HELO x\n"],
    ["\n", "HELO x\n", "HELO x\r\n"],
    ["\r\n", "HELO x\r\n", "HELO x"],
  ] as const)("%j is held to", async (lineEnd, right, wrong) => {
    await using server = await playing({ steps, lineEnd });
    expect(await server.say(right)).toBe(`250 ok${lineEnd}bye${lineEnd}`);
    expect(await server.say(wrong)).toContain(`expected "HELO x", but ${JSON.stringify(wrong)} came.`);
  });
});

describe("shared progress", () => {
  const script: Script = {
    progress: "shared",
    steps: [
      { send: "1" },
      { expect: "a" },
      { send: "2" },
      { end: "fin" },
      { send: "3" },
      { expect: "b" },
      { send: "4" },
    ],
  };

  test("goes on with the next connection", async () => {
    await using server = await playing(script);
    expect(await server.say("")).toBe("1");
    expect(await server.say("a\n")).toBe("2");
    expect(await server.say("b\n")).toBe("34");
    await server.one.played();
    expect(await server.say("")).toBe("");
    expect(server.one.mismatches()).toEqual([]);
    expect(await server.say("more")).toContain('expected nothing more, but "more" came');
    await server.lab.reset();
    expect(await server.say("")).toBe("1");
    expect(server.one.mismatches()).toEqual([]);
  });

  test("one connection waits for the other", async () => {
    await using server = await playing(script);
    const greeted = server.lab.events.next("reply", { text: "1" });
    const first = server.dial();
    await greeted;
    const second = server.say("b\n");
    first.write("a\n");
    expect(await text(first)).toBe("12");
    first.destroy();
    expect(await second).toBe("34");
  });
});

describe("waiting for the end", () => {
  test("says where the script stands", async () => {
    await using server = await playing(POP);
    await expect(server.one.played(1, 1)).rejects.toMatchObject({
      code: "TIMED_OUT",
      message: "The script of one was not played within 1 ms; it was played 0 times, and nobody has come.",
    });
    const client = server.dial();
    client.write("USER ann\n");
    await server.lab.events.next("reply", { text: "+OK\n" });
    await expect(server.one.played(2, 1)).rejects.toThrow(
      "was not played 2 times within 1 ms; it was played 0 times, and c1 was waited for last, to send /^PASS \\w+$/ (step 4).",
    );
    const waiting = server.one.played();
    client.destroy();
    await expect(waiting).rejects.toThrow("the client has ended its side");
  });

  test("ends with the lab", async () => {
    await using server = await playing(POP);
    const waiting = server.one.played();
    await server.lab.stop();
    await expect(waiting).rejects.toMatchObject({ code: "STOPPED" });
  });

  test("a reset begins anew", async () => {
    await using server = await playing(POP);
    await server.say("wrong\n");
    await server.lab.reset();
    expect(server.one.mismatches()).toEqual([]);
    await server.say("USER ann\nPASS x\nQUIT\n");
    await server.one.played();
  });
});

describe("faults and limits", () => {
  test("what is sent as text is a reply that rules may change", async () => {
    await using server = await playing(POP);
    server.lab.faults.add({ times: 1, fault: { kind: "reply", with: { text: "-ERR\n" } } });
    expect(await server.say("USER ann\nPASS x\nQUIT\n")).toBe("-ERR\n+OK\n+OK 2 messages\n+OK bye\n");
  });

  test("a client that sends more than is expected is not read for ever", async () => {
    await using server = await playing([{ wait: 60_000 }]);
    const client = server.dial().on("error", () => {});
    const chunk = Buffer.alloc(1_000_000);
    for (let sent = 0; sent < 30; sent += 1) client.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // The two kernels' buffers take a few megabytes; the rest waits here, and not in the server.
    expect(client.writableLength).toBeGreaterThan(10_000_000);
    client.destroy();
  });

  test("a script without end ends with its client, and with its lab", async () => {
    await using server = await playing([{ repeat: [{ send: "x" }], times: 1e12 }]);
    const client = server.dial();
    await new Promise((resolve) => client.once("data", resolve));
    const closed = server.lab.events.next("closed");
    client.resetAndDestroy();
    await closed;
    const other = server
      .dial()
      .resume()
      .on("error", () => {});
    await server.lab.events.next("opened");
    await server.lab.stop({ grace: 50 });
    other.destroy();
  });

  test("a client that is gone before the last words has played its part, if it has nothing more to say", async () => {
    await using server = await playing([
      { expect: "QUIT" },
      { wait: 30 },
      { repeat: [{ send: "bye" }], times: 50 },
    ]);
    const client = server.dial();
    const heard = server.lab.events.next("frame");
    client.write("QUIT\n");
    await heard;
    client.destroy();
    await server.one.played();
  });

  test("a client that reads nothing is waited for", async () => {
    await using server = await playing([
      { repeat: [{ send: { text: "x".repeat(100_000) } }], times: 1000 },
      { end: "fin" },
    ]);
    const before = process.memoryUsage.rss();
    const client = server.dial().pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    let got = 0;
    for await (const chunk of client) {
      got += chunk.length;
      // More than the kernels have had in hand.
      if (got > 20_000_000) break;
    }
  });
});

describe("files", () => {
  const file = (name: string, content: string) => {
    const path = join(mkdtempSync(join(tmpdir(), "lab-")), name);
    writeFileSync(path, content);
    return path;
  };

  test("JSON, and a module", async () => {
    const json = file("script.json", '{"lineEnd":"\\r\\n","steps":[{"expect":"/x (.)/"},{"send":"$1\\n"}]}');
    const module = file("script.mjs", "export default [{ expect: /x (.)/ }, { send: '$1\\r\\n' }];");
    for (const path of [json, module]) {
      await using server = await playing(path);
      expect(await server.say("x y\r\n")).toBe("y\r\n");
    }
  });

  test.each([
    ["/no/such/script.json", "The script file /no/such/script.json cannot be read"],
    [file("broken.json", "["), "cannot be read"],
    [
      file("wrong.json", '[{"say":"x"}]'),
      "wrong.json.steps[0] must be a step: send, expect, wait, repeat, end.",
    ],
  ])("%s is refused", async (path, why) => {
    await expect(playing(path)).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining(why),
    });
  });
});

describe("what could not be played is refused when it is started", () => {
  test.each([
    [[], "one.script.steps must be a list that is not empty"],
    [{}, 'one.script needs "steps"'],
    [{ steps: [{ send: "x" }], line: "\n" }, 'knows no "line"'],
    [{ steps: [{ send: "x" }], lineEnd: "\r" }, 'must be "\\n" or "\\r\\n"'],
    [[{ send: 5 }], "one.script.steps[0].send must be a text, or an object with text, hex or base64"],
    [[{ send: { hex: "0" } }], "must be bytes of two hexadecimal digits each"],
    [[{ send: { base64: "?" } }], "must be base64"],
    [[{ send: "x", expect: "y" }], "is one step, and cannot have send and expect"],
    [[{ expect: { bytes: 0 } }], "must be a whole number above 0"],
    [[{ expect: { text: "" } }], "must have a byte at least"],
    [[{ expect: "/(/" }], "Unterminated group"],
    [[{ wait: -1 }], "must be a whole number"],
    [[{ end: "now" }], "must be fin or rst"],
    [[{ repeat: [{ send: "x" }] }], "it would never end"],
    [[{ repeat: [{ expect: "x" }, { repeat: [{ wait: 1 }] }] }], "it would never end"],
    [[{ repeat: [{ send: "x" }], times: 0 }], "must be a whole number above 0"],
    [[{ end: "fin" }, { send: "x" }], "they need progress: shared"],
    [[{ repeat: [{ end: "fin" }], times: 2 }], "they need progress: shared"],
  ])("%j", async (script, why) => {
    await expect(playing(script as unknown as ScriptSource)).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining(why),
    });
  });

  test("a behaviour beside it", async () => {
    await expect(startLab({ one: tcp({ script: POP, behaviour: "echo" }) })).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: "one has a behaviour and a script: give one of them.",
    });
  });
});

describe("real clients", () => {
  clientTest("nc", "the whole conversation", async () => {
    await using server = await playing({ steps: POP, lineEnd: "\r\n" });
    const words = "USER ann\r\nPASS x\r\nQUIT\r\n";
    const { stdout } = await run("nc", ["-N", server.host, server.port], { input: words });
    expect(stdout).toBe("+OK ready\r\n+OK\r\n+OK 2 messages\r\n+OK bye\r\n");
  });

  clientTest("python3", "poplib logs in, counts and quits", async () => {
    const steps: readonly ScriptStep[] = [
      { send: "+OK ready\n" },
      { expect: /^USER (\w+)$/ },
      { send: "+OK $1\n" },
      { expect: /^PASS / },
      { send: "+OK\n" },
      { expect: "STAT" },
      { send: "+OK 2 320\n" },
      { expect: "QUIT" },
      { send: "+OK bye\n" },
    ];
    await using server = await playing({ steps, lineEnd: "\r\n" });
    const program = `
import poplib
box = poplib.POP3("${server.host}", ${server.port}, timeout=10)
box.user("ann")
box.pass_("secret")
print(box.stat())
box.quit()
`;
    expect(await run("python3", ["-c", program])).toMatchObject({ stdout: "(2, 320)\n", stderr: "" });
    await server.one.played();
    expect(server.one.mismatches()).toEqual([]);
  });
});
