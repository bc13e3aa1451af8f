import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { startLab, TCP_BEHAVIOURS, type TcpBehaviour, tcp } from "../index.ts";
import { clientTest, run } from "./clients.ts";

/** A lab of one TCP server, and clients that connect to it. */
async function serving(behaviour: TcpBehaviour) {
  const lab = await startLab({ one: tcp({ behaviour }) });
  const { host, port } = lab.servers.one;
  return {
    lab,
    host,
    port: `${port}`,
    dial: (): Socket => connect({ host, port, allowHalfOpen: true }),
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

describe("one answer", () => {
  test.each([
    ["hello", "Hello, world!"],
    ["client", "Hello, client!"],
  ] as const)("%s answers the first bytes and closes", async (behaviour, answer) => {
    await using server = await serving(behaviour);
    const client = server.dial();
    client.write("Hello, world!");
    expect(await text(client)).toBe(answer);
    client.destroy();
  });

  test("hello answers a client that ends without a word", async () => {
    await using server = await serving("hello");
    expect(await text(server.dial().end())).toBe("Hello, world!");
  });

  test("hello waits for a word", async () => {
    await using server = await serving("hello");
    const client = server.dial();
    let answered = false;
    client.once("data", () => {
      answered = true;
    });
    await server.lab.events.next("opened");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    client.end("now");
    expect(await text(client)).toBe("Hello, world!");
  });

  test("greet speaks first", async () => {
    await using server = await serving("greet");
    const client = server.dial();
    expect(await text(client)).toBe("Hello, world!");
    client.destroy();
  });

  test("unread input never turns the answer into a reset", async () => {
    await using server = await serving("greet");
    const client = server.dial();
    const closed = server.lab.events.next("closed");
    // Far more than a socket buffer: without draining, close() would send RST and the answer could be lost.
    client.end(Buffer.alloc(4_000_000));
    expect(await text(client)).toBe("Hello, world!");
    expect((await closed).reason).toBe("server");
  });

  test("500 clients are there at once, and each has its own answer", async () => {
    await using server = await serving("echo");
    const clients = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const client = server.dial();
        await once(client, "connect");
        return client;
      }),
    );
    const answers = await Promise.all(clients.map((client, index) => text(client.end(`client ${index}`))));
    expect(answers).toEqual(clients.map((_, index) => `client ${index}`));
  });

  test("clients are served at the same time", async () => {
    await using server = await serving("hello");
    const silent = server.dial();
    await server.lab.events.next("opened");
    const answers = await Promise.all(Array.from({ length: 100 }, () => text(server.dial().end("x"))));
    expect(new Set(answers)).toEqual(new Set(["Hello, world!"]));
    silent.end();
    expect(await text(silent)).toBe("Hello, world!");
  });
});

describe("http", () => {
  test("waits for the whole head, however it is cut, and answers a whole response", async () => {
    await using server = await serving("http");
    const client = server.dial();
    client.setNoDelay(true);
    for (const part of ["GET / HT", "TP/1.1\r\nHost: x\r", "\n\r", "\n"]) {
      client.write(part);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const response = await text(client);
    expect(response).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(response).toContain("\r\nContent-Length: 13\r\n");
    expect(response).toMatch(/\r\n\r\nHello, world!$/);
    client.destroy();
  });

  test("says 400 where there is no request", async () => {
    await using server = await serving("http");
    expect(await text(server.dial().end("nonsense"))).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(await text(server.dial().end(Buffer.alloc(20_000, "x")))).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n/,
    );
  });

  test("fetch reads it", async () => {
    await using server = await serving("http");
    const response = await fetch(`http://${server.host}:${server.port}/`);
    expect([response.status, await response.text()]).toEqual([200, "Hello, world!"]);
  });
});

describe("streams", () => {
  test("echo sends everything back, and ends when the client has ended", async () => {
    await using server = await serving("echo");
    const sent = Buffer.alloc(8_000_000, "0123456789");
    const echoed = await buffer(server.dial().end(sent));
    expect(echoed.equals(sent)).toBe(true);
  });

  test("echo to a client that does not read stops reading from it", async () => {
    await using server = await serving("echo");
    const client = server.dial();
    const chunk = Buffer.alloc(1_000_000);
    const stuck = () => new Promise((resolve) => setTimeout(resolve, 300));
    for (let sent = 0; sent < 100 && client.writableLength < 20_000_000; sent += 1) client.write(chunk);
    await stuck();
    // The two kernels' buffers take a few megabytes; the rest waits here, and not in the server.
    expect(client.writableLength).toBeGreaterThan(10_000_000);
    const closed = server.lab.events.next("closed");
    client.resetAndDestroy();
    expect((await closed).reason).toBe("reset");
  });

  test("discard says nothing and ends with the client", async () => {
    await using server = await serving("discard");
    const closed = server.lab.events.next("closed");
    expect(await text(server.dial().end(Buffer.alloc(1_000_000)))).toBe("");
    expect(await closed).toMatchObject({ reason: "client", received: 1_000_000, sent: 0 });
  });
});

describe("daytime and chargen", () => {
  test("daytime tells the lab's time", async () => {
    await using lab = await startLab(
      { one: tcp({ behaviour: "daytime" }) },
      { clock: "1982-02-22T17:37:43Z" },
    );
    const ask = () => text(connect({ ...lab.servers.one, allowHalfOpen: true }).end());
    expect(await ask()).toBe("Monday, February 22, 1982 17:37:43-UTC\r\n");
    lab.clock.advance(3_600_000);
    expect(await ask()).toBe("Monday, February 22, 1982 18:37:43-UTC\r\n");
  });

  test("chargen sends lines of 72 characters, each one further on, until its client leaves", async () => {
    await using server = await serving("chargen");
    const client = server.dial();
    let received = "";
    for await (const chunk of client) {
      received += chunk;
      if (received.length > 200_000) break;
    }
    const lines = received.split("\r\n").slice(0, -1);
    expect(new Set(lines.map(({ length }) => length))).toEqual(new Set([72]));
    expect([lines[0]?.slice(0, 4), lines[1]?.slice(0, 4), lines[95]]).toEqual([' !"#', '!"#$', lines[0]]);
  });

  test("chargen stops for a client that does not read", async () => {
    await using server = await serving("chargen");
    const before = process.memoryUsage.rss();
    const client = server.dial().pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    client.destroy();
  });
});

describe("framed", () => {
  const frame = (text: string | Buffer) => {
    const body = Buffer.from(text);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    return Buffer.concat([head, body]);
  };

  test("messages come back whole and apart, however they were cut or joined", async () => {
    await using server = await serving("framed");
    const sent = Buffer.concat([frame("one"), frame(""), frame("x".repeat(300_000)), frame("grün")]);
    expect((await buffer(server.dial().end(sent))).equals(sent)).toBe(true);
    const client = server.dial();
    client.setNoDelay(true);
    const echoed = buffer(client);
    for (const byte of frame("cut")) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    client.end();
    expect((await echoed).equals(frame("cut"))).toBe(true);
  });

  test("a message that is too long is refused before it is read", async () => {
    await using server = await serving("framed");
    const told = server.lab.events.next("error");
    const client = server.dial();
    client.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    expect(await text(client)).toBe("");
    expect(await told).toMatchObject({ code: "FRAME_TOO_LONG" });
    client.destroy();
  });

  test("half a message is not answered", async () => {
    await using server = await serving("framed");
    expect(await text(server.dial().end(frame("half").subarray(0, 6)))).toBe("");
  });
});

describe("stopping", () => {
  test.each(TCP_BEHAVIOURS)("%s says goodbye to a client that is silent", async (behaviour) => {
    await using server = await serving(behaviour);
    const client = server.dial();
    await server.lab.events.next("opened");
    client.on("end", () => client.end()).resume();
    const { open, cut } = await server.lab.stop();
    // Those that close by themselves may be gone already.
    expect(open.length).toBeLessThanOrEqual(1);
    expect(cut).toEqual([]);
  });
});

describe("real clients", () => {
  clientTest("nc", "a half-closed client gets its answer", async () => {
    await using server = await serving("hello");
    expect(await run("nc", ["-N", server.host, server.port], { input: "x" })).toMatchObject({
      code: 0,
      stdout: "Hello, world!",
    });
  });

  clientTest("socat", "echo of 5 MB", async () => {
    await using server = await serving("echo");
    const input = "0123456789abcdef".repeat(5 * 65_536);
    const { stdout } = await run("socat", ["-t5", "-", `TCP:${server.host}:${server.port}`], { input });
    expect(stdout === input).toBe(true);
  });

  clientTest("curl", "the raw HTTP response is one that curl accepts", async () => {
    await using server = await serving("http");
    const { stdout } = await run("curl", ["-sS", "-i", `http://${server.host}:${server.port}/any`]);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(stdout).toMatch(/Hello, world!$/);
  });

  clientTest("python3", "the client of the tutorials", async () => {
    await using server = await serving("hello");
    const program = `
import socket
with socket.socket() as client:
    client.connect(("${server.host}", ${server.port}))
    client.sendall(b"Hello, world!")
    print(client.recv(1024).decode())
`;
    expect(await run("python3", ["-c", program])).toMatchObject({ code: 0, stdout: "Hello, world!\n" });
  });
});
