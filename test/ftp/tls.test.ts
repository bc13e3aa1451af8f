import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { authority } from "../../core/tls/authority.ts";
import { type FtpOptions, ftp, type LabOptions, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { Dialogue, type FtpLab, ftpLab, stored } from "./dialogue.ts";

const FILES = { "/a.txt": "hello\n" };
const tlsLab = (server: FtpOptions = {}, options: LabOptions = {}) =>
  ftpLab({ tls: true, files: FILES, ...options }, server);

/** What a client needs to trust the lab. */
const trust = (lab: FtpLab) => ({ ca: lab.ca!, servername: "localhost" });

async function loggedInByTls(lab: FtpLab) {
  const dialogue = await Dialogue.greeted(lab.servers.files);
  const control = await dialogue.secure(trust(lab));
  await dialogue.say("USER foo");
  expect(await dialogue.code("PASS bar")).toBe(230);
  await dialogue.say("TYPE I");
  return { dialogue, control };
}

/** A data connection with TLS; the handshake comes behind the 150. */
async function privateDownload(dialogue: Dialogue, command: string, options: object) {
  const plain = await dialogue.passive();
  const opening = await dialogue.say(command);
  const data = connectTls({ socket: plain, ...options });
  const secured = once(data, "secureConnect").then(
    () => data.isSessionReused(),
    () => false,
  );
  // A handshake that is refused is found by the reply.
  data.on("error", () => {});
  const bytes = await buffer(data).catch(() => Buffer.alloc(0));
  const reused = await secured;
  data.destroy();
  return { opening, text: bytes.toString(), reused, reply: await dialogue.reply() };
}

describe("explicit TLS", () => {
  test("AUTH, PBSZ and PROT, then a private control and data connection", async () => {
    await using lab = await tlsLab();
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    expect(await dialogue.say("FEAT")).toMatch(/\n AUTH TLS\n[\s\S]*\n PBSZ\n PROT\n/);
    expect(await dialogue.code("PBSZ 0")).toBe(503);
    expect(await dialogue.code("PROT P")).toBe(503);
    expect(await dialogue.code("CCC")).toBe(503);
    expect(await dialogue.code("AUTH KERBEROS_V4")).toBe(504);
    const control = await dialogue.secure(trust(lab));
    expect(control.authorized).toBe(true);
    expect(await dialogue.code("AUTH TLS")).toBe(503);
    expect(await dialogue.code("PROT P")).toBe(503);
    expect(await dialogue.say("PBSZ 4096")).toBe("200 PBSZ=0");
    expect(await dialogue.code("PBSZ x")).toBe(501);
    expect(await dialogue.code("PROT S")).toBe(536);
    expect(await dialogue.code("PROT X")).toBe(504);
    expect(await dialogue.code("CCC")).toBe(533);
    expect(await dialogue.code("PROT P")).toBe(200);
    await dialogue.say("USER foo");
    expect(await dialogue.code("PASS bar")).toBe(230);
    const { opening, text, reply } = await privateDownload(dialogue, "RETR a.txt", trust(lab));
    expect([opening.slice(0, 3), text, reply]).toEqual(["150", "hello\r\n", "226 Transfer complete."]);
    expect(await dialogue.code("PROT C")).toBe(200);
    expect((await dialogue.download("RETR a.txt")).text).toBe("hello\r\n");
  });

  test("a lab without a certificate says so, and has no TLS in FEAT", async () => {
    await using lab = await ftpLab();
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    expect(lab.ca).toBeUndefined();
    expect(await dialogue.code("AUTH TLS")).toBe(534);
    expect(await dialogue.say("FEAT")).not.toMatch(/AUTH|PBSZ|PROT/);
  });

  test("what came behind AUTH in plain text is forgotten", async () => {
    await using lab = await tlsLab();
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    await dialogue.secure(trust(lab), "USER foo\r\nPASS bar\r\nNOOP\r\nNO");
    // Neither the three commands nor the half one in front of this one.
    expect(await dialogue.say("PWD")).toMatch(/^530/);
    expect(await dialogue.say("NOOP")).toMatch(/^200/);
    expect(dialogue.unread).toBe("");
  });

  test("AUTH logs out who has logged in before", async () => {
    await using lab = await tlsLab();
    await using dialogue = await Dialogue.loggedIn(lab);
    await dialogue.secure(trust(lab));
    expect(await dialogue.code("PWD")).toBe(530);
  });

  test("a client that begins its data handshake before the 150 is served, too", async () => {
    await using lab = await tlsLab();
    const { dialogue } = await loggedInByTls(lab);
    await using _ = dialogue;
    await dialogue.say("PBSZ 0");
    await dialogue.say("PROT P");
    const data = connectTls({ ...(await dialogue.passivePort()), ...trust(lab) });
    await once(data, "connect");
    await dialogue.say("NOOP");
    await dialogue.say("RETR a.txt");
    expect((await buffer(data)).toString()).toBe("hello\n");
    expect(await dialogue.code("NOOP")).toBe(226);
  });

  test("uploads are stored whole", async () => {
    await using lab = await tlsLab();
    const { dialogue } = await loggedInByTls(lab);
    await using _ = dialogue;
    await dialogue.say("PBSZ 0");
    await dialogue.say("PROT P");
    const plain = await dialogue.passive();
    expect(await dialogue.say("STOR b.bin")).toMatch(/^150/);
    const data = connectTls({ socket: plain, ...trust(lab) });
    const bytes = Buffer.alloc(3_000_000, "wirelab ");
    data.end(bytes);
    data.resume();
    expect(await dialogue.reply()).toMatch(/^226/);
    expect(await stored(lab, "/b.bin")).toBe(bytes.toString());
  });

  test("garbage instead of a data handshake: 522, the old file stays, and the session goes on", async () => {
    await using lab = await tlsLab();
    const { dialogue } = await loggedInByTls(lab);
    await using _ = dialogue;
    await dialogue.say("PBSZ 0");
    await dialogue.say("PROT P");
    const data = await dialogue.passive();
    expect(await dialogue.say("STOR a.txt")).toMatch(/^150/);
    data.on("error", () => {});
    data.end("this is no handshake, and it is long enough to be seen as none");
    data.resume();
    expect(await dialogue.reply()).toMatch(/^522/);
    expect(await stored(lab, "/a.txt")).toBe("hello\n");
    expect(await dialogue.code("NOOP")).toBe(200);
  });

  test("a client that resets its data connection right behind the handshake gets its final reply", async () => {
    await using lab = await tlsLab({}, { files: { "/a.txt": Buffer.alloc(100_000, "x") } });
    const { dialogue } = await loggedInByTls(lab);
    await using _ = dialogue;
    await dialogue.say("PBSZ 0");
    await dialogue.say("PROT P");
    const plain = await dialogue.passive();
    await dialogue.say("RETR a.txt");
    const data = connectTls({ socket: plain, ...trust(lab) });
    data.on("error", () => {});
    // Its last word of the handshake and the RST reach the server in one breath.
    data.once("secureConnect", () => setImmediate(() => plain.resetAndDestroy()));
    expect(await dialogue.reply()).toMatch(/^426 /);
    expect(await dialogue.code("NOOP")).toBe(200);
  });

  test.each([
    ["garbage", "GET / HTTP/1.1\r\n\r\n"],
    ["an end", ""],
  ])("%s instead of a handshake ends that session alone", async (_name, bytes) => {
    await using lab = await tlsLab();
    await using other = await Dialogue.loggedIn(lab);
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    const closed = lab.events.next("closed", { connection: "c2" });
    expect(await dialogue.say("AUTH TLS")).toMatch(/^234/);
    dialogue.socket.on("error", () => {});
    dialogue.socket.end(bytes);
    await closed;
    expect(await other.code("NOOP")).toBe(200);
  });
});

describe("sessions of TLS", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("a data connection resumes one (%s)", async (version) => {
    await using lab = await tlsLab({ requireReuse: true });
    const options = { ...trust(lab), minVersion: version, maxVersion: version };
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    const control = (await dialogue.secure(options)) as TLSSocket;
    let session = control.getSession();
    control.on("session", (newer) => {
      session = newer;
    });
    for (const command of ["USER foo", "PASS bar", "PBSZ 0", "PROT P", "TYPE I"]) await dialogue.say(command);
    const fresh = await privateDownload(dialogue, "RETR a.txt", options);
    expect(fresh.reply).toMatch(/^522/);
    const resumed = await privateDownload(dialogue, "RETR a.txt", { ...options, session });
    expect(resumed).toMatchObject({ text: "hello\n", reused: true, reply: "226 Transfer complete." });
  });
});

describe("TLS that is demanded", () => {
  test("names are taken by TLS only, and transfers by PROT P only", async () => {
    await using lab = await ftpLab({ files: FILES }, { tls: "required" });
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    expect(await dialogue.code("USER foo")).toBe(530);
    await dialogue.secure(trust(lab));
    await dialogue.say("USER foo");
    expect(await dialogue.code("PASS bar")).toBe(230);
    expect(await dialogue.code("LIST")).toBe(521);
    await dialogue.say("PBSZ 0");
    expect(await dialogue.code("PROT C")).toBe(534);
    await dialogue.say("PROT P");
    await dialogue.say("TYPE I");
    expect((await privateDownload(dialogue, "RETR a.txt", trust(lab))).text).toBe("hello\n");
  });

  test("implicit: from the first byte on, and private data without a word", async () => {
    await using lab = await ftpLab({ files: FILES }, { tls: "implicit" });
    expect(lab.servers.files.url).toMatch(/^ftps:/);
    await using dialogue = await Dialogue.greetedByTls(lab.servers.files, trust(lab));
    expect(dialogue.greeting).toMatch(/^220 /);
    for (const command of ["USER foo", "PASS bar", "TYPE I"]) await dialogue.say(command);
    expect(await dialogue.say("FEAT")).toMatch(/\n PBSZ\n PROT\n/);
    expect((await privateDownload(dialogue, "RETR a.txt", trust(lab))).text).toBe("hello\n");
  });

  test("implicit: plain words are no handshake, and others are served", async () => {
    await using lab = await ftpLab({ files: FILES }, { tls: "implicit" });
    const { host, port } = lab.servers.files;
    const closed = lab.events.next("closed", { reason: "error" });
    const plain = connect(port, host);
    plain.on("error", () => {});
    plain.write("USER foo\r\nPASS bar\r\n");
    plain.resume();
    await closed;
    await using dialogue = await Dialogue.greetedByTls(lab.servers.files, trust(lab));
    expect(await dialogue.code("NOOP")).toBe(200);
    plain.destroy();
  });
});

describe("certificates", () => {
  test("one of one's own is shown; one without its key is refused", async () => {
    const issuer = await authority();
    const own = await issuer.server(["own.test"]);
    const other = await issuer.server(["other.test"]);
    await using lab = await tlsLab({}, { tls: own });
    await using dialogue = await Dialogue.greeted(lab.servers.files);
    const control = await dialogue.secure({ rejectUnauthorized: false });
    expect(control.getPeerCertificate().subjectaltname).toBe("DNS:own.test");
    for (const key of [other.key, "no key"]) {
      const refused = startLab({ files: ftp() }, { tls: { ...own, key } });
      await expect(refused).rejects.toMatchObject({ code: "BAD_OPTION" });
    }
  });

  test("a tap sees what was said, and faults act, above TLS", async () => {
    let said = "";
    await using lab = await tlsLab(
      {},
      {
        tap: ({ direction, bytes }) => {
          if (direction === "in") said += Buffer.from(bytes).toString("latin1");
        },
        faults: [{ when: { verb: "RETR" }, fault: { kind: "reset", afterBytes: 2 } }],
      },
    );
    const { dialogue } = await loggedInByTls(lab);
    await using _ = dialogue;
    expect(said).toBe("AUTH TLS\r\nUSER foo\r\nPASS bar\r\nTYPE I\r\n");
    await dialogue.say("PBSZ 0");
    await dialogue.say("PROT P");
    const { text, reply } = await privateDownload(dialogue, "RETR a.txt", trust(lab));
    expect([text, reply.slice(0, 3)]).toEqual(["", "426"]);
  });
});

describe("real clients", () => {
  async function withTrust(
    body: (lab: FtpLab, ca: string, folder: string) => Promise<void>,
    server: FtpOptions,
  ) {
    await using lab = await tlsLab(server);
    const folder = await mkdtemp(join(tmpdir(), "wirelab-tls-"));
    try {
      const ca = join(folder, "ca.pem");
      await writeFile(ca, lab.ca!);
      await body(lab, ca, folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  for (const tls of ["required", "implicit"] as const) {
    clientTest("curl", `${tls}: lists, uploads and downloads`, () =>
      withTrust(
        async (lab, ca) => {
          const { url } = lab.servers.files;
          const options = ["-sS", "--ssl-reqd", "--cacert", ca, "-u", "foo:bar"];
          expect((await run("curl", [...options, `${url}/`])).stdout).toContain("a.txt");
          const up = await run("curl", [...options, "-T", "-", `${url}/b.txt`], { input: "up" });
          expect(up).toMatchObject({ code: 0, stderr: "" });
          expect((await run("curl", [...options, `${url}/b.txt`])).stdout).toBe("up");
        },
        { tls },
      ),
    );

    clientTest("lftp", `${tls}: lists, uploads and downloads, passive and active`, () =>
      withTrust(
        async (lab, ca) => {
          const script = [
            `set ssl:ca-file ${ca}; set net:max-retries 1; set net:timeout 5`,
            `ls; put ${ca} -o b.pem; set ftp:passive-mode no; cat b.pem; bye`,
          ].join(";");
          const out = await run("lftp", ["-u", "foo,bar", "-e", script, lab.servers.files.url]);
          expect(out).toMatchObject({ code: 0, stderr: "" });
          expect(out.stdout).toContain("a.txt");
          expect(out.stdout).toContain("BEGIN CERTIFICATE");
        },
        { tls },
      ),
    );
  }

  clientTest("python3", "ftplib lists, uploads and downloads, as TLS 1.2 and 1.3", () =>
    withTrust(
      async (lab, ca) => {
        const script = `
import ftplib, io, ssl, sys
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=sys.argv[1])
    context.minimum_version = context.maximum_version = version
    client = ftplib.FTP_TLS(context=context)
    client.connect("127.0.0.1", int(sys.argv[2]), 5)
    client.login("foo", "bar")
    client.prot_p()
    client.storbinary("STOR p.bin", io.BytesIO(b"x" * 1000000))
    got = io.BytesIO()
    client.retrbinary("RETR p.bin", got.write)
    print(client.sock.version(), len(got.getvalue()), "p.bin" in client.nlst())
    client.quit()`;
        const out = await run("python3", ["-c", script, ca, String(lab.servers.files.port)]);
        expect(out).toMatchObject({ stdout: "TLSv1.2 1000000 True\nTLSv1.3 1000000 True\n", stderr: "" });
      },
      { tls: "required" },
    ),
  );

  test.each(["required", "implicit"] as const)("basic-ftp, %s", async (tls) => {
    await using lab = await tlsLab({ tls });
    const client = new Client();
    const { host, port } = lab.servers.files;
    await client.access({
      host,
      port,
      user: "foo",
      password: "bar",
      secure: tls === "implicit" ? "implicit" : true,
      secureOptions: trust(lab),
    });
    expect((await client.list()).map(({ name }) => name)).toEqual(["a.txt"]);
    client.close();
  });
});
