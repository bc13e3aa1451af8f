import { describe, expect, test } from "vitest";
import { startLab, type WebSocketOptions, websocket } from "../../index.ts";
import { closing, fragments, frame, opening, RawClient } from "./dialogue.ts";

const MEGABYTE = 1_000_000;

/** A lab of one server. */
function serving(options: WebSocketOptions = {}) {
  return startLab({ live: websocket(options) }, { transcript: 0 });
}

/** How a client is closed that says this. */
async function closeOf(
  options: WebSocketOptions,
  ...said: readonly Uint8Array[]
): Promise<string | undefined> {
  await using lab = await serving(options);
  using client = await RawClient.open(lab.servers.live, "/echo");
  const [last] = (await client.send(...said).rest()).slice(-2);
  return last;
}

describe("a message", () => {
  test("that is too long is refused as soon as it is announced", async () => {
    const announced = frame("binary", "", { length: 1_000_001n });
    expect(await closeOf({ maxPayload: MEGABYTE }, announced)).toBe("close 1009");
    expect(await closeOf({}, frame("binary", "", { length: 16_777_217 }))).toBe("close 1009");
    expect(await closeOf({}, frame("text", "", { length: 2n ** 63n - 1n }))).toBe("close 1009");
  });

  test("is as long as its frames together", async () => {
    const [first, ...rest] = fragments("binary", Buffer.alloc(1001), 100);
    expect(await closeOf({ maxPayload: 1000 }, first!, ...rest)).toBe("close 1009");
    await using lab = await serving({ maxPayload: 1000 });
    using client = await RawClient.open(lab.servers.live, "/echo");
    const { data } = await client.send(...fragments("binary", Buffer.alloc(1000), 1)).next();
    expect(data.length).toBe(1000);
  });

  test("has so many frames, and no more", async () => {
    const options = { maxFragments: 10 };
    expect(await closeOf(options, ...fragments("text", "x".repeat(11), 1))).toBe("close 1008");
    expect(await closeOf(options, ...fragments("text", "x".repeat(10), 1), frame("close"))).toBe("close");
    const endless = frame("text", "", { fin: false });
    const empty = frame("continuation", "", { fin: false });
    expect(await closeOf(options, endless, ...Array.from({ length: 20 }, () => empty))).toBe("close 1008");
  });

  test("comes in so many pieces, and no more", async () => {
    await using lab = await serving({ maxFragments: 10 });
    using client = await RawClient.open(lab.servers.live, "/echo");
    let words = "";
    void client.words().then((heard) => {
      words = heard;
    });
    // How many of them are one for the server is chance.
    for (const byte of frame("text", "x".repeat(5000))) {
      if (words !== "") break;
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(words).toBe("close 1008");
  });
});

/** Sends up to so many bytes until the server takes no more for a while; tells how many it has taken. */
async function flood(client: RawClient, unit: Buffer, bytes: number): Promise<number> {
  const { socket } = client;
  const block = Buffer.concat(Array.from({ length: Math.ceil(60_000 / unit.length) }, () => unit));
  let sent = 0;
  for (; sent < bytes && socket.writable; sent += block.length) {
    if (socket.write(block)) continue;
    const drained = new Promise<boolean>((resolve) => socket.once("drain", () => resolve(true)));
    let patience: NodeJS.Timeout | undefined;
    const tired = new Promise<boolean>((resolve) => {
      patience = setTimeout(resolve, 500, false);
    });
    const taken = await Promise.race([drained, tired]);
    clearTimeout(patience);
    if (!taken) break;
  }
  return sent - socket.writableLength;
}

describe("a client that never reads", () => {
  test.each([
    ["echo of 64 bytes", "/echo", frame("text", "x".repeat(64)), {}],
    ["echo of a megabyte", "/echo", frame("binary", Buffer.alloc(MEGABYTE)), {}],
    ["receipts", "/", frame("text", "1"), {}],
    ["pongs", "/echo", frame("ping", "x".repeat(125)), {}],
    ["a chat's answers", "/chat", frame("text", "/help"), {}],
    ["observed echo", "/echo", frame("text", "x".repeat(64)), { transcript: 1 }],
  ] as const)("is not read from: %s", async (_name, path, unit, options) => {
    await using lab = await startLab({ live: websocket() }, { transcript: 0, ...options });
    using client = await RawClient.open(lab.servers.live, path);
    client.socket.pause();
    const taken = await flood(client, unit, 200 * MEGABYTE);
    // The kernels' buffers take a few megabytes in both directions, and the server one.
    expect(taken).toBeLessThan(40 * MEGABYTE);
    const closed = lab.events.next("closed");
    client.socket.resetAndDestroy();
    expect((await closed).reason).toBe("reset");
  });

  test("gets all of its echoes when it reads after all", async () => {
    await using lab = await serving({ maxBuffered: 100_000 });
    using client = await RawClient.open(lab.servers.live, "/echo");
    client.socket.pause();
    for (let count = 0; count < 30; count += 1) client.send(frame("binary", Buffer.alloc(MEGABYTE, count)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.socket.resume();
    for (let count = 0; count < 30; count += 1) expect((await client.next()).data[0]).toBe(count);
  });

  test("of deflated messages keeps no more than a few of them", async () => {
    await using lab = await serving({ compression: "on" });
    using client = await RawClient.open(lab.servers.live, "/echo", {
      "Sec-WebSocket-Extensions": "permessage-deflate; client_no_context_takeover",
    });
    client.socket.pause();
    const { deflateRawSync, constants } = await import("node:zlib");
    const bomb = deflateRawSync(Buffer.alloc(MEGABYTE), { finishFlush: constants.Z_SYNC_FLUSH });
    const unit = frame("binary", bomb.subarray(0, -4), { rsv: 4 });
    const before = process.memoryUsage().rss;
    await flood(client, unit, 20 * MEGABYTE);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MEGABYTE);
  });
});

describe("the end", () => {
  test("a stop closes with 1001, and waits for the client", async () => {
    await using lab = await serving();
    using idle = await RawClient.open(lab.servers.live, "/echo");
    using chatting = await RawClient.open(lab.servers.live, "/chat");
    using handshaking = new RawClient(lab.servers.live, opening().slice(0, 20));
    await chatting.next();
    await lab.events.next("opened", {}, 1).catch(() => {});
    const stopped = lab.stop();
    for (const client of [idle, chatting]) {
      expect(await client.words()).toBe("close 1001 The server is stopping.");
      expect(await client.send(frame("close", closing(1001))).rest()).toEqual(["end"]);
    }
    expect(await handshaking.text()).toBe("");
    expect((await stopped).cut).toEqual([]);
  });

  test("a stop closes with 1001 who shakes hands meanwhile", async () => {
    await using lab = await serving();
    lab.faults.add({ fault: { kind: "reply", ms: 100 } });
    const shaking = lab.events.next("fault");
    using client = new RawClient(lab.servers.live, opening("/echo"));
    await shaking;
    const stopped = lab.stop({ grace: 30_000 });
    expect(await client.head()).toMatch(/^HTTP\/1.1 101 /);
    expect(await client.words()).toBe("close 1001 The server is stopping.");
    expect(await client.send(frame("close", closing(1001))).rest()).toEqual(["end"]);
    expect((await stopped).cut).toEqual([]);
  });

  test("a client that does not answer the close frame is cut when the grace is over", async () => {
    await using lab = await serving();
    using client = await RawClient.open(lab.servers.live);
    const { cut } = await lab.stop({ grace: 50 });
    expect(cut).toHaveLength(1);
    expect(await client.words()).toBe("close 1001 The server is stopping.");
  });

  test("a reset ends all, and the next client is served", async () => {
    await using lab = await serving();
    using before = await RawClient.open(lab.servers.live, "/chat");
    await before.next();
    await lab.reset();
    expect((await before.rest()).at(-1)).toMatch(/^(end|reset)$/);
    using behind = await RawClient.open(lab.servers.live, "/chat");
    expect(await behind.words()).toContain("Welcome");
    expect(await behind.send(frame("text", "/who")).words()).toMatch(/^text In lobby: guest\d+ \(you\)$/);
  });

  test.each([
    ["idle", { idle: 100 }, "Nothing was said for too long."],
    ["lifetime", { lifetime: 100 }, "This connection has lasted as long as it may."],
  ] as const)("%s is over", async (reason, gate, words) => {
    await using lab = await serving({ gate, pingInterval: 0 });
    const closed = lab.events.next("closed");
    using client = await RawClient.open(lab.servers.live);
    expect(await client.rest()).toEqual([`close 1001 ${words}`, "end"]);
    expect((await closed).reason).toBe(reason);
  });

  test("who does not fit in is told so in HTTP", async () => {
    await using lab = await serving({ gate: { maxConnections: 1 } });
    using _first = await RawClient.open(lab.servers.live);
    await expect(RawClient.open(lab.servers.live)).rejects.toThrow(/^HTTP\/1\.1 503 /);
  });

  test("a client that goes in the middle of a frame leaves nothing", async () => {
    await using lab = await serving();
    const half = frame("text", "x".repeat(1000)).subarray(0, 500);
    for (const [leave, reason] of [
      [(client: RawClient) => client.socket.end(), "client"],
      [(client: RawClient) => client.socket.resetAndDestroy(), "reset"],
    ] as const) {
      using client = await RawClient.open(lab.servers.live, "/echo");
      const closed = lab.events.next("closed");
      client.send(half);
      await new Promise((resolve) => setTimeout(resolve, 20));
      leave(client);
      expect((await closed).reason).toBe(reason);
    }
  });

  test("what was asked before the client's FIN is answered", async () => {
    await using lab = await serving();
    using client = await RawClient.open(lab.servers.live, "/echo");
    client.socket.end(frame("text", "last"));
    expect(await client.rest()).toEqual(["text last", "end"]);
  });
});

describe("pings", () => {
  test("who answers stays, in whatever way", async () => {
    await using lab = await serving({ pingInterval: 300 });
    using client = await RawClient.open(lab.servers.live);
    for (let count = 0; count < 4; count += 1) {
      expect(await client.words()).toBe("ping");
      client.send(count % 2 === 0 ? frame("pong") : frame("ping"));
      if (count % 2 === 1) expect(await client.words()).toBe("pong");
    }
  });

  test("who says nothing is cut off", async () => {
    await using lab = await serving({ pingInterval: 100 });
    const told = lab.events.next("error");
    const closed = lab.events.next("closed");
    using client = await RawClient.open(lab.servers.live);
    expect(await client.rest()).toEqual(["ping", "end"]);
    expect(await told).toMatchObject({ code: "NO_PONG" });
    expect((await closed).reason).toBe("idle");
  });

  test("a process that stood still has heard nobody, and cuts nobody off for it", async () => {
    await using lab = await serving({ pingInterval: 200 });
    using client = await RawClient.open(lab.servers.live);
    expect(await client.words()).toBe("ping");
    const until = performance.now() + 500;
    while (performance.now() < until);
    expect(await client.words()).toBe("ping");
  });

  test("who is in the middle of a long message is alive, and so is who is not read from", async () => {
    await using lab = await serving({ pingInterval: 500, maxBuffered: 50_000 });
    using deaf = await RawClient.open(lab.servers.live, "/echo");
    deaf.socket.pause();
    await flood(deaf, frame("binary", Buffer.alloc(100_000)), 100 * MEGABYTE);
    const ends: unknown[] = [];
    lab.events.subscribe((event) => event.type === "closed" && ends.push(event), "milestones");
    using slow = await RawClient.open(lab.servers.live, "/echo");
    for (const byte of frame("text", "x".repeat(40)).subarray(0, 12)) {
      slow.send(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    expect(ends).toEqual([]);
  });
});
