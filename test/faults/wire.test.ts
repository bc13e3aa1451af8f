import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { type Rule, startLab, type TcpBehaviour, tcp } from "../../index.ts";

/** A TCP server, the rules that act on it, and clients. */
async function faulty(behaviour: TcpBehaviour, ...rules: Rule[]) {
  const lab = await startLab({ one: tcp({ behaviour }) }, { seed: 7 });
  const standing = rules.map((rule) => lab.faults.add(rule));
  const { host, port } = lab.servers.one;
  return {
    lab,
    standing,
    dial: (): Socket => connect({ host, port, allowHalfOpen: true }),
    [Symbol.asyncDispose]: () => lab.stop({ grace: 0 }).then(() => {}),
  };
}

const chunksOf = async (socket: Socket) => {
  const chunks: { at: number; bytes: Buffer }[] = [];
  const began = performance.now();
  for await (const bytes of socket) chunks.push({ at: performance.now() - began, bytes });
  return chunks;
};

describe("without a rule", () => {
  test("engines get bare sockets; with one they get something around it", async () => {
    const { Socket: NetSocket } = await import("node:net");
    const kinds: string[] = [];
    await using lab = await startLab({
      one: {
        protocol: "tcp",
        listen: {},
        open: () => ({
          accept(connection) {
            kinds.push(connection.stream instanceof NetSocket ? "bare" : "wire");
            connection.stream.on("error", () => {});
            connection.end();
          },
        }),
      },
    });
    const visit = async () => {
      const closed = lab.events.next("closed");
      await text(connect(lab.servers.one.port, lab.servers.one.host).end());
      await closed;
    };
    await visit();
    const rule = lab.faults.add({ fault: { kind: "latency", ms: 1 } });
    await visit();
    rule[Symbol.dispose]();
    await visit();
    lab.faults.add({ when: { server: "another" }, fault: { kind: "latency", ms: 1 } });
    await visit();
    expect(kinds).toEqual(["bare", "wire", "bare", "bare"]);
  });
});

test("an engine hears that a shaped connection was cut, also where it does not read", async () => {
  for (const reading of ["flows", "is paused"]) {
    const closed: Promise<unknown>[] = [];
    await using lab = await startLab(
      {
        one: {
          protocol: "tcp",
          listen: {},
          open: () => ({
            accept({ stream }) {
              closed.push(once(stream, "close"));
              if (reading === "flows") stream.resume();
            },
          }),
        },
      },
      { faults: [{ fault: { kind: "latency", ms: 1 } }] },
    );
    const opened = lab.events.next("opened");
    const { host, port } = lab.servers.one;
    const client = connect({ host, port }, () => client.write("unread"));
    client.on("error", () => {});
    await opened;
    await lab.stop({ grace: 0 });
    expect(closed).toHaveLength(1);
    await Promise.all(closed);
  }
});

test("a tap is shown all bytes, both ways, in order", async () => {
  const passed: string[] = [];
  await using lab = await startLab(
    { one: tcp({ behaviour: "client" }) },
    {
      tap: ({ connection, direction, bytes }) =>
        passed.push(`${connection} ${direction} ${Buffer.from(bytes)}`),
    },
  );
  expect(await text(connect({ ...lab.servers.one, allowHalfOpen: true }).end("Hello, server!"))).toBe(
    "Hello, client!",
  );
  expect(passed).toEqual(["c1 in Hello, server!", "c1 out Hello, client!"]);
});

describe("latency", () => {
  test("holds every chunk, and keeps their order", async () => {
    await using server = await faulty("echo", {
      fault: { kind: "latency", ms: 60, jitter: 40, direction: "out" },
    });
    const client = server.dial();
    const received = chunksOf(client);
    for (let count = 0; count < 20; count += 1) {
      client.write(`${count},`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    client.end();
    const chunks = await received;
    expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).toString()).toBe(
      Array.from({ length: 20 }, (_, index) => `${index},`).join(""),
    );
    expect(chunks[0]!.at).toBeGreaterThanOrEqual(20);
  });

  test.each([true, false])("delivers nothing behind a reset, allowHalfOpen %s", async (allowHalfOpen) => {
    const rule: Rule = { fault: { kind: "latency", ms: 200, direction: "in" } };
    await using lab = await startLab({ one: tcp({ behaviour: "echo" }) }, { faults: [rule] });
    const struck = lab.events.next("fault");
    connect({ port: lab.servers.one.port, host: "127.0.0.1", allowHalfOpen }).end("late").resume();
    await struck;
    // Until the bytes are there.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await lab.reset();
    await expect(lab.events.next("frame", {}, 300)).rejects.toMatchObject({ code: "TIMED_OUT" });
  });

  test("holds nothing, its timer included, when the lab has stopped", async () => {
    const lab = await startLab({ one: tcp({ behaviour: "echo" }) });
    lab.faults.add({ fault: { kind: "latency", ms: 60_000, direction: "in" } });
    const struck = lab.events.next("fault");
    const client = connect(lab.servers.one.port, "127.0.0.1").end("x").resume();
    await struck;
    await new Promise((resolve) => setTimeout(resolve, 50));
    await lab.stop({ grace: 0 });
    client.destroy();
  });

  test("does not throttle", async () => {
    await using server = await faulty("echo", { fault: { kind: "latency", ms: 100, direction: "out" } });
    const sent = Buffer.alloc(8_000_000, "abc");
    const began = performance.now();
    expect((await buffer(server.dial().end(sent))).equals(sent)).toBe(true);
    // A hundred chunks and more: held one after another they would take ten seconds.
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

describe("bandwidth and slices", () => {
  test("so many bytes a second, whole and in order", async () => {
    await using server = await faulty("echo", {
      fault: { kind: "bandwidth", bytesPerSecond: 100_000, direction: "out" },
    });
    const sent = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251));
    const began = performance.now();
    expect((await buffer(server.dial().end(sent))).equals(sent)).toBe(true);
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(400);
    expect(took).toBeLessThan(1500);
  });

  test("pieces of at most so many bytes", async () => {
    const pieces: number[] = [];
    await using lab = await startLab(
      { one: tcp({ behaviour: "greet" }) },
      // Seen as they leave: a client that is late reads two of them as one.
      { tap: ({ bytes }) => void pieces.push(bytes.length) },
    );
    lab.faults.add({ fault: { kind: "slice", bytes: 3, ms: 10 } });
    const began = performance.now();
    expect(await text(connect(lab.servers.one.port, lab.servers.one.host))).toBe("Hello, world!");
    expect(performance.now() - began).toBeGreaterThan(35);
    expect(pieces).toEqual([3, 3, 3, 3, 1]);
  });
});

describe("limits", () => {
  test("reset after so many bytes is a real RST", async () => {
    await using server = await faulty("echo", { fault: { kind: "reset", afterBytes: 512, direction: "in" } });
    const closed = server.lab.events.next("closed");
    const client = server.dial();
    client.write(Buffer.alloc(511, "x"));
    const [first] = await chunksOfUntil(client, 511);
    expect(first).toBe(511);
    const failed = new Promise<Error & { code?: string }>((resolve) => client.once("error", resolve));
    client.write("y");
    expect((await failed).code).toBe("ECONNRESET");
    expect(await closed).toMatchObject({ reason: "fault", received: 512 });
  });

  test("a client that is busy for a while gets every byte in front of the RST", async () => {
    const afterBytes = 1_000_000;
    await using server = await faulty("chargen", { fault: { kind: "reset", afterBytes, direction: "out" } });
    const client = server.dial();
    // The client shares its process with the server, and what keeps it busy keeps everything.
    using _ = server.lab.events.subscribe(({ type }) => {
      if (type === "fault")
        setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60));
    });
    await expect(buffer(client)).rejects.toThrow("ECONNRESET");
    expect(client.bytesRead).toBe(afterBytes);
  });

  test("close after so many bytes is an end in good order", async () => {
    await using server = await faulty("greet", { fault: { kind: "close", afterBytes: 5, direction: "out" } });
    expect(await text(server.dial())).toBe("Hello");
  });

  test("close reads on, so that a client in the middle of a long upload sees the end in good order, too", async () => {
    await using server = await faulty("echo", { fault: { kind: "close", afterBytes: 5, direction: "in" } });
    const closed = server.lab.events.next("closed");
    const client = server.dial();
    let heard = "";
    client.on("data", (chunk) => (heard += chunk)).end(Buffer.alloc(5_000_000, "x"));
    await once(client, "close");
    expect(heard).toBe("xxxxx");
    expect(await closed).toMatchObject({ reason: "fault", received: 5_000_000 });
  });

  test("stall lets nothing pass until the rule is gone, and then everything", async () => {
    await using server = await faulty("greet", { fault: { kind: "stall", afterBytes: 5, direction: "out" } });
    const client = server.dial();
    const whole = text(client);
    const struck = await server.lab.events.next("fault");
    expect(struck).toMatchObject({ fault: "stall" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.bytesRead).toBe(5);
    server.standing[0]![Symbol.dispose]();
    expect(await whole).toBe("Hello, world!");
  });

  test("stall for a while, then close", async () => {
    await using server = await faulty("greet", { fault: { kind: "stall", ms: 50 } });
    expect(await text(server.dial())).toBe("");
  });

  test.each<Rule["fault"]>([
    { kind: "stall", ms: Number.POSITIVE_INFINITY },
    { kind: "latency", ms: 1e12 },
    { kind: "slow-close", ms: Number.POSITIVE_INFINITY },
    { kind: "reply", ms: 2 ** 31 },
  ])("$kind for longer than any timer", async (fault) => {
    await using server = await faulty("greet", { fault });
    const client = server.dial().resume();
    let ended = false;
    client.once("end", () => {
      ended = true;
    });
    await server.lab.events.next("fault");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ended).toBe(false);
    client.destroy();
  });

  test("slow-close holds back the end alone", async () => {
    await using server = await faulty("greet", { fault: { kind: "slow-close", ms: 150 } });
    const client = server.dial();
    let data = 0;
    client.once("data", () => {
      data = performance.now();
    });
    await new Promise((resolve) => client.once("end", resolve));
    expect(performance.now() - data).toBeGreaterThan(100);
    client.destroy();
  });

  test("refuse resets at accept, so many times", async () => {
    await using server = await faulty("greet", { times: 2, fault: { kind: "refuse" } });
    const outcomes: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      outcomes.push(await text(server.dial()).catch((error) => error.code));
    }
    expect(outcomes).toEqual(["ECONNRESET", "ECONNRESET", "Hello, world!"]);
  });
});

describe("streams under a wire", () => {
  test("half-close, both ways", async () => {
    await using server = await faulty("hello", { fault: { kind: "latency", ms: 5 } });
    expect(await text(server.dial().end("x"))).toBe("Hello, world!");
  });

  test("back-pressure: a client that does not read is not read from", async () => {
    await using server = await faulty("echo", {
      when: { server: "one" },
      fault: { kind: "slice", bytes: 65_536 },
    });
    const client = server.dial();
    const chunk = Buffer.alloc(1_000_000);
    for (let sent = 0; sent < 100; sent += 1) client.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(client.writableLength).toBeGreaterThan(30_000_000);
    client.destroy();
  });

  test("1 GB, whole", async () => {
    await using server = await faulty("echo", { when: { verb: "never" }, fault: { kind: "reset" } });
    const block = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));
    const client = server.dial();
    let received = 0;
    let wrong = 0;
    client.on("data", (chunk: Buffer) => {
      // The byte that stands first tells whether anything was lost, doubled or moved before it.
      if (chunk[0] !== (received % 1_000_000) % 251) wrong += 1;
      received += chunk.length;
    });
    const ended = once(client, "end");
    for (let sent = 0; sent < 1000; sent += 1) if (!client.write(block)) await once(client, "drain");
    client.end();
    await ended;
    expect([received, wrong]).toEqual([1_000_000_000, 0]);
  }, 60_000);

  test("a rule that goes in mid-stream loses nothing", async () => {
    await using server = await faulty(
      "echo",
      { fault: { kind: "bandwidth", bytesPerSecond: 50_000 } },
      { fault: { kind: "latency", ms: 30 } },
    );
    const sent = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => index % 253));
    const client = server.dial();
    const received = buffer(client);
    client.end(sent);
    await server.lab.events.next("frame");
    for (const rule of server.standing) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      rule[Symbol.dispose]();
    }
    expect((await received).equals(sent)).toBe(true);
  });
});

/** Reads until so many bytes are there, and tells how many came. */
async function chunksOfUntil(socket: Socket, wanted: number): Promise<[number]> {
  let received = 0;
  await new Promise<void>((resolve) => {
    const more = (chunk: Buffer) => {
      received += chunk.length;
      if (received < wanted) return;
      socket.off("data", more);
      resolve();
    };
    socket.on("data", more);
  });
  return [received];
}
