import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { ftp, http, type Rule, startLab, tcp, telnet } from "../../index.ts";
import { clientTest, run } from "../clients.ts";

// Each fault is noticed by a client that was not written here, and the same client succeeds when the rule is gone.

const FILES = {
  "/in/.keep": "",
  "/a": "a".repeat(5000),
  "/large": "l".repeat(30_000_000),
  "/index.html": "Hello, world!",
};

async function faulty(...rules: Rule[]) {
  const lab = await startLab(
    { files: ftp(), web: http(), chat: telnet(), one: tcp() },
    { files: FILES, faults: rules },
  );
  const { files, web } = lab.servers;
  return {
    lab,
    /** curl's exit code, and what it printed. */
    curl: (...args: string[]) => run("curl", ["-sS", "--user", "foo:bar", "--max-time", "5", ...args]),
    put: (path: string, content: string) =>
      run("curl", ["-sS", "--user", "foo:bar", "--max-time", "5", "-T", "-", `${files.url}${path}`], {
        input: content,
      }),
    files: files.url,
    web: web.url,
    [Symbol.asyncDispose]: async () => {
      expect(lab.faults.unused()).toEqual([]);
      await lab.stop({ grace: 0 });
    },
  };
}

describe("FTP", () => {
  clientTest("curl", "the 2nd STOR to /in/* is reset after 512 bytes, and the others are not", async () => {
    const when = { verb: "STOR", target: "/in/*" };
    await using server = await faulty({ when, skip: 1, times: 1, fault: { kind: "reset", afterBytes: 512 } });
    const codes = [];
    for (const name of ["/in/1", "/other", "/in/2", "/in/3"])
      codes.push((await server.put(name, "x".repeat(100_000))).code);
    // 18: only a part of the file was transferred; 55: sending failed. Which one curl sees first is chance.
    expect(codes).toEqual([0, 0, expect.toSatisfy((code) => code === 18 || code === 55), 0]);
    expect((await server.lab.store.list("/in")).map(({ name }) => name)).toEqual([".keep", "1", "3"]);
  });

  clientTest("curl", "452 to the third RETR, and then all is well", async () => {
    const full = { kind: "reply", with: { code: 452, text: "Insufficient storage space" } } as const;
    await using server = await faulty({ when: { verb: "RETR" }, skip: 2, times: 1, fault: full });
    const codes = [];
    for (let count = 0; count < 4; count += 1) codes.push((await server.curl(`${server.files}/a`)).code);
    // 19: RETR was answered with an error.
    expect(codes).toEqual([0, 0, 19, 0]);
  });

  clientTest("curl", "a passive port that is announced and never served", async () => {
    await using server = await faulty({ when: { verb: "EPSV" }, times: 1, fault: { kind: "stall" } });
    const stuck = await server.curl("--max-time", "1", `${server.files}/a`);
    // 28: the time is up.
    expect(stuck.code).toBe(28);
    expect((await server.curl(`${server.files}/a`)).stdout).toBe(FILES["/a"]);
  });

  clientTest("curl", "a passive port where nobody listens: curl asks for another kind of port", async () => {
    await using server = await faulty({ when: { verb: "EPSV" }, times: 1, fault: { kind: "refuse" } });
    const { code, stdout } = await server.curl(`${server.files}/a`);
    expect([code, stdout]).toEqual([0, FILES["/a"]]);
    expect(server.lab.transcript.of("files").verbs()).toContain("PASV");
  });

  clientTest(
    "curl",
    "a whole server refuses its 2nd connection, which is the first data connection",
    async () => {
      await using server = await faulty({
        when: { server: "files" },
        skip: 1,
        times: 1,
        fault: { kind: "refuse" },
      });
      // curl gives up or asks for another data port, whichever it learns first.
      await server.curl(`${server.files}/a`);
      expect(server.lab.transcript.find("fault")).toMatchObject({ fault: "refuse", connection: "c1.1" });
      expect((await server.curl(`${server.files}/a`)).stdout).toBe(FILES["/a"]);
    },
  );

  clientTest("python3", "150 and never 226", async () => {
    await using server = await faulty({
      when: { verb: "RETR", code: 226 },
      times: 1,
      fault: { kind: "reply", with: "drop" },
    });
    const { host, port } = server.lab.servers.files;
    const program = `
import ftplib
def fetch():
    got = []
    with ftplib.FTP() as ftp:
        ftp.connect("${host}", ${port}, timeout=1)
        ftp.login("foo", "bar")
        try:
            ftp.retrbinary("RETR /a", got.append)
            return "done", len(b"".join(got))
        except TimeoutError:
            ftp.close()
            return "timed out", len(b"".join(got))
print(fetch(), fetch())
`;
    const { stdout, stderr } = await run("python3", ["-c", program]);
    expect([stdout, stderr]).toEqual(["('timed out', 5000) ('done', 5000)\n", ""]);
  });

  clientTest("python3", "226 comes late, and NOOP is not answered meanwhile", async () => {
    await using server = await faulty({
      when: { verb: "RETR", code: 226 },
      fault: { kind: "reply", ms: 400 },
    });
    const { host, port } = server.lab.servers.files;
    const program = `
import ftplib, time
ftp = ftplib.FTP()
ftp.connect("${host}", ${port}, timeout=5)
ftp.login("foo", "bar")
began = time.monotonic()
ftp.retrbinary("RETR /a", lambda _: None)
print(time.monotonic() - began > 0.35, ftp.voidcmd("NOOP")[:3])
ftp.quit()
`;
    expect(await run("python3", ["-c", program])).toMatchObject({ stdout: "True 200\n", stderr: "" });
  });

  clientTest("python3", "ABOR is not answered, and neither is the transfer that it has ended", async () => {
    await using server = await faulty(
      { when: { verb: "RETR", code: 426 }, times: 1, fault: { kind: "reply", with: "drop" } },
      { when: { verb: "ABOR" }, times: 1, fault: { kind: "reply", with: "drop" } },
    );
    const { host, port } = server.lab.servers.files;
    const program = `
import ftplib
def abort():
    ftp = ftplib.FTP()
    ftp.connect("${host}", ${port}, timeout=1)
    ftp.login("foo", "bar")
    ftp.voidcmd("TYPE I")
    data = ftp.transfercmd("RETR /large")
    data.recv(1000)
    ftp.putcmd("ABOR")
    try:
        return ftp.getmultiline()[:3], ftp.getmultiline()[:3]
    except TimeoutError:
        return "timed out"
    finally:
        data.close()
        ftp.close()
print(abort(), abort())
`;
    const { stdout, stderr } = await run("python3", ["-c", program]);
    expect([stdout, stderr]).toEqual(["timed out ('426', '226')\n", ""]);
  });

  clientTest("curl", "PASV answers another address than the server's", async () => {
    const elsewhere = { code: 227, text: "Entering Passive Mode (127,0,0,9,4,1)." };
    await using server = await faulty({
      when: { verb: "PASV" },
      times: 1,
      fault: { kind: "reply", with: elsewhere },
    });
    const get = () => server.curl("--disable-epsv", "--no-ftp-skip-pasv-ip", `${server.files}/a`);
    // 7: nobody listens there.
    expect((await get()).code).toBe(7);
    expect((await get()).stdout).toBe(FILES["/a"]);
  });

  clientTest("lftp", "an upload that is torn twice arrives, since lftp tries again", async () => {
    await using server = await faulty({
      when: { verb: "STOR" },
      times: 2,
      fault: { kind: "reset", afterBytes: 10_000 },
    });
    const cwd = mkdtempSync(join(tmpdir(), "wirelab-"));
    writeFileSync(join(cwd, "big"), Buffer.alloc(300_000));
    const script = `
      set net:reconnect-interval-base 1; set net:reconnect-interval-multiplier 1; set net:max-retries 5; set ftp:ssl-allow no; set ftp:use-mode-z no
      open -u foo,bar ${server.files}
      put big -o /in/big
    `;
    const { code } = await run("lftp", ["-c", script], { cwd });
    expect([code, (await server.lab.store.stat("/in/big")).size]).toEqual([0, 300_000]);
  });

  test("a rule that comes with every command does to bytes what it does once", async () => {
    const change = (bytes: Buffer) => Buffer.concat([Buffer.from("~"), bytes]);
    await using server = await faulty({
      when: { verb: "NOOP" },
      fault: { kind: "shape", direction: "out", shaper: { change } },
    });
    const { host, port } = server.lab.servers.files;
    const control = connect(port, host);
    const reply = async () => String((await once(control, "data"))[0]);
    await reply();
    const replies = [];
    for (let count = 0; count < 3; count += 1) {
      control.write("NOOP\r\n");
      replies.push(await reply());
    }
    control.destroy();
    expect(replies).toEqual(Array(3).fill("~200 Done.\r\n"));
    expect(server.lab.faults.list()[0]?.acted).toBe(3);
  });

  test("a NOOP that is answered meanwhile does not draw a rule off its command", async () => {
    await using server = await faulty({
      when: { verb: "RETR", code: 226 },
      fault: { kind: "reply", with: { code: 451, text: "No" } },
    });
    const { host, port } = server.lab.servers.files;
    const control = connect(port, host);
    const until = async (pattern: RegExp) => {
      const { code, text: said } = await server.lab.events.next("reply", ({ code: number, text: words }) =>
        pattern.test(`${number} ${words}`),
      );
      return { code, said };
    };
    control.write("USER foo\r\nPASS bar\r\nEPSV\r\n");
    const { said } = await until(/^229/);
    const data = connect(Number(/\|\|\|(\d+)\|/.exec(said)?.[1]), host).pause();
    control.write("RETR /large\r\n");
    await until(/^150/);
    control.write("NOOP\r\n");
    await until(/^200/);
    const final = until(/^(226|451)/);
    data.resume();
    expect((await final).code).toBe(451);
    control.destroy();
  });

  test("basic-ftp: the control connection is reset when the password has been taken", async () => {
    await using server = await faulty({
      when: { verb: "PASS", after: "reply" },
      times: 1,
      fault: { kind: "reset" },
    });
    const { host, port } = server.lab.servers.files;
    const login = async () => {
      const client = new Client(2000);
      try {
        await client.access({ host, port, user: "foo", password: "bar" });
        return (await client.list("/in")).length;
      } catch (error) {
        return String(error);
      } finally {
        client.close();
      }
    };
    expect(await login()).toMatch(/ECONNRESET|closed/);
    expect(await login()).toBe(1);
  });
});

describe("HTTP", () => {
  clientTest("curl", "the first GET /a is closed behind its head", async () => {
    await using server = await faulty({
      when: { verb: "GET", target: "/a", after: "reply" },
      times: 1,
      fault: { kind: "close" },
    });
    const other = await server.curl(`${server.web}/`);
    const torn = await server.curl("-i", `${server.web}/a`);
    const whole = await server.curl(`${server.web}/a`);
    // 18: only a part of the file was transferred.
    expect([other.code, torn.code, whole.code]).toEqual([0, 18, 0]);
    expect(torn.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 5000\r\n[\s\S]*\r\n\r\n$/);
    expect(whole.stdout).toBe(FILES["/a"]);
  });

  clientTest("curl", "503 twice and then 200: curl --retry gets there", async () => {
    const busy = { kind: "reply", with: { code: 503, text: "Busy" } } as const;
    await using server = await faulty({ when: { verb: "GET" }, times: 2, fault: busy });
    const { code, stdout } = await server.curl(
      "--fail",
      "--retry",
      "3",
      "--retry-delay",
      "0",
      `${server.web}/`,
    );
    expect([code, stdout.endsWith("Hello, world!")]).toEqual([0, true]);
    expect(server.lab.transcript.of("web").verbs()).toEqual(["GET", "GET", "GET"]);
  });

  test("fetch: an upload is reset mid-body, and the old file stays", async () => {
    await using server = await faulty({
      when: { verb: "PUT" },
      times: 1,
      fault: { kind: "reset", afterBytes: 100_000, direction: "in" },
    });
    const put = () =>
      fetch(`${server.web}/a`, {
        method: "PUT",
        body: new Uint8Array(3_000_000),
        headers: { authorization: `Basic ${Buffer.from("foo:bar").toString("base64")}` },
      }).then(
        ({ status }) => status,
        () => "torn",
      );
    expect(await put()).toBe("torn");
    expect(await server.lab.store.text("/a")).toBe(FILES["/a"]);
    expect(await put()).toBe(204);
  });

  clientTest("curl", "a download that is reset is told as one that was not complete", async () => {
    await using server = await faulty({
      when: { verb: "GET", target: "/large" },
      times: 1,
      fault: { kind: "reset", afterBytes: 1000 },
    });
    const transfer = server.lab.events.next("transfer");
    // 56: receiving failed; 18: only a part of the file was transferred.
    expect((await server.curl("-o", "/dev/null", `${server.web}/large`)).code).toSatisfy(
      (code) => code === 56 || code === 18,
    );
    expect(await transfer).toMatchObject({ direction: "out", path: "/large", complete: false });
  });

  clientTest("wget", "a slow line", async () => {
    await using server = await faulty({
      when: { server: "web" },
      fault: { kind: "bandwidth", bytesPerSecond: 10_000, direction: "out" },
    });
    const began = performance.now();
    const { stdout } = await run("wget", ["-q", "-O", "-", `${server.web}/a`]);
    expect(stdout).toBe(FILES["/a"]);
    expect(performance.now() - began).toBeGreaterThan(350);
  });
});

describe("Telnet and TCP", () => {
  clientTest("python3", "a session stalls after the nick", async () => {
    await using server = await faulty({
      when: { verb: "nick", after: "reply" },
      times: 1,
      fault: { kind: "stall" },
    });
    const { host, port } = server.lab.servers.chat;
    const program = `
import socket
def session():
    with socket.create_connection(("${host}", ${port}), timeout=1) as client:
        client.sendall(b"nick ann\\r\\necho still here\\r\\nquit\\r\\n")
        said = b""
        try:
            while chunk := client.recv(4096):
                said += chunk
        except TimeoutError:
            return "stalled", b"ann" in said, b"still here" in said
        return "ended", b"ann" in said, b"still here" in said
print(session(), session())
`;
    const { stdout, stderr } = await run("python3", ["-W", "ignore", "-c", program]);
    expect([stdout, stderr]).toEqual(["('stalled', True, False) ('ended', True, True)\n", ""]);
  });

  clientTest("python3", "a TCP client is reset after its first reply", async () => {
    await using server = await faulty({
      when: { server: "one", after: "reply" },
      times: 1,
      fault: { kind: "reset" },
    });
    const { host, port } = server.lab.servers.one;
    const program = `
import socket
def visit():
    with socket.create_connection(("${host}", ${port}), timeout=2) as client:
        client.sendall(b"x")
        said = client.recv(1024).decode()
        try:
            return said, client.recv(1024)
        except ConnectionResetError:
            return said, "reset"
print(visit(), visit())
`;
    const { stdout, stderr } = await run("python3", ["-c", program]);
    expect([stdout, stderr]).toEqual(["('Hello, world!', 'reset') ('Hello, world!', b'')\n", ""]);
  });

  test("one rule, all servers: whoever connects twice is let in once", async () => {
    await using server = await faulty({ skip: 4, fault: { kind: "refuse" } });
    const ports = Object.values(server.lab.servers).map(({ port }) => port);
    const visit = (port: number) =>
      text(connect(port, "127.0.0.1").end("quit\r\n")).then(
        () => "in",
        ({ code }) => code,
      );
    expect(await Promise.all(ports.map(visit))).toEqual(["in", "in", "in", "in"]);
    expect(await Promise.all(ports.map(visit))).toEqual(Array(4).fill("ECONNRESET"));
  });
});
