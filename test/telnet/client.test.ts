import { createServer, type Socket } from "node:net";
import { Telnet } from "telnet-client";
import { describe, expect, test } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { connectTelnet } from "../../servers/telnet/client.ts";

/** A lab of one shell, and telnetlib clients of it. */
async function serving() {
  const lab = await startLab({ shell: telnet() });
  const { host, port } = lab.servers.shell;
  return {
    lab,
    dial: (options: Partial<Parameters<typeof connectTelnet>[0]> = {}) =>
      connectTelnet({ host, port, ...options }),
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

describe("npm telnetlib as a client", () => {
  test("in line mode", async () => {
    await using server = await serving();
    using client = await server.dial();
    await client.read("> ");
    client.send("echo grüße\r\n");
    expect(await client.read(/guest\d> /)).toBe("grüße\r\nguest1> ");
    client.send("quit\r\n");
    expect(await client.closed).toBe("Goodbye.\r\n");
  });

  test("in character mode", async () => {
    await using server = await serving();
    const agreed = server.lab.events.next("frame", { preview: "DO ECHO" });
    using client = await server.dial({ characterMode: true });
    await client.read("> ");
    await agreed;
    client.send("echo hx\x7fi\r");
    expect(await client.read("> ")).toBe("echo hi\r\nhi\r\nguest1> ");
  });

  test("tells size and type of its terminal", async () => {
    await using server = await serving();
    const size = server.lab.events.next("frame", { preview: "SB NAWS 255×65535" });
    const type = server.lab.events.next("frame", { preview: "SB TTYPE IS dumb" });
    using client = await server.dial({ window: { columns: 255, rows: 65_535 }, type: "dumb" });
    await size;
    await type;
    client.end();
    expect(await client.closed).toContain("Welcome");
  });

  test("sends every byte as it is", async () => {
    await using server = await serving();
    using client = await server.dial();
    await client.read("> ");
    // ÿ in UTF-8 has no byte 255; what telnetlib makes of one is why the client escapes by itself.
    client.send("echo ÿ\u{10ffff}\r\n");
    expect(await client.read("\r\n")).toBe("ÿ\u{10ffff}\r\n");
  });

  test("edits, chats with another kind of client, resizes, and quits", async () => {
    await using server = await serving();
    const sizes = ["80×24", "100×30"].map((size) =>
      server.lab.events.next("frame", { preview: `SB NAWS ${size}` }),
    );
    const { host, port } = server.lab.servers.shell;
    const bob = new Telnet();
    await bob.connect({ host, port, shellPrompt: /guest1> $/, timeout: 5000 });
    using ann = await server.dial({ characterMode: true, window: { columns: 80, rows: 24 } });
    await ann.read("guest2> ");
    await sizes[0];
    ann.resize({ columns: 100, rows: 30 });
    await sizes[1];
    let heard = "";
    bob.on("data", (bytes) => {
      heard += bytes;
    });
    ann.send("say helo\x7flo\r");
    await expect.poll(() => heard).toContain("guest2: hello");
    expect(await bob.exec("say hallo\x7f\x7f\x7f\x7fello")).toContain("guest1: hello");
    expect(await ann.read("guest1: hello\r\n")).toContain("guest2: hello");
    await bob.send("quit", { waitFor: "Goodbye" });
    expect(await ann.read("lobby.\r\n")).toContain("guest1 has left lobby.");
    ann.send("quit\r");
    expect(await ann.closed).toContain("Goodbye.");
  });

  test("says what did not come, and that nobody is there", async () => {
    await using server = await serving();
    using client = await server.dial();
    await expect(client.read("nothing of the kind", 50)).rejects.toMatchObject({ code: "TIMED_OUT" });
    client.end();
    await expect(client.read("nothing of the kind")).rejects.toMatchObject({ code: "UNREACHABLE" });
    await client.closed;
    await server.lab.stop();
    await expect(server.dial()).rejects.toMatchObject({ code: "UNREACHABLE" });
  });

  test("survives what a server may send that breaks telnetlib by itself", async () => {
    await using server = await listening((socket) => {
      // A window size of one byte, a GMCP payload that is none, compression, and the same WILL twice.
      socket.write(
        Buffer.from([
          255, 250, 31, 1, 255, 240, 255, 250, 201, 33, 255, 240, 255, 251, 86, 255, 250, 86, 255, 240,
        ]),
      );
      socket.write(Buffer.from([255, 251, 1, 255, 251, 1]));
      socket.end("still here\r\n");
    });
    using client = await connectTelnet({ ...server.address, characterMode: true });
    expect(await client.read("here\r\n")).toBe("still here\r\n");
    await client.closed;
    // DONT for the compression, and one DO for the echo.
    expect(await server.received).toBe(Buffer.from([255, 254, 86, 255, 253, 1]).toString("latin1"));
  });
});

/** A server that is not ours, and what it gets. */
async function listening(speak: (socket: Socket) => void) {
  let received = "";
  let finish = (_text: string) => {};
  const whole = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const server = createServer((socket) => {
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      received += text;
    });
    socket.once("close", () => finish(received));
    speak(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("not bound");
  return {
    address: { host: bound.address, port: bound.port },
    received: whole,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
