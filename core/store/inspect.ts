import { buffer, text } from "node:stream/consumers";
import { messageOf, WirelabError } from "../errors.ts";
import type { Entry, Store } from "./store.ts";

/** A file or directory of a {@link Snapshot}. */
interface Kept {
  readonly entry: Entry;
  readonly bytes?: Uint8Array;
}

/** All that a store held at one moment. */
export interface Snapshot {
  readonly entries: ReadonlyMap<string, Kept>;
}

/** What became of one file or directory. */
export interface Change {
  readonly path: string;
  readonly change: "added" | "changed" | "removed";
  /** For a file of text that was there before and after: what changed, as a unified diff. */
  readonly hunks?: string;
}

/** What is different between two moments of a store; `String(diff)` is a line per change, with its hunks. */
export interface Diff extends Iterable<Change> {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  toString(): string;
}

/** A store, with what tests ask of one. */
export interface InspectedStore extends Store {
  /** The file's content, read as UTF-8. */
  text(path: string): Promise<string>;
  /**
   * The file's content, parsed as JSON.
   *
   * @throws WirelabError `BAD_CONTENT` where it is none.
   */
  json(path: string): Promise<unknown>;
  /** All files and directories as they are. In memory this copies nothing; a folder on disk is read whole. */
  snapshot(): Promise<Snapshot>;
  /** Makes the store what it was: removes what came, brings back what went. */
  restore(snapshot: Snapshot): Promise<void>;
  /** What is different since a snapshot, or between two. */
  diff(from: Snapshot, to?: Snapshot): Promise<Diff>;
}

/** Gives a store what tests ask of one. */
export function inspected(store: Store): InspectedStore {
  const read = async (path: string) => {
    const reading = await store.read(path);
    if (!reading.bytes) return buffer(reading.stream());
    await reading.close();
    return reading.bytes;
  };
  const snapshot = async (): Promise<Snapshot> => {
    const entries = new Map<string, Kept>();
    const walk = async (path: string): Promise<void> => {
      for (const entry of await store.list(path)) {
        entries.set(entry.path, entry.type === "file" ? { entry, bytes: await read(entry.path) } : { entry });
        if (entry.type === "directory") await walk(entry.path);
      }
    };
    await walk("/");
    return { entries };
  };
  return {
    ...(store.folder !== undefined && { folder: store.folder }),
    stat: (path) => store.stat(path),
    list: (path) => store.list(path),
    read: (path) => store.read(path),
    write: (path, options) => store.write(path, options),
    remove: (path) => store.remove(path),
    rename: (from, to) => store.rename(from, to),
    makeDirectory: (path) => store.makeDirectory(path),
    setMode: (path, mode) => store.setMode(path, mode),
    setModified: (path, modified) => store.setModified(path, modified),
    ...(store.available && { available: () => store.available?.() ?? Promise.resolve(0) }),
    confined: (directory) => store.confined?.(directory) ?? store,
    ...(store.without && { without: (folders) => store.without?.(folders) ?? store }),
    text: async (path) => text((await store.read(path)).stream()),
    async json(path) {
      const content = await this.text(path);
      try {
        return JSON.parse(content);
      } catch (error) {
        throw new WirelabError("BAD_CONTENT", `${path}: no JSON (${messageOf(error)}).`, { cause: error });
      }
    },
    snapshot,
    restore: async (wanted) => restore(store, await snapshot(), wanted),
    diff: async (from, to) => diffOf(from, to ?? (await snapshot())),
  };
}

/** Changes only what is different, deepest removals first. */
async function restore(store: Store, present: Snapshot, wanted: Snapshot): Promise<void> {
  for (const [path, kept] of [...present.entries].reverse()) {
    if (wanted.entries.get(path)?.entry.type !== kept.entry.type) await store.remove(path);
  }
  const lacking = [...wanted.entries].filter(([path, kept]) => {
    const there = present.entries.get(path);
    return !there || !isSame(there, kept);
  });
  for (const [path, { bytes }] of lacking) if (!bytes) await store.makeDirectory(path);
  await Promise.all(lacking.map(([path, { bytes }]) => bytes && put(store, path, bytes)));
  // Times last: what was made in a directory has touched it.
  for (const [path, { entry }] of [...wanted.entries].reverse()) {
    const { mode, modified } = await store.stat(path);
    if (mode !== entry.mode) await store.setMode(path, entry.mode);
    if (modified.getTime() !== entry.modified.getTime()) await store.setModified(path, entry.modified);
  }
}

/** Stores a whole file. Bare events, since resetting a lab is done before every test: a pipeline costs three times as much. */
async function put(store: Store, path: string, bytes: Uint8Array): Promise<void> {
  const sink = await store.write(path);
  await new Promise<void>((resolve, reject) => {
    sink.once("error", reject).once("finish", resolve).end(bytes);
  });
}

/** How much text is compared line by line, in bytes; larger files are said to have changed, and no more. */
const MAX_COMPARED = 1024 * 1024;

async function diffOf(from: Snapshot, to: Snapshot): Promise<Diff> {
  const changes: Change[] = [];
  for (const path of [...new Set([...from.entries.keys(), ...to.entries.keys()])].sort()) {
    const before = from.entries.get(path);
    const after = to.entries.get(path);
    if (!before) changes.push({ path, change: "added" });
    else if (!after) changes.push({ path, change: "removed" });
    else if (!isSame(before, after))
      changes.push({ path, change: "changed", ...(await hunksOf(path, before, after)) });
  }
  const paths = (change: Change["change"]) =>
    changes.filter((one) => one.change === change).map(({ path }) => path);
  return {
    added: paths("added"),
    changed: paths("changed"),
    removed: paths("removed"),
    [Symbol.iterator]: () => changes.values(),
    toString: () =>
      changes
        .map(({ path, change, hunks }) => `${change} ${path}${hunks === undefined ? "" : `\n${hunks}`}`)
        .join("\n"),
  };
}

/** Content and kind alone: a file that was stored again as it was has not changed. */
function isSame(one: Kept, other: Kept): boolean {
  if (one.entry.type !== other.entry.type) return false;
  if (!one.bytes || !other.bytes || one.bytes === other.bytes) return true;
  return Buffer.compare(one.bytes, other.bytes) === 0;
}

async function hunksOf(path: string, before: Kept, after: Kept): Promise<{ hunks?: string }> {
  const [one, other] = [textOf(before), textOf(after)];
  if (one === undefined || other === undefined) return {};
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY };
  return { hunks: createTwoFilesPatch(path, path, one, other, undefined, undefined, options).trimEnd() };
}

function textOf({ bytes }: Kept): string | undefined {
  if (!bytes || bytes.length > MAX_COMPARED || bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
