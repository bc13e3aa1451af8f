import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { authority } from "../../core/tls/authority.ts";
import { ftp, http, type Lab, startLab, type TlsOptions, tcp } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { Dialogue } from "../ftp/dialogue.ts";
import { visit } from "./client.ts";

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const only = (version: (typeof VERSIONS)[number]) => ({ minVersion: version, maxVersion: version });
const echoLab = (tls: TlsOptions) => startLab({ echo: tcp({ behaviour: "echo", tls }) });

describe.each(VERSIONS)("requestCert, by %s", (version) => {
  test("lets in who has a certificate of the lab's, and tells who it is", async () => {
    await using lab = await echoLab({ requestCert: true });
    const secured = lab.events.next("secured");
    const ann = { ...(await lab.clientCertificate("ann")), ...only(version) };
    const { text, session } = await visit(lab.servers.echo, "hi", ann);
    expect([text, (await secured).subject]).toEqual(["hi", "CN=ann"]);
    expect(String(lab.transcript)).toContain(`secured by ${version}, client CN=ann`);
    const resumed = lab.events.next("secured");
    expect((await visit(lab.servers.echo, "hi", { ...ann, session })).text).toBe("hi");
    expect(await resumed).toMatchObject({ resumed: true, subject: "CN=ann" });
  });

  test("refuses who has none, by an alert", async () => {
    await using lab = await echoLab({ requestCert: true });
    const error = lab.events.next("error");
    const closed = lab.events.next("closed");
    const refused = await visit(lab.servers.echo, "hi", only(version));
    expect(refused.error).toMatch(/alert (certificate required|handshake failure)$/);
    expect(await error).toMatchObject({
      code: "TLS_FAILED",
      message:
        "The TLS handshake has failed: the client has shown no certificate, and this server asks for one.",
    });
    expect((await closed).reason).toBe("error");
  });

  test.each([
    ["expired", "certificate has expired"],
    ["not-yet-valid", "certificate is not yet valid"],
    ["self-signed", "self-signed certificate"],
    ["untrusted", "unable to verify the first certificate"],
  ] as const)("refuses one that is %s, and says why", async (broken, why) => {
    await using lab = await startLab({
      web: http({ tls: { requestCert: true } }),
      echo: tcp({ behaviour: "echo", tls: { requestCert: "optional" } }),
    });
    const bad = { ...(await lab.clientCertificate("eve", broken)), ...only(version) };
    for (const name of ["web", "echo"] as const) {
      const error = lab.events.next("error", { server: name });
      const closed = lab.events.next("closed", { server: name, reason: "error" });
      const { text } = await visit(lab.servers[name], GET, bad);
      expect(text).toMatch(name === "web" ? /^HTTP\/1\.1 400 [\s\S]*certificate is not accepted/ : /^$/);
      expect((await error).message).toBe(
        `The TLS handshake has failed: the client's certificate is not good (${why}).`,
      );
      await closed;
    }
    expect(lab.transcript.find("secured")).toBeUndefined();
    expect(lab.transcript.find("command")).toBeUndefined();
  });
});

test("FTP says so behind AUTH", async () => {
  await using lab = await startLab({ files: ftp({ tls: { requestCert: true } }) });
  for (const [broken, reply] of [
    [undefined, /^331 /],
    ["expired", /^421 .*certificate/],
  ] as const) {
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    await dialogue.secure({
      ca: lab.ca!,
      servername: "localhost",
      ...(await lab.clientCertificate("ann", broken)),
    });
    expect(await dialogue.say("USER foo")).toMatch(reply);
  }
});

describe("whose certificates are taken", () => {
  test("optional: who has none comes in as well, and is nobody", async () => {
    await using lab = await echoLab({ requestCert: "optional" });
    const secured = lab.events.next("secured");
    expect((await visit(lab.servers.echo, "hi")).text).toBe("hi");
    expect((await secured).subject).toBeUndefined();
  });

  test("those of one's own issuer, beside the lab's", async () => {
    await using other = await echoLab({});
    const bob = await other.clientCertificate("bob");
    await using lab = await startLab({
      theirs: tcp({ behaviour: "echo", tls: { requestCert: true, ca: other.ca! } }),
      ours: tcp({ behaviour: "echo", tls: { requestCert: true } }),
    });
    expect((await visit(lab.servers.theirs, "hi", bob)).text).toBe("hi");
    expect((await visit(lab.servers.theirs, "hi", await lab.clientCertificate("ann"))).text).toBe("hi");
    expect((await visit(lab.servers.ours, "hi", bob)).text).toBe("");
  });

  test("none that was issued for servers", async () => {
    const issuer = await authority();
    await using lab = await echoLab({ requestCert: true, ca: issuer.cert });
    const error = lab.events.next("error");
    await visit(lab.servers.echo, "hi", await issuer.server(["ann"]));
    expect((await error).message).toMatch(/not good \((unsupported|unsuitable) certificate purpose\)/);
  });

  test("none that is broken in a way that does not exist", async () => {
    await using lab = await echoLab({ requestCert: true });
    for (const broken of ["wrong-host", "torn"] as never[]) {
      await expect(lab.clientCertificate("ann", broken)).rejects.toMatchObject({ code: "BAD_OPTION" });
    }
  });

  test("any name can be in one", async () => {
    await using lab = await echoLab({ requestCert: true });
    for (const name of ["O'Brien, Ann = 1", "Jürgen", 'a"b\\c', "x\ny"]) {
      const secured = lab.events.next("secured");
      expect((await visit(lab.servers.echo, "hi", await lab.clientCertificate(name))).text).toBe("hi");
      expect((await secured).subject).toMatch(/^CN=/);
    }
    expect(String(lab.transcript)).not.toContain("\ny");
  });
});

describe("real clients", () => {
  /** Files with a certificate and its key. */
  async function files(lab: Lab) {
    const folder = mkdtempSync(join(tmpdir(), "wirelab-tls-"));
    const { cert, key } = await lab.clientCertificate("ann");
    const paths = {
      ca: join(folder, "ca.pem"),
      cert: join(folder, "cert.pem"),
      key: join(folder, "key.pem"),
    };
    writeFileSync(paths.ca, lab.ca!);
    writeFileSync(paths.cert, cert);
    writeFileSync(paths.key, key);
    return paths;
  }

  clientTest("curl", "shows a certificate by HTTPS and FTPS", async () => {
    await using lab = await startLab(
      { web: http(), explicit: ftp(), implicit: ftp({ tls: { mode: "implicit" } }) },
      { tls: { requestCert: true } },
    );
    const { ca, cert, key } = await files(lab);
    for (const { name, url } of Object.values(lab.servers)) {
      const login = name === "web" ? [] : ["--ssl-reqd", "--user", "foo:bar"];
      const options = ["-sS", "--cacert", ca, ...login, `${url}/index.html`];
      const let_in = await run("curl", ["--cert", cert, "--key", key, ...options]);
      expect(let_in, name).toMatchObject({ code: 0, stdout: "Hello, world!" });
      expect(await run("curl", options), name).not.toMatchObject({ code: 0 });
    }
  });

  clientTest("openssl", "shows a certificate, and hears the alert without one", async () => {
    await using lab = await startLab({ greeter: tcp({ tls: { requestCert: true } }) });
    const { ca, cert, key } = await files(lab);
    const { port } = lab.servers.greeter;
    const trust = [
      "s_client",
      "-connect",
      `127.0.0.1:${port}`,
      "-CAfile",
      ca,
      "-verify_return_error",
      "-quiet",
    ];
    const shown = await run("openssl", [...trust, "-cert", cert, "-key", key], { input: "hi\n" });
    expect(shown).toMatchObject({ stdout: "Hello, world!" });
    const refused = await run("openssl", trust, { input: "hi\n" });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("alert certificate required"),
    ]);
  });

  clientTest("python3", "shows a certificate", async () => {
    await using lab = await startLab({ web: http({ tls: { requestCert: true } }) });
    const { ca, cert, key } = await files(lab);
    const script = `
import http.client, ssl, sys
_, ca, cert, key, port = sys.argv
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
client = http.client.HTTPSConnection("127.0.0.1", int(port), context=context, timeout=10)
client.request("GET", "/")
print(client.getresponse().read().decode())`;
    const out = await run("python3", ["-c", script, ca, cert, key, `${lab.servers.web.port}`]);
    expect(out).toMatchObject({ stdout: "Hello, world!\n", stderr: "" });
  });
});
