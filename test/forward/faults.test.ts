import { once } from "node:events";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Fault, Rule } from "../../index.ts";
import { Backend, echo, forwarding, heard, named } from "./dialogue.ts";

const errorOf = async (socket: Socket) => (await once(socket, "error"))[0].code;

/** A forwarder with a rule, and what its target gets of each client. */
async function faulty(serve: (socket: Socket) => void, ...faults: Rule[]) {
  const target = await Backend.start(serve);
  const server = await forwarding({ to: target.name }, { faults });
  return {
    target,
    ...server,
    /** Where rules have acted. */
    struck: () =>
      [...server.lab.transcript].flatMap((event) => (event.type === "fault" ? [event.connection] : [])),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    },
  };
}

const serveEcho = (socket: Socket) => void socket.pipe(socket);

describe("which side", () => {
  const latency: Fault = { kind: "latency", ms: 1 };

  test.each<[string, Rule["when"], string[]]>([
    ["a rule for whole connections acts once, on the client's", {}, ["c1"]],
    ["where it says so, on the target's", { on: "data" }, ["c1.1"]],
    ["a rule for CONNECT acts on the target's connection", { verb: "CONNECT" }, ["c1.1"]],
    ["or on the client's", { verb: "CONNECT", on: "control" }, ["c1"]],
    ["a rule for another target on neither", { target: "127.0.0.1:1" }, []],
    ["the peer is the client on both", { peer: "127.0.0.1", on: "data" }, ["c1.1"]],
    ["another client's rule acts on neither", { peer: "127.0.0.9", on: "data" }, []],
  ])("%s", async (_name, when, where) => {
    await using server = await faulty(serveEcho, { fault: latency, ...(when && { when }) });
    expect(await text(server.dial().end("hello"))).toBe("hello");
    expect(server.struck()).toEqual(where);
  });

  test.each([
    ["in", "control"],
    ["in", "data"],
    ["out", "control"],
    ["out", "data"],
  ] as const)("%s on %s is what the client sends, or receives", async (direction, on) => {
    const received: Buffer[] = [];
    const fault = { kind: "close", afterBytes: 4, direction } as const;
    // Who is not cut off speaks first.
    await using server = await faulty(
      (socket) => {
        socket.once("end", () => socket.end());
        socket.on("data", (chunk) => {
          received.push(chunk);
          if (direction === "out") socket.write("download");
        });
        if (direction === "in") socket.write("download");
      },
      { fault, when: { on } },
    );
    const client = server.dial();
    const downloaded = heard(client);
    if (direction === "in") await once(client, "data");
    client.write("upload");
    expect(String(await downloaded)).toBe(direction === "out" ? "down" : "download");
    client.end();
    const sent = direction === "in" ? "uplo" : "upload";
    await expect.poll(() => String(Buffer.concat(received))).toBe(sent);
    await expect.poll(() => server.target.sockets[0]!.closed).toBe(true);
    expect(String(Buffer.concat(received))).toBe(sent);
  });
});

describe("ends", () => {
  test.each(["control", "data"] as const)("a reset on %s is one for both sides", async (on) => {
    const fault = { kind: "reset", afterBytes: 5, direction: "out" } as const;
    let atTarget: Promise<string> = Promise.resolve("");
    await using server = await faulty(
      (socket) => {
        atTarget = errorOf(socket.resume());
        socket.write("0123456789");
      },
      { fault, when: { on } },
    );
    const client = server.dial();
    const chunks: Buffer[] = [];
    client.on("data", (chunk) => chunks.push(chunk));
    expect(await errorOf(client)).toBe("ECONNRESET");
    expect(String(Buffer.concat(chunks))).toBe("01234");
    expect(await atTarget).toBe("ECONNRESET");
  });

  test.each(["in", "out"] as const)(
    "what is held on its way %s is delivered when its sender has gone",
    async (direction) => {
      const fault = { kind: "latency", ms: 100, direction } as const;
      let received: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));
      await using server = await faulty(
        (socket) => {
          received = heard(socket);
          socket.end("from the target");
        },
        { fault },
        { fault, when: { on: "data" } },
      );
      const client = server.dial().end("from the client");
      expect(String(await heard(client))).toBe("from the target");
      expect(String(await received)).toBe("from the client");
    },
  );

  test("a refusal is one for the client alone", async () => {
    await using server = await faulty(serveEcho, { fault: { kind: "refuse" }, times: 1 });
    expect(await errorOf(server.dial())).toBe("ECONNRESET");
    expect(await text(server.dial().end("x"))).toBe("x");
    expect(server.target.sockets).toHaveLength(1);
  });

  test("a stall on the way to the target lets it go on speaking", async () => {
    await using server = await faulty((socket) => void socket.resume().write("hello"), {
      when: { on: "data" },
      fault: { kind: "stall", direction: "in" },
    });
    const client = server.dial();
    client.write("x");
    expect(String((await once(client, "data"))[0])).toBe("hello");
    expect(server.target.sockets[0]!.bytesRead).toBe(0);
    client.destroy();
  });
});

describe("connecting", () => {
  test("a target that a rule refuses is gone round", async () => {
    await using a = await named("a");
    await using b = await named("b");
    const rule: Rule = { when: { target: a.name }, times: 1, fault: { kind: "refuse" } };
    await using server = await forwarding({ to: [a.name, b.name] }, { faults: [rule] });
    expect(await text(server.dial())).toBe("b");
    expect(a.sockets).toHaveLength(0);
    expect(server.proxy.targets()[0]).toMatchObject({ failed: 1 });
    expect(server.proxy.targets()[0]!.lastError).toContain("a fault refuses it");
    expect(server.lab.faults.unused()).toEqual([]);
  });

  test("its answer can be late, or never come", async () => {
    await using a = await named("a");
    await using b = await named("b");
    const late: Rule = { when: { verb: "CONNECT" }, times: 1, fault: { kind: "reply", ms: 80 } };
    const never: Rule = {
      when: { target: a.name },
      skip: 1,
      times: 1,
      fault: { kind: "reply", with: "drop" },
    };
    await using server = await forwarding({ to: [a.name, b.name] }, { faults: [late, never] });
    const began = performance.now();
    expect(await text(server.dial())).toBe("a");
    expect(performance.now() - began).toBeGreaterThanOrEqual(79);
    expect(await text(server.dial())).toBe("b");
    expect(await text(server.dial())).toBe("b");
    expect(server.proxy.targets()[0]).toMatchObject({ failed: 1, total: 2 });
  });

  test("when the target has been reached, the client can be let go", async () => {
    await using target = await echo();
    const rule: Rule = { when: { verb: "CONNECT", after: "reply" }, fault: { kind: "close" } };
    await using server = await forwarding({ to: target.name }, { faults: [rule] });
    const client = server.dial();
    expect(`${await heard(client)}`).toBe("");
    client.end();
  });
});

describe("what observers see", () => {
  const converse = async () => {
    await using a = await Backend.start((socket) => {
      heard(socket).then((all) => socket.end(`${all}, too`));
    });
    await using b = await named("b");
    const gone = await named("gone");
    await gone[Symbol.asyncDispose]();
    await using server = await forwarding({ to: [a.name, gone.name, b.name] });
    expect(await text(server.dial().end("hello"))).toBe("hello, too");
    expect(await text(server.dial())).toBe("b");
    await expect.poll(() => server.proxy.targets().map(({ active }) => active)).toEqual([0, 0, 0]);
    return String(server.lab.transcript.byConnection());
  };

  test("a transcript is the same in every run, whatever the targets' ports", async () => {
    const transcript = await converse();
    expect(transcript).toMatchInlineSnapshot(`
      "proxy#1 opened
      proxy#1 > CONNECT <target1>
      proxy#1 < connected
      proxy#1 > hello (5 bytes)
      proxy#1 < hello, too (10 bytes)
      proxy#1.data1 opened
      proxy#2 opened
      proxy#2 > CONNECT <target2>
      proxy#2 < <target2> cannot be reached: connect ECONNREFUSED <target2>.
      proxy#2 > CONNECT <target3>
      proxy#2 < connected
      proxy#2 < b (1 byte)
      proxy#2.data1 opened"
    `);
    expect(await converse()).toBe(transcript);
  });

  test("passwords of FTP and HTTP are masked, however they are cut", async () => {
    await using target = await Backend.start((socket) => void socket.resume());
    await using server = await forwarding({ to: target.name });
    const client = server.dial().setNoDelay(true);
    for (const piece of ["USER foo\r\nPA", "SS Sesame-", "7f3a9c\r\n", "Authorization: Basic U2VzYW1l\r\n"]) {
      const frame = server.lab.events.next("frame");
      client.write(piece);
      await frame;
    }
    client.destroy();
    const shown = JSON.stringify([...server.lab.transcript]);
    for (const secret of ["Sesame", "7f3a9c", "U2VzYW1l"]) expect(shown).not.toContain(secret);
    expect(shown).toContain("USER foo");
    expect(server.proxy.targets()[0]!.in).toBe(61);
  });
});
