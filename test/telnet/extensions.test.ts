import { constants, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { startLab, type TelnetSession, telnet } from "../../index.ts";
import { arrived, DO, DONT, IAC, RawClient, SB, SE, WILL, WONT } from "./dialogue.ts";

const [EOR, NEW_ENVIRON, CHARSET, MSSP, GMCP] = [25, 39, 42, 70, 201];
const latin1 = (...parts: (number | string)[]) =>
  parts.map((part) => (typeof part === "string" ? part : String.fromCharCode(part))).join("");
const bytes = (...parts: (number | string)[]) => [...Buffer.from(latin1(...parts), "latin1")];

test("nobody is offered them", async () => {
  await using lab = await startLab({ shell: telnet() });
  using client = new RawClient(lab.servers.shell);
  const greeting = await client.read("> ");
  for (const option of [EOR, NEW_ENVIRON, CHARSET, MSSP, GMCP])
    expect(greeting).not.toContain(latin1(option));
});

test("EOR ends each prompt for a client that asks, until it asks no more", async () => {
  await using lab = await startLab({ shell: telnet() });
  using client = await arrived(lab);
  client.send([IAC, DO, EOR], "echo a\r\n");
  expect(await client.read(latin1("> ", IAC, 239))).toBe(latin1(IAC, WILL, EOR, "a\r\nguest1> ", IAC, 239));
  // It marks each prompt once, also for a client that does not want to do without GA.
  client.send([IAC, DONT, 3], "echo a\r\n");
  expect(await client.read(latin1("> ", IAC, 239))).toBe(latin1("a\r\nguest1> ", IAC, 239));
  client.send([IAC, DONT, EOR, IAC, DO, 3], "echo b\r\n");
  expect(await client.read("> ")).toBe(latin1(IAC, WONT, EOR, IAC, WILL, 3, "b\r\nguest1> "));
});

test("CHARSET is settled by the client's choice, or by ours of what it has", async () => {
  await using lab = await startLab({ shell: telnet() });
  using client = await arrived(lab);
  client.send([IAC, DO, CHARSET]);
  await client.read(latin1(IAC, WILL, CHARSET, IAC, SB, CHARSET, 1, ";UTF-8;ISO-8859-1", IAC, SE));
  client.send(bytes(IAC, SB, CHARSET, 2, "iso-8859-1", IAC, SE), bytes("echo gr\xfc\xdfe\r\n"));
  expect(await client.read("> ")).toBe("gr\xfc\xdfe\r\nguest1> ");
  client.send([IAC, WILL, CHARSET], bytes(IAC, SB, CHARSET, 1, " KOI8-R UTF-8 ISO-8859-1", IAC, SE));
  await client.read(latin1(IAC, DO, CHARSET, IAC, SB, CHARSET, 2, "UTF-8", IAC, SE));
  client.send("echo grü\r\n");
  expect(await client.read("> ")).toBe("gr\xc3\xbc\r\nguest1> ");
  client.send(bytes(IAC, SB, CHARSET, 1, "[TTABLE]", 1, ";KOI8-R;constructor", IAC, SE));
  await client.read(latin1(IAC, SB, CHARSET, 3, IAC, SE));
  client.send(bytes(IAC, SB, CHARSET, IAC, SE), bytes(IAC, SB, CHARSET, 1, IAC, SE), "echo still here\r\n");
  await client.read("still here");
});

test("of two CHARSET requests that cross, the server's counts; a translation table is never taken", async () => {
  await using lab = await startLab({ shell: telnet() });
  using client = await arrived(lab);
  const request = bytes(IAC, SB, CHARSET, 1, ";UTF-8", IAC, SE);
  client.send([IAC, WILL, CHARSET, IAC, DO, CHARSET], request);
  await client.read(latin1(IAC, SB, CHARSET, 3, IAC, SE));
  client.send(bytes(IAC, SB, CHARSET, 2, "US-ASCII", IAC, SE), request);
  await client.read(latin1(IAC, SB, CHARSET, 2, "UTF-8", IAC, SE));
  client.send(bytes(IAC, SB, CHARSET, 4, 1, ";x", IAC, SE));
  await client.read(latin1(IAC, SB, CHARSET, 5, IAC, SE));
});

test("NEW-ENVIRON is asked of a client that offers it, and its values are told to nobody", async () => {
  const session: TelnetSession = async (terminal) => {
    await terminal.readLine("> ");
    await terminal.write(`${JSON.stringify([...terminal.environment])}\n`);
  };
  await using lab = await startLab({ shell: telnet({ session }) });
  using client = new RawClient(lab.servers.shell);
  await client.send([IAC, WILL, NEW_ENVIRON]).read(latin1(IAC, SB, NEW_ENVIRON, 1, IAC, SE));
  const told = lab.events.next("frame", { preview: /^SB NEW-ENVIRON IS/ });
  client.send(
    bytes(
      IAC,
      SB,
      NEW_ENVIRON,
      0,
      0,
      "USER",
      1,
      "ann",
      3,
      "A",
      2,
      1,
      "B",
      1,
      "s3cret",
      IAC,
      IAC,
      0,
      "NONE",
      IAC,
      SE,
    ),
  );
  expect((await told).preview).toBe("SB NEW-ENVIRON IS USER AB NONE");
  client.send("\r\n");
  await client.read('[["USER","ann"],["AB","s3cret');
  expect(String(lab.transcript)).not.toContain("SB NEW-ENVIRON IS USER AB NONE s3cret");
});

test("MSSP tells who is there, and since when", async () => {
  await using lab = await startLab({ shell: telnet() }, { clock: "2026-01-31T12:00:00Z" });
  using client = await arrived(lab);
  client.send([IAC, DO, MSSP]);
  const pairs = {
    NAME: "shell",
    PLAYERS: "1",
    UPTIME: `${Date.UTC(2026, 0, 31, 12) / 1000}`,
    CODEBASE: "wirelab",
  };
  const payload = Object.entries(pairs).flatMap(([name, value]) => [1, name, 2, value]);
  await client.read(latin1(IAC, WILL, MSSP, IAC, SB, MSSP, ...payload, IAC, SE));
});

test("GMCP answers a ping, and tells what is said to a client that has asked for it", async () => {
  await using lab = await startLab({ shell: telnet() });
  using client = await arrived(lab);
  const hello = lab.events.next("frame", { preview: /Core\.Hello/ });
  client.send([IAC, DO, GMCP], bytes(IAC, SB, GMCP, 'Core.Hello {"client":"x"}', IAC, SE));
  expect((await hello).preview).toBe('SB GMCP Core.Hello {"client":"x"}');
  client.send(bytes(IAC, SB, GMCP, "Core.Ping 120", IAC, SE), bytes(IAC, SB, GMCP, "{]", IAC, SE));
  await client.read(latin1(IAC, SB, GMCP, "Core.Ping", IAC, SE));
  using other = await arrived(lab);
  other.send("say hello\r\n");
  const message = '{"channel":"lobby","talker":"guest2","text":"hello"}';
  await client.read(latin1(IAC, SB, GMCP, `Comm.Channel.Text ${message}`, IAC, SE));
  expect(other.unread).not.toContain("Comm.Channel");
});

describe("MCCP2", () => {
  const MCCP2 = 86;
  const START = latin1(IAC, WILL, MCCP2, IAC, SB, MCCP2, IAC, SE);
  const inflated = (text: string) =>
    inflateSync(Buffer.from(text, "latin1"), { finishFlush: constants.Z_SYNC_FLUSH }).toString("latin1");

  test("packs all that follows, each answer to be read at once, and comes to an end of its own", async () => {
    await using lab = await startLab(
      { shell: telnet() },
      { files: { "/big": "all the same\n".repeat(50_000) } },
    );
    using client = await arrived(lab);
    await client.send([IAC, DO, MCCP2]).read(START);
    client.send("echo hi\r\n");
    await expect.poll(() => inflated(client.unread)).toBe("hi\r\nguest1> ");
    const packed = await client.send("cat /big\r\nquit\r\n").rest();
    expect(packed.length).toBeLessThan(50_000);
    const text = inflateSync(Buffer.from(packed, "latin1")).toString();
    expect(text).toBe(`hi\r\nguest1> ${"all the same\r\n".repeat(50_000)}guest1> Goodbye.\r\n`);
  });

  test("ends when the client wants no more of it, and may begin again", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    await client.send([IAC, DO, MCCP2]).read(START);
    client.send([IAC, DONT, MCCP2], "echo plain\r\n");
    const text = await client.read("plain\r\nguest1> ");
    const { buffer, engine } = inflateSync(Buffer.from(text, "latin1"), { info: true }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    expect(buffer.toString("latin1")).toBe(latin1(IAC, WONT, MCCP2));
    expect(text.slice(engine.bytesWritten)).toBe("plain\r\nguest1> ");
    await client.send([IAC, DO, MCCP2]).read(START);
    for (let times = 0; times < 50; times += 1) client.send([IAC, DONT, MCCP2, IAC, DO, MCCP2]);
    client.send([IAC, DONT, MCCP2], "echo once more\r\n");
    await client.read("once more\r\nguest1> ");
  });

  test("is not broken by plain words for one who is idle", async () => {
    await using lab = await startLab({ shell: telnet({ gate: { idle: 100 } }) });
    let packed: string | undefined;
    // A machine that is busy may take a client for idle before it has asked, or before it has its answer.
    while (!packed) {
      using client = new RawClient(lab.servers.shell);
      [, packed] = (await client.send([IAC, DO, MCCP2], "echo hi\r\n").rest()).split(START);
    }
    expect(inflated(packed)).toMatch(/^hi\r\n(guest\d+> )?$/);
  });

  test("one who goes amid it leaves nothing behind", async () => {
    await using lab = await startLab({ shell: telnet() }, { files: { "/big": "x".repeat(5_000_000) } });
    using client = await arrived(lab);
    const closed = lab.events.next("closed");
    await client.send([IAC, DO, MCCP2]).read(START);
    client.socket.pause();
    client.send("cat /big\r\ncat /big\r\n");
    client.socket.resetAndDestroy();
    await closed;
  });
});

test("what was not agreed on is not heeded", async () => {
  await using lab = await startLab({ shell: telnet() });
  using client = await arrived(lab);
  client.send(
    bytes(IAC, SB, CHARSET, 1, ";UTF-8", IAC, SE),
    bytes(IAC, SB, GMCP, "Core.Ping", IAC, SE),
    "echo hi\r\n",
  );
  expect(await client.read("> ")).toBe("hi\r\nguest1> ");
});

test("a device speaks none of them", async () => {
  await using lab = await startLab({ shell: telnet({ device: {} }) });
  using client = new RawClient(lab.servers.shell);
  await client.send([IAC, DO, GMCP]).read(latin1(IAC, WONT, GMCP));
});
