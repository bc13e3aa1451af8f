import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { directoryStore } from "../core/store/directory.ts";
import { memoryStore } from "../core/store/memory.ts";
import type { ByteRange, Store, WriteOptions } from "../core/store/store.ts";

const folder = () => mkdtempSync(join(tmpdir(), "store-"));

async function store(
  store: Store,
  path: string,
  content: string | Buffer,
  options?: WriteOptions,
): Promise<void> {
  await pipeline([Buffer.from(content)], await store.write(path, options));
}

async function contentOf(store: Store, path: string, range?: ByteRange): Promise<string> {
  return text((await store.read(path)).stream(range));
}

const names = async (store: Store, path: string) => (await store.list(path)).map(({ name }) => name);
const refusal = (code: string) => expect.objectContaining({ code });

describe.each([
  ["memory", async () => memoryStore()],
  ["directory", () => directoryStore(folder())],
])("a store: %s", (_kind, open) => {
  test("keeps what has been written", async () => {
    const files = await open();
    await store(files, "/a.txt", "hello");
    expect(await contentOf(files, "/a.txt")).toBe("hello");
    expect(await files.stat("/a.txt")).toMatchObject({
      path: "/a.txt",
      name: "a.txt",
      type: "file",
      size: 5,
      mode: 0o644,
    });
    expect((await files.stat("a.txt")).modified.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await files.stat("/")).toMatchObject({ path: "/", name: "", type: "directory", size: 0 });
  });

  test("lists by name, with the facts", async () => {
    const files = await open();
    await files.makeDirectory("/z");
    await store(files, "/b", "12");
    await store(files, "/a", "1");
    expect(await files.list("/")).toMatchObject([
      { path: "/a", type: "file", size: 1 },
      { path: "/b", type: "file", size: 2 },
      { path: "/z", type: "directory", size: 0 },
    ]);
    await store(files, "/z/c", "");
    expect(await files.list("/z")).toMatchObject([{ path: "/z/c", name: "c", size: 0 }]);
  });

  test.each([
    "ünïcödé ☃",
    "with spaces  two",
    "q\"uote's",
    "-dash",
    "back\\slash",
    "new\nline",
    "%41",
    "a..b",
    "...",
    "~",
  ])("a name like %j is a name", async (name) => {
    const files = await open();
    await store(files, `/${name}`, "x");
    expect(await names(files, "/")).toEqual([name]);
    expect(await contentOf(files, `/${name}`)).toBe("x");
    await files.rename(`/${name}`, `/${name}2`);
    await files.remove(`/${name}2`);
    expect(await names(files, "/")).toEqual([]);
  });

  test("ranges", async () => {
    const files = await open();
    await store(files, "/a", "0123456789");
    expect(await contentOf(files, "/a", { start: 3 })).toBe("3456789");
    expect(await contentOf(files, "/a", { end: 3 })).toBe("0123");
    expect(await contentOf(files, "/a", { start: 2, end: 4 })).toBe("234");
    expect(await contentOf(files, "/a", { start: 8, end: 100 })).toBe("89");
    expect(await contentOf(files, "/a", { start: 10 })).toBe("");
    await store(files, "/empty", "");
    expect(await contentOf(files, "/empty")).toBe("");
  });

  test("64 MB, whole", async () => {
    const files = await open();
    const block = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => index % 251));
    await pipeline(
      (function* () {
        for (let count = 0; count < 64; count += 1) yield block;
      })(),
      await files.write("/big"),
    );
    expect((await files.stat("/big")).size).toBe(64 * block.length);
    const read = await buffer((await files.read("/big")).stream());
    for (let count = 0; count < 64; count += 1) {
      expect(read.subarray(count * block.length, (count + 1) * block.length).equals(block)).toBe(true);
    }
  });

  test("writing replaces, appends, goes on at an offset", async () => {
    const files = await open();
    await store(files, "/a", "0123456789");
    await store(files, "/a", "ab", { append: true });
    expect(await contentOf(files, "/a")).toBe("0123456789ab");
    await store(files, "/a", "X", { start: 3 });
    expect(await contentOf(files, "/a")).toBe("012X");
    await store(files, "/a", "Y", { start: 6 });
    expect(await contentOf(files, "/a")).toBe("012X\0\0Y");
    await store(files, "/a", "new");
    expect(await contentOf(files, "/a")).toBe("new");
    await store(files, "/b", "made", { append: true });
    await store(files, "/c", "made", { start: 2 });
    expect([await contentOf(files, "/b"), await contentOf(files, "/c")]).toEqual(["made", "\0\0made"]);
  });

  test.each([{}, { append: true }, { start: 2 }] satisfies WriteOptions[])(
    "a torn upload (%j) leaves the old file whole, and nothing else",
    async (options) => {
      const files = await open();
      await store(files, "/a", "old");
      const upload = await files.write("/a", options);
      upload.write("new content");
      await new Promise((resolve) => setImmediate(resolve));
      upload.destroy();
      await once(upload, "close");
      expect(await contentOf(files, "/a")).toBe("old");
      expect(await names(files, "/")).toEqual(["a"]);
      const never = await files.write("/never", options);
      never.destroy();
      await once(never, "close");
      expect(await names(files, "/")).toEqual(["a"]);
    },
  );

  test("readers see the old content, whole, until an upload has finished", async () => {
    const files = await open();
    const old = Buffer.alloc(1_000_000, "o");
    await store(files, "/a", old);
    const reading = await files.read("/a");
    const upload = await files.write("/a");
    upload.write(Buffer.alloc(1_000_000, "n"));
    expect((await buffer((await files.read("/a")).stream())).equals(old)).toBe(true);
    upload.end();
    await once(upload, "finish");
    expect((await contentOf(files, "/a")).startsWith("nnn")).toBe(true);
    expect((await buffer(reading.stream())).equals(old)).toBe(true);
  });

  test("of two uploads at once the last to finish stays", async () => {
    const files = await open();
    const [first, second] = [await files.write("/a"), await files.write("/a")];
    first.write("first");
    second.end("second");
    await once(second, "finish");
    first.end();
    await once(first, "close");
    expect(await contentOf(files, "/a")).toBe("first");
    expect(await names(files, "/")).toEqual(["a"]);
  });

  test("an upload whose directory goes fails when it finishes", async () => {
    const files = await open();
    await files.makeDirectory("/d");
    const upload = await files.write("/d/a");
    await files.rename("/d", "/gone");
    await expect(pipeline(["x"], upload)).rejects.toEqual(refusal("NOT_FOUND"));
    expect(await names(files, "/gone")).toEqual([]);
  });

  test("renaming", async () => {
    const files = await open();
    await files.makeDirectory("/d");
    await store(files, "/a", "a");
    await store(files, "/b", "b");
    await files.rename("/a", "/b");
    expect(await contentOf(files, "/b")).toBe("a");
    await files.rename("/b", "/d/b");
    await files.rename("/d", "/e");
    expect(await contentOf(files, "/e/b")).toBe("a");
    await files.rename("/e/b", "/e/b");
    expect(await names(files, "/e")).toEqual(["b"]);
    await files.makeDirectory("/f");
    await store(files, "/g", "g");
    await expect(files.rename("/e", "/f")).rejects.toEqual(refusal("EXISTS"));
    await expect(files.rename("/g", "/f")).rejects.toEqual(refusal("EXISTS"));
    await expect(files.rename("/f", "/g")).rejects.toEqual(refusal("NOT_DIRECTORY"));
    await expect(files.rename("/e", "/e/b/x")).rejects.toMatchObject({
      code: expect.stringMatching(/FORBIDDEN|NOT_DIRECTORY/),
    });
    await expect(files.rename("/e", "/e/inside")).rejects.toEqual(refusal("FORBIDDEN"));
    await expect(files.rename("/missing", "/x")).rejects.toEqual(refusal("NOT_FOUND"));
    await expect(files.rename("/g", "/missing/x")).rejects.toEqual(refusal("NOT_FOUND"));
    expect(await names(files, "/")).toEqual(["e", "f", "g"]);
  });

  test("what cannot be is refused by its code", async () => {
    const files = await open();
    await files.makeDirectory("/d");
    await store(files, "/d/a", "a");
    const refused: [() => Promise<unknown>, string][] = [
      [() => files.stat("/x"), "NOT_FOUND"],
      [() => files.stat("/d/a/b"), "NOT_DIRECTORY"],
      [() => files.list("/x"), "NOT_FOUND"],
      [() => files.list("/d/a"), "NOT_DIRECTORY"],
      [() => files.read("/x"), "NOT_FOUND"],
      [() => files.read("/d"), "IS_DIRECTORY"],
      [() => files.write("/x/y"), "NOT_FOUND"],
      [() => files.write("/d"), "IS_DIRECTORY"],
      [() => files.write("/"), "IS_DIRECTORY"],
      [() => files.write("/d/a/b"), "NOT_DIRECTORY"],
      [() => files.remove("/x"), "NOT_FOUND"],
      [() => files.remove("/d"), "NOT_EMPTY"],
      [() => files.makeDirectory("/d"), "EXISTS"],
      [() => files.makeDirectory("/d/a"), "EXISTS"],
      [() => files.makeDirectory("/x/y"), "NOT_FOUND"],
      [() => files.makeDirectory("/"), "EXISTS"],
      [() => files.rename("/", "/x"), "FORBIDDEN"],
      [() => files.setMode("/x", 0o600), "NOT_FOUND"],
      [() => files.setModified("/x", new Date()), "NOT_FOUND"],
      [() => files.stat("/a\0b"), "BAD_PATH"],
      [() => files.write(`/${"x".repeat(5000)}`), "BAD_PATH"],
    ];
    for (const [attempt, code] of refused) await expect(attempt()).rejects.toEqual(refusal(code));
    await expect(files.remove("/")).rejects.toMatchObject({
      code: expect.stringMatching(/FORBIDDEN|NOT_EMPTY/),
    });
    expect(await contentOf(files, "/d/a")).toBe("a");
  });

  test("no path leads above the root", async () => {
    const files = await open();
    await store(files, "/../../etc/../passwd", "mine");
    expect(await names(files, "/..")).toEqual(["passwd"]);
    expect(await contentOf(files, "/x/../../../passwd")).toBe("mine");
  });

  test("modes and times", async () => {
    const files = await open();
    await store(files, "/a", "a");
    await files.setMode("/a", 0o600);
    await files.setModified("/a", new Date("2001-02-03T04:05:06Z"));
    expect(await files.stat("/a")).toMatchObject({ mode: 0o600, modified: new Date("2001-02-03T04:05:06Z") });
    await store(files, "/a", "b");
    expect((await files.stat("/a")).mode).toBe(0o600);
    expect((await files.stat("/a")).modified.getFullYear()).toBeGreaterThan(2020);
  });

  test("5,000 entries", async () => {
    const files = await open();
    for (let count = 0; count < 5000; count += 1) await files.makeDirectory(`/${count}`);
    expect((await files.list("/")).length).toBe(5000);
  });
});

describe("in memory", () => {
  test("the first files are there, with their directories", async () => {
    const files = memoryStore({ files: { "/in/deep/a.csv": "id\n1\n", "b.bin": new Uint8Array([1, 2]) } });
    expect(await contentOf(files, "/in/deep/a.csv")).toBe("id\n1\n");
    expect((await files.stat("/b.bin")).size).toBe(2);
  });

  test("capacity counts uploads under way, and what goes makes room", async () => {
    const files = memoryStore({ capacity: 100 });
    await store(files, "/a", Buffer.alloc(60));
    await expect(store(files, "/b", Buffer.alloc(41))).rejects.toEqual(refusal("QUOTA"));
    const upload = await files.write("/b");
    upload.write(Buffer.alloc(40));
    await expect(store(files, "/c", "1")).rejects.toEqual(refusal("QUOTA"));
    upload.destroy();
    await once(upload, "close");
    await store(files, "/b", Buffer.alloc(40));
    await files.remove("/a");
    await store(files, "/c", Buffer.alloc(60));
    await files.rename("/b", "/c");
    await store(files, "/d", Buffer.alloc(60));
    await expect(store(files, "/e", "1")).rejects.toEqual(refusal("QUOTA"));
  });

  test("the clock is the store's own", async () => {
    const files = memoryStore({ now: () => 1_000_000_000_000 });
    await store(files, "/a", "a");
    expect((await files.stat("/a")).modified.toISOString()).toBe("2001-09-09T01:46:40.000Z");
  });
});

describe("on disk", () => {
  async function disk() {
    const root = folder();
    const outside = folder();
    writeFileSync(join(outside, "secret"), "secret");
    mkdirSync(join(outside, "sub"));
    return { root, outside, files: await directoryStore(root) };
  }

  test.each(["/no/such/folder", "/etc/hostname"])("%s is no folder to keep files in", async (root) => {
    await expect(directoryStore(root)).rejects.toEqual(refusal("BAD_OPTION"));
  });

  test("a symlink that leads outside, or nowhere, is not there", async () => {
    const { root, outside, files } = await disk();
    symlinkSync(join(outside, "secret"), join(root, "file"));
    symlinkSync(outside, join(root, "folder"));
    symlinkSync("../../../../../../../../etc", join(root, "relative"));
    symlinkSync("folder", join(root, "chain"));
    symlinkSync("nowhere", join(root, "dangling"));
    symlinkSync("loop", join(root, "loop"));
    expect(await names(files, "/")).toEqual([]);
    const attempts = (name: string) => [
      () => files.stat(name),
      () => files.read(name),
      () => files.list(name),
      () => files.write(`${name}/x`),
      () => files.makeDirectory(`${name}/x`),
      () => files.remove(`${name}/secret`),
      () => files.rename(`${name}/secret`, "/mine"),
      () => files.setMode(name, 0o777),
    ];
    for (const name of ["/file", "/folder", "/relative", "/chain", "/dangling", "/loop"]) {
      for (const attempt of attempts(name)) {
        await expect(attempt).rejects.toMatchObject({
          code: expect.stringMatching(/NOT_FOUND|NOT_DIRECTORY/),
        });
      }
    }
    for (const name of ["/file", "/dangling"])
      await expect(files.write(name)).rejects.toEqual(refusal("NOT_FOUND"));
    await expect(files.read("/folder/secret")).rejects.toEqual(refusal("NOT_FOUND"));
    expect(readdirSync(outside).sort()).toEqual(["secret", "sub"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    // The link itself may go: its own directory is inside.
    await files.remove("/folder");
    expect(readdirSync(outside).sort()).toEqual(["secret", "sub"]);
  });

  test("a symlink that stays inside is followed, and stays a link when it is written to", async () => {
    const { root, files } = await disk();
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d", "a"), "a");
    symlinkSync("d", join(root, "link"));
    symlinkSync(join(root, "d", "a"), join(root, "alias"));
    expect(await names(files, "/")).toEqual(["alias", "d", "link"]);
    expect(await contentOf(files, "/link/a")).toBe("a");
    await store(files, "/alias", "b");
    expect(readFileSync(join(root, "d", "a"), "utf8")).toBe("b");
    await files.remove("/alias");
    expect(await names(files, "/d")).toEqual(["a"]);
  });

  test("a root behind a symlink is a root", async () => {
    const { root } = await disk();
    const alias = join(folder(), "alias");
    symlinkSync(root, alias);
    const files = await directoryStore(alias);
    await store(files, "/a", "a");
    expect(await contentOf(files, "/a")).toBe("a");
  });

  test("FIFOs and devices are not there, and nothing waits for them", async () => {
    const { root, files } = await disk();
    execFileSync("mkfifo", [join(root, "fifo")]);
    expect(await names(files, "/")).toEqual([]);
    await expect(files.read("/fifo")).rejects.toEqual(refusal("NOT_FOUND"));
    await expect(files.stat("/fifo")).rejects.toEqual(refusal("NOT_FOUND"));
    await expect(files.write("/fifo")).rejects.toEqual(refusal("FORBIDDEN"));
  });

  test("an upload under way is invisible, by whatever path", async () => {
    const { root, files } = await disk();
    const upload = await files.write("/a");
    upload.write("x");
    const [partial = ""] = readdirSync(root);
    expect(partial).toMatch(/^\.wirelab-/);
    expect(await names(files, "/")).toEqual([]);
    for (const attempt of [
      () => files.stat(partial),
      () => files.read(partial),
      () => files.write(partial),
      () => files.remove(partial),
      () => files.rename(partial, "/b"),
    ]) {
      await expect(attempt()).rejects.toEqual(refusal("NOT_FOUND"));
    }
    upload.destroy();
    await once(upload, "close");
    expect(readdirSync(root)).toEqual([]);
  });

  test("what a program writes there is there, its mode too", async () => {
    const { root, files } = await disk();
    writeFileSync(join(root, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(root, "run.sh"), 0o755);
    expect(await files.stat("/run.sh")).toMatchObject({ mode: 0o755, size: 10 });
    await store(files, "/run.sh", "#!/bin/bash\n");
    expect(statSync(join(root, "run.sh")).mode & 0o777).toBe(0o755);
  });

  test("names that are no UTF-8 do not break a listing", async () => {
    const { root, files } = await disk();
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff, 0xfe])]), "x");
    writeFileSync(join(root, "fine"), "x");
    expect(await names(files, "/")).toEqual(["fine"]);
  });

  test("messages name the path in the store, never the one on disk", async () => {
    const { root, files } = await disk();
    mkdirSync(join(root, "d"));
    for (const attempt of [
      () => files.stat("/x/y"),
      () => files.read("/d"),
      () => files.write("/x/y"),
      () => files.makeDirectory("/d"),
      () => files.remove("/x"),
    ]) {
      const error = await attempt().catch((thrown) => thrown);
      expect(error.message).not.toContain(root);
    }
  });

  test("no file handle is left, however a reading ends", async () => {
    const { root, files } = await disk();
    writeFileSync(join(root, "a"), Buffer.alloc(1_000_000));
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    const unread = await files.read("/a");
    await unread.close();
    await unread.close();
    const torn = (await files.read("/a")).stream();
    await once(torn, "data");
    torn.destroy();
    await once(torn, "close");
    const empty = (await files.read("/a")).stream({ start: 2_000_000 });
    expect(await text(empty)).toBe("");
    await buffer((await files.read("/a")).stream());
    await expect(files.read("/")).rejects.toEqual(refusal("IS_DIRECTORY"));
    const upload = await files.write("/b");
    upload.destroy();
    await once(upload, "close");
    expect(open()).toBe(before);
  });
});
