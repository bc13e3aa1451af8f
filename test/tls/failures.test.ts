import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { ftp, http, type Server, startLab, type TlsOptions, tcp, telnet } from "../../index.ts";
import { visit } from "./client.ts";

/** All four kinds of server, with TLS from the first byte on. */
const tlsLab = (options: TlsOptions = {}) =>
  startLab(
    {
      web: http(),
      shell: telnet(),
      files: ftp({ tls: { mode: "implicit" } }),
      echo: tcp({ behaviour: "echo" }),
    },
    { tls: options },
  );

/** What a client hears that speaks in plain text, and whether it was by a reset that it ended. */
async function plainly({ host, port }: Server, bytes: string | Uint8Array | undefined): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.on("error", () => {});
  if (bytes !== undefined) socket.write(bytes);
  return text(socket)
    .catch(() => "")
    .finally(() => socket.destroy());
}

describe("plain text where TLS is spoken", () => {
  test("HTTP's clients get a page that says so, and observers a sentence", async () => {
    await using lab = await tlsLab();
    const error = lab.events.next("error");
    const closed = lab.events.next("closed");
    const page = await plainly(lab.servers.web, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(page).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*Connection: close[\s\S]*This port speaks HTTPS/,
    );
    expect(await error).toMatchObject({
      code: "TLS_FAILED",
      message: "The TLS handshake has failed: the client speaks plain HTTP, and this server TLS.",
    });
    expect(await closed).toMatchObject({ reason: "error", connection: "c1" });
    expect(lab.transcript.find("command")).toBeUndefined();
  });

  test("others are told in their own words, and no password is repeated", async () => {
    await using lab = await tlsLab();
    expect(await plainly(lab.servers.files, "USER foo\r\nPASS Sesame-7f3a9c\r\n")).toMatch(/^421 .*TLS/);
    expect(await plainly(lab.servers.shell, "foo\r\nSesame-7f3a9c\r\n")).toMatch(/TLS/);
    expect(await plainly(lab.servers.echo, "Sesame-7f3a9c")).toBe("");
    expect(String(lab.transcript).match(/the client speaks plain text, and this server TLS/g)?.length).toBe(
      3,
    );
    expect(String(lab.transcript)).not.toContain("Sesame");
  });

  test("clients that wait to be greeted are told when the handshake's time is up", async () => {
    await using lab = await tlsLab({ handshakeTimeout: 100 });
    const error = lab.events.next("error");
    expect(await plainly(lab.servers.files, undefined)).toMatch(/^421 .*TLS/);
    expect((await error).message).toBe(
      "The TLS handshake has failed: the client has not begun within 100 ms.",
    );
    expect(await plainly(lab.servers.echo, undefined)).toBe("");
  });

  test("curl by http:// is told to write https://", async () => {
    await using lab = await tlsLab();
    const { host, port } = lab.servers.web;
    const answer = await fetch(`http://${host}:${port}/`);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("write https://")]);
  });
});

describe("TLS where plain text is spoken", () => {
  test("HTTP's log says so", async () => {
    await using lab = await startLab({ web: http() });
    const error = lab.events.next("error");
    expect((await visit(lab.servers.web, "x")).error).toBe("wrong version number");
    expect((await error).message).toBe("The client speaks TLS, and this server plain HTTP.");
    expect(await (await fetch(lab.servers.web.url)).text()).toBe("Hello, world!");
  });

  test.each(["files", "shell", "echo"] as const)("%s survives it", async (name) => {
    await using lab = await startLab({ files: ftp(), shell: telnet(), echo: tcp({ behaviour: "hello" }) });
    const closed = lab.events.next("closed");
    expect((await visit(lab.servers[name], "x")).error).toBeDefined();
    await closed;
    expect(await plainly(lab.servers.echo, "x")).toBe("Hello, world!");
  });
});

/** A client by a stream of our own, which sends what it is given by handfuls of so many bytes; and the socket under it. */
async function overStream({ host, port, lab }: Server, handful: number) {
  const raw = connect({ host, port, noDelay: true });
  raw.on("error", () => {});
  await once(raw, "connect");
  const stream = new Duplex({
    read() {},
    async write(chunk: Buffer, _encoding, done) {
      for (let sent = 0; sent < chunk.length; sent += handful) {
        raw.write(chunk.subarray(sent, sent + handful));
        await new Promise(setImmediate);
      }
      done();
    },
    final: (done) => raw.end(done),
  });
  raw.on("data", (chunk) => stream.push(chunk)).on("end", () => stream.push(null));
  const client = connectTls({ socket: stream, ca: lab.ca!, servername: "localhost" });
  client.on("error", () => {});
  return { raw, client };
}

describe("hostile handshakes", () => {
  const HELLO = Buffer.from("16030100", "hex");

  test.each([
    ["garbage behind the head of a record", Buffer.concat([HELLO, Buffer.alloc(300, 0xaa)])],
    ["a record of nothing", Buffer.from("1603010000", "hex")],
    ["SSL 2", Buffer.from("802e0100020015000000100100800200800300800400800500800600400700c0", "hex")],
    ["noise", Buffer.from("ff00ff00ff00ff00ff00ff00ff00", "hex")],
    ["an alert", Buffer.from("1503010002022f", "hex")],
    ["a heartbeat", Buffer.from("18030200030140004000", "hex")],
  ])("%s ends that connection alone, with one sentence of why", async (_name, bytes) => {
    await using lab = await tlsLab();
    const error = lab.events.next("error", { connection: "c1" });
    const closed = lab.events.next("closed", { connection: "c1" });
    const { host, port } = lab.servers.echo;
    const socket = connect(port, host);
    socket.on("error", () => {}).resume();
    socket.end(bytes);
    // OpenSSL's own words, and no file, line or address of its sources.
    expect((await error).message).toMatch(/^The TLS handshake has failed: [a-z][\w' ,()-]+\.$/);
    await closed;
    expect((await visit(lab.servers.echo, "still there")).text).toBe("still there");
  });

  test("one that stops in the middle is cut when its time is up", async () => {
    await using lab = await tlsLab({ handshakeTimeout: 500 });
    const error = lab.events.next("error");
    const { host, port } = lab.servers.echo;
    const socket = connect(port, host);
    socket.on("error", () => {}).resume();
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    await once(socket, "close");
    expect((await error).message).toBe("The TLS handshake has failed: it has taken too long.");
  });

  test("one that ends or is reset in the middle is told as that", async () => {
    await using lab = await tlsLab();
    const { host, port } = lab.servers.echo;
    for (const [end, reason] of [
      ["end", "client"],
      ["resetAndDestroy", "reset"],
    ] as const) {
      const closed = lab.events.next("closed");
      const error = lab.events.next("error");
      const socket = connect(port, host);
      socket.on("error", () => {});
      const hello = new Duplex({ read() {}, write: (chunk, _encoding, done) => socket.write(chunk, done) });
      const client = connectTls({ socket: hello });
      client.on("error", () => {});
      // The server has answered, and waits for the rest.
      await once(socket, "data");
      socket[end]();
      client.destroy();
      expect((await closed).reason).toBe(reason);
      expect((await error).message).toMatch(/the client has (closed|reset) the connection/);
    }
  });

  test("who connects and goes, as health checks do, is no error", async () => {
    await using lab = await tlsLab();
    const { host, port } = lab.servers.web;
    for (const end of ["end", "destroy"] as const) {
      const closed = lab.events.next("closed");
      const socket = connect(port, host);
      await once(socket, "connect");
      socket.resume()[end]();
      expect((await closed).reason).toBe("client");
    }
    expect(lab.transcript.find("error")).toBeUndefined();
  });

  test("a handshake in single bytes succeeds", async () => {
    await using lab = await tlsLab();
    const { client, raw } = await overStream(lab.servers.echo, 1);
    client.end("slowly");
    expect(await text(client)).toBe("slowly");
    raw.destroy();
  });

  test("garbage behind the handshake is an error of that connection", async () => {
    await using lab = await tlsLab();
    const { client, raw } = await overStream(lab.servers.echo, 1000);
    client.write("x");
    await once(client, "data");
    const error = lab.events.next("error");
    raw.write("this is no record of TLS");
    expect((await error).message).toMatch(/^TLS has failed: [a-z][^.:]*\.$/);
    raw.destroy();
  });

  test("dozens that fail and dozens that succeed at once", async () => {
    await using lab = await tlsLab();
    const { echo } = lab.servers;
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, index) => [
        visit(echo, `${index}`).then((said) => said.text === `${index}`),
        plainly(echo, index % 2 ? "junk" : Buffer.from("1603010002ffff", "hex")).then(() => true),
      ]).flat(),
    );
    expect(outcomes.every(Boolean)).toBe(true);
  });

  test("another handshake on the same connection (renegotiation) is refused", async () => {
    await using lab = await tlsLab();
    const { host, port } = lab.servers.echo;
    const client = connectTls({ host, port, ca: lab.ca!, servername: "localhost", maxVersion: "TLSv1.2" });
    await once(client, "secureConnect");
    const refused = once(client, "error");
    client.renegotiate({}, () => {});
    expect((await refused)[0].code).toBe("ERR_SSL_NO_RENEGOTIATION");
    expect((await visit(lab.servers.echo, "hi")).text).toBe("hi");
  });
});

test.each(["web", "shell", "files", "echo"] as const)(
  "a client that resets right behind its handshake is gone from %s at once",
  async (name) => {
    await using lab = await tlsLab();
    const { host, port } = lab.servers[name];
    const closed = lab.events.next("closed");
    const socket = connect(port, host).on("error", () => {});
    const client = connectTls({ socket, ca: lab.ca, servername: "localhost" }).on("error", () => {});
    // Its last word of the handshake and the RST reach the server in one breath, which Node may tell as an end.
    client.once("secureConnect", () => client.write("x", () => setImmediate(() => socket.resetAndDestroy())));
    await closed;
  },
);
