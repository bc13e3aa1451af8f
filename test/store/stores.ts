import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { expect, onTestFinished } from "vitest";
import { directoryStore } from "../../core/store/directory.ts";
import { memoryStore } from "../../core/store/memory.ts";
import type { ByteRange, Store, WriteOptions } from "../../core/store/store.ts";

/** An empty folder of the running test's own, gone with it. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "wirelab-store-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Both stores, empty: whatever holds for one holds for the other. */
export const STORES: readonly [kind: string, open: () => Promise<Store>][] = [
  ["memory", async () => memoryStore()],
  ["directory", () => directoryStore(folder())],
];

export async function put(
  store: Store,
  path: string,
  content: string | Buffer,
  options?: WriteOptions,
): Promise<void> {
  await pipeline([Buffer.from(content)], await store.write(path, options));
}

export async function contentOf(store: Store, path: string, range?: ByteRange): Promise<string> {
  return text((await store.read(path)).stream(range));
}

export async function namesIn(store: Store, path = "/"): Promise<string[]> {
  return (await store.list(path)).map(({ name }) => name);
}

/** Breaks an upload off, and waits until the store has cleared up. */
export async function tear(upload: Writable): Promise<void> {
  upload.destroy();
  await once(upload, "close");
}

export const refusal = (code: string) => expect.objectContaining({ name: "WirelabError", code });
