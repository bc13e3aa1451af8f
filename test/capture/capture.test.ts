import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { Client } from "basic-ftp";
import { describe, expect, test, vi } from "vitest";
import { ftp, http, type Lab, startLab, tcp, telnet, udp } from "../../index.ts";
import { clientTest, needPrograms, run } from "../clients.ts";

const services = () => ({
  files: ftp(),
  web: http(),
  shell: telnet({ login: "required" }),
  echo: tcp({ behaviour: "echo" }),
});
type Talked = Lab<keyof ReturnType<typeof services>>;

const SECRET = "s3cret";
const options = {
  accounts: [{ name: "ann", password: SECRET, permissions: "elradfmw" }],
  files: { "/index.html": "Hello, world!" },
};

/** A conversation with each server, passwords included. */
async function talk({ servers: { files, web, shell, echo } }: Talked): Promise<void> {
  const client = new Client();
  await client.access({ host: files.host, port: files.port, user: "ann", password: SECRET });
  await client.downloadTo(new PassThrough().resume(), "index.html");
  client.close();
  const authorization = `Basic ${Buffer.from(`ann:${SECRET}`).toString("base64")}`;
  await fetch(`${web.url}/big`, {
    method: "PUT",
    body: "0123456789".repeat(20_000),
    headers: { authorization },
  });
  await (await fetch(`${web.url}/index.html`)).text();
  const typist = connect(shell.port, shell.host);
  typist.end(`ann\r\n${SECRET}\r\nwho\r\nquit\r\n`);
  await text(typist);
  const speaker = connect(echo.port, echo.host);
  speaker.end(Buffer.from([0, 255, 104, 105]));
  await buffer(speaker);
}

/** The blocks of a pcapng file, by type. */
function blocksOf(file: Uint8Array): Map<number, Buffer[]> {
  const bytes = Buffer.from(file);
  const blocks = new Map<number, Buffer[]>();
  for (let at = 0; at < bytes.length; ) {
    const type = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    expect(bytes.readUInt32LE(at + length - 4)).toBe(length);
    blocks.set(type, [...(blocks.get(type) ?? []), bytes.subarray(at + 8, at + length - 4)]);
    at += length;
  }
  return blocks;
}

const PACKET = 6;

// tshark takes its time to start.
vi.setConfig({ testTimeout: 90_000 });

function written(file: Uint8Array): string {
  const path = join(mkdtempSync(join(tmpdir(), "wirelab-capture-")), "lab.pcapng");
  writeFileSync(path, file);
  return path;
}

async function tshark(file: Uint8Array, ...args: string[]): Promise<string> {
  const path = written(file);
  const { code, stdout, stderr } = await run("tshark", ["-r", path, ...args], { timeout: 60_000 });
  expect(stderr.replace(/^Running as user "root".*\n/, "")).toBe("");
  expect(code).toBe(0);
  return stdout;
}

async function expectNoWarnings(file: Uint8Array): Promise<void> {
  const counted = await run("capinfos", ["-c", written(file)], { timeout: 60_000 });
  expect(counted.stdout).toMatch(/Number of packets: +\d/);
  expect(counted.stderr.replace(/^Running as user "root".*\n/, "")).toBe("");
  const checked = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
  const told = await tshark(file, ...checked, "-q", "-z", "expert");
  expect(told).toContain("Connection establish request");
  expect(told).not.toMatch(/^(Warns|Errors)/m);
}

describe("what a transcript has of bytes", () => {
  clientTest("tshark", "tells the protocols apart, and warns of nothing", async () => {
    await using lab = await startLab(services(), { ...options, capture: 10_000_000 });
    await talk(lab);
    const file = lab.transcript.toPcapng();
    const protocols = await tshark(file, "-q", "-z", "io,phs");
    for (const protocol of ["ftp", "ftp-data", "http", "telnet"]) {
      expect(protocols).toMatch(new RegExp(`^ +${protocol} `, "m"));
    }
    await expectNoWarnings(file);
    const field = async (filter: string, name: string) =>
      (await tshark(file, "-Y", filter, "-T", "fields", "-e", name)).trim().split("\n");
    expect(await field("ftp.request.command == RETR", "ftp.request.arg")).toEqual(["index.html"]);
    expect(await field("http.request.method == PUT", "http.content_length")).toEqual(["200000"]);
    expect(await field("http.response.code == 200", "http.file_data")).not.toEqual([""]);
    expect((await field("telnet.data", "telnet.data")).join()).toContain("Welcome to wirelab");
    expect(await field('ip && frame.interface_name == "echo" && tcp.payload', "tcp.payload")).toEqual([
      "00ff6869",
      "00ff6869",
    ]);
    expect(await field("ftp.request.command == PASS", "ftp.request.arg")).toEqual(["******"]);
  });

  clientTest("tshark", "shows what was inside TLS, and who opened a data connection", async (context) => {
    needPrograms(context, "curl");
    await using lab = await startLab({ files: ftp() }, { ...options, tls: true, capture: 1_000_000 });
    const { url } = lab.servers.files;
    const user = `ann:${SECRET}`;
    await run("curl", ["-sSk", "--ssl-reqd", "--user", user, `${url}/index.html`]);
    await run("curl", ["-sS", "--ftp-port", "-", "--user", user, `${url}/index.html`]);
    const file = lab.transcript.toPcapng();
    const openings = ["-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "-T", "fields", "-e", "tcp.dstport"];
    const ports = (await tshark(file, ...openings)).trim().split("\n");
    expect(ports.filter((port) => port === "21").length).toBe(3);
    const requests = await tshark(file, "-Y", "ftp.request", "-T", "fields", "-e", "ftp.request.command");
    expect(requests.split("\n")).toEqual(expect.arrayContaining(["AUTH", "PROT", "PASS", "RETR", "EPRT"]));
    expect(await tshark(file, "-Y", "ftp-data", "-T", "fields", "-e", "frame.number")).not.toBe("");
    await expectNoWarnings(file);
  });

  clientTest("tshark", "over IPv6", async () => {
    await using lab = await startLab({ echo: tcp({ behaviour: "echo", host: "::1" }) }, { capture: 100_000 });
    const client = connect(lab.servers.echo.port, "::1");
    client.end("hello");
    await text(client);
    const file = lab.transcript.toPcapng();
    await expectNoWarnings(file);
    expect(
      await tshark(file, "-Y", "tcp.payload", "-T", "fields", "-e", "ipv6.dst", "-e", "tcp.payload"),
    ).toBe("::1\t68656c6c6f\n::1\t68656c6c6f\n");
  });

  clientTest("tshark", "datagrams", async () => {
    await using lab = await startLab({ echo: udp() }, { capture: 100_000 });
    const socket = createSocket("udp4");
    const answered = once(socket, "message");
    socket.send("hello", lab.servers.echo.port, lab.servers.echo.host);
    await answered;
    socket.close();
    const file = lab.transcript.toPcapng();
    expect(await tshark(file, "-Y", "udp", "-T", "fields", "-e", "udp.payload")).toBe(
      "68656c6c6f\n68656c6c6f\n",
    );
  });

  test("passwords are in none of it", async () => {
    const [events, packets] = [new PassThrough(), new PassThrough()];
    const written = Promise.all([buffer(events), buffer(packets)]);
    const lab = await startLab(services(), { ...options, capture: 10_000_000, record: { events, packets } });
    await talk(lab);
    const remembered = lab.transcript.toPcapng();
    await lab.stop();
    events.end();
    packets.end();
    for (const file of [remembered, ...(await written)]) {
      expect(Buffer.from(file).includes("Hello, world!") || Buffer.from(file).includes("index.html")).toBe(
        true,
      );
      expect(Buffer.from(file).includes(SECRET)).toBe(false);
      expect(Buffer.from(file).includes(Buffer.from(`ann:${SECRET}`).toString("base64"))).toBe(false);
    }
  });

  test("a password that is sent to a device before it asks is masked, and what follows the login is not", async () => {
    const device = { login: { users: { ann: SECRET } }, commands: { exit: { end: "fin" } } } as const;
    await using lab = await startLab({ console: telnet({ device }) }, { capture: 10_000 });
    const client = connect({ ...lab.servers.console, allowHalfOpen: true });
    client.write(`ann\r\n${SECRET}\r\n`);
    await lab.events.next("login");
    client.end("exit now\r\nexit\r\n");
    await text(client);
    const packets = Buffer.from(lab.transcript.toPcapng());
    expect(packets.includes(SECRET)).toBe(false);
    expect(packets.includes("exit now\r\nexit")).toBe(true);
  });

  test("the oldest makes room, and views have a part of it", async () => {
    await using lab = await startLab({ one: tcp({ behaviour: "echo" }), two: tcp() }, { capture: 20_000 });
    const say = async ({ host, port }: { host: string; port: number }, words: string) => {
      const client = connect(port, host);
      client.end(words);
      await text(client);
    };
    await say(lab.servers.one, "x".repeat(15_000));
    await say(lab.servers.two, "the last words");
    const all = Buffer.from(lab.transcript.toPcapng());
    expect(all.includes("the last words")).toBe(true);
    expect(all.length).toBeLessThan(40_000);
    expect(Buffer.from(lab.transcript.of("one").toPcapng()).includes("the last words")).toBe(false);
    const mark = lab.transcript.mark();
    expect(blocksOf(lab.transcript.since(mark).toPcapng()).get(PACKET)).toBeUndefined();
    lab.transcript.clear();
    expect(blocksOf(lab.transcript.toPcapng()).get(PACKET)).toBeUndefined();
  });

  test("without bytes it is made of events", async () => {
    await using lab = await startLab(services(), options);
    await talk(lab);
    const file = Buffer.from(lab.transcript.toPcapng());
    for (const words of [
      "RETR index.html\r\n",
      "226 Transfer complete.\r\n",
      "GET /index.html HTTP/1.1\r\n",
    ]) {
      expect(file.includes(words)).toBe(true);
    }
    expect(file.includes(SECRET)).toBe(false);
    expect(blocksOf(file).get(PACKET)?.length).toBeGreaterThan(20);
  });

  test("a number that is none is refused", async () => {
    await expect(startLab({}, { capture: -1 })).rejects.toMatchObject({ code: "BAD_OPTION" });
  });
});

describe("a recording of events", () => {
  test("has a line for each, and the bytes of what events do not tell", async () => {
    const stream = new PassThrough();
    const written = text(stream);
    const lab = await startLab(
      { echo: tcp({ behaviour: "echo" }), web: http() },
      { record: { events: stream } },
    );
    const client = connect(lab.servers.echo.port, lab.servers.echo.host);
    client.end(Buffer.from([0, 255]));
    await buffer(client);
    await (await fetch(lab.servers.web.url)).text();
    const told = [...lab.transcript];
    await lab.stop();
    stream.end();
    const lines = (await written)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ type: "recording", format: 1 });
    expect(lines.filter(({ seq }) => seq <= (told.at(-1)?.seq ?? 0))).toEqual(
      JSON.parse(JSON.stringify(told)),
    );
    expect(
      lines.filter(({ type }) => type === "bytes").map(({ direction, base64 }) => [direction, base64]),
    ).toEqual([
      ["in", "AP8="],
      ["out", "AP8="],
    ]);
    expect(lines.some(({ type, server }) => type === "bytes" && server === "web")).toBe(false);
  });

  test("a stream that takes nothing holds nobody up, and what is missing is told", async () => {
    const stream = new PassThrough({ highWaterMark: 1 });
    const lab = await startLab({ echo: tcp({ behaviour: "echo" }) }, { record: { events: stream } });
    const client = connect(lab.servers.echo.port, lab.servers.echo.host);
    const sent = 32 * 1024 * 1024;
    let received = 0;
    client.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    client.end(Buffer.alloc(sent, "x"));
    await once(client, "close");
    expect(received).toBe(sent);
    expect(stream.writableLength).toBeLessThan(20 * 1024 * 1024);
    const written = text(stream);
    await lab.stop();
    stream.end();
    expect((await written).length).toBeGreaterThan(1000);
  });
});
