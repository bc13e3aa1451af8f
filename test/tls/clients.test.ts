import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { ftp, http, type Lab, startLab, tcp, telnet } from "../../index.ts";
import { clientTest, needPrograms, run } from "../clients.ts";

/** A folder, with what clients are to trust in it. */
function trusting(lab: Lab): { folder: string; ca: string } {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-tls-"));
  const ca = join(folder, "ca.pem");
  writeFileSync(ca, lab.ca ?? "");
  return { folder, ca };
}

const webLab = () => startLab({ web: http() }, { tls: true });

describe.each(["1_2", "1_3"])("openssl s_client -tls%s", (version) => {
  clientTest("openssl", "verifies, and resumes a session", async () => {
    await using lab = await startLab({ greeter: tcp() }, { tls: true });
    const { folder, ca } = trusting(lab);
    const at = [
      "s_client",
      "-connect",
      `127.0.0.1:${lab.servers.greeter.port}`,
      `-tls${version}`,
      "-ign_eof",
    ];
    const options = [...at, "-CAfile", ca, "-verify_return_error", "-verify_ip", "127.0.0.1"];
    const session = join(folder, "session");
    const first = await run("openssl", [...options, "-sess_out", session], { input: "hi" });
    expect(first.stdout).toMatch(
      /^New, TLSv1\.[23], Cipher is [\s\S]*Verify return code: 0 \(ok\)[\s\S]*Hello, world!/m,
    );
    const again = await run("openssl", [...options, "-sess_in", session], { input: "hi" });
    expect(again.stdout).toMatch(/^Reused, TLSv1\.[23], Cipher is [\s\S]*Hello, world!/m);
  });
});

clientTest("openssl", "reconnects five times", async () => {
  await using lab = await startLab({ greeter: tcp() }, { tls: true });
  const at = `127.0.0.1:${lab.servers.greeter.port}`;
  const { stdout } = await run("openssl", ["s_client", "-connect", at, "-tls1_2", "-reconnect"]);
  expect(stdout.match(/^(New|Reused), /gm)).toEqual(["New, ", ...Array(5).fill("Reused, ")]);
});

clientTest("openssl", "is a terminal for telnets", async () => {
  await using lab = await startLab({ shell: telnet() }, { tls: true });
  const at = `127.0.0.1:${lab.servers.shell.port}`;
  const { stdout } = await run("openssl", ["s_client", "-connect", at, "-quiet"], {
    input: "echo hi\nquit\n",
  });
  expect(stdout).toContain("> hi\r\n");
});

clientTest("curl", "HTTPS: downloads, uploads, and keeps its connection", async () => {
  await using lab = await webLab();
  const { ca } = trusting(lab);
  const { url } = lab.servers.web;
  for (const version of ["--tlsv1.2", "--tlsv1.3"]) {
    const options = ["-sS", "--cacert", ca, version, "--user", "foo:bar"];
    const up = await run("curl", [...options, "-T", "-", `${url}/up.bin`], { input: "x".repeat(1_000_000) });
    expect(up).toMatchObject({ code: 0, stderr: "" });
    const twice = [
      `${url}/up.bin`,
      "-o",
      "/dev/null",
      `${url}/index.html`,
      "-w",
      "%{num_connects} %{size_download} ",
    ];
    expect((await run("curl", [...options, ...twice])).stdout).toMatch(/^1 1000000 .*0 13 $/s);
  }
  const local = url.replace("127.0.0.1", "localhost");
  expect((await run("curl", ["-sS", "--cacert", ca, local])).stdout).toBe("Hello, world!");
});

clientTest("curl", "FTPS: the control and the data connection are verified", async () => {
  await using lab = await startLab({ explicit: ftp(), implicit: ftp({ tls: "implicit" }) }, { tls: true });
  const { ca } = trusting(lab);
  for (const { url } of Object.values(lab.servers)) {
    const options = ["-sS", "--ssl-reqd", "--cacert", ca, "--user", "foo:bar", `${url}/index.html`];
    expect(await run("curl", options)).toMatchObject({ code: 0, stdout: "Hello, world!", stderr: "" });
  }
});

clientTest("wget", "verifies", async () => {
  await using lab = await webLab();
  const { ca } = trusting(lab);
  const { url } = lab.servers.web;
  const options = ["-qO-", `--ca-certificate=${ca}`, "--tries=1"];
  expect(await run("wget", [...options, url])).toMatchObject({ code: 0, stdout: "Hello, world!" });
  expect(await run("wget", ["-qO-", "--tries=1", url])).toMatchObject({ code: 5 });
});

clientTest("lftp", "verifies FTPS, and HTTPS", async () => {
  await using lab = await startLab({ files: ftp(), web: http() }, { tls: true });
  const { ca } = trusting(lab);
  for (const { url } of Object.values(lab.servers)) {
    const script = `set ssl:ca-file ${ca}; set net:max-retries 1; set net:timeout 5; cat index.html; bye`;
    expect(await run("lftp", ["-u", "foo,bar", "-e", script, url])).toMatchObject({
      code: 0,
      stdout: "Hello, world!",
    });
  }
});

clientTest("python3", "http.client and ftplib verify, strictly as Python 3.13 does", async () => {
  await using lab = await startLab({ web: http(), files: ftp() }, { tls: true });
  const { ca } = trusting(lab);
  const { web, files } = lab.servers;
  const script = `
import ftplib, http.client, ssl, sys
_, ca, web, files = sys.argv
context = ssl.create_default_context(cafile=ca)
context.verify_flags |= ssl.VERIFY_X509_STRICT
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context.minimum_version = context.maximum_version = version
    page = http.client.HTTPSConnection("127.0.0.1", int(web), context=context, timeout=10)
    page.request("GET", "/")
    print(page.getresponse().read().decode())
    client = ftplib.FTP_TLS(context=context, timeout=10)
    client.connect("127.0.0.1", int(files))
    client.login("foo", "bar")
    client.prot_p()
    client.retrlines("RETR index.html")
    client.quit()`;
  const out = await run("python3", ["-c", script, ca, `${web.port}`, `${files.port}`]);
  expect(out).toMatchObject({ stdout: "Hello, world!\n".repeat(4), stderr: "" });
});

clientTest("node", "fetch trusts a file by NODE_EXTRA_CA_CERTS", async () => {
  await using lab = await webLab();
  const program = `console.log(await (await fetch(${JSON.stringify(lab.servers.web.url)})).text())`;
  const env = { NODE_EXTRA_CA_CERTS: trusting(lab).ca };
  const args = ["--input-type=module", "-e", program];
  expect(await run("node", args, { env })).toMatchObject({ code: 0, stdout: "Hello, world!\n" });
  expect((await run("node", args)).stderr).toContain("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
});

clientTest("chromium", "shows a page without a warning, once it trusts the CA", async (context) => {
  needPrograms(context, "certutil");
  await using lab = await webLab();
  const { folder, ca } = trusting(lab);
  const store = ["-d", `sql:${join(folder, ".pki/nssdb")}`];
  expect(await run("mkdir", ["-p", join(folder, ".pki/nssdb")])).toMatchObject({ code: 0 });
  expect(await run("certutil", [...store, "-N", "--empty-password"])).toMatchObject({ code: 0 });
  const shown = () =>
    run(
      "chromium",
      ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", `${lab.servers.web.url}/`],
      {
        env: { HOME: folder },
        timeout: 30_000,
      },
    );
  expect((await shown()).stdout).not.toContain("Hello, world!");
  expect(await run("certutil", [...store, "-A", "-n", "lab", "-t", "C,,", "-i", ca])).toMatchObject({
    code: 0,
  });
  expect((await shown()).stdout).toContain("Hello, world!");
});
