import { describe, expect, test } from "vitest";
import { type ScriptSource, type ScriptStep, startLab, udp } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { Peer } from "../udp/dialogue.ts";

async function playing(script: ScriptSource) {
  const lab = await startLab({ one: udp({ script }) });
  return { lab, one: lab.servers.one, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
}

const STEPS: readonly ScriptStep[] = [
  { expect: /^HELLO (\w+)$/ },
  { send: "WELCOME $1" },
  { expect: { hex: "00 01" } },
  { send: { hex: "ff" } },
  { send: "bye\n" },
];

describe("a conversation over UDP", () => {
  test("is held with each peer, datagram by datagram, and begins anew", async () => {
    await using server = await playing(STEPS);
    using ann = await Peer.of(server.one);
    using bob = await Peer.of(server.one);
    for (let round = 0; round < 2; round += 1) {
      expect(await ann.ask("HELLO ann\n")).toBe("WELCOME ann");
      expect(await bob.ask("HELLO bob")).toBe("WELCOME bob");
      for (const peer of [bob, ann]) {
        await peer.send(Buffer.from([0, 1]));
        expect([await peer.receive(), await peer.receive()]).toEqual([
          Buffer.from([255]),
          Buffer.from("bye\n"),
        ]);
      }
    }
    await server.one.played(4);
    expect(server.one.mismatches()).toEqual([]);
  });

  test("the empty datagram, and one of so many bytes", async () => {
    await using server = await playing([
      { expect: "" },
      { send: "0" },
      { expect: { bytes: 3 } },
      { send: "3" },
    ]);
    using peer = await Peer.of(server.one);
    expect([await peer.ask(""), await peer.ask("abc")]).toEqual(["0", "3"]);
  });

  test("what comes during a wait is not lost", async () => {
    await using server = await playing([{ expect: "a" }, { wait: 50 }, { expect: "b" }, { send: "ok" }]);
    using peer = await Peer.of(server.one);
    await peer.send("a");
    expect(await peer.ask("b")).toBe("ok");
  });

  test("shared progress: one conversation with all peers", async () => {
    const steps: readonly ScriptStep[] = [{ expect: "a" }, { send: "1" }, { expect: "b" }, { send: "2" }];
    await using server = await playing({ steps, progress: "shared" });
    using first = await Peer.of(server.one);
    using second = await Peer.of(server.one);
    expect([await first.ask("a"), await second.ask("b")]).toEqual(["1", "2"]);
    await server.one.played();
    expect(await first.ask("c")).toContain('The end of the script: expected nothing more, but "c" came.');
    await server.lab.reset();
    expect(await second.ask("a")).toBe("1");
  });

  test("an endless repeat", async () => {
    await using server = await playing([
      { repeat: [{ expect: "PING" }, { send: "PONG" }] },
      { expect: "QUIT" },
      { send: "bye" },
    ]);
    using peer = await Peer.of(server.one);
    expect([await peer.ask("PING"), await peer.ask("PING"), await peer.ask("QUIT")]).toEqual([
      "PONG",
      "PONG",
      "bye",
    ]);
    await server.one.played();
    expect(await peer.ask("STOP")).toContain(
      'Step 2 of the script: expected "PING" or "QUIT", but "STOP" came.',
    );
  });
});

describe("a mismatch over UDP", () => {
  test("is told to the peer, to observers and to the author, and the conversation begins anew", async () => {
    await using server = await playing(STEPS);
    using peer = await Peer.of(server.one);
    const failed = server.lab.events.next("error");
    await peer.ask("HELLO ann");
    const told = await peer.ask(Buffer.from([0, 2]));
    const { code, message, connection } = await failed;
    expect([code, told]).toEqual(["MISMATCH", `${message}\n`]);
    expect(message).toContain("Step 3 of the script: expected hex 00 01, but hex 00 02 came.");
    expect(server.one.mismatches()).toEqual([{ connection, message }]);
    expect(await peer.ask("HELLO ann")).toBe("WELCOME ann");
    await expect(server.one.played()).rejects.toMatchObject({ code: "MISMATCH" });
  });

  test.each([
    [{ expect: { text: "hello" } }, "hell", 'expected "hello", but "hell" came'],
    [{ expect: { text: "hello" } }, "hello!", 'expected "hello", but "hello!" came'],
    [{ expect: { bytes: 3 } }, "four", 'expected 3 bytes, but "four" came'],
    [{ expect: { bytes: 3 } }, "", 'expected 3 bytes, but "" came'],
    [{ expect: "hello" }, "hello\nyou", 'expected "hello", but "hello\\nyou" came'],
  ] satisfies [ScriptStep, string, string][])("%j of %j", async (step, words, told) => {
    await using server = await playing([step]);
    using peer = await Peer.of(server.one);
    expect(await peer.ask(words)).toContain(told);
  });

  test("says nothing where that is wanted", async () => {
    await using server = await playing({ steps: [{ expect: "a" }, { send: "ok" }], mismatch: "close" });
    using peer = await Peer.of(server.one);
    await peer.send("b");
    expect(await peer.ask("a")).toBe("ok");
    expect(server.one.mismatches().length).toBe(1);
  });
});

describe("a script that could not be played", () => {
  test.each([
    [[{ send: "x" }, { expect: "y" }], "over UDP the client speaks first"],
    [[{ repeat: [{ wait: 1 }, { expect: "y" }] }], "over UDP the client speaks first"],
    [[{ expect: "y" }, { end: "fin" }], "there is no end of UDP"],
  ] satisfies [ScriptStep[], string][])("%j", async (script, why) => {
    await expect(playing(script)).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringContaining(why),
    });
  });

  test("has no behaviour beside it", async () => {
    await expect(startLab({ one: udp({ script: STEPS, behaviour: "echo" }) })).rejects.toMatchObject({
      code: "BAD_OPTION",
    });
  });
});

describe("limits over UDP", () => {
  test("a reset and a stop end what waits", async () => {
    await using server = await playing([{ expect: "a" }, { wait: 60_000 }, { send: "late" }]);
    using peer = await Peer.of(server.one);
    for (const end of [() => server.lab.reset(), () => server.lab.stop()]) {
      const heard = server.lab.events.next("frame");
      await peer.send("a");
      await heard;
      await end();
    }
    expect(peer.unread).toBe(0);
  });

  test("a flood of answers keeps nobody waiting", async () => {
    await using server = await playing([{ expect: /./ }, { repeat: [{ send: "x" }], times: 1e9 }]);
    using peer = await Peer.of(server.one);
    using other = await Peer.of(server.one);
    await peer.ask("a");
    await other.ask("b");
    await server.lab.stop();
  });

  test("what waits for the script is bounded", async () => {
    await using server = await playing([{ expect: /./ }, { send: "ok" }, { wait: 60_000 }]);
    using peer = await Peer.of(server.one);
    await peer.ask("x");
    const full = server.lab.events.next("error", { code: "OVERFLOW" }, 15_000);
    let isFull = false;
    full.then(() => {
      isFull = true;
    });
    for (let sent = 0; sent < 400 && !isFull; sent += 1) {
      const heard = server.lab.events.next("frame");
      await peer.send(Buffer.alloc(65_000));
      await heard;
    }
    await full;
  });
});

describe("real clients", () => {
  clientTest("python3", "a conversation with time-outs", async () => {
    await using server = await playing(STEPS);
    const program = `
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(10)
    client.connect(("${server.one.host}", ${server.one.port}))
    client.send(b"HELLO ann")
    print(client.recv(100))
    client.send(bytes([0, 1]))
    print(client.recv(100), client.recv(100))
`;
    expect(await run("python3", ["-c", program])).toMatchObject({
      stdout: "b'WELCOME ann'\nb'\\xff' b'bye\\n'\n",
    });
    await server.one.played();
  });
});
