import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Lab, startLab, telnet } from "../../index.ts";
import { arrived, DO, ECHO, IAC, SB, typist } from "./dialogue.ts";

const MEGABYTE = 1_000_000;

/** A client that sends the same over and over, and reads only if it is told to. */
class Flood {
  readonly socket: Socket;
  sent = 0;
  received = 0;
  gone = false;

  constructor(lab: Lab, { reads }: { readonly reads: boolean }) {
    const { host, port } = lab.servers.shell!;
    this.socket = connect({ host, port });
    this.socket.on("error", () => {});
    this.socket.once("close", () => {
      this.gone = true;
    });
    if (reads) this.socket.on("data", (chunk) => (this.received += chunk.length));
    else this.socket.pause();
  }

  /** Sends up to so many bytes; stops where the server takes no more for a while. */
  async send(unit: readonly number[] | string, bytes: number): Promise<void> {
    const piece = Buffer.from(unit as string);
    const block = Buffer.concat(Array.from({ length: Math.ceil(60_000 / piece.length) }, () => piece));
    while (this.sent < bytes && !this.gone) {
      this.sent += block.length;
      if (this.socket.write(block)) continue;
      let patience: NodeJS.Timeout | undefined;
      const taken = await Promise.race([
        new Promise((resolve) => this.socket.once("drain", () => resolve(true))),
        new Promise((resolve) => {
          patience = setTimeout(resolve, 500, false);
        }),
      ]);
      clearTimeout(patience);
      if (!taken) return;
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** How much the process has grown at the most while something was done, in bytes. */
async function growth(during: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  await during();
  clearInterval(timer);
  return most - before;
}

const PATTERNS: readonly (readonly [string, readonly number[] | string])[] = [
  ["proposals of an unknown option", [IAC, DO, 200]],
  ["proposals of all options in turn", Array.from({ length: 255 }, (_, option) => [IAC, DO, option]).flat()],
  ["timing marks", [IAC, DO, 6]],
  ["requests for STATUS", [IAC, DO, 5, IAC, SB, 5, 1, IAC, 240]],
  ["AYT", [IAC, 246]],
  ["interrupts", [IAC, 244]],
  ["Ctrl-C", [3]],
  ["empty lines", "\n"],
  ["commands", "help\n"],
  ["a line without an end", "x"],
  ["a subnegotiation without an end", [IAC, SB, 24, 65, 65, 65, 65]],
  ["keys that redraw", [...Buffer.from("x\x01")]],
];

describe("twelve megabytes", () => {
  test.each(PATTERNS)(
    "of %s, from one who does not read, take no memory and nobody's time",
    async (_name, unit) => {
      await using lab = await startLab({ shell: telnet() });
      using other = await arrived(lab);
      using flood = new Flood(lab, { reads: false });
      const grown = await growth(async () => {
        let flooding = true;
        const done = flood.send(unit, 12 * MEGABYTE).then(() => {
          flooding = false;
        });
        while (flooding) {
          await other.send("echo alive\r\n").read("alive\r\n");
          await turn();
        }
        await done;
      });
      // The client's own backlog is in this process too, and is bounded by its first write that is not taken.
      expect(grown).toBeLessThan(100 * MEGABYTE);
      expect(await other.send("echo alive\r\n").read("alive\r\n")).toContain("alive");
    },
  );

  test.each(PATTERNS)("of %s, in character mode", async (_name, unit) => {
    await using lab = await startLab({ shell: telnet() });
    using other = await arrived(lab);
    using flood = new Flood(lab, { reads: true });
    flood.socket.write(Uint8Array.of(IAC, DO, ECHO, IAC, DO, 3));
    const grown = await growth(() => flood.send(unit, 2 * MEGABYTE));
    expect(grown).toBeLessThan(100 * MEGABYTE);
    expect(await other.send("echo alive\r\n").read("alive\r\n")).toContain("alive");
  });
});

test("one who does not read the chat is cut off, and the others hear everything", {
  timeout: 60_000,
}, async () => {
  await using lab = await startLab({ shell: telnet({ maxOutgoing: 100_000 }) });
  using deaf = await arrived(lab);
  deaf.socket.pause();
  using speaker = await arrived(lab);
  using listener = await arrived(lab);
  await speaker.read("guest3 has joined lobby.\r\nguest2> ");
  const cut = lab.events.next("closed", {}, 60_000);
  const told = lab.events.next("error", { code: "SLOW_READER" }, 60_000);
  let said = 0;
  let heard = "";
  let isCut = false;
  cut.then(() => {
    isCut = true;
  });
  while (!isCut) {
    // What the sockets' buffers take goes in portions.
    for (let line = 0; line < 50; line += 1) {
      said += 1;
      speaker.send(`say ${said} ${"x".repeat(4000)}\r\n`);
    }
    await speaker.read(`guest2: ${said} xxx`);
    heard += await listener.read(`guest2: ${said} xxx`);
    expect(said).toBeLessThan(10_000);
  }
  await speaker.send("echo done\r\n").read("done\r\nguest2> ");
  expect(await cut).toMatchObject({ reason: "error", connection: "c1" });
  expect((await told).message).toBe("More than 100000 bytes wait for a client that does not read.");
  expect(await speaker.send("who\r\n").read("> ")).toBe("In lobby: guest2 (you), guest3\r\nguest2> ");
  heard += await listener.read("guest3> ");
  expect(heard).toContain("guest1 has left lobby.\r\n");
  expect(heard.match(/guest2: \d+ /g)).toHaveLength(said);
});

test("a long answer waits for its reader, and is whole", async () => {
  // More than the sockets' buffers take: 16 MB.
  const whole = "0123456789abcdef".repeat(2 ** 20);
  await using lab = await startLab({ shell: telnet({ maxOutgoing: 10_000 }) }, { files: { "/big": whole } });
  using client = await typist(lab);
  client.send("cat big\r\n");
  await client.read("cat big\r\n");
  client.socket.pause();
  using other = await arrived(lab);
  await other.send("say meanwhile\r\n").read("guest2> ");
  client.socket.resume();
  const text = await client.read("\r\n");
  expect(text.length).toBe(whole.length + 2);
  expect(text.slice(0, -2) === whole).toBe(true);
  expect(await client.read("guest1> ")).toBe("* guest2 has joined lobby.\r\nguest2: meanwhile\r\nguest1> ");
});

test("Ctrl-C ends a long answer", async () => {
  const files = { "/big": "0123456789abcdef".repeat(2 ** 20) };
  await using lab = await startLab({ shell: telnet() }, { files });
  using client = await typist(lab);
  client.send("cat big\r\n");
  await client.read("0123456789");
  client.send("\x03");
  expect((await client.read("\r\nguest1> ")).length).toBeLessThan(15 * MEGABYTE);
  expect(await client.send("echo ok\r\n").read("ok\r\nguest1> ")).toContain("ok");
});

test("random bytes hurt nobody", async () => {
  await using lab = await startLab({ shell: telnet() });
  using other = await arrived(lab);
  let seed = 854;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % 256;
  };
  for (let round = 0; round < 40; round += 1) {
    const closed = lab.events.next("closed");
    using client = await arrived(lab);
    const noise = Uint8Array.from({ length: 4000 }, () => (random() < 60 ? 255 : random()));
    for (let at = 0; at < noise.length; at += 500) client.send([...noise.subarray(at, at + 500)]);
    if (round % 3 === 0) client.socket.resetAndDestroy();
    else client.socket.end();
    // The noise may hold a Ctrl-D on an empty line, too.
    expect(["client", "reset", "server"]).toContain((await closed).reason);
  }
  const errors = [...lab.transcript].filter((event) => event.type === "error");
  expect(errors).toEqual([]);
  expect(await other.send("echo alive\r\n").read("alive\r\n")).toContain("alive");
  expect(await other.send("who\r\n").read("In lobby: guest1 (you)\r\n")).toBeTruthy();
});

test("a client that is gone before it is greeted is let go", async () => {
  await using lab = await startLab({ shell: telnet() });
  const { host, port } = lab.servers.shell;
  for (let round = 0; round < 20; round += 1) {
    const socket = connect({ host, port });
    await new Promise((resolve) => socket.once("connect", resolve));
    if (round % 2) socket.destroy();
    else socket.resetAndDestroy();
  }
  using client = await arrived(lab);
  await expect.poll(async () => client.send("who\r\n").read("> ")).toMatch(/In lobby: guest21 \(you\)\r\n/);
});
