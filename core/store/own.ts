import type { Entry, Store } from "./store.ts";

/** How many paths are remembered whose last change was ours. */
const REMEMBERED = 10_000;

/** How long what lies in a directory that was moved is ours as well, in milliseconds: the disk tells of each file in it. */
const SETTLING = 5000;

/** What the disk would say of a path, so that a change of ours and another's can be told apart. */
export type State = "gone" | Pick<Entry, "type" | "size" | "modified" | "unique">;

/** The changes of a folder that came through the lab's own store. */
export class OwnChanges {
  /** How many operations are under way, by path. */
  readonly #busy = new Map<string, number>();
  /** What a path was when we had changed it; the longest ago first. */
  readonly #left = new Map<string, string>();
  /** Directories that were moved, and until when that is news. */
  readonly #moved = new Map<string, number>();

  /** Whether a path is what we have made of it, or are making of it. */
  has(path: string, state: State): boolean {
    if (this.#left.get(path) === written(state)) return true;
    const now = performance.now();
    for (let at = path; ; at = at.slice(0, at.lastIndexOf("/"))) {
      if (this.#busy.has(at || "/") || (this.#moved.get(at) ?? 0) > now) return true;
      if (at === "") return false;
    }
  }

  /** The same store, whose changes are remembered as ours. */
  of(store: Store): Store {
    const { confined, without, available, folder } = store;
    const during = async <T>(paths: readonly string[], change: () => Promise<T>): Promise<T> => {
      const end = this.#begin(store, paths);
      try {
        return await change();
      } finally {
        await end();
      }
    };
    return {
      ...(folder !== undefined && { folder }),
      stat: (path) => store.stat(path),
      list: (path) => store.list(path),
      read: (path) => store.read(path),
      write: async (path, options) => {
        const end = this.#begin(store, [path]);
        try {
          return (await store.write(path, options)).once("close", () => void end());
        } catch (error) {
          await end();
          throw error;
        }
      },
      remove: (path) => during([path], () => store.remove(path)),
      rename: (from, to) =>
        during([from, to], async () => {
          await store.rename(from, to);
          const until = performance.now() + SETTLING;
          for (const path of [from, to]) remember(this.#moved, path, until);
        }),
      makeDirectory: (path) => during([path], () => store.makeDirectory(path)),
      setMode: (path, mode) => during([path], () => store.setMode(path, mode)),
      setModified: (path, modified) => during([path], () => store.setModified(path, modified)),
      ...(available && { available: () => available.call(store) }),
      ...(confined && { confined: (directory) => this.of(confined.call(store, directory)) }),
      ...(without && { without: (folders) => this.of(without.call(store, folders)) }),
    };
  }

  #begin(store: Store, paths: readonly string[]): () => Promise<void> {
    for (const path of paths) this.#busy.set(path, (this.#busy.get(path) ?? 0) + 1);
    return async () => {
      for (const path of paths) {
        const state = await store.stat(path).catch((): State => "gone");
        remember(this.#left, path, written(state));
        const others = (this.#busy.get(path) ?? 1) - 1;
        if (others === 0) this.#busy.delete(path);
        else this.#busy.set(path, others);
      }
    };
  }
}

/** A state as a word: two of the same are no change. */
export function written(state: State): string {
  if (state === "gone") return "gone";
  const { type, size, modified, unique = "" } = state;
  // Another directory of the same name is another one.
  return type === "directory" ? `directory ${unique}` : `${size} bytes of ${modified.getTime()}`;
}

function remember<T>(map: Map<string, T>, path: string, value: T): void {
  map.delete(path);
  map.set(path, value);
  for (const oldest of map.keys()) {
    if (map.size <= REMEMBERED) break;
    map.delete(oldest);
  }
}
