import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { clientTest } from "../clients.ts";
import { serving } from "./serving.ts";

const BIG = randomBytes(50_000_000);
const checksum = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.each(["memory", "directory"] as const)("on a %s store", (kind) => {
  clientTest("curl", "lists, uploads, downloads, renames and deletes", async () => {
    await using at = await serving(kind);
    await writeFile(at.here("big"), BIG);
    const curl = async (...args: string[]) => {
      const outcome = await at.client("curl", ["-sS", "--globoff", ...args]);
      expect(outcome.stderr).toBe("");
      expect(outcome.code).toBe(0);
      return outcome.stdout;
    };
    await curl("-T", "big", `${at.url}/big`);
    expect(checksum(await at.there("/big"))).toBe(checksum(BIG));
    for (const way of [[], ["--disable-epsv"], ["--ftp-port", "-"], ["--ftp-port", "-", "--disable-eprt"]]) {
      await curl(...way, "-o", "back", `${at.url}/big`);
      expect(checksum(await readFile(at.here("back")))).toBe(checksum(BIG));
    }
    for (const way of [[], ["--ftp-port", "-"]]) {
      await curl(...way, "-o", "back6", `${at.url6}/big`);
      expect(checksum(await readFile(at.here("back6")))).toBe(checksum(BIG));
    }
    await writeFile(at.here("part"), BIG.subarray(0, 20_000_000));
    await curl("-C", "-", "-o", "part", `${at.url}/big`);
    expect(checksum(await readFile(at.here("part")))).toBe(checksum(BIG));

    await writeFile(at.here("half"), BIG.subarray(0, 20_000_000));
    await curl("-T", "half", `${at.url}/resumed`);
    await curl("-C", "-", "-T", "big", `${at.url}/resumed`);
    expect(checksum(await at.there("/resumed"))).toBe(checksum(BIG));

    await writeFile(at.here("small"), "one\ntwo\n");
    await curl("-T", "small", `${at.url}/small`);
    await curl("-a", "-T", "small", `${at.url}/small`);
    expect((await at.there("/small")).toString()).toBe("one\ntwo\none\ntwo\n");
    expect(await curl("-I", `${at.url}/small`)).toMatch(/Content-Length: 16/);
    expect(await curl("-r", "4-6", `${at.url}/small`)).toBe("two");
    await curl("--ftp-create-dirs", "-T", "small", `${at.url}/some/deep%20place/small`);
    expect(await curl(`${at.url}/some/`)).toMatch(/^drwx.* deep place$/m);
    expect(await curl("-l", `${at.url}/some/deep%20place/`)).toBe("small\n");
    await curl("-Q", "-RNFR small", "-Q", "-RNTO renamed", "-Q", "-DELE big", "-l", `${at.url}/`);
    expect((await curl("-l", `${at.url}/`)).split("\n").sort()).toEqual(["", "renamed", "resumed", "some"]);
    expect((await at.client("curl", ["-sS", `${at.url}/missing`])).code).toBe(78);
    expect((await at.client("curl", ["-sS", "-u", "foo:wrong", at.url.replace("foo:bar@", "")])).code).toBe(
      67,
    );
  });

  clientTest("lftp", "mirrors both ways, and moves and removes", async () => {
    await using at = await serving(kind);
    await mkdir(at.here("tree/sub dir/empty"), { recursive: true });
    await writeFile(at.here("tree/big"), BIG);
    await writeFile(at.here("tree/sub dir/ümlaut"), "text");
    for (let count = 0; count < 30; count += 1) await writeFile(at.here(`tree/f${count}`), `${count}`);
    const lftp = async (script: string) => {
      const outcome = await at.client("lftp", ["-c", `set net:max-retries 1; open ${at.url}; ${script}`]);
      expect(outcome.stderr).toBe("");
      expect(outcome.code).toBe(0);
      return outcome.stdout;
    };
    await lftp("mirror -R tree there");
    expect(checksum(await at.there("/there/big"))).toBe(checksum(BIG));
    expect((await at.there("/there/sub dir/ümlaut")).toString()).toBe("text");
    await lftp("mirror --parallel=3 there back");
    expect(checksum(await readFile(at.here("back/big")))).toBe(checksum(BIG));
    expect((await readdir(at.here("back"))).length).toBe(32);
    expect(await readdir(at.here("back/sub dir"))).toEqual(["empty", "ümlaut"]);
    // What is the same on both sides is not sent again.
    expect(await lftp("mirror -R --verbose tree there")).not.toMatch(/Sending file/);
    await lftp("set ftp:sync-mode off; mirror there unsynced");
    expect((await readdir(at.here("unsynced"))).length).toBe(32);
    await lftp("pget -n 4 there/big -o pieces");
    expect(checksum(await readFile(at.here("pieces")))).toBe(checksum(BIG));
    await lftp("set ftp:passive-mode off; get there/f7 -o active");
    expect(await readFile(at.here("active"), "utf8")).toBe("7");
    await lftp(
      "cd there; put tree/f1 -o put; mv put moved; chmod 600 moved; rm f1 f2; rm -r 'sub dir'; mkdir -p a/b",
    );
    expect((await at.there("/there/moved")).toString()).toBe("1");
    expect(await lftp("cls there")).not.toMatch(/f1\n|f2\n|sub dir/);
    expect(await lftp("ls -la there/moved")).toMatch(/^-rw------- /);
    expect(await lftp("cls there/f*")).toMatch(/there\/f10/);
  });

  for (const program of ["tnftp", "inetutils-ftp"]) {
    clientTest(program, "lists, uploads, downloads, renames and deletes", async () => {
      await using at = await serving(kind);
      await writeFile(at.here("big"), BIG);
      await writeFile(at.here("a.txt"), "one\n");
      await writeFile(at.here("b.txt"), "two\n");
      for (const passive of [true, false]) {
        const script = [
          `open 127.0.0.1 ${at.port}`,
          "user foo bar",
          ...(program === "tnftp" && !passive
            ? ["passive off"]
            : program !== "tnftp" && passive
              ? ["passive"]
              : []),
          "prompt",
          "binary",
          "put big",
          "get big back",
          "mput a.txt b.txt",
          "mkdir sub",
          "cd sub",
          "put a.txt name",
          "pwd",
          "ls",
          "cd ..",
          "rename a.txt c.txt",
          "ls",
          "size b.txt",
          "modtime b.txt",
          "ascii",
          "get b.txt ascii.txt",
          "delete b.txt",
          "mget *.txt",
          "delete sub/name",
          "rmdir sub",
          "nlist",
          "quit",
        ].join("\n");
        const { text } = await at.client(program, ["-n", "-v"], { input: `${script}\n` });
        expect(checksum(await readFile(at.here("back"))), text).toBe(checksum(BIG));
        expect(checksum(await at.there("/big"))).toBe(checksum(BIG));
        expect(text).toMatch(/"\/sub"/);
        expect(text).toMatch(/-rw-r--r-- .* name/);
        expect(await readFile(at.here("c.txt"), "utf8")).toBe("one\n");
        expect(await readFile(at.here("ascii.txt"), "utf8")).toBe("two\n");
        expect((await at.lab.store.list("/")).map(({ name }) => name)).toEqual(["big", "c.txt"]);
        await rm(at.here("back"));
        await rm(at.here("c.txt"));
        await rm(at.here("ascii.txt"));
      }
    });
  }

  clientTest("ncftpput", "and its sisters upload, list and download, whole trees as well", async () => {
    await using at = await serving(kind);
    const login = ["-u", "foo", "-p", "bar", "-P", at.port];
    await mkdir(at.here("tree/sub"), { recursive: true });
    await writeFile(at.here("big"), BIG);
    await writeFile(at.here("tree/a"), "1");
    await writeFile(at.here("tree/sub/b"), "2");
    for (const way of ["-F", "-E"]) {
      const put = await at.client("ncftpput", [...login, way, "127.0.0.1", "/", "big"]);
      expect(put.code, put.text).toBe(0);
      const tree = await at.client("ncftpput", [...login, way, "-R", "-m", "127.0.0.1", "/up", "tree"]);
      expect(tree.code, tree.text).toBe(0);
      expect((await at.there("/up/tree/sub/b")).toString()).toBe("2");
      const listing = await at.client("ncftpls", [
        "-l",
        way,
        ...login.slice(0, 4),
        `ftp://127.0.0.1:${at.port}/`,
      ]);
      expect(listing.stdout).toMatch(/50000000 .*big/);
      await mkdir(at.here("down"), { recursive: true });
      const get = await at.client("ncftpget", [...login, way, "-R", "127.0.0.1", "down", "/big", "/up/tree"]);
      expect(get.code, get.text).toBe(0);
      expect(checksum(await readFile(at.here("down/big")))).toBe(checksum(BIG));
      expect(await readFile(at.here("down/tree/sub/b"), "utf8")).toBe("2");
      await rm(at.here("down"), { recursive: true });
    }
  });

  clientTest("wget", "downloads a file, resumes one, and takes a tree", async () => {
    await using at = await serving(kind);
    await at.lab.store.makeDirectory("/tree");
    await at.lab.store.makeDirectory("/tree/sub");
    await at.put("/big", BIG);
    await at.put("/tree/a", "1");
    await at.put("/tree/sub/b", "2");
    const wget = async (...args: string[]) => {
      const outcome = await at.client("wget", ["--no-config", "--no-verbose", "--tries=1", ...args]);
      expect(outcome.code, outcome.text).toBe(0);
    };
    await wget(`${at.url}/big`);
    expect(checksum(await readFile(at.here("big")))).toBe(checksum(BIG));
    await writeFile(at.here("big"), BIG.subarray(0, 1_000_000));
    await wget("--continue", `${at.url}/big`);
    expect(checksum(await readFile(at.here("big")))).toBe(checksum(BIG));
    await wget("--no-passive-ftp", "-O", "active", `${at.url}/big`);
    expect(checksum(await readFile(at.here("active")))).toBe(checksum(BIG));
    await wget("--recursive", "--no-host-directories", `${at.url}/tree/`);
    expect(await readFile(at.here("tree/sub/b"), "utf8")).toBe("2");
    await wget("-O", "six", `${at.url6}/tree/a`);
    expect(await readFile(at.here("six"), "utf8")).toBe("1");
  });

  clientTest("python3", "ftplib lists, uploads, downloads, renames and deletes", async () => {
    await using at = await serving(kind);
    await writeFile(at.here("big"), BIG);
    const script = `
import ftplib, hashlib, sys, io
for passive in (True, False):
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", int(sys.argv[1]), timeout=10)
    ftp.login("foo", "bar")
    ftp.set_pasv(passive)
    with open("big", "rb") as file:
        assert ftp.storbinary("STOR big", file).startswith("226")
    digest = hashlib.sha256()
    ftp.retrbinary("RETR big", digest.update)
    assert digest.hexdigest() == sys.argv[2]
    assert ftp.size("big") == 50000000
    tail = io.BytesIO()
    ftp.retrbinary("RETR big", tail.write, rest=49999990)
    assert len(tail.getvalue()) == 10
    ftp.storlines("STOR text", io.BytesIO(b"one\\ntwo\\n"))
    lines = []
    ftp.retrlines("RETR text", lines.append)
    assert lines == ["one", "two"]
    assert ftp.mkd('a "b"') == '/a "b"'
    assert ftp.cwd('a "b"').startswith("250")
    assert ftp.pwd() == '/a "b"'
    ftp.cwd("..")
    ftp.rename("text", "a \\"b\\"/moved")
    assert ftp.nlst('a "b"') == ["moved"]
    assert sorted(ftp.nlst()) == ['a "b"', "big"]
    facts = dict(ftp.mlsd())
    assert facts["big"]["size"] == "50000000" and facts['a "b"']["type"] == "dir"
    listing = []
    ftp.dir(listing.append)
    assert len(listing) == 2
    ftp.delete('a "b"/moved')
    ftp.rmd('a "b"')
    ftp.delete("big")
    assert ftp.nlst() == []
    conn = None
    ftp.voidcmd("TYPE I")
    ftp.storbinary("STOR large", io.BytesIO(b"x" * 30000000))
    conn = ftp.transfercmd("RETR large")
    conn.recv(1000)
    ftp.putcmd("ABOR")
    assert ftp.getmultiline()[:3] == "426"
    conn.close()
    assert ftp.getmultiline()[:3] == "226"
    # As urgent data.
    conn = ftp.transfercmd("RETR large")
    conn.recv(1000)
    assert ftp.abort()[:3] == "426"
    conn.close()
    assert ftp.getmultiline()[:3] == "226"
    ftp.delete("large")
    assert ftp.quit().startswith("221")
print("done")
`;
    const { stdout, stderr } = await at.client("python3", ["-c", script, at.port, checksum(BIG)]);
    expect(stderr).toBe("");
    expect(stdout).toBe("done\n");
  });

  clientTest("rclone", "copies a tree, checks it, and moves and removes in it", async () => {
    await using at = await serving(kind);
    await mkdir(at.here("tree/sub"), { recursive: true });
    await writeFile(at.here("tree/big"), BIG);
    await writeFile(at.here("tree/sub/small"), "1");
    const rclone = async (...args: string[]) => {
      const outcome = await at.client("rclone", ["--config", "/dev/null", "--retries", "1", ...args]);
      expect(outcome.code, outcome.text).toBe(0);
      return outcome.stdout.trim();
    };
    const remote = `:ftp,host=127.0.0.1,port=${at.port},user=foo,pass=${await rclone("obscure", "bar")}:`;
    await rclone("copy", "tree", `${remote}there`);
    await rclone("check", "tree", `${remote}there`, "--download");
    await writeFile(at.here("tree/sub/new"), "2");
    await rm(at.here("tree/sub/small"));
    await rclone("sync", "tree", `${remote}there`);
    expect(await rclone("lsf", "-R", `${remote}there`)).toBe("big\nsub/\nsub/new");
    await rclone("check", "tree", `${remote}there`);
    await rclone("moveto", `${remote}there/sub/new`, `${remote}there/sub/small`);
    const info = await rclone("test", "info", "--check-streaming", "--check-normalization", `${remote}info`);
    expect(info).toMatch(/canWriteUnnormalized = true[\s\S]*canStream = true/);
    await rclone("purge", `${remote}info`);
    await rclone("moveto", `${remote}there/sub/small`, `${remote}moved/small`);
    expect((await at.there("/moved/small")).toString()).toBe("2");
    await rclone("purge", `${remote}there`);
    expect(await rclone("lsf", "-R", remote)).toBe("moved/\nmoved/small");
  });

  clientTest("busybox", "ftpput and ftpget carry a file", async () => {
    await using at = await serving(kind);
    await writeFile(at.here("big"), BIG);
    const login = ["-u", "foo", "-p", "bar", "-P", at.port, "127.0.0.1"];
    expect((await at.client("busybox", ["ftpput", ...login, "there", "big"])).text).toBe("");
    expect((await at.client("busybox", ["ftpget", ...login, "back", "there"])).text).toBe("");
    expect(checksum(await readFile(at.here("back")))).toBe(checksum(BIG));
  });

  test("basic-ftp: a directory up and down", async () => {
    await using at = await serving(kind);
    await mkdir(at.here("tree/sub"), { recursive: true });
    await writeFile(at.here("tree/big"), BIG);
    await writeFile(at.here("tree/sub/ümlaut"), "text");
    const client = new Client(10_000);
    try {
      await client.access({ host: "127.0.0.1", port: Number(at.port), user: "foo", password: "bar" });
      await client.uploadFromDir(at.here("tree"), "/there");
      expect(checksum(await at.there("/there/big"))).toBe(checksum(BIG));
      await client.downloadToDir(at.here("back"), "/there");
      expect(checksum(await readFile(at.here("back/big")))).toBe(checksum(BIG));
      expect(await readFile(at.here("back/sub/ümlaut"), "utf8")).toBe("text");
      expect((await client.list("/there")).map(({ name, isDirectory }) => [name, isDirectory])).toEqual([
        ["big", false],
        ["sub", true],
      ]);
      await client.rename("/there/big", "/moved");
      expect(await client.size("/moved")).toBe(BIG.length);
      await client.removeDir("/there");
      await client.remove("/moved");
      expect(await client.list("/")).toEqual([]);
    } finally {
      client.close();
    }
  });
});
