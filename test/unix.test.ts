import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { type Fault, forward, ftp, http, startLab, tcp, telnet } from "../index.ts";
import { clientTest, run } from "./clients.ts";

const folder = () => mkdtempSync(join(tmpdir(), "lab-"));
const ask = (path: string) => text(connect({ path, allowHalfOpen: true }).end("x"));

/** Another process that listens at a path. */
async function listening(path: string) {
  const program = `require("net").createServer({ allowHalfOpen: true }, (socket) => socket.on("error", () => {}).on("end", () => socket.end("theirs")).resume()).listen(${JSON.stringify(path)}, () => console.log())`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      // It has no time to remove its file.
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The file that a process has left which is gone. */
async function stale(path = join(folder(), "stale.sock")): Promise<string> {
  await using _ = await listening(path);
  return path;
}

describe("the file", () => {
  test("goes with its server, and a lab that cannot start leaves none", async () => {
    const path = join(folder(), "one.sock");
    {
      await using lab = await startLab({ one: tcp({ path }) });
      expect(lab.servers.one).toMatchObject({ host: "", port: 0, path, url: `unix:${path}` });
      expect(await ask(path)).toBe("Hello, world!");
    }
    expect(existsSync(path)).toBe(false);
    await expect(startLab({ one: tcp({ path }), two: tcp({ host: "203.0.113.7" }) })).rejects.toThrow();
    expect(existsSync(path)).toBe(false);
  });

  test("of a process that is gone is replaced", async () => {
    const path = await stale();
    expect(existsSync(path)).toBe(true);
    await using _ = await startLab({ one: tcp({ path }) });
    expect(await ask(path)).toBe("Hello, world!");
  });

  test("of one that lives is not, whoever it is of", async () => {
    const path = join(folder(), "live.sock");
    await using _ = await listening(path);
    await expect(startLab({ one: tcp({ path }) })).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: `one cannot listen on unix:${path}: the address is in use; choose another one, or port 0 for any free one (EADDRINUSE).`,
    });
    expect(await ask(path)).toBe("theirs");
    const other = join(folder(), "ours.sock");
    await using lab = await startLab({ one: tcp({ path: other }) });
    await expect(startLab({ two: tcp({ path: other }) })).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    expect(await ask(other)).toBe("Hello, world!");
    expect(lab.servers.one.path).toBe(other);
  });

  test.each([
    ["a file", (path: string) => writeFileSync(path, "data")],
    ["a folder", (path: string) => mkdirSync(path)],
    ["a link that leads nowhere", (path: string) => symlinkSync("nowhere", path)],
  ])("is not put in place of %s", async (_, make) => {
    const path = join(folder(), "precious");
    make(path);
    const before = lstatSync(path);
    await expect(startLab({ one: tcp({ path }) })).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: expect.stringContaining("a file that is no socket is there, and is left as it is"),
    });
    expect(lstatSync(path)).toEqual(before);
  });

  test("nor in place of a link to the socket of a process that is gone", async () => {
    const link = join(folder(), "link");
    const path = await stale();
    symlinkSync(path, link);
    await expect(startLab({ one: tcp({ path: link }) })).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    expect([existsSync(path), lstatSync(link).isSymbolicLink()]).toEqual([true, true]);
  });

  test("that has taken a server's place outlives it", async () => {
    const path = join(folder(), "taken.sock");
    const first = await startLab({ one: tcp({ path }) });
    rmSync(path);
    await using _ = await startLab({ one: tcp({ path, behaviour: "client" }) });
    await first.stop();
    expect(await ask(path)).toBe("Hello, client!");
    rmSync(path);
    writeFileSync(path, "data");
  });

  test("of two that want the place of one that is gone, one gets it", async () => {
    for (let round = 0; round < 10; round += 1) {
      const path = join(folder(), "race.sock");
      const dying = createServer().listen(path);
      await once(dying, "listening");
      // Moved away and back, it outlives its server, as if that had been killed.
      renameSync(path, `${path}.kept`);
      dying.close();
      renameSync(`${path}.kept`, path);
      const racers = await Promise.allSettled(
        Array.from({ length: 8 }, () => startLab({ one: tcp({ path }) })),
      );
      const winners = racers.flatMap((racer) => (racer.status === "fulfilled" ? [racer.value] : []));
      const losers = racers.flatMap((racer) => (racer.status === "rejected" ? [racer.reason.code] : []));
      expect(winners.length).toBe(1);
      expect(new Set(losers)).toEqual(new Set(["ADDRESS_IN_USE"]));
      expect(await ask(path)).toBe("Hello, world!");
      for (const winner of winners) await winner.stop();
      expect(existsSync(path)).toBe(false);
    }
  });

  test("is its owner's alone, or has the mode that it is given", async () => {
    const at = folder();
    const [own, open] = [join(at, "own"), join(at, "open")];
    await using _ = await startLab({ own: tcp({ path: own }), open: tcp({ path: open, mode: 0o666 }) });
    expect([lstatSync(own).mode & 0o777, lstatSync(open).mode & 0o777]).toEqual([0o600, 0o666]);
  });
});

describe("what cannot be", () => {
  test.each([
    ["a path that is too long", { path: `/tmp/${"x".repeat(99)}` }, "BAD_ADDRESS", "takes 103 bytes"],
    ["an empty path", { path: "" }, "BAD_ADDRESS", "the path is empty"],
    ["a NUL in it", { path: "/tmp/a\0b" }, "BAD_ADDRESS", "the path has a NUL"],
    [
      "no folder",
      { path: "/no/such/lab.sock" },
      "ADDRESS_UNAVAILABLE",
      "the folder of the socket does not exist",
    ],
    [
      "a file for a folder",
      { path: "/etc/hostname/lab.sock" },
      "ADDRESS_UNAVAILABLE",
      "folder of the socket is none",
    ],
    ["a path and a port", { path: "/tmp/x.sock", port: 1 }, "BAD_OPTION", "a port and the path"],
    ["a mode without a path", { mode: 0o600 }, "BAD_OPTION", "and no path"],
    ["a mode that is none", { path: "/tmp/x.sock", mode: 0o1777 }, "BAD_OPTION", "none of a file"],
  ])("%s", async (_, listen, code, why) => {
    await expect(startLab({ one: tcp(listen) })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(why),
    });
  });
});

describe("a reset, which such a socket does not have, is an end", () => {
  test.each<Fault>([{ kind: "refuse" }, { kind: "reset" }, { kind: "reset", afterBytes: 3 }])(
    "%j",
    async (fault) => {
      const path = join(folder(), "reset.sock");
      await using lab = await startLab({ one: tcp({ path, behaviour: "echo" }) });
      lab.faults.add({ times: 1, fault });
      const client = connect(path).on("error", () => {});
      client.write("hello");
      await new Promise((resolve) => client.resume().once("close", resolve));
      expect(lab.faults.unused()).toEqual([]);
      expect(await ask(path)).toBe("x");
    },
  );

  test("of a forwarder that reaches nobody, too", async () => {
    const path = join(folder(), "nobody.sock");
    await using lab = await startLab({ one: forward({ path, to: `unix:${join(folder(), "none.sock")}` }) });
    for (let count = 0; count < 2; count += 1) {
      const client = connect(path).on("error", () => {});
      await new Promise((resolve) => client.resume().once("close", resolve));
    }
    expect(lab.servers.one.targets()[0]?.failed).toBe(2);
  });
});

describe("every server of streams", () => {
  /** All of them, and their paths. */
  async function everything() {
    const at = folder();
    const path = (name: string) => join(at, name);
    const lab = await startLab({
      files: ftp({ path: path("ftp") }),
      shell: telnet({ path: path("telnet") }),
      web: http({ path: path("http") }),
      echo: tcp({ path: path("tcp"), behaviour: "echo" }),
    });
    return { path, lab, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
  }

  clientTest("curl", "HTTP", async () => {
    await using server = await everything();
    const { stdout } = await run("curl", ["-sS", "--unix-socket", server.path("http"), "http://lab/"]);
    expect(stdout).toBe("Hello, world!");
  });

  clientTest("socat", "Telnet", async () => {
    await using server = await everything();
    const to = `UNIX-CONNECT:${server.path("telnet")}`;
    expect((await run("socat", ["-t5", "-", to], { input: "echo hi\nquit\n" })).stdout).toContain("hi\r\n");
  });

  clientTest("nc", "TCP", async () => {
    await using server = await everything();
    expect((await run("nc", ["-NU", server.path("tcp")], { input: "by nc" })).stdout).toBe("by nc");
  });

  clientTest("ncat", "TCP", async () => {
    await using server = await everything();
    expect((await run("ncat", ["-U", server.path("tcp")], { input: "by ncat" })).stdout).toBe("by ncat");
  });

  clientTest("python3", "FTP, whose data connections come by loopback, and an echo of 5 MB", async () => {
    await using server = await everything();
    const program = `
import ftplib, socket, threading
class Client(ftplib.FTP):
    def connect(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.af = socket.AF_INET6
        self.host = "127.0.0.1"
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
    def makepasv(self):
        return "127.0.0.1", ftplib.parse229(self.sendcmd("EPSV"), ("", 0, 0, 0))[1]
client = Client()
client.connect("${server.path("ftp")}")
client.login("foo", "bar")
client.retrlines("RETR /index.html")
client.quit()
sent = bytes(range(251)) * 20000
with socket.socket(socket.AF_UNIX) as echo:
    echo.connect("${server.path("tcp")}")
    def send():
        echo.sendall(sent)
        echo.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send)
    thread.start()
    received = b"".join(iter(lambda: echo.recv(65536), b""))
    thread.join()
    print(received == sent)
`;
    expect(await run("python3", ["-c", program])).toMatchObject({ stdout: "Hello, world!\nTrue\n" });
  });
});
