import { once } from "node:events";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { describe, expect, test } from "vitest";
import { forward, startLab, type TlsClientOptions, type TlsSetting, tcp } from "../../index.ts";
import { Backend, forwarding, named } from "./dialogue.ts";

/** A server that speaks TLS, and how to reach it. */
async function secure(tls: TlsSetting = true) {
  const lab = await startLab({ one: tcp({ behaviour: "echo", tls }) });
  const { host, port } = lab.servers.one;
  return { lab, at: { host, port }, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
}

describe("clients that speak TLS", () => {
  test("are passed on in plain text, and their ends too", async () => {
    await using target = await Backend.start((socket) => socket.pipe(socket));
    await using server = await forwarding({ to: target.name }, { tls: true });
    expect(server.proxy.url).toBe(`tls://127.0.0.1:${server.port}`);
    const client = connect({
      port: server.port,
      host: server.host,
      ca: server.lab.ca!,
      servername: "localhost",
    });
    client.write("hello");
    expect(String((await once(client, "data"))[0])).toBe("hello");
    expect(String(server.lab.transcript)).toContain("> hello (5 bytes)");
    client.end();
    await once(client, "close");
  });
});

describe("targets that are reached by TLS", () => {
  test("are verified, and get what clients send", async () => {
    await using real = await secure();
    const to = { ...real.at, tls: { ca: real.lab.ca! } };
    await using server = await forwarding({ to });
    expect(await text(server.dial().end("hello"))).toBe("hello");
    const secured = server.lab.transcript.find("secured", { connection: "c1.1" });
    expect(secured?.version).toBe("TLSv1.3");
  });

  test("carry a megabyte both ways, from TLS to TLS", async () => {
    await using real = await secure();
    await using server = await forwarding({ to: { ...real.at, tls: { ca: real.lab.ca! } } }, { tls: true });
    const trust = { ca: server.lab.ca!, servername: "localhost" };
    const client = connect({ port: server.port, host: server.host, ...trust });
    const sent = Buffer.alloc(1_000_000, "0123456789");
    client.write(sent);
    const received: Buffer[] = [];
    let size = 0;
    for await (const chunk of client) {
      received.push(chunk);
      size += chunk.length;
      if (size === sent.length) break;
    }
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  test.each<[string, TlsSetting, (ca: string) => TlsClientOptions, string]>([
    ["nobody has issued", true, () => ({}), "unable to verify the first certificate"],
    ["is expired", "expired", (ca) => ({ ca }), "certificate has expired"],
    ["is for another host", "wrong-host", (ca) => ({ ca }), "does not match certificate's altnames"],
    ["is for another name", true, (ca) => ({ ca, serverName: "elsewhere" }), "does not match"],
  ])("one whose certificate %s is gone round", async (_name, tls, how, why) => {
    await using real = await secure(tls);
    await using other = await named("other");
    const to = [{ ...real.at, tls: how(real.lab.ca!) }, other.name];
    await using server = await forwarding({ to });
    expect(await text(server.dial())).toBe("other");
    expect(server.proxy.targets()[0]).toMatchObject({ state: "down", failed: 1, active: 0 });
    expect(server.proxy.targets()[0]!.lastError).toContain(why);
    expect(server.lab.transcript.find("error")).toMatchObject({ code: "TLS_FAILED", connection: "c1.1" });
  });

  test.each<[string, (name: string) => Promise<Backend>, string]>([
    ["plain text", named, "wrong version number"],
    ["nothing", () => Backend.start((socket) => void socket.resume()), "it has taken too long"],
    [
      "an end",
      () => Backend.start((socket) => void socket.resume().end()),
      "closed the connection in the middle",
    ],
  ])("one that answers with %s is gone round", async (_name, start, why) => {
    await using plain = await start("plain");
    await using other = await named("other");
    const to = [{ host: "127.0.0.1", port: plain.port, tls: true }, other.name];
    await using server = await forwarding({ to, connectTimeout: 500 });
    expect(await text(server.dial())).toBe("other");
    expect(server.proxy.targets()[0]!.lastError).toContain(why);
  });

  test("are told of the client in front of the handshake", async () => {
    const chunks: Buffer[] = [];
    await using target = await Backend.start((socket) => socket.on("data", (chunk) => chunks.push(chunk)));
    const to = { host: "127.0.0.1", port: target.port, tls: true };
    await using server = await forwarding({ to, proxyProtocol: "v1" });
    const client = server.dial().on("error", () => {});
    // A handshake's record begins with 22, 3 and 1 (RFC 8446 §5.1).
    const head = /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n\x16\x03\x01/;
    await expect.poll(() => Buffer.concat(chunks).toString("latin1")).toMatch(head);
    client.destroy();
  });

  test("faults act inside TLS", async () => {
    await using real = await secure();
    const to = { ...real.at, tls: { ca: real.lab.ca! } };
    const fault = { kind: "close", afterBytes: 4, direction: "out" } as const;
    await using server = await forwarding({ to }, { faults: [{ fault, when: { on: "data" } }] });
    expect(await text(server.dial().end("0123456789"))).toBe("0123");
  });

  test("a certificate to trust must be one", () => {
    expect(() => forward({ to: { host: "a", port: 1, tls: { ca: "nonsense" } } })).toThrow(
      "tls.ca is no certificate",
    );
  });
});
