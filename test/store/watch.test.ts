import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { type EventOf, ftp, http, startLab } from "../../index.ts";

/** A lab that watches its folder. */
async function watching() {
  const root = mkdtempSync(join(tmpdir(), "lab-"));
  writeFileSync(join(root, "old.txt"), "old");
  const lab = await startLab({ files: ftp(), web: http() }, { root, watch: "on" });
  return {
    lab,
    at: (name: string) => join(root, name),
    next: (where: Partial<EventOf<"file">>) => lab.events.next("file", where, 15_000),
    /** What has been told until now: two changes behind it that are told for certain stand for "no more comes". */
    async told(): Promise<string[]> {
      for (const barrier of ["barrier1", "barrier2"]) {
        const last = lab.events.next("file", { path: `/${barrier}` }, 15_000);
        writeFileSync(join(root, barrier), "");
        await last;
      }
      return [...lab.transcript]
        .flatMap((event) => (event.type === "file" && !event.path.startsWith("/barrier") ? [event] : []))
        .map(({ change, kind, path }) => `${change} ${kind} ${path}`);
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

describe("what others do in the folder", () => {
  test("is told with path and kind, and served at once", async () => {
    await using server = await watching();
    const added = server.next({ change: "added", path: "/new.txt" });
    writeFileSync(server.at("new.txt"), "new");
    expect(await added).toMatchObject({ server: "store", protocol: "file", kind: "file" });
    expect(await (await fetch(`${server.lab.servers.web.url}/new.txt`)).text()).toBe("new");
    const changed = server.next({ change: "changed", path: "/old.txt" });
    writeFileSync(server.at("old.txt"), "older");
    await changed;
    const directory = server.next({ change: "added", path: "/dir", kind: "directory" });
    mkdirSync(server.at("dir"));
    await directory;
    const inside = server.next({ change: "added", path: "/dir/a" });
    writeFileSync(server.at("dir/a"), "a");
    await inside;
    const moved = server.next({ change: "added", path: "/dir/b" });
    const gone = server.next({ change: "removed", path: "/dir/a" });
    renameSync(server.at("dir/a"), server.at("dir/b"));
    await Promise.all([moved, gone]);
    const removed = server.next({ change: "removed", path: "/dir", kind: "directory" });
    rmSync(server.at("dir"), { recursive: true });
    await removed;
    expect(String(server.lab.transcript.of("store"))).toContain("store added on disk: /dir/");
  });

  test("is told whole, however quickly it comes and goes", async () => {
    await using server = await watching();
    for (let round = 0; round < 5; round += 1) {
      mkdirSync(server.at("tree/a/b/c"), { recursive: true });
      for (const file of ["tree/1", "tree/a/2", "tree/a/b/3", "tree/a/b/c/4"])
        writeFileSync(server.at(file), `${round}`);
      if (round < 4) rmSync(server.at("tree"), { recursive: true });
    }
    await server.next({ path: "/tree/a/b/c/4" });
    const last = server.next({ path: "/tree/a/b/c/5" });
    writeFileSync(server.at("tree/a/b/c/5"), "");
    await last;
    const told = await server.told();
    for (const path of ["/tree/1", "/tree/a/2", "/tree/a/b/3", "/tree/a/b/c/4"])
      expect(told.filter((each) => each === `added file ${path}`)).toEqual([`added file ${path}`]);
    const gone = server.next({ change: "removed", path: "/tree" });
    rmSync(server.at("tree"), { recursive: true });
    await gone;
    expect((await server.told()).filter((each) => each.startsWith("removed")).length).toBe(9);
  });

  test("is told once, however a file grows", async () => {
    await using server = await watching();
    for (let count = 0; count < 10; count += 1) {
      writeFileSync(server.at("growing"), "x".repeat(count * 1000));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await server.told()).toEqual(["added file /growing"]);
  });

  test("is not told where clients do not see it", async () => {
    await using server = await watching();
    const outside = mkdtempSync(join(tmpdir(), "lab-"));
    symlinkSync(outside, server.at("out"));
    writeFileSync(server.at(".wirelab-0123456789abcdef.part"), "");
    writeFileSync(join(outside, "theirs"), "");
    expect(await server.told()).toEqual([]);
  });
});

test("what the lab's own servers do is not told a second time", async () => {
  await using server = await watching();
  const { web, files } = server.lab.servers;
  const authorization = `Basic ${Buffer.from("foo:bar").toString("base64")}`;
  await fetch(`${web.url}/by-http.txt`, { method: "PUT", body: "by http", headers: { authorization } });
  const client = new Client();
  await client.access({ host: files.host, port: files.port, user: "foo", password: "bar" });
  await client.send("MKD dir");
  await client.uploadFrom(Readable.from("by ftp"), "dir/a.txt");
  await client.uploadFrom(Readable.from("again"), "dir/a.txt");
  await client.send("SITE CHMOD 600 dir/a.txt");
  await client.rename("dir", "moved");
  await client.remove("old.txt");
  await client.send("MFMT 20200101000000 by-http.txt");
  client.close();
  expect(await server.told()).toEqual([]);
  // Another's change of such a file is.
  const changed = server.next({ change: "changed", path: "/by-http.txt" });
  writeFileSync(server.at("by-http.txt"), "by hand");
  await changed;
});

test("programs of a server are not told of", async () => {
  const root = mkdtempSync(join(tmpdir(), "lab-"));
  mkdirSync(join(root, "cgi-bin"));
  await using lab = await startLab({ web: http({ cgi: join(root, "cgi-bin") }) }, { root, watch: "on" });
  const last = lab.events.next("file", { path: "/seen" }, 15_000);
  writeFileSync(join(root, "cgi-bin", "secret"), "");
  rmSync(join(root, "cgi-bin", "secret"));
  writeFileSync(join(root, "seen"), "");
  await last;
  expect([...lab.transcript].flatMap((event) => (event.type === "file" ? [event.path] : []))).toEqual([
    "/seen",
  ]);
});

test("without a folder there is nothing to watch", async () => {
  await expect(startLab({}, { watch: "on" })).rejects.toMatchObject({
    code: "BAD_OPTION",
    message: "watch: the lab's files are in memory; give root, a folder to watch.",
  });
});
