import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { allowanceFor } from "../../core/datagrams.ts";
import { type DatagramEngine, type Service, startLab, UDP_BEHAVIOURS, udp } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { Peer } from "./dialogue.ts";

const own = (engine: DatagramEngine): Service => ({ protocol: "udp", listen: {}, open: () => engine });

describe("behaviours", () => {
  test("echo sends each datagram back, the empty one and the largest too", async () => {
    await using lab = await startLab({ one: udp() });
    using peer = await Peer.of(lab.servers.one);
    expect(await peer.ask("Hello, world!")).toBe("Hello, world!");
    expect(await peer.ask("")).toBe("");
    const largest = Buffer.alloc(65_507, "0123456789");
    await peer.send(largest);
    expect((await peer.receive()).equals(largest)).toBe(true);
  });

  test("discard says nothing", async () => {
    await using lab = await startLab({ one: udp({ behaviour: "discard" }), two: udp() });
    const heard = lab.events.next("frame", { server: "one" });
    using peer = await Peer.of(lab.servers.one);
    await peer.send("x");
    await heard;
    using other = await Peer.of(lab.servers.two);
    await other.ask("x");
    expect(peer.unread).toBe(0);
  });

  test("daytime tells the lab's time", async () => {
    await using lab = await startLab(
      { one: udp({ behaviour: "daytime" }) },
      { clock: "1982-02-22T17:37:43Z" },
    );
    using peer = await Peer.of(lab.servers.one);
    expect(await peer.ask("")).toBe("Monday, February 22, 1982 17:37:43-UTC\r\n");
  });

  test("a hundred peers, each with answers of its own", async () => {
    await using lab = await startLab({ one: udp() });
    const peers = await Promise.all(Array.from({ length: 100 }, () => Peer.of(lab.servers.one)));
    const answers = await Promise.all(peers.map((peer, index) => peer.ask(`${index}`)));
    expect(answers).toEqual(peers.map((_, index) => `${index}`));
    for (const peer of peers) peer.socket.close();
  });
});

describe("addresses", () => {
  test("a running server has a URL to paste", async () => {
    await using lab = await startLab({
      four: udp(),
      six: udp({ host: "::1" }),
      all: udp({ host: "0.0.0.0" }),
    });
    const { four, six, all } = lab.servers;
    expect([four.url, six.url, all.url]).toEqual([
      `udp://127.0.0.1:${four.port}`,
      `udp://[::1]:${six.port}`,
      `udp://127.0.0.1:${all.port}`,
    ]);
    for (const { host, port } of [four, six, { host: "127.0.0.1", port: all.port }]) {
      using peer = await Peer.of({ host, port });
      expect(await peer.ask("x")).toBe("x");
    }
  });

  test("an IPv4 peer of an IPv6 socket is an IPv4 peer", async () => {
    await using lab = await startLab({ one: udp({ host: "::" }) });
    const heard = lab.events.next("frame", { direction: "in" });
    using peer = await Peer.of({ host: "127.0.0.1", port: lab.servers.one.port });
    expect(await peer.ask("x")).toBe("x");
    expect((await heard).peer).toEqual({ host: "127.0.0.1", port: peer.port });
  });

  test("a taken address, a foreign one, and a Unix-domain socket are refused", async () => {
    await using lab = await startLab({ one: udp() });
    const { port } = lab.servers.one;
    await expect(startLab({ two: udp({ port }) })).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: `two cannot listen on 127.0.0.1:${port}: the address is in use; choose another one, or port 0 for any free one (EADDRINUSE).`,
    });
    await expect(startLab({ two: udp({ host: "203.0.113.7" }) })).rejects.toMatchObject({
      code: "ADDRESS_UNAVAILABLE",
    });
    const path = { ...udp(), listen: { path: "/tmp/no.sock" } };
    await expect(startLab({ path })).rejects.toMatchObject({ code: "BAD_OPTION" });
    const tls = { ...udp(), listen: { tls: true } };
    await expect(startLab({ tls })).rejects.toMatchObject({ code: "BAD_OPTION" });
  });
});

describe("events", () => {
  test("every packet is one, both ways, with its peer", async () => {
    await using lab = await startLab({ one: udp() });
    using peer = await Peer.of(lab.servers.one);
    await peer.ask("Hello\n");
    const from = { host: "127.0.0.1", port: peer.port };
    const frame = {
      type: "frame",
      kind: "datagram",
      bytes: 6,
      preview: "Hello\\n",
      peer: from,
      connection: "c1",
    };
    expect([...lab.transcript].slice(1)).toMatchObject([
      { ...frame, direction: "in" },
      { ...frame, direction: "out" },
    ]);
  });

  test("the transcript is the same in every run, and tells peers apart", async () => {
    await using lab = await startLab({ one: udp() });
    using first = await Peer.of(lab.servers.one);
    using second = await Peer.of(lab.servers.one);
    await first.ask("a");
    await second.ask("b");
    await first.ask("c");
    expect(String(lab.transcript.byConnection())).toMatchInlineSnapshot(`
      "one#1 > datagram a (1 byte)
      one#1 < datagram a (1 byte)
      one#1 > datagram c (1 byte)
      one#1 < datagram c (1 byte)
      one#2 > datagram b (1 byte)
      one#2 < datagram b (1 byte)"
    `);
  });

  test("a tap is shown all bytes", async () => {
    const passed: string[] = [];
    const tap = ({ direction, bytes }: { direction: string; bytes: Uint8Array }) =>
      passed.push(`${direction} ${Buffer.from(bytes)}`);
    await using lab = await startLab({ one: udp() }, { tap });
    using peer = await Peer.of(lab.servers.one);
    await peer.ask("x");
    expect(passed).toEqual(["in x", "out x"]);
  });
});

describe("peers", () => {
  test("who is denied gets no answer", async () => {
    await using lab = await startLab({ one: udp({ gate: { deny: ["127.0.0.2"] } }) });
    const refused = lab.events.next("refused");
    using denied = await Peer.of(lab.servers.one, "127.0.0.2");
    using other = await Peer.of(lab.servers.one);
    await denied.send("x");
    expect(await refused).toMatchObject({ reason: "denied", peer: { host: "127.0.0.2" } });
    await other.ask("x");
    expect(denied.unread).toBe(0);
  });

  test("a flow is one object per peer, until others need its room or it was silent for too long", async () => {
    const flows: object[] = [];
    const service = own({
      receive({ flow, answer }) {
        flows.push(flow);
        answer(Buffer.from(flow.id));
      },
    });
    const roomy = { ...service, listen: { gate: { maxConnections: 2 } } };
    await using lab = await startLab({ roomy, forgetful: { ...service, listen: { gate: { idle: 1 } } } });
    const peers = await Promise.all([1, 2, 3].map(() => Peer.of(lab.servers.roomy)));
    const [one, two, three] = peers as [Peer, Peer, Peer];
    expect([await one.ask("x"), await one.ask("x"), await two.ask("x")]).toEqual(["c1", "c1", "c2"]);
    expect(flows[1]).toBe(flows[0]);
    expect([await one.ask("x"), await three.ask("x"), await one.ask("x"), await two.ask("x")]).toEqual([
      "c1",
      "c3",
      "c1",
      "c4",
    ]);
    using silent = await Peer.of(lab.servers.forgetful);
    const before = await silent.ask("x");
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await silent.ask("x")).not.toBe(before);
    for (const peer of peers) peer.socket.close();
  });

  test("a reset forgets them", async () => {
    await using lab = await startLab({
      one: own({ receive: ({ flow, answer }) => answer(Buffer.from(flow.id)) }),
    });
    using peer = await Peer.of(lab.servers.one);
    using other = await Peer.of(lab.servers.one);
    expect([await other.ask("x"), await peer.ask("x")]).toEqual(["c1", "c2"]);
    await lab.reset();
    expect([...lab.transcript]).toEqual([]);
    expect(await peer.ask("x")).toBe("c1");
  });
});

/** An address of this machine that is none of loopback's, if it has one. */
const outer = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

describe("no amplifier", () => {
  test("all answers to a datagram from elsewhere have as many bytes as it had, at most", () => {
    const question = Buffer.alloc(7);
    expect(allowanceFor({ host: "127.0.0.9", port: 1 }, question)).toBe(Number.POSITIVE_INFINITY);
    expect(allowanceFor({ host: "::1", port: 1 }, question)).toBe(Number.POSITIVE_INFINITY);
    for (const host of ["192.0.2.1", "::2", "fe80::1%eth0", "::127.0.0.1"])
      expect(allowanceFor({ host, port: 1 }, question)).toBe(7);
  });

  test("a larger answer is told instead of sent", async (context) => {
    const host = outer;
    if (host === undefined) return context.skip("this machine has no address but loopback's");
    await using lab = await startLab({ day: udp({ host, behaviour: "daytime" }), echo: udp({ host }) });
    using short = await Peer.of(lab.servers.day);
    const told = lab.events.next("error");
    await short.send("what time is it?");
    expect(await told).toMatchObject({
      code: "AMPLIFICATION",
      message: expect.stringContaining("what is answered to 16 bytes may have no more"),
    });
    expect(await short.ask(Buffer.alloc(64))).toMatch(/UTC\r\n$/);
    expect(short.unread).toBe(0);
    using echoed = await Peer.of(lab.servers.echo);
    expect(await echoed.ask("as long")).toBe("as long");
  });
});

describe("what goes wrong ends nothing", () => {
  test("an engine that throws", async () => {
    await using lab = await startLab({
      one: own({
        receive({ bytes, answer }) {
          if (bytes.length === 0) throw new Error("nothing came");
          answer(bytes);
        },
      }),
    });
    using peer = await Peer.of(lab.servers.one);
    const told = lab.events.next("error");
    await peer.send("");
    expect(await told).toMatchObject({ code: "IO", message: "nothing came", connection: "c1" });
    expect(await peer.ask("x")).toBe("x");
  });

  test("an answer that is too large for a datagram", async () => {
    await using lab = await startLab({
      one: own({ receive: ({ bytes, answer }) => answer(Buffer.alloc(bytes.length * 70_000, "x")) }),
    });
    using peer = await Peer.of(lab.servers.one);
    const told = lab.events.next("error");
    await peer.send("x");
    expect(await told).toMatchObject({
      code: "EMSGSIZE",
      message: expect.stringContaining("70000 bytes were not sent"),
    });
    expect(await peer.ask("")).toBe("");
  });

  test("peers that are gone when their answer comes", async () => {
    await using lab = await startLab({ one: udp() });
    for (let count = 0; count < 20; count += 1) {
      const heard = lab.events.next("frame", { direction: "out" });
      const peer = await Peer.of(lab.servers.one);
      await peer.send("x");
      peer.socket.close();
      await heard;
    }
    using last = await Peer.of(lab.servers.one);
    expect(await last.ask("still there?")).toBe("still there?");
    expect(lab.transcript.find("error")).toBeUndefined();
  });

  test("more answers than may wait are dropped, and told", async () => {
    await using lab = await startLab({
      one: own({
        receive({ answer }) {
          for (let count = 0; count < 300; count += 1) answer(Buffer.alloc(65_507));
        },
      }),
    });
    using peer = await Peer.of(lab.servers.one);
    const told = lab.events.next("error", { code: "OVERFLOW" });
    await peer.send("x");
    expect((await told).message).toContain("wait already");
  });
});

describe("stopping", () => {
  test.each(UDP_BEHAVIOURS)("%s lets go of its address, and another may have it", async (behaviour) => {
    const lab = await startLab({ one: udp({ behaviour }) });
    const { host, port } = lab.servers.one;
    using peer = await Peer.of({ host, port });
    await peer.send("x");
    const [report] = await Promise.all([lab.stop(), lab.stop()]);
    expect(report).toMatchObject({ open: [], cut: [] });
    const next = createSocket("udp4").bind(port, host);
    await once(next, "listening");
    next.close();
  });

  test("a lab that cannot start lets go of it too", async () => {
    await using lab = await startLab({ one: udp() });
    const { port } = lab.servers.one;
    await lab.stop();
    await expect(startLab({ one: udp({ port }), two: udp({ host: "203.0.113.7" }) })).rejects.toThrow();
    await using again = await startLab({ one: udp({ port }) });
    expect(again.servers.one.port).toBe(port);
  });
});

describe("real clients", () => {
  /** What a program prints first: with UDP, nothing tells it that there is no more. */
  async function firstWords(program: string, args: readonly string[], input: string): Promise<string> {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
    const ended = once(child, "close");
    child.stdin.write(input);
    const [words] = await Promise.race([once(child.stdout, "data"), ended]);
    child.kill();
    await ended;
    return String(words);
  }

  clientTest("nc", "a line and its echo", async () => {
    await using lab = await startLab({ one: udp() });
    const { host, port } = lab.servers.one;
    expect(await firstWords("nc", ["-u", host, `${port}`], "by nc\n")).toBe("by nc\n");
  });

  clientTest("ncat", "a line and its echo", async () => {
    await using lab = await startLab({ one: udp() });
    const { host, port } = lab.servers.one;
    expect(await firstWords("ncat", ["-u", host, `${port}`], "by ncat\n")).toBe("by ncat\n");
  });

  clientTest("socat", "over IPv6", async () => {
    await using lab = await startLab({ one: udp({ host: "::1" }) });
    const to = `UDP6:[::1]:${lab.servers.one.port}`;
    expect(await firstWords("socat", ["-", to], "by socat")).toBe("by socat");
  });

  clientTest(
    "python3",
    "forged senders: nobody can answer at port 0, and our own addresses would ask for ever",
    async (context) => {
      await using lab = await startLab({ one: udp(), two: udp() });
      const { host, port } = lab.servers.one;
      const program = `
import socket, struct, sys
try:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
except PermissionError:
    sys.exit(3)
for source in (0, ${port}, ${lab.servers.two.port}):
    raw.sendto(struct.pack("!HHHH", source, ${port}, 9, 0) + b"x", ("${host}", 0))
`;
      const told = lab.events.next("error", {}, 30_000);
      const refused = [port, lab.servers.two.port].map((from) =>
        lab.events.next("refused", ({ peer }) => "port" in peer && peer.port === from, 30_000),
      );
      const { code } = await run("python3", ["-c", program]);
      if (code === 3) return context.skip("raw sockets need rights");
      expect(await told).toMatchObject({ code: "ERR_SOCKET_BAD_PORT" });
      for (const each of await Promise.all(refused))
        expect(each).toMatchObject({ reason: "denied", peer: { host } });
      using peer = await Peer.of(lab.servers.one);
      expect(await peer.ask("still there?")).toBe("still there?");
    },
  );

  clientTest(
    "python3",
    "forged senders: every address of ours, where all are listened on",
    async (context) => {
      if (outer === undefined) return context.skip("this machine has no address but loopback's");
      await using lab = await startLab({ one: udp({ host: "0.0.0.0" }) });
      const { port } = lab.servers.one;
      const program = `
import socket, struct, sys
try:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
except PermissionError:
    sys.exit(3)
raw.bind(("${outer}", 0))
raw.sendto(struct.pack("!HHHH", ${port}, ${port}, 9, 0) + b"x", ("${outer}", 0))
`;
      const refused = lab.events.next("refused", {}, 30_000);
      const { code } = await run("python3", ["-c", program]);
      if (code === 3) return context.skip("raw sockets need rights");
      expect(await refused).toMatchObject({ reason: "denied", peer: { host: outer, port } });
    },
  );

  clientTest("python3", "the largest datagram there is", async () => {
    await using lab = await startLab({ one: udp() });
    const { host, port } = lab.servers.one;
    const program = `
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(10)
    client.connect(("${host}", ${port}))
    for size in (0, 1, 1472, 9000, 65507):
        sent = bytes(i % 251 for i in range(size))
        client.send(sent)
        print(size, client.recv(70000) == sent)
`;
    const { stdout } = await run("python3", ["-c", program]);
    expect(stdout).toBe("0 True\n1 True\n1472 True\n9000 True\n65507 True\n");
  });
});
