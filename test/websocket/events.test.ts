import { describe, expect, test } from "vitest";
import { type Rule, startLab, type WebSocketOptions, websocket } from "../../index.ts";
import { closing, frame, opening, RawClient, talking } from "./dialogue.ts";

/** A lab with rules, and a client that has shaken hands. */
const ruled = (rules: readonly Rule[], options: WebSocketOptions = {}, path = "/echo") =>
  talking(options, path, {}, rules);

describe("observers", () => {
  test("see the handshake, and each frame", async () => {
    await using lab = await startLab({ live: websocket() });
    using client = await RawClient.open(lab.servers.live, "/echo?token=1");
    client.send(frame("text", '{"a": "ü"}'), frame("binary", Buffer.from([0, 255])), frame("ping", "hi"));
    client.send(
      frame("pong", "unasked"),
      frame("text", "x".repeat(200)),
      frame("close", closing(4000, "done")),
    );
    await client.rest();
    await lab.stop();
    expect(String(lab.transcript.connection("live#1"))).toBe(
      [
        "live#1 opened",
        "live#1 > GET /echo?token=1",
        "live#1 < 101 Switching Protocols",
        'live#1 > {"a": "ü"} (11 bytes)',
        'live#1 < {"a": "ü"} (11 bytes)',
        "live#1 > binary \\u0000\ufffd (2 bytes)",
        "live#1 < binary \\u0000\ufffd (2 bytes)",
        "live#1 > ping hi (2 bytes)",
        "live#1 < pong hi (2 bytes)",
        "live#1 > pong unasked (7 bytes)",
        `live#1 > ${"x".repeat(80)} (200 bytes)`,
        `live#1 < ${"x".repeat(80)} (200 bytes)`,
        "live#1 > close 4000 done (6 bytes)",
        "live#1 < close 4000 done (6 bytes)",
      ].join("\n"),
    );
    expect(lab.transcript.last("closed")).toMatchObject({ reason: "client" });
  });

  test("see what was refused, and what broke the protocol", async () => {
    await using lab = await startLab({ live: websocket() });
    await expect(RawClient.open(lab.servers.live, "/nothing")).rejects.toThrow("404");
    using client = await RawClient.open(lab.servers.live);
    await client.send(frame("text", Buffer.from([0xff]))).rest();
    await lab.stop();
    const told = String(lab.transcript);
    expect(told).toContain("live#1 < 404 Not Found");
    expect(told).toContain(
      "live#2 error WS_ERR_INVALID_UTF8: Invalid WebSocket frame: invalid UTF-8 sequence",
    );
    expect(told).toContain("live#2 < close 1007 (2 bytes)");
    expect(lab.transcript.last("closed")).toMatchObject({ reason: "error" });
  });

  test("see no password", async () => {
    await using lab = await startLab({ live: websocket() });
    using _client = await RawClient.open(lab.servers.live, "/", { Authorization: "Basic c2VjcmV0" });
    expect(JSON.stringify([...lab.transcript])).not.toContain("c2VjcmV0");
  });

  test("are not worked for where there are none", async () => {
    await using lab = await startLab({ live: websocket() }, { transcript: 0 });
    const milestones: string[] = [];
    lab.events.subscribe(({ type }) => milestones.push(type), "milestones");
    using client = await RawClient.open(lab.servers.live, "/echo");
    await client.send(frame("text", "1"), frame("close")).rest();
    await lab.stop();
    expect(milestones).toEqual(["opened", "closed", "stopped"]);
  });
});

describe("rules", () => {
  const word = (text: string) => frame("text", text);

  test("refuse the handshake", async () => {
    const busy = { kind: "reply", with: { code: 503, text: "Busy" } } as const;
    await using lab = await startLab(
      { live: websocket() },
      { faults: [{ when: { verb: "GET", target: "/echo" }, times: 1, fault: busy }] },
    );
    await expect(RawClient.open(lab.servers.live, "/echo")).rejects.toThrow(
      /^HTTP\/1\.1 503 Service Unavailable\r\n/,
    );
    using client = await RawClient.open(lab.servers.live, "/echo");
    expect(await client.send(word("hi")).words()).toBe("text hi");
  });

  test("leave the handshake unanswered, or answer it late", async () => {
    await using lab = await startLab({ live: websocket() });
    lab.faults.add({ when: { target: "/chat" }, fault: { kind: "reply", with: "drop" } });
    lab.faults.add({ when: { target: "/echo" }, fault: { kind: "reply", ms: 100 } });
    const struck = lab.events.next("fault");
    using silent = new RawClient(lab.servers.live, opening("/chat"));
    await struck;
    const asked = performance.now();
    using late = await RawClient.open(lab.servers.live, "/echo");
    expect(performance.now() - asked).toBeGreaterThan(95);
    expect(await late.send(word("hi")).words()).toBe("text hi");
    silent.socket.end();
    expect(await silent.text()).toBe("");
  });

  test("leave the handshake unanswered of a client that gives up while they wait", async () => {
    await using lab = await startLab({ live: websocket() });
    lab.faults.add({ fault: { kind: "reply", with: "drop", ms: 100 } });
    const struck = lab.events.next("fault");
    const closed = lab.events.next("closed");
    using client = new RawClient(lab.servers.live, opening());
    await struck;
    client.socket.destroy();
    expect((await closed).reason).toBe("client");
  });

  test("drop the answer to the third text message", async () => {
    await using talk = await ruled([
      { when: { verb: "TEXT" }, skip: 2, times: 1, fault: { kind: "reply", with: "drop" } },
    ]);
    talk.client.send(word("1"), frame("binary", "b"), word("2"), word("3"), word("4"), frame("close"));
    expect(await talk.client.rest()).toEqual(["text 1", "binary b", "text 2", "text 4", "close", "end"]);
    expect(talk.lab.faults.unused()).toEqual([]);
  });

  test("put another answer in its place, at its place, or close with a code", async () => {
    await using talk = await ruled([
      { when: { verb: "TEXT", target: "*late*" }, fault: { kind: "reply", ms: 50 } },
      { when: { verb: "BINARY" }, fault: { kind: "reply", with: { text: "wrong" } } },
      {
        when: { verb: "TEXT", target: "bye" },
        fault: { kind: "reply", with: { code: 1013, text: "Later." } },
      },
    ]);
    talk.client.send(
      word("too late"),
      frame("binary", "b"),
      frame("ping", "p"),
      word("bye"),
      word("unheard"),
    );
    for (const expected of ["text too late", "text wrong", "pong p", "close 1013 Later."])
      expect(await talk.client.words()).toBe(expected);
    await talk.client.send(frame("close", closing(1013))).rest();
    await talk.lab.stop();
    expect(talk.lab.transcript.last("closed")).toMatchObject({ reason: "fault" });
  });

  test("reset on a message, or behind its answer", async () => {
    await using before = await ruled([
      { when: { verb: "TEXT", target: "/echo" }, skip: 1, fault: { kind: "reset" } },
    ]);
    expect(await before.client.send(word("1")).words()).toBe("text 1");
    expect(await before.client.send(word("2")).rest()).toEqual(["reset"]);
    await using behind = await ruled([
      { when: { verb: "BINARY", after: "reply" }, times: 1, fault: { kind: "reset" } },
    ]);
    expect(await behind.client.send(frame("binary", "b")).rest()).toEqual(["binary b", "reset"]);
  });

  test("leave a ping, or a close frame, unanswered", async () => {
    await using talk = await ruled([
      { when: { verb: "PING" }, fault: { kind: "reply", with: "drop" } },
      { when: { verb: "CLOSE" }, fault: { kind: "reply", with: "drop" } },
    ]);
    talk.client.send(frame("ping"), word("1"), frame("close", closing(1000)));
    const faults = talk.lab.events.next("fault", { rule: /CLOSE/ });
    expect(await talk.client.words()).toBe("text 1");
    await faults;
    talk.client.socket.end();
    expect(await talk.client.rest()).toEqual(["end"]);
  });

  test("act on bytes", async () => {
    await using talk = await ruled([
      { fault: { kind: "slice", bytes: 1, direction: "in" } },
      { when: { verb: "BINARY" }, fault: { kind: "close", afterBytes: 512, direction: "out" } },
    ]);
    expect(await talk.client.send(word("in pieces")).words()).toBe("text in pieces");
    talk.client.send(frame("binary", Buffer.alloc(2000)));
    expect(await talk.client.rest()).toEqual(["end"]);
  });

  test("cut in the middle of what a handler sends by itself", async () => {
    await using talk = await ruled(
      [{ when: { verb: "TEXT" }, fault: { kind: "reset", afterBytes: 100_000, direction: "out" } }],
      {
        handler: async (socket) => {
          await socket.receive();
          for (let count = 0; count < 1000; count += 1) await socket.send(Buffer.alloc(1000));
        },
      },
      "/",
    );
    const heard = await talk.client.send(word("go")).rest();
    expect(heard.at(-1)).toBe("reset");
    expect(heard.length).toBeLessThan(110);
  });
});
