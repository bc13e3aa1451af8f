import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { memoryStore } from "../../core/store/memory.ts";
import type { Store } from "../../core/store/store.ts";
import { contentOf, namesIn, put, refusal, tear } from "./stores.ts";

test("the first files are there, with their directories", async () => {
  const store = memoryStore({
    files: { "/in/deep/a.csv": "id\n1\n", "b.bin": new Uint8Array([1, 2]), "/in/b": "ä", "/in/../c": "" },
  });
  expect(await contentOf(store, "/in/deep/a.csv")).toBe("id\n1\n");
  expect((await store.stat("/b.bin")).size).toBe(2);
  expect((await store.stat("/in/b")).size).toBe(2);
  expect(await namesIn(store)).toEqual(["b.bin", "c", "in"]);
});

test.each<[Record<string, string>, string]>([
  [{ "/a": "", "/a/b": "" }, "NOT_DIRECTORY"],
  [{ "/a/b": "", "/a": "" }, "IS_DIRECTORY"],
  [{ "/": "" }, "IS_DIRECTORY"],
  [{ "/a\0": "" }, "BAD_PATH"],
  [{ "/a": "x".repeat(101) }, "QUOTA"],
  [{ "/a": "x".repeat(60), "/b": "x".repeat(60) }, "QUOTA"],
])("the first files cannot be %j", (files, code) => {
  expect(() => memoryStore({ files, capacity: 100 })).toThrow(refusal(code));
});

test("what was given is copied, and what is handed out is no copy", async () => {
  const given = Buffer.from("old");
  const store = memoryStore({ files: { "/a": given } });
  given.fill("x");
  expect(await contentOf(store, "/a")).toBe("old");
  const [one, other] = [await store.read("/a"), await store.read("/a")];
  expect(one.bytes).toBe(other.bytes);
});

test.each<[string, (store: Store) => Promise<unknown>]>([
  ["a file is stored", (store) => put(store, "/a", "a")],
  ["its mode is set", (store) => store.setMode("/a", 0o600)],
  ["its time is set", (store) => store.setModified("/a", new Date(0))],
  ["it is moved", (store) => store.rename("/d", "/e")],
  ["it is removed", (store) => store.remove("/a")],
  ["a directory is made", (store) => store.makeDirectory("/new")],
])("a reading knows that it may be of the past when %s", async (_what, change) => {
  const store = memoryStore({ files: { "/a": "a", "/d/b": "b" } });
  const reading = await store.read("/a");
  await contentOf(store, "/d/b");
  expect(reading.current).toBe(true);
  await change(store);
  expect(reading.current).toBe(false);
});

test("large content is handed out in slices of itself", async () => {
  const store = memoryStore({ files: { "/a": "x".repeat(1_000_000) } });
  const reading = await store.read("/a");
  let slices = 0;
  for await (const slice of reading.stream()) {
    expect(slice.buffer).toBe(reading.bytes!.buffer);
    slices += 1;
  }
  expect(slices).toBe(4);
});

test("the clock is the store's own", async () => {
  let now = 1_000_000_000_000;
  const store = memoryStore({ files: { "/d/a": "a" }, now: () => now });
  expect((await store.stat("/d/a")).modified.toISOString()).toBe("2001-09-09T01:46:40.000Z");
  now += 1000;
  const upload = await store.write("/d/b");
  now += 1000;
  upload.end("b");
  await once(upload, "close");
  for (const path of ["/d", "/d/b"]) {
    expect((await store.stat(path)).modified.toISOString()).toBe("2001-09-09T01:46:42.000Z");
  }
});

/** How many bytes still fit in. */
async function room(store: Store, most: number): Promise<number> {
  for (let bytes = most; ; bytes -= 1) {
    const upload = await store.write("/probe");
    upload.on("error", () => {});
    const fits = await new Promise((resolve) =>
      upload.write(Buffer.alloc(bytes), (error) => resolve(!error)),
    );
    upload.destroy();
    await finished(upload).catch(() => {});
    if (fits) return bytes;
  }
}

test("capacity counts every byte once, whatever becomes of it", async () => {
  const store = memoryStore({ capacity: 100, files: { "/a": "x".repeat(10) } });
  expect(await room(store, 100)).toBe(90);
  await put(store, "/a", "y".repeat(30));
  expect(await room(store, 100)).toBe(70);
  await put(store, "/a", "z".repeat(5), { append: true });
  expect(await room(store, 100)).toBe(65);
  await put(store, "/a", "z", { start: 9 });
  expect(await room(store, 100)).toBe(90);
  await put(store, "/a", "z", { start: 19 });
  expect(await room(store, 100)).toBe(80);
  await put(store, "/b", "b".repeat(40));
  await store.rename("/a", "/b");
  expect(await room(store, 100)).toBe(80);
  await store.makeDirectory("/d");
  await store.rename("/b", "/d/b");
  await store.remove("/d/b");
  expect(await room(store, 100)).toBe(100);
});

test("capacity counts uploads under way, and gives back what is broken off", async () => {
  const store = memoryStore({ capacity: 100 });
  await put(store, "/a", "a".repeat(60));
  await expect(put(store, "/b", "b".repeat(41))).rejects.toEqual(refusal("QUOTA"));
  await expect(put(store, "/a", "b".repeat(41))).rejects.toEqual(refusal("QUOTA"));
  expect(await contentOf(store, "/a")).toBe("a".repeat(60));
  const upload = await store.write("/b");
  await new Promise((resolve) => upload.write(Buffer.alloc(40), resolve));
  await expect(put(store, "/c", "1")).rejects.toEqual(refusal("QUOTA"));
  await put(store, "/c", "");
  await tear(upload);
  await put(store, "/b", "b".repeat(40));
  await expect(put(store, "/a", "a", { start: 59 })).rejects.toEqual(refusal("QUOTA"));
  await expect(store.write("/c", { start: 1 })).rejects.toEqual(refusal("QUOTA"));
  await expect(store.write("/c", { start: Number.MAX_SAFE_INTEGER })).rejects.toEqual(refusal("QUOTA"));
  await put(store, "/b", "");
  await put(store, "/b", "b".repeat(39));
  // What is kept before an offset is counted once.
  await put(store, "/a", "a", { start: 59 });
  expect(await namesIn(store)).toEqual(["a", "b", "c"]);
});

test("an upload that fails at the end gives its bytes back", async () => {
  const store = memoryStore({ capacity: 100 });
  await store.makeDirectory("/d");
  for (const options of [{}, { append: true }, { start: 20 }]) {
    const upload = await store.write("/d/a", options);
    upload.write("x".repeat(50));
    await store.remove("/d");
    await expect(pipeline(["y"], upload)).rejects.toEqual(refusal("NOT_FOUND"));
    expect(await room(store, 100)).toBe(100);
    await store.makeDirectory("/d");
  }
});

test("entries are counted, those without a byte too", async () => {
  const store = memoryStore({ entries: 3, files: { "/d/a": "" } });
  await store.makeDirectory("/e");
  await expect(store.makeDirectory("/f")).rejects.toEqual(refusal("QUOTA"));
  await expect(put(store, "/f", "")).rejects.toEqual(refusal("QUOTA"));
  await put(store, "/d/a", "again");
  await store.rename("/d/a", "/e/a");
  await store.remove("/d");
  await put(store, "/f", "now");
  await store.rename("/f", "/e/a");
  await put(store, "/g", "and now");
  expect(await namesIn(store)).toEqual(["e", "g"]);
});

test("a million bytes that come one by one are one content", async () => {
  const store = memoryStore({ capacity: 1_000_000 });
  const upload = await store.write("/a");
  const byte = Buffer.from("x");
  for (let count = 0; count < 1_000_000; count += 1) upload.write(byte);
  upload.end();
  await once(upload, "close");
  expect((await buffer((await store.read("/a")).stream())).length).toBe(1_000_000);
});
