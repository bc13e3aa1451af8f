import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { clientTest, run } from "../clients.ts";
import { Backend, deaf, echo, forwarding, heard, named, nobody } from "./dialogue.ts";

const codeOfError = async (socket: Socket) => (await once(socket, "error"))[0].code;

describe("bytes", () => {
  test("50 MB go both ways at once, and arrive as they were sent", async () => {
    await using target = await echo();
    await using server = await forwarding({ to: target.name }, { transcript: 0 });
    const client = server.dial();
    const sent = createHash("sha256");
    const received = createHash("sha256");
    let bytes = 0;
    client.on("data", (chunk) => {
      bytes += chunk.length;
      received.update(chunk);
    });
    const block = Buffer.alloc(1_000_000);
    for (let count = 0; count < 50; count += 1) {
      block.fill(`${count}:${"x".repeat(count)}`);
      const copy = Buffer.from(block);
      sent.update(copy);
      if (!client.write(copy)) await once(client, "drain");
    }
    client.end();
    await once(client, "close");
    expect(bytes).toBe(50_000_000);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    expect(server.proxy.targets()).toMatchObject([{ active: 0, total: 1, failed: 0, in: bytes, out: bytes }]);
  });

  test("200 clients at once, each has its own", async () => {
    await using target = await echo();
    await using server = await forwarding({ to: target.name });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => text(server.dial().end(`client ${index}`))),
    );
    expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => `client ${index}`));
    expect(target.sockets).toHaveLength(200);
    expect(server.proxy.targets()).toMatchObject([{ active: 0, total: 200 }]);
  });

  test("a target that does not read stops the client, and a client that does not read stops the target", async () => {
    const big = Buffer.alloc(1_000_000);
    await using target = await Backend.start((socket) => {
      socket.pause();
      for (let count = 0; count < 100; count += 1) socket.write(big);
    });
    await using server = await forwarding({ to: target.name }, { transcript: 0 });
    const came = target.next();
    const client = server.dial().pause();
    for (let count = 0; count < 100; count += 1) client.write(big);
    const other = await came;
    await new Promise((resolve) => setTimeout(resolve, 500));
    // The kernels' buffers take some megabytes; the rest waits at its sender, and not in between.
    expect(client.writableLength).toBeGreaterThan(80_000_000);
    expect(other.writableLength).toBeGreaterThan(80_000_000);
    const [figures] = server.proxy.targets();
    expect(figures!.in).toBeLessThan(20_000_000);
    expect(figures!.out).toBeLessThan(20_000_000);
    client.destroy();
  });
});

describe("ends", () => {
  test("the client's FIN goes on, and the answer comes back", async () => {
    await using target = await Backend.start((socket) => {
      heard(socket).then((all) => socket.end(`heard ${all}`));
    });
    await using server = await forwarding({ to: target.name });
    expect(await text(server.dial().end("all"))).toBe("heard all");
  });

  test("the FIN of a client that says nothing goes on", async () => {
    await using target = await echo();
    await using server = await forwarding({ to: target.name });
    expect(await text(server.dial().end())).toBe("");
  });

  test("a target's FIN goes on that comes before its client is told of it", async () => {
    await using target = await Backend.start((socket) => socket.resume().end());
    const late = { when: { verb: "CONNECT" }, fault: { kind: "reply", ms: 100 } } as const;
    await using server = await forwarding({ to: target.name }, { faults: [late] });
    const client = server.dial();
    expect(`${await heard(client)}`).toBe("");
    client.destroy();
  });

  test("the target's FIN goes on, and the client still sends", async () => {
    await using target = await Backend.start((socket) => socket.end("bye"));
    await using server = await forwarding({ to: target.name });
    const came = target.next();
    const client = server.dial();
    expect(`${await heard(client)}`).toBe("bye");
    client.write("and ");
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.end("more");
    expect(await text(await came)).toBe("and more");
  });

  test("what a client has sent before it ended reaches a target that reads slowly", async () => {
    const all = Buffer.alloc(8_000_000, "0123456789");
    await using target = await Backend.start((socket) => socket.pause().end());
    await using server = await forwarding({ to: target.name });
    const came = target.next();
    const client = server.dial().resume();
    client.end(all);
    const other = await came;
    const closed = server.lab.events.next("closed", { connection: "c1" }, 10_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await buffer(other)).equals(all)).toBe(true);
    await closed;
  });

  test.each([
    ["client", ""],
    ["target", ""],
    ["client", "its last words"],
    ["target", "its last words"],
  ])("an RST of the %s is an RST for the other, behind %j", async (who, last) => {
    await using target = await Backend.start(() => {});
    await using server = await forwarding({ to: target.name });
    const came = target.next();
    const client = server.dial();
    client.write("x");
    const other = await came;
    await once(other, "data");
    const [one, another] = who === "client" ? [client, other] : [other, client];
    const code = codeOfError(another);
    let words = "";
    another.on("data", (bytes) => {
      words += bytes;
    });
    // In one breath: only who asks the system tells it from an end.
    if (last) one.write(last);
    one.resetAndDestroy();
    expect(await code).toBe("ECONNRESET");
    expect(words).toBe(last);
  });

  test("a client that goes while its target is dialled leaves nothing", async () => {
    await using target = await deaf();
    await using server = await forwarding({ to: target.name });
    const dialling = server.lab.events.next("command", { verb: "CONNECT" });
    const client = server.dial();
    await dialling;
    const closed = server.lab.events.next("closed");
    client.resetAndDestroy();
    expect((await closed).reason).toBe("reset");
    await expect
      .poll(() => server.proxy.targets())
      .toMatchObject([{ active: 0, total: 0, failed: 0, state: "up" }]);
  });

  test("idle connections end on both sides", async () => {
    await using target = await Backend.start((socket) => socket.resume());
    await using server = await forwarding({ to: target.name, gate: { idle: 100 } });
    const came = target.next();
    const closed = server.lab.events.next("closed", { connection: "c1" });
    const client = server.dial().resume();
    const other = await came;
    await Promise.all([once(client, "end"), once(other, "end")]);
    client.end();
    other.end();
    expect((await closed).reason).toBe("idle");
  });

  clientTest("nc", "-N ends its side, and gets the answer", async () => {
    await using target = await Backend.start((socket) => {
      heard(socket).then((all) => socket.end(`${all}`.toUpperCase()));
    });
    await using server = await forwarding({ to: target.name });
    const { code, stdout } = await run("nc", ["-N", server.host, `${server.port}`], { input: "hello" });
    expect([code, stdout]).toEqual([0, "HELLO"]);
  });
});

describe("addresses", () => {
  test("IPv6, and a name", async () => {
    await using six = await named("six", { host: "::1" });
    await using four = await named("four");
    await using server = await forwarding({ to: [six.name, `localhost:${four.port}`] });
    expect(await text(server.dial())).toBe("six");
    expect(await text(server.dial())).toBe("four");
  });

  test("Unix-domain sockets on both sides", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    {
      await using target = await named("unix", { path: join(folder, "target") });
      await using server = await forwarding({ path: join(folder, "own"), to: target.name });
      expect(await text(connect(server.proxy.path!))).toBe("unix");
    }
    rmSync(folder, { recursive: true });
  });
});

describe("nobody there", () => {
  test("the client is reset, and told why", async () => {
    const target = await nobody();
    await using server = await forwarding({ to: target.name });
    const told = server.lab.events.next("error");
    expect(await codeOfError(server.dial())).toBe("ECONNRESET");
    expect(await told).toMatchObject({ code: "UNREACHABLE", connection: "c1" });
    expect((await told).message).toContain("ECONNREFUSED");
    expect(server.proxy.targets()).toMatchObject([{ state: "down", failed: 1, total: 0, active: 0 }]);
    expect(server.proxy.targets()[0]!.lastError).toContain("ECONNREFUSED");
  });
});
