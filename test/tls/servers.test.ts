import { once } from "node:events";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { forward, ftp, http, type Lab, startLab, tcp, telnet, udp, websocket } from "../../index.ts";
import { visit } from "./client.ts";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
const only = (version: (typeof VERSIONS)[number]) => ({ minVersion: version, maxVersion: version });

/** A lab of one echo server. */
const echoLab = (options = {}) => startLab({ echo: tcp({ behaviour: "echo", ...options }) }, { tls: true });

describe("one option for all servers", () => {
  test("each speaks TLS as its protocol has it", async () => {
    await using real = await startLab({ web: http() });
    const { host, port } = real.servers.web;
    await using lab = await startLab(
      {
        web: http(),
        shell: telnet(),
        files: ftp(),
        greeter: tcp(),
        proxy: forward({ to: { host, port } }),
        udp: udp(),
      },
      { tls: true },
    );
    const { web, shell, greeter, proxy } = lab.servers;
    const schemes = Object.values(lab.servers).map(({ name, url }) => [name, url.replace(/:.*/, "")]);
    expect(Object.fromEntries(schemes)).toEqual({
      web: "https",
      shell: "telnets",
      files: "ftp",
      greeter: "tls",
      proxy: "tls",
      udp: "udp",
    });
    expect((await visit(web, get("/"))).text).toMatch(/^HTTP\/1\.1 200 [\s\S]*Hello, world!$/);
    expect((await visit(shell, "echo over TLS\r\nquit\r\n")).text).toContain("> over TLS\r\n");
    expect((await visit(greeter, "hi")).text).toBe("Hello, world!");
    expect((await visit(proxy, get("/index.html"))).text).toContain("Hello, world!");
  });

  test("each by its own", async () => {
    await using lab = await startLab({
      web: http({ tls: true }),
      explicit: ftp({ tls: true }),
      plain: http(),
    });
    expect((await visit(lab.servers.web, get("/"))).text).toContain("Hello, world!");
    expect(await (await fetch(lab.servers.plain.url)).text()).toBe("Hello, world!");
    expect(lab.servers.explicit.url).toMatch(/^ftp:/);
  });

  test("on Unix-domain sockets, too", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "wirelab-tls-")), "lab.sock");
    await using lab = await startLab({ web: http({ path }) }, { tls: true });
    expect((await visit(lab.servers.web, get("/"))).text).toContain("Hello, world!");
  });

  test("programs of CGI are told of it", async () => {
    const cgi = mkdtempSync(join(tmpdir(), "wirelab-cgi-"));
    const program =
      '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n$HTTPS $SSL_CLIENT_VERIFY $SSL_CLIENT_S_DN"\n';
    writeFileSync(join(cgi, "who"), program);
    chmodSync(join(cgi, "who"), 0o755);
    await using lab = await startLab({ web: http({ cgi, tls: { requestCert: true } }) });
    const said = await visit(lab.servers.web, get("/cgi-bin/who"), await lab.clientCertificate("ann"));
    expect(said.text).toContain("on SUCCESS CN=ann");
  });
});

describe.each(VERSIONS)("%s", (version) => {
  test("is spoken, and told", async () => {
    await using lab = await echoLab();
    const opened = lab.events.next("opened");
    const secured = lab.events.next("secured");
    const said = await visit(lab.servers.echo, "hello", { ...only(version), servername: "localhost" });
    expect(said).toMatchObject({ text: "hello", version, resumed: false });
    expect(await opened).toMatchObject({ secure: true, connection: "c1" });
    const { cipher, ...facts } = await secured;
    expect(facts).toMatchObject({ connection: "c1", version, resumed: false, serverName: "localhost" });
    expect(cipher).toMatch(version === "TLSv1.3" ? /^TLS_AES_/ : /^TLS_ECDHE_ECDSA_WITH_AES_/);
    expect(String(lab.transcript)).toContain(`secured by ${version}`);
  });

  test("can be the only one", async () => {
    await using lab = await echoLab({ tls: only(version) });
    const other = version === "TLSv1.2" ? "TLSv1.3" : "TLSv1.2";
    const told = lab.events.next("error");
    expect((await visit(lab.servers.echo, "x", only(other))).error).toBe("tlsv1 alert protocol version");
    expect((await told).message).toBe(
      "The TLS handshake has failed: the client speaks no version of TLS that this server speaks.",
    );
    expect((await visit(lab.servers.echo, "x", only(version))).text).toBe("x");
  });

  test("sessions are resumed on other connections of the server, and of no other server", async () => {
    await using lab = await startLab({ one: http(), two: http() }, { tls: true });
    const { session } = await visit(lab.servers.one, get("/"), only(version));
    const resumed = lab.events.next("secured", { resumed: true });
    expect(await visit(lab.servers.one, get("/"), { ...only(version), session })).toMatchObject({
      resumed: true,
    });
    expect((await resumed).server).toBe("one");
    expect(await visit(lab.servers.two, get("/"), { ...only(version), session })).toMatchObject({
      resumed: false,
    });
  });
});

describe("HTTPS", () => {
  test("agrees on HTTP/1.1 by ALPN, and with clients that ask for nothing", async () => {
    await using lab = await startLab({ web: http() }, { tls: true });
    const { web } = lab.servers;
    const both = { ALPNProtocols: ["h2", "http/1.1"] };
    const told = lab.events.next("secured");
    expect(await visit(web, get("/"), both)).toMatchObject({
      alpn: "http/1.1",
      text: expect.stringMatching(/ 200 /),
    });
    expect((await told).alpn).toBe("http/1.1");
    expect((await visit(web, get("/"))).text).toMatch(/ 200 /);
    const alone = await visit(web, get("/"), { ALPNProtocols: ["h2"] });
    expect(alone.error).toBe("tlsv1 alert no application protocol");
  });

  test("any name may be asked for (SNI)", async () => {
    await using lab = await startLab({ web: http({ tls: { names: ["lab.test"] } }) });
    const told = lab.events.next("secured");
    const said = await visit(lab.servers.web, get("/"), { servername: "lab.test" });
    expect(said.text).toMatch(/ 200 /);
    expect((await told).serverName).toBe("lab.test");
    const unknown = { servername: "no-such.test", checkServerIdentity: () => undefined };
    expect((await visit(lab.servers.web, get("/"), unknown)).text).toMatch(/ 200 /);
  });
});

describe("an app of one's own", () => {
  const secure = (request: IncomingMessage, response: ServerResponse) =>
    response.end(`${Reflect.get(request, "protocol")} ${Reflect.get(request, "secure")}`);

  test.each([undefined, () => {}])("knows that it is HTTPS, with a tap %s", async (tap) => {
    await using lab = await startLab(
      { safe: http({ app: secure, tls: true }), plain: http({ app: secure }) },
      tap && { tap },
    );
    expect((await visit(lab.servers.safe, get("/"))).text).toMatch(/https true$/);
    expect(await (await fetch(lab.servers.plain.url)).text()).toBe("http false");
  });
});

test("WebSocket's clients come by wss", async () => {
  await using lab = await startLab(
    { live: websocket(), web: http({ websocket: websocket() }) },
    { tls: true },
  );
  expect(lab.servers.live.url).toMatch(/^wss:/);
  for (const url of [lab.servers.live.url, `${lab.servers.web.url.replace("https", "wss")}/ws`]) {
    const client = new WebSocket(url, { ca: lab.ca! });
    client.on("open", () => client.send('"hi"'));
    expect(`${(await once(client, "message"))[0]}`).toBe('Text message received: "hi"');
    client.close();
    await once(client, "close");
  }
});

describe("streams inside TLS", () => {
  test("megabytes pass both ways, and an end of one side leaves the other open", async () => {
    await using lab = await echoLab();
    const bytes = "0123456789abcdef".repeat(200_000);
    expect((await visit(lab.servers.echo, bytes)).text).toBe(bytes);
  });

  test.each(VERSIONS)("an end in one breath with the handshake is heard, by %s", async (version) => {
    await using lab = await startLab(
      { greeter: tcp(), web: http(), shell: telnet(), live: websocket(), files: ftp({ tls: "implicit" }) },
      { tls: true },
    );
    for (const { name, host, port } of Object.values(lab.servers)) {
      const closed = lab.events.next("closed", { server: name });
      const client = connect(Object.assign({ host, port, ca: lab.ca!, allowHalfOpen: true }, only(version)));
      let heard = "";
      client.on("error", () => {}).on("data", (chunk) => (heard += chunk));
      client.once("secureConnect", () => client.end());
      await closed;
      if (name === "greeter") expect(heard).toBe("Hello, world!");
      client.destroy();
    }
  });

  test("rules and taps see plain bytes", async () => {
    let tapped = "";
    await using lab = await startLab(
      { echo: tcp({ behaviour: "echo" }) },
      {
        tls: true,
        tap: ({ direction, bytes }) => {
          if (direction === "in") tapped += Buffer.from(bytes);
        },
        faults: [{ fault: { kind: "close", afterBytes: 3, direction: "out" } }],
      },
    );
    expect((await visit(lab.servers.echo, "hello")).text).toBe("hel");
    expect(tapped).toBe("hello");
  });

  test("a reset is one for the client, inside TLS as without", async () => {
    await using lab = await startLab({ echo: tcp({ behaviour: "echo" }) }, { tls: true });
    lab.faults.add({ fault: { kind: "reset", afterBytes: 2, direction: "out" } });
    expect((await visit(lab.servers.echo, "hello")).error).toBe("ECONNRESET");
  });

  test("a lab that stops says goodbye by TLS, and does not wait for handshakes", async () => {
    const lab = await startLab({ shell: telnet(), echo: tcp({ behaviour: "echo" }) }, { tls: true });
    const { shell, echo } = lab.servers;
    const inside = connect({ host: shell.host, port: shell.port, ca: (lab as Lab).ca });
    let heard = "";
    const ended = new Promise((resolve) => inside.on("data", (chunk) => (heard += chunk)).on("end", resolve));
    const waiting = connectPlain(echo.port, echo.host);
    const gone = new Promise((resolve) => waiting.on("error", () => {}).on("close", resolve));
    await lab.events.next("opened", { server: "echo" });
    while (heard === "") await new Promise(setImmediate);
    const began = performance.now();
    const report = await lab.stop({ grace: 10_000 });
    expect(performance.now() - began).toBeLessThan(9000);
    expect(report.cut).toEqual([]);
    await Promise.all([ended, gone]);
    expect(heard).toContain("The server is stopping");
    inside.destroy();
  });
});
