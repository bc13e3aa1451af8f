import { X509Certificate } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BROKEN_CERTIFICATES, http, type Lab, startLab, type TlsSetting, tcp } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { visit } from "./client.ts";

const echo = (tls?: TlsSetting, host?: string) =>
  tcp({ behaviour: "echo", ...(tls !== undefined && { tls }), ...(host !== undefined && { host }) });

/** The certificate that a server shows. */
async function shown(lab: Lab, name: string): Promise<X509Certificate> {
  const { certificate, error } = await visit(lab.servers[name]!, "", { rejectUnauthorized: false });
  expect(error).toBeUndefined();
  return certificate ?? expect.unreachable();
}

function authorityFile(lab: Lab): string {
  const file = join(mkdtempSync(join(tmpdir(), "wirelab-tls-")), "ca.pem");
  writeFileSync(file, lab.ca ?? "");
  return file;
}

describe("the lab's own CA", () => {
  test("issues certificates for the addresses listened on, and further names, and clients trust it", async () => {
    await using lab = await startLab(
      { one: echo(undefined, "127.0.0.2"), two: echo({ names: ["lab.test", "*.lab.test", "Bücher.test"] }) },
      { tls: true },
    );
    const authority = new X509Certificate(lab.ca!);
    expect(authority.ca).toBe(true);
    for (const [name, ...known] of [
      ["one", "127.0.0.1", "127.0.0.2", "::1", "localhost"],
      ["two", "127.0.0.1", "::1", "localhost", "lab.test", "any.lab.test", "xn--bcher-kva.test"],
    ] as const) {
      const certificate = await shown(lab, name);
      expect(certificate.verify(authority.publicKey)).toBe(true);
      for (const host of known) {
        expect(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host), host).toBeDefined();
      }
      expect((await visit(lab.servers[name], "hi")).text).toBe("hi");
    }
    const wrong = await visit(lab.servers.one, "hi", { servername: "lab.test" });
    expect(wrong.error).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("a server on all addresses is known by those of the machine", async () => {
    await using lab = await startLab({ all: echo(true, "0.0.0.0") });
    const certificate = await shown(lab, "all");
    expect(certificate.checkHost(hostname())).toBeDefined();
    for (const { address, family } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
      if (family === "IPv4") expect(certificate.checkIP(address)).toBe(address);
    }
  });

  test("is another one in each lab, and is good for a year", async () => {
    await using one = await startLab({ echo: echo(true) });
    await using two = await startLab({ echo: echo(true) });
    const [a, b] = [new X509Certificate(one.ca!), new X509Certificate(two.ca!)];
    expect(a.subject).not.toBe(b.subject);
    expect((await visit(two.servers.echo, "", { ca: one.ca })).error).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    const days = (Date.parse(a.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(360);
    expect(days).toBeLessThan(398);
    expect(Date.parse(a.validFrom)).toBeLessThan(Date.now() - 3_600_000);
  });

  test("a lab without TLS has none", async () => {
    await using lab = await startLab({ echo: echo(), off: echo(false) }, {});
    expect(lab.ca).toBeUndefined();
    expect(lab.servers.echo.url).toMatch(/^tcp:/);
  });
});

describe("settings", () => {
  test("a server's own setting goes before the lab's", async () => {
    await using lab = await startLab(
      { plain: echo(false), modern: echo(), old: echo({ maxVersion: "TLSv1.2" }), bad: echo("expired") },
      { tls: { maxVersion: "TLSv1.3", names: ["lab.test"] } },
    );
    expect(lab.servers.plain.url).toMatch(/^tcp:/);
    const version = async (name: keyof typeof lab.servers) =>
      (await visit(lab.servers[name], "hi", { servername: "lab.test" })).version;
    expect([await version("modern"), await version("old")]).toEqual(["TLSv1.3", "TLSv1.2"]);
    expect((await visit(lab.servers.bad, "hi", { servername: "lab.test" })).error).toBe("CERT_HAS_EXPIRED");
  });

  test("one's own certificate, for the lab or for a server, is a part of what clients are to trust", async () => {
    await using other = await startLab({ echo: echo({ names: ["own.test"] }) });
    const own = await other.clientCertificate("own.test");
    await using lab = await startLab({ own: echo({ ...own, ca: other.ca! }), issued: echo(true) });
    expect(lab.ca).toContain(other.ca);
    expect((await shown(lab, "own")).subject).toBe("CN=own.test");
    expect((await visit(lab.servers.issued, "hi")).text).toBe("hi");
    await using single = await startLab({ one: echo(), two: echo() }, { tls: own });
    expect(single.ca).toBe(own.cert);
  });

  test.each<[TlsSetting, string]>([
    ["generated" as never, 'tls is "generated"; it can be true, false, one of expired'],
    [{ cert: "x" }, "tls.cert and tls.key go together"],
    [{ cert: "x", key: "y" }, "a certificate and its own key"],
    [{ broken: "torn" as never }, 'tls.broken is "torn"'],
    [{ cert: "x", key: "y", broken: "expired" }, "certificates that the lab issues"],
    [{ requestCert: "yes" as never }, 'tls.requestCert is "yes"'],
    [{ minVersion: "TLSv1" as never }, 'tls.minVersion is "TLSv1"'],
    [{ minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, "above"],
    [{ handshakeTimeout: 0 }, "tls.handshakeTimeout is 0"],
    [{ ca: "x" }, "tls.ca is no certificate"],
    [{ names: ["a/b"] }, '"a/b", which is no name'],
  ])("%j is refused, in the server's name", async (tls, why) => {
    const refused = startLab({ echo: echo(tls) });
    await expect(refused).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: expect.stringMatching(/^echo: /),
    });
    await expect(refused).rejects.toThrow(why);
  });
});

/** For each broken certificate what OpenSSL, and what stands on it, says of it; and what the server then tells of the client. */
const SAID = {
  expired: {
    code: "CERT_HAS_EXPIRED",
    openssl: "10:certificate has expired",
    curl: "certificate has expired",
  },
  "not-yet-valid": {
    code: "CERT_NOT_YET_VALID",
    openssl: "9:certificate is not yet valid",
    curl: "certificate is not yet valid",
  },
  "wrong-host": {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
    openssl: "64:IP address mismatch",
    curl: "no alternative certificate subject name matches",
  },
  "self-signed": {
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    openssl: "18:self-signed certificate",
    curl: "self-signed certificate",
  },
  untrusted: {
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    openssl: "20:unable to get local issuer certificate",
    curl: "unable to get local issuer certificate",
  },
} as const;

describe.each(BROKEN_CERTIFICATES)("a certificate that is %s", (broken) => {
  const bad = () => startLab({ good: http(), bad: http({ tls: broken }) }, { tls: true });

  test("is refused for that reason alone, beside a good one", async () => {
    await using lab = await bad();
    expect((await visit(lab.servers.bad, "")).error).toBe(SAID[broken].code);
    expect((await visit(lab.servers.good, "GET / HTTP/1.0\r\n\r\n")).text).toContain("Hello, world!");
    const careless = await visit(lab.servers.bad, "GET / HTTP/1.0\r\n\r\n", { rejectUnauthorized: false });
    expect(careless.text).toContain("Hello, world!");
  });

  clientTest("openssl", "says so", async () => {
    await using lab = await bad();
    const trust = ["-CAfile", authorityFile(lab), "-verify_return_error", "-verify_ip", "127.0.0.1"];
    const at = (name: "good" | "bad") => [
      "s_client",
      "-connect",
      `127.0.0.1:${lab.servers[name].port}`,
      ...trust,
    ];
    expect(await run("openssl", at("good"))).toMatchObject({ code: 0 });
    const told = lab.events.next("error", { server: "bad" });
    const { code, stderr } = await run("openssl", at("bad"));
    expect([code, stderr]).toEqual([1, expect.stringContaining(`verify error:num=${SAID[broken].openssl}`)]);
    expect((await told).code).toBe("TLS_FAILED");
    expect((await told).message).toMatch(
      /^The TLS handshake has failed: the client .* certificate.* \(alert \w+\)\.$/,
    );
  });

  clientTest("curl", "says so, with exit code 60", async () => {
    await using lab = await bad();
    const { code, stderr } = await run("curl", ["-sS", "--cacert", authorityFile(lab), lab.servers.bad.url]);
    expect([code, stderr]).toEqual([60, expect.stringContaining(SAID[broken].curl)]);
  });
});
