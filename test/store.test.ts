import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { codeOf, messageOf } from "../core/errors.ts";
import { directoryStore } from "../core/store/directory.ts";
import { memoryStore } from "../core/store/memory.ts";
import type { Store, WriteOptions } from "../core/store/store.ts";
import { contentOf, folder, namesIn, put, refusal, STORES, tear } from "./store/stores.ts";

// What every store keeps to, in memory and on disk.

/** Bytes of which no two places nearby look alike. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + (at >> 8) * 7) & 0xff;
  return bytes;
}

describe.each(STORES)("%s: names", (_kind, open) => {
  test.each([
    "ünïcödé ☃ 日本語 🎈",
    "e\u0301 is not \u00e9",
    " with  spaces ",
    "q\"uo`te's",
    "-dash",
    "back\\slash",
    "..\\..\\up",
    "new\nline\r\n",
    "tab\tbell\u0007escape\u001b[31m",
    "%2e%2e%2f",
    "a..b",
    "...",
    "~",
    "*?[]",
    "CON",
    "x".repeat(255),
    "ä".repeat(127),
    "__proto__",
    "constructor",
  ])("%j is one", async (name) => {
    const store = await open();
    await put(store, `/${name}`, "x");
    expect(await namesIn(store)).toEqual([name]);
    expect(await store.stat(`/${name}`)).toMatchObject({ name, path: `/${name}` });
    expect(await contentOf(store, `/${name}`)).toBe("x");
    await store.makeDirectory("/d");
    await store.rename(`/${name}`, `/d/${name}`);
    await store.remove(`/d/${name}`);
    expect(await namesIn(store, "/d")).toEqual([]);
  });

  test.each([
    ["a NUL byte", "/a\0b"],
    ["half a surrogate pair", "/a\ud800"],
    ["256 bytes", `/${"x".repeat(256)}`],
    ["128 characters of two bytes", `/d/${"ä".repeat(128)}`],
    ["more than 4,096 characters", "/x".repeat(2049)],
  ])("%s makes none, for whatever it is asked", async (_what, path) => {
    const store = await open();
    await put(store, "/a", "a");
    const attempts: (() => Promise<unknown>)[] = [
      () => store.stat(path),
      () => store.list(path),
      () => store.read(path),
      () => store.write(path),
      () => store.remove(path),
      () => store.rename(path, "/b"),
      () => store.rename("/a", path),
      () => store.makeDirectory(path),
      () => store.setMode(path, 0o600),
      () => store.setModified(path, new Date()),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toEqual(refusal("BAD_PATH"));
    expect(await namesIn(store)).toEqual(["a"]);
  });

  test.each([
    "/etc/passwd",
    "etc/passwd",
    "//etc///passwd",
    "/../../etc/passwd",
    "/etc/x/../passwd",
    "/./etc/passwd/",
  ])("%s leads to the same file as the others", async (path) => {
    const store = await open();
    await store.makeDirectory("/etc");
    await put(store, path, "mine");
    expect(await store.stat(path)).toMatchObject({ path: "/etc/passwd", name: "passwd" });
    expect(await contentOf(store, "/etc/passwd")).toBe("mine");
  });

  test.each(["", "/", "..", "/../..", "."])("%j is the root", async (path) => {
    const store = await open();
    expect(await store.stat(path)).toMatchObject({ path: "/", name: "", type: "directory", size: 0 });
    expect(await store.list(path)).toEqual([]);
  });
});

describe.each(STORES)("%s: listing", (_kind, open) => {
  test("is sorted, with the facts", async () => {
    const store = await open();
    await store.makeDirectory("/m");
    for (const name of ["b", "a10", "a9", "B", "ä", "_"]) await put(store, `/${name}`, name);
    expect(await namesIn(store)).toEqual(["B", "_", "a10", "a9", "b", "m", "ä"]);
    await put(store, "/m/x", "12345");
    const [entry] = await store.list("/m");
    expect(entry).toEqual({
      path: "/m/x",
      name: "x",
      type: "file",
      size: 5,
      mode: 0o644,
      modified: expect.any(Date),
      unique: expect.any(String),
    });
    expect(entry).toEqual(await store.stat("/m/x"));
    expect(await store.stat("/m")).toMatchObject({ type: "directory", size: 0, mode: 0o755 });
  });

  test("of 5,000 entries", async () => {
    const store = await open();
    const wanted = Array.from({ length: 5000 }, (_, count) => `n${String(count).padStart(4, "0")}`);
    for (const name of wanted) await store.makeDirectory(`/${name}`);
    await put(store, "/n2500/x", "x");
    expect(await namesIn(store)).toEqual(wanted);
    expect(await contentOf(store, "/n2500/x")).toBe("x");
  });

  test("of the deepest tree that a path can name", async () => {
    const store = await open();
    let path = "";
    for (let depth = 0; depth < 500; depth += 1) {
      path += `/${depth}`;
      await store.makeDirectory(path);
    }
    await put(store, `${path}/leaf`, "x");
    await store.rename("/0/1", "/moved");
    expect(await contentOf(store, `${path.replace("/0/1/", "/moved/")}/leaf`)).toBe("x");
  });
});

describe.each(STORES)("%s: reading", (_kind, open) => {
  const BIG = pattern(600_001);

  test.each([
    {},
    { start: 3 },
    { end: 3 },
    { start: 2, end: 4 },
    { start: 0, end: 0 },
    { start: 262_143, end: 262_144 },
    { start: 262_144, end: 524_287 },
    { start: 600_000 },
    { start: 600_000, end: 900_000 },
    { start: 600_001 },
    { start: 5_000_000, end: 6_000_000 },
    { start: 7, end: 6 },
    { start: 7, end: 2 },
  ])("the range %j, of files small and large", async (range) => {
    const store = await open();
    for (const content of [BIG, BIG.subarray(0, 10), Buffer.alloc(0)]) {
      await put(store, "/a", content);
      const { start = 0, end = content.length - 1 } = range;
      const read = await buffer((await store.read("/a")).stream(range));
      expect(read.equals(content.subarray(start, Math.max(start, end + 1)))).toBe(true);
    }
  });

  test("tells the entry, and the bytes where it has them", async () => {
    const store = await open();
    await put(store, "/a", "hello");
    const reading = await store.read("/a");
    expect(reading.entry).toEqual(await store.stat("/a"));
    expect(reading.bytes).toEqual(Buffer.from("hello"));
    await reading.close();
    await reading.close();
  });

  test("64 MB, whole", async () => {
    const store = await open();
    const block = pattern(1_000_003);
    await pipeline(
      (function* () {
        for (let count = 0; count < 64; count += 1) yield block;
      })(),
      await store.write("/big"),
    );
    expect((await store.stat("/big")).size).toBe(64 * block.length);
    const read = await buffer((await store.read("/big")).stream());
    expect(read.length).toBe(64 * block.length);
    for (let count = 0; count < 64; count += 1) {
      expect(read.subarray(count * block.length, (count + 1) * block.length).equals(block)).toBe(true);
    }
  });

  test("many at once, while others replace the file: each reads one content, whole", async () => {
    const store = await open();
    const contents = ["a", "b", "c"].map((letter) => Buffer.alloc(700_000, letter));
    await put(store, "/x", contents[0]!);
    const reads = Array.from({ length: 30 }, async (_, count) => {
      if (count % 5 === 1) await put(store, "/x", contents[count % 3]!);
      const read = await buffer((await store.read("/x")).stream());
      expect(contents.some((content) => content.equals(read))).toBe(true);
    });
    await Promise.all(reads);
    expect(await namesIn(store)).toEqual(["x"]);
  });

  test("goes on when the file is replaced, renamed or removed", async () => {
    const store = await open();
    const content = pattern(700_000);
    await put(store, "/a", content);
    const readings = [await store.read("/a"), await store.read("/a"), await store.read("/a")];
    const half = readings[0]!.stream();
    await once(half, "readable");
    await put(store, "/a", "new");
    await store.rename("/a", "/b");
    await store.remove("/b");
    expect((await buffer(half)).equals(content)).toBe(true);
    expect((await buffer(readings[1]!.stream({ start: 699_999 }))).length).toBe(1);
    await readings[2]!.close();
  });
});

describe.each(STORES)("%s: writing", (_kind, open) => {
  test("replaces, appends, goes on at an offset", async () => {
    const store = await open();
    await put(store, "/a", "0123456789");
    await put(store, "/a", "ab", { append: true });
    expect(await contentOf(store, "/a")).toBe("0123456789ab");
    await put(store, "/a", "X", { start: 3 });
    expect(await contentOf(store, "/a")).toBe("012X");
    await put(store, "/a", "Y", { start: 6 });
    expect(await contentOf(store, "/a")).toBe("012X\0\0Y");
    await put(store, "/a", "Z", { start: 2, append: true });
    expect(await contentOf(store, "/a")).toBe("012X\0\0YZ");
    await put(store, "/a", "", { start: 2 });
    expect(await contentOf(store, "/a")).toBe("01");
    await put(store, "/a", "0123456789");
    await put(store, "/a", "ab", { start: 3, tail: "keep" });
    expect(await contentOf(store, "/a")).toBe("012ab56789");
    await put(store, "/a", "cd", { tail: "keep" });
    expect(await contentOf(store, "/a")).toBe("cd2ab56789");
    await put(store, "/a", "ef", { start: 9, tail: "keep" });
    expect(await contentOf(store, "/a")).toBe("cd2ab5678ef");
    await put(store, "/a", "g", { start: 12, tail: "keep" });
    expect(await contentOf(store, "/a")).toBe("cd2ab5678ef\0g");
    await put(store, "/a", "h", { append: true, tail: "keep" });
    expect(await contentOf(store, "/a")).toBe("cd2ab5678ef\0gh");
    await put(store, "/a", "new");
    expect(await contentOf(store, "/a")).toBe("new");
    await put(store, "/a", "");
    expect((await store.stat("/a")).size).toBe(0);
    await put(store, "/b", "made", { append: true });
    await put(store, "/c", "made", { start: 2 });
    expect([await contentOf(store, "/b"), await contentOf(store, "/c")]).toEqual(["made", "\0\0made"]);
  });

  test("chunks of any size, from a buffer that is used again", async () => {
    const store = await open();
    const content = pattern(300_000);
    const chunk = Buffer.alloc(70_000);
    const upload = await store.write("/a");
    for (let at = 0, step = 1; at < content.length; at += step, step = (step * 3) % 69_997) {
      const part = content.subarray(at, at + step);
      chunk.set(part);
      await new Promise((resolve) => upload.write(chunk.subarray(0, part.length), resolve));
    }
    upload.end();
    await once(upload, "close");
    expect((await buffer((await store.read("/a")).stream())).equals(content)).toBe(true);
  });

  test("parts of a large file are replaced, and all its pieces stay in their order", async () => {
    const store = await open();
    const content = pattern(3_000_000);
    const upload = await store.write("/a", { handsOver: true });
    for (let at = 0, step = 1; at < content.length; at += step, step = (step * 3) % 69_997) {
      await new Promise((resolve) => upload.write(Buffer.from(content.subarray(at, at + step)), resolve));
    }
    await Promise.all([once(upload, "close"), upload.end()]);
    const read = async () => {
      const reading = await store.read("/a");
      const slices = reading.slices ? Buffer.concat([...reading.slices()]) : await buffer(reading.stream());
      await reading.close();
      return slices.equals(content);
    };
    expect(await read()).toBe(true);
    for (const [start, bytes] of [
      [1_000_000, pattern(500_000)],
      [2_999_990, pattern(10)],
      [5, pattern(5)],
    ] as const) {
      content.set(bytes, start);
      await put(store, "/a", bytes, { start, tail: "keep" });
      expect(await read()).toBe(true);
    }
    expect(await contentOf(store, "/a")).toBe(String(content));
    expect(await text((await store.read("/a")).stream({ start: 1_499_990, end: 1_500_009 }))).toBe(
      String(content.subarray(1_499_990, 1_500_010)),
    );
  });

  test("is seen when it has finished, and not before", async () => {
    const store = await open();
    await put(store, "/a", "old");
    const [fresh, replacing] = [await store.write("/b"), await store.write("/a")];
    fresh.write("new");
    replacing.write("new");
    expect(await namesIn(store)).toEqual(["a"]);
    await expect(store.stat("/b")).rejects.toEqual(refusal("NOT_FOUND"));
    expect(await contentOf(store, "/a")).toBe("old");
    fresh.end();
    replacing.end();
    await Promise.all([once(fresh, "finish"), once(replacing, "finish")]);
    expect([await contentOf(store, "/a"), await contentOf(store, "/b")]).toEqual(["new", "new"]);
    expect(await namesIn(store)).toEqual(["a", "b"]);
  });

  test.each([{}, { append: true }, { start: 2 }, { start: 5 }] satisfies WriteOptions[])(
    "that is broken off (%j) leaves the old file whole, and nothing else",
    async (options) => {
      const store = await open();
      await put(store, "/a", "old");
      const before = await store.stat("/a");
      const upload = await store.write("/a", options);
      await new Promise((resolve) => upload.write("new content", resolve));
      await tear(upload);
      const waiting = await store.write("/a", options);
      waiting.write(pattern(1_000_000));
      await tear(waiting);
      expect(await contentOf(store, "/a")).toBe("old");
      expect(await store.stat("/a")).toEqual(before);
      await tear(await store.write("/never", options));
      expect(await namesIn(store)).toEqual(["a"]);
    },
  );

  test("of two at once the last to finish stays", async () => {
    const store = await open();
    const [first, second] = [await store.write("/a"), await store.write("/a")];
    first.write("first, and longer");
    second.end("second");
    await once(second, "close");
    expect(await contentOf(store, "/a")).toBe("second");
    first.end();
    await once(first, "close");
    expect(await contentOf(store, "/a")).toBe("first, and longer");
    expect(await namesIn(store)).toEqual(["a"]);
  });

  test("of many who append at once nobody loses anything", async () => {
    const store = await open();
    await put(store, "/log", "begin\n");
    const uploads = await Promise.all(
      Array.from({ length: 20 }, () => store.write("/log", { append: true })),
    );
    await Promise.all(uploads.map((upload, count) => pipeline([Buffer.from(`line ${count}\n`)], upload)));
    const lines = (await contentOf(store, "/log")).split("\n");
    expect(lines[0]).toBe("begin");
    expect(lines.slice(1, -1).sort()).toEqual(
      Array.from({ length: 20 }, (_, count) => `line ${count}`).sort(),
    );
    expect(await namesIn(store)).toEqual(["log"]);
  });

  test("appends to what is there in the end", async () => {
    const store = await open();
    await put(store, "/a", "old");
    const upload = await store.write("/a", { append: true });
    upload.write(" and more");
    await put(store, "/a", "new");
    upload.end();
    await once(upload, "close");
    expect(await contentOf(store, "/a")).toBe("new and more");
    const lonely = await store.write("/a", { append: true });
    await store.remove("/a");
    lonely.end("alone");
    await once(lonely, "close");
    expect(await contentOf(store, "/a")).toBe("alone");
  });

  test.each([
    ["its directory went", "NOT_FOUND", async (store: Store) => store.remove("/d")],
    ["its directory has another name", "NOT_FOUND", async (store: Store) => store.rename("/d", "/e")],
    [
      "there is a directory in its place",
      "IS_DIRECTORY",
      async (store: Store) => store.makeDirectory("/d/a"),
    ],
    [
      "its directory is a file now",
      "NOT_DIRECTORY",
      async (store: Store) => {
        await store.remove("/d");
        await put(store, "/d", "x");
      },
    ],
  ])("fails at the end where %s", async (_what, code, meanwhile) => {
    for (const options of [{}, { append: true }, { start: 3 }]) {
      const store = await open();
      await store.makeDirectory("/d");
      const upload = await store.write("/d/a", options);
      upload.write("x");
      await meanwhile(store);
      await expect(pipeline(["y"], upload)).rejects.toEqual(refusal(code));
      for (const { path, type } of await store.list("/")) {
        if (type === "directory")
          expect((await store.list(path)).filter((entry) => entry.type === "file")).toEqual([]);
      }
    }
  });

  test("keeps the mode, and tells the time", async () => {
    const store = await open();
    await put(store, "/a", "a");
    await store.setMode("/a", 0o640);
    for (const options of [{}, { append: true }, { start: 1 }]) {
      await store.setModified("/a", new Date("2001-02-03T04:05:06Z"));
      await put(store, "/a", "bc", options);
      const { mode, modified } = await store.stat("/a");
      expect(mode).toBe(0o640);
      expect(Math.abs(modified.getTime() - Date.now())).toBeLessThan(60_000);
    }
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 60])("an offset of %d is none", async (start) => {
    const store = await open();
    await expect(store.write("/a", { start })).rejects.toEqual(refusal("BAD_OPTION"));
  });
});

describe.each(STORES)("%s: modes and times", (_kind, open) => {
  test("are set, and kept when an entry is moved", async () => {
    const store = await open();
    await put(store, "/a", "a");
    await store.makeDirectory("/d");
    const modified = new Date("2001-02-03T04:05:06.789Z");
    for (const path of ["/a", "/d"]) {
      await store.setMode(path, 0o700);
      await store.setModified(path, modified);
      expect(await store.stat(path)).toMatchObject({ mode: 0o700, modified });
    }
    await store.rename("/a", "/b");
    expect(await store.stat("/b")).toMatchObject({ mode: 0o700, modified });
  });

  test("never make a file run as somebody else", async () => {
    const store = await open();
    await put(store, "/a", "a");
    await store.setMode("/a", 0o6755);
    expect((await store.stat("/a")).mode).toBe(0o755);
  });

  test("have to be some", async () => {
    const store = await open();
    await put(store, "/a", "a");
    await expect(store.setModified("/a", new Date("never"))).rejects.toEqual(refusal("BAD_OPTION"));
    expect(Number.isNaN((await store.stat("/a")).modified.getTime())).toBe(false);
  });

  test("are handed out, not lent", async () => {
    const store = await open();
    await put(store, "/a", "a");
    const modified = new Date("2001-02-03T04:05:06Z");
    await store.setModified("/a", modified);
    modified.setFullYear(1999);
    (await store.stat("/a")).modified.setFullYear(1998);
    expect((await store.stat("/a")).modified.getFullYear()).toBe(2001);
  });
});

describe.each(STORES)("%s: moving", (_kind, open) => {
  test("keeps what makes a file or directory unique, and nothing else has it", async () => {
    const store = await open();
    await store.makeDirectory("/d");
    for (const path of ["/a", "/b", "/d/c"]) await put(store, path, "same");
    const before = [...(await store.list("/")), ...(await store.list("/d"))].map(({ unique }) => unique);
    expect(new Set(before).size).toBe(4);
    await store.rename("/a", "/d/moved");
    await store.rename("/d", "/e");
    const after = [
      await store.stat("/e/moved"),
      await store.stat("/b"),
      await store.stat("/e"),
      await store.stat("/e/c"),
    ];
    expect(after.map(({ unique }) => unique)).toEqual(before);
  });

  async function tree(): Promise<Store> {
    const store = await open();
    await store.makeDirectory("/d");
    await store.makeDirectory("/d/sub");
    await store.makeDirectory("/empty");
    await put(store, "/d/x", "x");
    await put(store, "/d/sub/y", "y");
    await put(store, "/a", "a");
    await put(store, "/b", "b");
    return store;
  }

  test.each([
    ["/a", "/c", "a file"],
    ["/a", "/b", "a file in another one's place"],
    ["/a", "/empty/a", "a file to elsewhere"],
    ["/d", "/dd", "a directory to a name that begins alike"],
    ["/d", "/empty/d", "a directory to elsewhere"],
    ["/d/sub", "/sub", "a directory upwards"],
    ["/a", "/a", "a file to where it is"],
    ["/d", "/d", "a directory to where it is"],
  ])("%s to %s: %s", async (from, to) => {
    const store = await tree();
    const under = from === "/d" ? `${to}/sub/y` : from === "/d/sub" ? `${to}/y` : to;
    const content = from === "/a" ? "a" : "y";
    await store.rename(from, to);
    expect(await contentOf(store, under)).toBe(content);
    expect((await store.stat(to)).path).toBe(to);
    if (from !== to) await expect(store.stat(from)).rejects.toEqual(refusal("NOT_FOUND"));
  });

  test.each([
    ["/", "/x", "FORBIDDEN"],
    ["/", "/", "FORBIDDEN"],
    ["/missing", "/x", "NOT_FOUND"],
    ["/missing", "/a", "NOT_FOUND"],
    ["/missing", "/missing", "NOT_FOUND"],
    ["/a/x", "/y", "NOT_DIRECTORY"],
    ["/a", "/missing/x", "NOT_FOUND"],
    ["/a", "/b/x", "NOT_DIRECTORY"],
    ["/a", "/a/x", "NOT_DIRECTORY"],
    ["/a", "/empty", "EXISTS"],
    ["/a", "/d", "EXISTS"],
    ["/a", "/", "EXISTS"],
    ["/d", "/empty", "EXISTS"],
    ["/d", "/", "EXISTS"],
    ["/d/sub", "/d", "EXISTS"],
    ["/d", "/a", "NOT_DIRECTORY"],
    ["/d", "/d/x", "FORBIDDEN"],
    ["/d", "/d/sub", "FORBIDDEN"],
    ["/d", "/d/new", "FORBIDDEN"],
    ["/d", "/d/sub/new", "FORBIDDEN"],
  ])("%s to %s is refused: %s", async (from, to, code) => {
    const store = await tree();
    await expect(store.rename(from, to)).rejects.toEqual(refusal(code));
    expect(await namesIn(store)).toEqual(["a", "b", "d", "empty"]);
    expect(await namesIn(store, "/d")).toEqual(["sub", "x"]);
    expect([await contentOf(store, "/a"), await contentOf(store, "/b")]).toEqual(["a", "b"]);
  });
});

describe.each(STORES)("%s: what cannot be", (_kind, open) => {
  test.each<[string, (store: Store) => Promise<unknown>, string]>([
    ["facts of nothing", (store) => store.stat("/x"), "NOT_FOUND"],
    ["facts below nothing", (store) => store.stat("/x/y"), "NOT_FOUND"],
    ["facts below a file", (store) => store.stat("/d/a/b"), "NOT_DIRECTORY"],
    ["listing nothing", (store) => store.list("/x"), "NOT_FOUND"],
    ["listing a file", (store) => store.list("/d/a"), "NOT_DIRECTORY"],
    ["reading nothing", (store) => store.read("/x"), "NOT_FOUND"],
    ["reading a directory", (store) => store.read("/d"), "IS_DIRECTORY"],
    ["reading the root", (store) => store.read("/"), "IS_DIRECTORY"],
    ["reading below a file", (store) => store.read("/d/a/b"), "NOT_DIRECTORY"],
    ["writing below nothing", (store) => store.write("/x/y"), "NOT_FOUND"],
    ["writing a directory", (store) => store.write("/d"), "IS_DIRECTORY"],
    ["writing the root", (store) => store.write("/"), "IS_DIRECTORY"],
    ["writing below a file", (store) => store.write("/d/a/b"), "NOT_DIRECTORY"],
    ["appending to a directory", (store) => store.write("/d", { append: true }), "IS_DIRECTORY"],
    ["removing nothing", (store) => store.remove("/x"), "NOT_FOUND"],
    ["removing what is full", (store) => store.remove("/d"), "NOT_EMPTY"],
    ["removing the root", (store) => store.remove("/"), "FORBIDDEN"],
    ["making what is there", (store) => store.makeDirectory("/d"), "EXISTS"],
    ["making what is a file", (store) => store.makeDirectory("/d/a"), "EXISTS"],
    ["making two at once", (store) => store.makeDirectory("/x/y"), "NOT_FOUND"],
    ["making one below a file", (store) => store.makeDirectory("/d/a/b"), "NOT_DIRECTORY"],
    ["making the root", (store) => store.makeDirectory("/"), "EXISTS"],
    ["a mode for nothing", (store) => store.setMode("/x", 0o600), "NOT_FOUND"],
    ["a time for nothing", (store) => store.setModified("/x", new Date()), "NOT_FOUND"],
  ])("%s", async (_what, attempt, code) => {
    const store = await open();
    await store.makeDirectory("/d");
    await put(store, "/d/a", "a");
    await expect(attempt(store)).rejects.toEqual(refusal(code));
    expect(await namesIn(store)).toEqual(["d"]);
    expect(await contentOf(store, "/d/a")).toBe("a");
  });

  test("a directory goes when it is empty, though somebody uploads into it", async () => {
    const store = await open();
    await store.makeDirectory("/d");
    const upload = await store.write("/d/a");
    await store.remove("/d");
    await tear(upload);
    expect(await namesIn(store)).toEqual([]);
    await store.makeDirectory("/d");
    await store.remove("/d");
  });
});

/** Numbers that look random and are the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** One operation that means the same to every store. */
function randomStep(roll: (sides: number) => number): (store: Store) => Promise<unknown> {
  const name = () => ["a", "b", "c"][roll(3)];
  const path = () => `/${Array.from({ length: 1 + roll(3) }, name).join("/")}`;
  const [one, other] = [path(), path()];
  const content = "0123456789".slice(roll(10));
  const steps: ((store: Store) => Promise<unknown>)[] = [
    (store) => store.makeDirectory(one),
    (store) => store.makeDirectory(one),
    (store) => store.remove(one),
    (store) => store.rename(one, other),
    (store) => store.rename(one, other),
    (store) => put(store, one, content),
    (store) => put(store, one, content, { append: true }),
    (store) => put(store, one, content, { start: content.length }),
    async (store) => tear(await store.write(one)),
    (store) => namesIn(store, one),
    (store) => contentOf(store, one),
    async (store) => ({ ...(await store.stat(one)), modified: undefined, unique: undefined }),
  ];
  return steps[roll(steps.length)]!;
}

async function all(store: Store, path = "/"): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await store.list(path)) {
    found[entry.path] = entry.type === "file" ? await contentOf(store, entry.path) : "a directory";
    if (entry.type === "directory") Object.assign(found, await all(store, entry.path));
  }
  return found;
}

test.each([1, 2, 3, 4])("memory and directory answer alike, word for word (%d)", async (seed) => {
  const [memory, disk] = [memoryStore(), await directoryStore(folder())];
  const roll = dice(seed);
  const told = (outcome: Promise<unknown>) =>
    outcome.catch((error) => `${codeOf(error)}: ${messageOf(error)}`);
  for (let count = 0; count < 400; count += 1) {
    const step = randomStep(roll);
    expect(await told(step(disk))).toEqual(await told(step(memory)));
  }
  expect(await all(disk)).toEqual(await all(memory));
});

test("a stream of a reading that nobody reads holds nothing back", async () => {
  for (const [, open] of STORES) {
    const store = await open();
    await put(store, "/a", pattern(600_000));
    const reading = await store.read("/a");
    const unread = reading.stream();
    await reading.close();
    await reading.close();
    unread.destroy();
    expect(await text((await store.read("/a")).stream({ end: 0 }))).toHaveLength(1);
  }
});
