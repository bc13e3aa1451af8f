import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { messageOf } from "../../core/errors.ts";
import { directoryStore } from "../../core/store/directory.ts";
import type { Store } from "../../core/store/store.ts";
import { contentOf, folder, namesIn, put, refusal, tear } from "./stores.ts";

interface Disk {
  readonly root: string;
  /** Another folder, with a file `secret` and a directory `sub`. */
  readonly outside: string;
  readonly store: Store;
}

async function disk(): Promise<Disk> {
  const [root, outside] = [folder(), folder()];
  writeFileSync(join(outside, "secret"), "secret");
  mkdirSync(join(outside, "sub"));
  return { root, outside, store: await directoryStore(root) };
}

/** What is there besides what clients see. */
const partials = (directory: string) => readdirSync(directory).filter((name) => name.startsWith(".wirelab-"));

describe("the root", () => {
  test.each(["/no/such/folder", "/etc/hostname", "", "/etc/hostname/x"])("%j is none", async (root) => {
    await expect(directoryStore(root)).rejects.toEqual(refusal("BAD_OPTION"));
  });

  test("may be a symlink, and is what that led to", async () => {
    const { root, outside } = await disk();
    const alias = join(folder(), "alias");
    symlinkSync(root, alias);
    const store = await directoryStore(alias);
    await put(store, "/a", "a");
    execFileSync("ln", ["-sfn", outside, alias]);
    expect(await namesIn(store)).toEqual(["a"]);
    expect(readdirSync(root)).toEqual(["a"]);
  });

  test("may be the whole disk", async () => {
    const { root } = await disk();
    writeFileSync(join(root, "a"), "a");
    expect(await contentOf(await directoryStore("/"), join(root, "a"))).toBe("a");
  });

  test("that went is not found", async () => {
    const { root, store } = await disk();
    renameSync(root, `${root}-gone`);
    await expect(store.stat("/")).rejects.toEqual(refusal("NOT_FOUND"));
    await expect(store.write("/a")).rejects.toEqual(refusal("NOT_FOUND"));
    renameSync(`${root}-gone`, root);
  });
});

describe("a symlink", () => {
  test("that leads outside, or nowhere, is not there", async () => {
    const { root, outside, store } = await disk();
    const links = {
      file: join(outside, "secret"),
      folder: outside,
      relative: `../${outside.split("/").at(-1)}`,
      etc: "../../../../../../../../etc",
      chain: "folder",
      through: "folder/sub",
      dangling: "nowhere",
      loop: "loop",
      up: "..",
      // A folder whose name begins as the root's does is another one.
      sibling: `${root}2`,
    };
    mkdirSync(`${root}2`);
    onTestFinished(() => rmSync(`${root}2`, { recursive: true }));
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
    expect(await namesIn(store)).toEqual([]);
    for (const name of Object.keys(links)) {
      const attempts: (() => Promise<unknown>)[] = [
        () => store.stat(name),
        () => store.read(name),
        () => store.list(name),
        () => store.setMode(name, 0o777),
        () => store.setModified(name, new Date(0)),
        () => store.stat(`${name}/secret`),
        () => store.read(`${name}/secret`),
        () => store.list(`${name}/sub`),
      ];
      for (const attempt of attempts) {
        await expect(attempt(), name).rejects.toMatchObject({
          code: expect.stringMatching(/^(NOT_FOUND|NOT_DIRECTORY)$/),
        });
      }
      const changes: (() => Promise<unknown>)[] = [
        () => store.write(`${name}/x`),
        () => store.write(`${name}/secret`, { append: true }),
        () => store.makeDirectory(`${name}/x`),
        () => store.remove(`${name}/secret`),
        () => store.remove(`${name}/sub`),
        () => store.rename(`${name}/secret`, "/mine"),
      ];
      for (const change of changes) {
        await expect(change(), name).rejects.toMatchObject({
          code: expect.stringMatching(/^(NOT_FOUND|NOT_DIRECTORY)$/),
        });
      }
    }
    expect(readdirSync(outside).sort()).toEqual(["secret", "sub"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  });

  test("that is not there is in the way all the same", async () => {
    const { root, outside, store } = await disk();
    symlinkSync(join(outside, "secret"), join(root, "file"));
    symlinkSync(outside, join(root, "folder"));
    symlinkSync("nowhere", join(root, "dangling"));
    await put(store, "/a", "a");
    for (const name of ["/file", "/folder", "/dangling"]) {
      await expect(store.write(name)).rejects.toEqual(refusal("FORBIDDEN"));
      await expect(store.write(name, { append: true })).rejects.toEqual(refusal("FORBIDDEN"));
      await expect(store.rename("/a", name)).rejects.toEqual(refusal("FORBIDDEN"));
      await expect(store.makeDirectory(name)).rejects.toEqual(refusal("EXISTS"));
    }
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    expect(readdirSync(root).sort()).toEqual(["a", "dangling", "file", "folder"]);
  });

  test("is itself what is removed or moved", async () => {
    const { root, outside, store } = await disk();
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d", "a"), "a");
    symlinkSync(outside, join(root, "out"));
    symlinkSync("d", join(root, "in"));
    symlinkSync("d/a", join(root, "alias"));
    await store.rename("/in", "/inside");
    await store.rename("/out", "/outside");
    await store.remove("/inside");
    await store.remove("/outside");
    await store.remove("/alias");
    expect(readdirSync(root)).toEqual(["d"]);
    expect(await contentOf(store, "/d/a")).toBe("a");
    expect(readdirSync(outside).sort()).toEqual(["secret", "sub"]);
  });

  test("that stays inside is followed, and stays a link when it is written to", async () => {
    const { root, store } = await disk();
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d", "a"), "a");
    symlinkSync("d", join(root, "link"));
    symlinkSync("./link/../d/a", join(root, "alias"));
    symlinkSync(join(root, "alias"), join(root, "absolute"));
    symlinkSync("..", join(root, "d", "up"));
    expect(await store.list("/")).toMatchObject([
      { name: "absolute", type: "file", size: 1 },
      { name: "alias", type: "file", size: 1 },
      { name: "d", type: "directory" },
      { name: "link", type: "directory", path: "/link" },
    ]);
    expect(await contentOf(store, "/link/up/link/a")).toBe("a");
    await put(store, "/absolute", "bb");
    await put(store, "/alias", "c", { append: true });
    expect(readFileSync(join(root, "d", "a"), "utf8")).toBe("bbc");
    await put(store, "/link/new", "n");
    expect(readdirSync(join(root, "d")).sort()).toEqual(["a", "new", "up"]);
    await store.setMode("/alias", 0o600);
    expect(statSync(join(root, "d", "a")).mode & 0o777).toBe(0o600);
    await expect(store.rename("/d/a", "/link")).rejects.toEqual(refusal("EXISTS"));
    await expect(store.rename("/d", "/link/d")).rejects.toEqual(refusal("FORBIDDEN"));
  });

  test("that takes the place of a directory amid an upload leads nothing outside", async () => {
    const { root, outside, store } = await disk();
    mkdirSync(join(root, "d"));
    const upload = await store.write("/d/secret");
    upload.write("mine");
    renameSync(join(root, "d"), join(root, "was"));
    symlinkSync(outside, join(root, "d"));
    await expect(pipeline(["x"], upload)).rejects.toEqual(refusal("NOT_FOUND"));
    await expect(store.read("/d/secret")).rejects.toEqual(refusal("NOT_FOUND"));
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    expect(readdirSync(outside).sort()).toEqual(["secret", "sub"]);
  });

  test("that takes the place of a file amid an upload is not followed", async () => {
    const { root, outside, store } = await disk();
    const upload = await store.write("/a");
    symlinkSync(join(outside, "secret"), join(root, "a"));
    await expect(pipeline(["x"], upload)).rejects.toEqual(refusal("FORBIDDEN"));
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    expect(readdirSync(root)).toEqual(["a"]);
  });
});

describe("what is neither file nor directory", () => {
  test("is not there, and nothing waits for it", async () => {
    const { root, store } = await disk();
    execFileSync("sh", ["-c", 'mkfifo "$0"', join(root, "fifo")]);
    symlinkSync("fifo", join(root, "link"));
    const server = createServer().listen(join(root, "socket"));
    await once(server, "listening");
    await put(store, "/a", "a");
    expect(await namesIn(store)).toEqual(["a"]);
    for (const path of ["/fifo", "/link", "/socket"]) {
      await expect(store.read(path)).rejects.toEqual(refusal("NOT_FOUND"));
      await expect(store.stat(path)).rejects.toEqual(refusal("NOT_FOUND"));
      await expect(store.list(path)).rejects.toEqual(refusal("NOT_FOUND"));
      await expect(store.setMode(path, 0o777)).rejects.toEqual(refusal("NOT_FOUND"));
      await expect(store.setModified(path, new Date())).rejects.toEqual(refusal("NOT_FOUND"));
      for (const options of [{}, { append: true }, { start: 1 }]) {
        await expect(store.write(path, options)).rejects.toEqual(refusal("FORBIDDEN"));
      }
      await expect(store.rename("/a", path)).rejects.toEqual(refusal("FORBIDDEN"));
    }
    for (const path of ["/fifo", "/socket"]) {
      await expect(store.remove(path)).rejects.toEqual(refusal("NOT_FOUND"));
      await expect(store.rename(path, "/b")).rejects.toEqual(refusal("NOT_FOUND"));
    }
    expect(readdirSync(root).sort()).toEqual(["a", "fifo", "link", "socket"]);
    server.close();
    await once(server, "close");
  });

  test("nor is a name that is no UTF-8", async () => {
    const { root, store } = await disk();
    for (const name of [[0x66, 0xff, 0xfe], [0xc3]]) {
      writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]), "x");
    }
    // What a decoder makes of the first one is a name, too.
    writeFileSync(join(root, "f\ufffd\ufffd"), "x");
    expect(await namesIn(store)).toEqual(["f\ufffd\ufffd"]);
  });
});

describe("an upload", () => {
  test("is invisible until it is complete, by whatever path", async () => {
    const { root, store } = await disk();
    mkdirSync(join(root, "d"));
    await put(store, "/a", "a");
    const upload = await store.write("/d/x");
    upload.write("x");
    const [partial = ""] = readdirSync(join(root, "d"));
    expect(partial).toMatch(/^\.wirelab-[0-9a-f]{16}\.part$/);
    expect(await namesIn(store, "/d")).toEqual([]);
    for (const path of [`/d/${partial}`, `d/./${partial}/`, `/d/${partial.toUpperCase()}`]) {
      const attempts: (() => Promise<unknown>)[] = [
        () => store.stat(path),
        () => store.read(path),
        () => store.list(path),
        () => store.write(path),
        () => store.remove(path),
        () => store.rename(path, "/b"),
        () => store.rename("/a", path),
        () => store.makeDirectory(path),
        () => store.setMode(path, 0o777),
        () => store.makeDirectory(`${path}/below`),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toEqual(refusal("NOT_FOUND"));
    }
    await tear(upload);
    expect(readdirSync(join(root, "d"))).toEqual([]);
  });

  test("is cleared away when it is broken off, wherever its directory went", async () => {
    const { root, store } = await disk();
    mkdirSync(join(root, "d"));
    mkdirSync(join(root, "d", "e"));
    const uploads = [await store.write("/d/a"), await store.write("/d/e/a"), await store.write("/d/e/b")];
    await store.rename("/d", "/moved");
    await store.rename("/moved/e", "/e");
    for (const upload of uploads.slice(0, 2)) await tear(upload);
    await expect(pipeline(["x"], uploads[2]!)).rejects.toEqual(refusal("NOT_FOUND"));
    expect(readdirSync(join(root, "moved"))).toEqual([]);
    expect(readdirSync(join(root, "e"))).toEqual([]);
  });

  test("leaves nothing where its directory is renamed while it is cleared away", async () => {
    const { root, store } = await disk();
    mkdirSync(join(root, "d"));
    for (let round = 0; round < 50; round += 1) {
      const upload = await store.write("/d/a");
      const tearing = tear(upload);
      // A few steps on its way out.
      for (let turn = 0; turn < round % 5; turn += 1) await Promise.resolve();
      await store.rename("/d", "/moved");
      await tearing;
      await store.rename("/moved", "/d");
      expect(readdirSync(join(root, "d"))).toEqual([]);
    }
  });

  test("clears up amid a write, and amid its end", async () => {
    const { root, store } = await disk();
    await put(store, "/a", "old");
    for (const options of [{}, { append: true }, { start: 1 }]) {
      const writing = await store.write("/a", options);
      for (let count = 0; count < 20; count += 1) writing.write(Buffer.alloc(500_000));
      await tear(writing);
      expect(await contentOf(store, "/a")).toBe("old");
      const ending = await store.write("/a", options);
      ending.end("new");
      await new Promise((resolve) => setImmediate(resolve));
      await tear(ending);
      expect(["old", "oldnew", "onew", "new"]).toContain(await contentOf(store, "/a"));
      expect(readdirSync(root)).toEqual(["a"]);
      await put(store, "/a", "old");
    }
  });

  test("of a killed process is in nobody's way", async () => {
    const { root, store } = await disk();
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d", ".wirelab-0123456789abcdef.part"), "half");
    expect(await namesIn(store, "/d")).toEqual([]);
    await store.remove("/d");
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d", ".wirelab-notes.part"), "a file like any other");
    writeFileSync(join(root, "d", ".wirelab-0123456789abcdef.part"), "half");
    await expect(store.remove("/d")).rejects.toEqual(refusal("NOT_EMPTY"));
    expect(readdirSync(join(root, "d"))).toHaveLength(2);
  });

  test("keeps the mode, and nothing that makes a program run as somebody else", async () => {
    const { root, store } = await disk();
    const path = join(root, "run.sh");
    for (const options of [{}, { append: true }, { start: 2 }]) {
      writeFileSync(path, "#!/bin/sh\n");
      chmodSync(path, 0o4755);
      await put(store, "/run.sh", "x", options);
      expect(statSync(path).mode & 0o7777).toBe(0o755);
    }
    await put(store, "/new", "x");
    await store.makeDirectory("/d");
    const umask = Number.parseInt(execFileSync("sh", ["-c", "umask"], { encoding: "utf8" }), 8);
    expect(statSync(join(root, "new")).mode & 0o777).toBe(0o644 & ~umask);
    expect(statSync(join(root, "d")).mode & 0o777).toBe(0o755 & ~umask);
  });

  test("leaves another name of the old file alone", async () => {
    const { root, store } = await disk();
    writeFileSync(join(root, "a"), "old");
    linkSync(join(root, "a"), join(root, "b"));
    await put(store, "/a", "new");
    await put(store, "/a", "er", { append: true });
    expect([await contentOf(store, "/a"), await contentOf(store, "/b")]).toEqual(["newer", "old"]);
  });

  test("appends much to much", async () => {
    const { root, store } = await disk();
    await put(store, "/a", Buffer.alloc(3_000_000, "a"));
    await put(store, "/a", Buffer.alloc(2_000_000, "b"), { append: true });
    await put(store, "/a", Buffer.alloc(1_000_000, "c"), { start: 4_000_000 });
    const content = await buffer((await store.read("/a")).stream());
    const wanted = ["a".repeat(3_000_000), "b".repeat(1_000_000), "c".repeat(1_000_000)].join("");
    expect(content.equals(Buffer.from(wanted))).toBe(true);
    expect(readdirSync(root)).toEqual(["a"]);
  });
});

test("what other programs do there is seen at once", async () => {
  const { root, store } = await disk();
  writeFileSync(join(root, "a"), "hello");
  chmodSync(join(root, "a"), 0o600);
  expect(await store.stat("/a")).toMatchObject({ size: 5, mode: 0o600 });
  writeFileSync(join(root, "a"), "hello again");
  expect((await store.stat("/a")).size).toBe(11);
});

test("a file that becomes shorter while it is read is no whole one", async () => {
  const { root, store } = await disk();
  writeFileSync(join(root, "a"), Buffer.alloc(2_000_000));
  const reading = await store.read("/a");
  truncateSync(join(root, "a"), 300_000);
  await expect(buffer(reading.stream())).rejects.toEqual(refusal("IO"));
});

test("a file that becomes longer while it is read ends where it did", async () => {
  const { root, store } = await disk();
  writeFileSync(join(root, "a"), Buffer.alloc(300_000));
  const reading = await store.read("/a");
  writeFileSync(join(root, "a"), Buffer.alloc(300_000), { flag: "a" });
  expect((await buffer(reading.stream())).length).toBe(300_000);
});

test("messages name the path in the store, never the one on disk", async () => {
  const { root, outside, store } = await disk();
  mkdirSync(join(root, "d"));
  symlinkSync(outside, join(root, "out"));
  writeFileSync(join(root, "d", "a"), "a");
  const attempts: [path: string, attempt: () => Promise<unknown>][] = [
    ["/x/y", () => store.stat("/x/y")],
    ["/d", () => store.read("/d")],
    ["/x/y", () => store.write("/x/y")],
    ["/d", () => store.makeDirectory("/d")],
    ["/d", () => store.remove("/d")],
    ["/x", () => store.rename("/x", "/y")],
    ["/x/y", () => store.rename("/d", "/x/y")],
    ["/d", () => store.rename("/d", "/d/z")],
    ["/out/secret", () => store.read("/out/secret")],
    ["/out", () => store.write("/out")],
    ["/d/a/b", () => store.list("/d/a/b")],
  ];
  for (const [path, attempt] of attempts) {
    const message = await attempt().then(() => "nothing", messageOf);
    expect(message).toMatch(`${path}: `);
    expect(message).not.toContain(root);
    expect(message).not.toContain(outside);
  }
});

describe("for a process that may not do all", () => {
  /** As an ordinary user, also where the tests are run as root. */
  async function ordinary(): Promise<Disk> {
    const found = await disk();
    const { root } = found;
    writeFileSync(join(root, "readonly"), "old");
    writeFileSync(join(root, "secret"), "old");
    mkdirSync(join(root, "shut"));
    writeFileSync(join(root, "shut", "a"), "a");
    mkdirSync(join(root, "listed"));
    writeFileSync(join(root, "listed", "a"), "a");
    mkdirSync(join(root, "sticky"));
    writeFileSync(join(root, "sticky", "a"), "a");
    for (const [name, mode] of Object.entries({
      readonly: 0o444,
      secret: 0,
      shut: 0,
      listed: 0o444,
      sticky: 0o555,
    })) {
      chmodSync(join(root, name), mode);
      if (process.getuid?.() === 0) chownSync(join(root, name), 65_534, 65_534);
    }
    if (process.getuid?.() === 0) {
      chownSync(root, 65_534, 65_534);
      process.seteuid?.(65_534);
      onTestFinished(() => process.seteuid?.(0));
    } else onTestFinished(() => void execFileSync("chmod", ["-R", "u+rwx", root]));
    return found;
  }

  test("a refusal of the disk's is FORBIDDEN", async () => {
    const { root, store } = await ordinary();
    const attempts: (() => Promise<unknown>)[] = [
      () => store.read("/secret"),
      () => store.list("/shut"),
      () => store.stat("/shut/a"),
      () => store.write("/shut/a"),
      () => store.write("/sticky/a"),
      () => store.write("/sticky/b"),
      () => store.write("/secret", { start: 1 }),
      () => put(store, "/secret", "x", { append: true }),
      () => store.makeDirectory("/sticky/d"),
      () => store.remove("/sticky/a"),
      () => store.rename("/sticky/a", "/a"),
      () => store.rename("/readonly", "/sticky/b"),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toEqual(refusal("FORBIDDEN"));
    expect(partials(root)).toEqual([]);
    expect(await namesIn(store, "/listed")).toEqual([]);
    expect(await namesIn(store)).toEqual(["listed", "readonly", "secret", "shut", "sticky"]);
  });

  test("a mode refuses no upload, for modes grant and refuse nothing", async () => {
    const { store } = await ordinary();
    await put(store, "/readonly", "er", { append: true });
    await put(store, "/readonly", "D", { start: 2 });
    expect(await contentOf(store, "/readonly")).toBe("olD");
    await put(store, "/readonly", "new");
    await put(store, "/secret", "new");
    expect(await contentOf(store, "/readonly")).toBe("new");
    expect((await store.stat("/readonly")).mode).toBe(0o444);
    expect((await store.stat("/secret")).mode).toBe(0);
  });
});

test("no file handle is left, however a reading or an upload ends", async () => {
  const { root, store } = await disk();
  const big = Buffer.alloc(1_000_000);
  writeFileSync(join(root, "a"), big);
  writeFileSync(join(root, "small"), "small");
  mkdirSync(join(root, "d"));
  const open = () => readdirSync("/proc/self/fd").length;
  await store.stat("/");
  const before = open();

  const unread = await store.read("/a");
  await unread.close();
  await unread.close();
  await store.read("/small");
  const neverConsumed = await store.read("/a");
  neverConsumed.stream();
  await neverConsumed.close();
  const closedAmid = await store.read("/a");
  const amid = closedAmid.stream();
  await once(amid, "data");
  await closedAmid.close();
  expect(amid.destroyed).toBe(true);
  const torn = (await store.read("/a")).stream();
  await once(torn, "data");
  await Promise.all([once(torn, "close"), torn.destroy()]);
  const atOnce = (await store.read("/a")).stream();
  await Promise.all([once(atOnce, "close"), atOnce.destroy()]);
  expect(await text((await store.read("/a")).stream({ start: 2_000_000 }))).toBe("");
  expect(await buffer((await store.read("/a")).stream())).toHaveLength(big.length);
  await expect(store.read("/d")).rejects.toEqual(refusal("IS_DIRECTORY"));
  await expect(store.read("/none")).rejects.toEqual(refusal("NOT_FOUND"));

  for (const options of [{}, { append: true }, { start: 10 }, { start: 2_000_000 }]) {
    await tear(await store.write("/a", options));
    const writing = await store.write("/a", options);
    writing.write(big);
    await tear(writing);
    await put(store, "/b", big, options);
    const doomed = await store.write("/d/x", options);
    await store.remove("/d");
    await expect(pipeline(["x"], doomed)).rejects.toEqual(refusal("NOT_FOUND"));
    await store.makeDirectory("/d");
    await expect(store.write("/d", options)).rejects.toEqual(refusal("IS_DIRECTORY"));
  }
  await expect(store.write("/a", { start: Number.MAX_SAFE_INTEGER })).rejects.toEqual(refusal("QUOTA"));

  expect(open()).toBe(before);
  expect(partials(root)).toEqual([]);
  expect(existsSync(join(root, "b"))).toBe(true);
});

describe("small files that have long been as they are", () => {
  /** Bytes that a store gives twice are remembered ones. */
  const bytesOf = async (store: Store, path: string) => (await store.read(path)).bytes;
  const later = () => vi.spyOn(Date, "now").mockReturnValue(Date.now() + 3_600_000);

  afterEach(() => vi.restoreAllMocks());

  test("are remembered, whoever asks, and by whatever path", async () => {
    const { root, store } = await disk();
    writeFileSync(join(root, "a"), "one");
    symlinkSync("a", join(root, "b"));
    later();
    const bytes = await bytesOf(store, "/a");
    expect(await bytesOf(store, "/a")).toBe(bytes);
    expect(await bytesOf(store, "/b")).toBe(bytes);
    expect((await store.read("/b")).entry).toMatchObject({ path: "/b", size: 3 });
  });

  test("are read anew when another program has changed, replaced or removed them", async () => {
    const { root, outside, store } = await disk();
    const path = join(root, "a");
    writeFileSync(path, "one");
    later();
    expect(await contentOf(store, "/a")).toBe("one");
    const { atime, mtime } = statSync(path);
    writeFileSync(path, "two");
    utimesSync(path, atime, mtime);
    expect(await contentOf(store, "/a")).toBe("two");
    writeFileSync(join(root, "b"), "six");
    renameSync(join(root, "b"), path);
    expect(await contentOf(store, "/a")).toBe("six");
    rmSync(path);
    await expect(store.read("/a")).rejects.toEqual(refusal("NOT_FOUND"));
    symlinkSync(join(outside, "secret"), path);
    await expect(store.read("/a")).rejects.toEqual(refusal("NOT_FOUND"));
  });

  test("are not remembered while their time may not tell of a change", async () => {
    const { root, store } = await disk();
    for (const content of ["one", "two", "six"]) {
      writeFileSync(join(root, "a"), content);
      expect(await contentOf(store, "/a")).toBe(content);
    }
    expect(await bytesOf(store, "/a")).not.toBe(await bytesOf(store, "/a"));
  });

  test("are remembered up to 32 MiB of them", async () => {
    const { root, store } = await disk();
    for (let count = 0; count < 600; count += 1) writeFileSync(join(root, `${count}`), Buffer.alloc(65_536));
    later();
    const first = await bytesOf(store, "/0");
    for (let count = 0; count < 600; count += 1) await bytesOf(store, `/${count}`);
    expect(await bytesOf(store, "/0")).not.toBe(first);
    expect(await bytesOf(store, "/599")).toBe(await bytesOf(store, "/599"));
  });
});
