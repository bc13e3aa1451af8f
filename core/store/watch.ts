import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { WirelabError } from "../errors.ts";
import type { DiskChange } from "../events/events.ts";
import { childOf } from "../path.ts";
import { type OwnChanges, written } from "./own.ts";
import type { Entry, Store } from "./store.ts";

/** How long a directory is left in peace before it is looked at, and a file must stay as it is before it is told, in milliseconds. */
const STABLE = 100;

/** A look that takes long is taken less often: so many times as long is waited before the next one. */
const PATIENCE = 5;

/** How many directories are watched; each takes one watch of the system. */
const MAX_DIRECTORIES = 10_000;

/** A directory that is watched. */
interface Watched {
  readonly path: string;
  readonly unique: string | undefined;
  readonly watcher: FSWatcher | undefined;
  /** What was in it at the last look, by name, as {@link written}. */
  readonly known: Map<string, string>;
  /** What was different then: it is told when it is the same at the next look. */
  readonly unsettled: Map<string, string>;
  timer: NodeJS.Timeout | undefined;
  /** Whether it is being looked at; `again` where something came meanwhile. */
  looking: "no" | "yes" | "again";
}

/** Tells of changes in a folder, until it is closed. */
export interface Watch {
  close(): void;
}

/**
 * Watches a folder, from the answer on.
 *
 * A directory is watched before it is read, so that nothing can come in between: chokidar does it the other way round, and
 * Node's own recursive watching looks at every file.
 *
 * @param store the folder as clients see it: of what they do not see, nothing is told.
 * @param own what is ours, and not told.
 * @param tell is called for each change.
 * @param fail is called for what cannot be watched: the system has no more watches, say.
 */
export async function watchFolder(
  folder: string,
  store: Pick<Store, "list" | "stat">,
  own: OwnChanges,
  tell: (change: DiskChange) => void,
  fail: (error: unknown) => void,
): Promise<Watch> {
  const watching = new FolderWatch(folder, store, own, tell, fail);
  await watching.begin();
  return watching;
}

class FolderWatch implements Watch {
  readonly #folder: string;
  readonly #store: Pick<Store, "list" | "stat">;
  readonly #own: OwnChanges;
  readonly #tell: (change: DiskChange) => void;
  readonly #fail: (error: unknown) => void;
  readonly #directories = new Map<string, Watched>();
  /** Those that are watched: a symlink can lead to one of them, too. */
  readonly #uniques = new Set<string>();
  #closed = false;
  #full = false;

  constructor(
    folder: string,
    store: Pick<Store, "list" | "stat">,
    own: OwnChanges,
    tell: (change: DiskChange) => void,
    fail: (error: unknown) => void,
  ) {
    this.#folder = folder;
    this.#store = store;
    this.#own = own;
    this.#tell = tell;
    this.#fail = fail;
  }

  /** What is there already is no news. */
  async begin(entry?: Entry): Promise<void> {
    const directory = this.#open(entry ?? (await this.#store.stat("/")));
    if (!directory) return;
    const entries = await this.#list(directory);
    for (const inside of entries) directory.known.set(inside.name, written(inside));
    this.#seen(directory);
    for (const inside of entries) if (inside.type === "directory") await this.begin(inside);
  }

  close(): void {
    this.#closed = true;
    for (const directory of [...this.#directories.values()]) this.#release(directory);
  }

  #open({ path, unique }: Entry): Watched | undefined {
    if (this.#closed || (unique !== undefined && this.#uniques.has(unique))) return undefined;
    if (this.#directories.size >= MAX_DIRECTORIES) {
      if (!this.#full)
        this.#fail(
          new WirelabError("QUOTA", `${path}: ${MAX_DIRECTORIES} directories are watched, and no more.`),
        );
      this.#full = true;
      return undefined;
    }
    const directory: Watched = {
      path,
      unique,
      watcher: this.#watcher(path, () => this.#soon(directory)),
      known: new Map(),
      unsettled: new Map(),
      timer: undefined,
      looking: "no",
    };
    this.#directories.set(path, directory);
    if (unique !== undefined) this.#uniques.add(unique);
    return directory;
  }

  #watcher(path: string, changed: () => void): FSWatcher | undefined {
    try {
      // An error behind the first one is that the directory is gone, which its parent tells.
      return watch(join(this.#folder, path), changed).on("error", () => {});
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #release({ path, unique, watcher, timer }: Watched): void {
    clearTimeout(timer);
    watcher?.close();
    this.#directories.delete(path);
    if (unique !== undefined) this.#uniques.delete(unique);
  }

  #soon(directory: Watched, ms = STABLE): void {
    if (directory.looking !== "no") directory.looking = "again";
    if (directory.timer || directory.looking !== "no" || this.#directories.get(directory.path) !== directory)
      return;
    directory.timer = setTimeout(() => {
      directory.timer = undefined;
      void this.#look(directory);
    }, ms);
  }

  /** Finds out what is different, and tells of what has settled. */
  async #look(directory: Watched): Promise<void> {
    const { path, known, unsettled } = directory;
    const began = performance.now();
    const entries = await this.#list(directory);
    const took = performance.now() - began;
    // Meanwhile it may have gone.
    if (this.#directories.get(path) !== directory) return;
    const names = new Set(entries.map(({ name }) => name));
    for (const name of [...known.keys()].filter((each) => !names.has(each))) this.#went(directory, name);
    for (const name of unsettled.keys()) if (!names.has(name)) unsettled.delete(name);
    for (const entry of entries) this.#compare(directory, entry);
    this.#seen(directory, Math.max(STABLE, took * PATIENCE));
  }

  /** What came while it was looked at, or is not settled yet, is for another look. */
  #seen(directory: Watched, ms = STABLE): void {
    const again = directory.looking === "again" || directory.unsettled.size > 0;
    directory.looking = "no";
    if (again) this.#soon(directory, ms);
  }

  #compare(directory: Watched, entry: Entry): void {
    const { known, unsettled } = directory;
    const { name, type, path } = entry;
    const before = known.get(name);
    const now = written(entry);
    if (before === now) {
      unsettled.delete(name);
    } else if (type === "file" && unsettled.get(name) !== now) {
      unsettled.set(name, now);
    } else {
      const replaced = before !== undefined && (isDirectory(before) || type === "directory");
      if (replaced) this.#went(directory, name);
      known.set(name, now);
      unsettled.delete(name);
      const change = before === undefined || replaced ? "added" : "changed";
      if (!this.#own.has(path, entry)) this.#tell({ change, kind: type, path });
      if (type === "directory") this.#enter(entry);
    }
  }

  /** All that is in a new directory is new. */
  #enter(entry: Entry): void {
    const directory = this.#open(entry);
    if (directory) void this.#look(directory);
  }

  #went({ path, known }: Watched, name: string): void {
    const gone = childOf(path, name);
    const inside = this.#directories.get(gone);
    if (inside) {
      for (const each of inside.known.keys()) this.#went(inside, each);
      this.#release(inside);
    }
    const kind = isDirectory(known.get(name)) ? "directory" : "file";
    known.delete(name);
    if (!this.#own.has(gone, "gone")) this.#tell({ change: "removed", kind, path: gone });
  }

  /** What is in a directory; nothing where it is gone, which its parent tells. */
  async #list(directory: Watched): Promise<readonly Entry[]> {
    directory.looking = "yes";
    return this.#store.list(directory.path).catch(() => []);
  }
}

function isDirectory(state = ""): boolean {
  return state.startsWith("directory");
}
