import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ForwardOptions, PROXY_PROTOCOLS, type ProxyProtocol } from "../../index.ts";
import { proxyHeader } from "../../servers/forward/proxy-protocol.ts";
import { clientTest, run } from "../clients.ts";
import { Backend, forwarding, heard } from "./dialogue.ts";
import { Nginx } from "./nginx.ts";

/** What a target gets of a client that says `hello`, in latin1, and the ports of the connection that the client has made. */
async function received(options: Omit<ForwardOptions, "to">) {
  let all: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));
  await using target = await Backend.start((socket) => {
    all = heard(socket);
    all.then(() => socket.end());
  });
  await using server = await forwarding({ ...options, to: target.name });
  const { proxy } = server;
  const client: Socket = proxy.path ? connect(proxy.path) : server.dial();
  client.end("hello");
  const ports = [
    await new Promise<number>((resolve) => client.once("connect", () => resolve(client.localPort ?? 0))),
    proxy.port,
  ];
  await heard(client);
  const figures = proxy.targets()[0]!;
  return { bytes: (await all).toString("latin1"), ports, figures };
}

const word = (port: number) => String.fromCharCode(port >> 8, port & 255);
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

describe("version 1", () => {
  test("IPv4", async () => {
    const { bytes, ports, figures } = await received({ proxyProtocol: "v1" });
    expect(bytes).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${ports.join(" ")}\r\nhello`);
    // The header is not the client's.
    expect(figures.in).toBe(5);
  });

  test("IPv6", async () => {
    const { bytes, ports } = await received({ proxyProtocol: "v1", host: "::1" });
    expect(bytes).toBe(`PROXY TCP6 ::1 ::1 ${ports.join(" ")}\r\nhello`);
  });
});

describe("version 2", () => {
  test("IPv4", async () => {
    const { bytes, ports } = await received({ proxyProtocol: "v2" });
    const addresses = `\x7f\0\0\x01\x7f\0\0\x01${ports.map(word).join("")}`;
    expect(bytes).toBe(`${SIGNATURE}\x21\x11\0\x0c${addresses}hello`);
  });

  test.each([
    ["2001:db8::ff:1", "20010db80000000000000000" + "00ff0001"],
    ["1:2:3:4:5:6:7:8", "0001000200030004" + "0005000600070008"],
    ["fe80::1%eth0", "fe80000000000000" + "0000000000000001"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000" + "c0000221"],
    ["::", "0".repeat(32)],
  ])("the address %s", (host, hex) => {
    const header = proxyHeader("v2", { peer: { host, port: 1 }, local: { host: "::1", port: 2 } });
    expect(header.subarray(16, 32).toString("hex")).toBe(hex);
  });

  test("IPv6", async () => {
    const { bytes, ports } = await received({ proxyProtocol: "v2", host: "::1" });
    const one = `${"\0".repeat(15)}\x01`;
    expect(bytes).toBe(`${SIGNATURE}\x21\x21\0\x24${one}${one}${ports.map(word).join("")}hello`);
  });
});

test.each([
  ["v1", "PROXY UNKNOWN\r\n"],
  ["v2", `${SIGNATURE}\x20\0\0\0`],
] as const)("%s of a client on a Unix-domain socket is unknown", async (proxyProtocol, header) => {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
  const { bytes } = await received({ proxyProtocol, path: join(folder, "own") });
  expect(bytes).toBe(`${header}hello`);
  rmSync(folder, { recursive: true });
});

test("without it, the client's bytes are all there is", async () => {
  expect((await received({})).bytes).toBe("hello");
});

for (const version of PROXY_PROTOCOLS satisfies readonly ProxyProtocol[]) {
  clientTest("nginx", `understands ${version}, of IPv4 and of IPv6`, async (context) => {
    await using target = await Nginx.start(
      context,
      "$proxy_protocol_addr $proxy_protocol_port",
      "proxy_protocol",
    );
    for (const host of ["127.0.0.1", "::1"]) {
      await using server = await forwarding({ host, to: target.name, proxyProtocol: version });
      const url = server.proxy.url.replace("tcp:", "http:");
      const { stdout } = await run("curl", ["-sS", "-w", " %{local_port}", url]);
      const [address, seen, real] = stdout.split(" ");
      expect([address, seen]).toEqual([host, real]);
    }
  });
}
