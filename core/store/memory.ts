import { Writable } from "node:stream";
import { withDefaults } from "../defaults.ts";
import { childOf, isWithin, nameOf, parentOf, resolveEntry } from "../path.ts";
import { Content } from "./content.ts";
import { Gathering } from "./gathering.ts";
import { HeldReading, SLICE } from "./reading.ts";
import { checkOffset, checkTime, intoItself, refusal, rootStays } from "./refusal.ts";
import type { Entry, Reading, Store, WriteOptions } from "./store.ts";

/** What {@link memoryStore} begins with, and how much it takes. */
export interface MemoryStoreOptions {
  /** Files to begin with, by path; their directories are made. Default: none. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** How many bytes may be stored, uploads under way included. Default 1 GiB. */
  readonly capacity?: number;
  /** How many files and directories there may be: those without a byte take memory, too. Default 1,000,000. */
  readonly entries?: number;
  /** The clock for modification times, in Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

const DEFAULTS = { files: {}, capacity: 1024 ** 3, entries: 1_000_000, now: Date.now } as const;

interface FileNode {
  readonly type: "file";
  readonly content: Content;
  readonly unique: string;
  modified: number;
  mode: number;
}

interface DirectoryNode {
  readonly type: "directory";
  readonly children: Map<string, Node>;
  readonly unique: string;
  modified: number;
  mode: number;
}

type Node = FileNode | DirectoryNode;

/**
 * A store in memory: gone with its lab.
 *
 * @throws WirelabError for first files that cannot be: `QUOTA` for too many bytes, `NOT_DIRECTORY` for one below another,
 *   `IS_DIRECTORY`, `BAD_PATH`.
 *
 * @example
 * ```ts
 * import { memoryStore } from "wirelab";
 *
 * const store = memoryStore({ files: { "/in/a.csv": "id\n1\n" }, capacity: 1_000_000 });
 * console.log((await store.stat("/in/a.csv")).size); // 5
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(withDefaults(DEFAULTS, options));
}

class MemoryStore implements Store {
  readonly #capacity: number;
  readonly #entries: number;
  readonly #now: () => number;
  readonly #root: DirectoryNode;
  /** Bytes of files, and of uploads under way. */
  #used = 0;
  #count = 0;
  /** How often anything has been changed. */
  #changes = 0;
  /** How many nodes there have ever been. */
  #made = 0;

  constructor({ files, capacity, entries, now }: Required<MemoryStoreOptions>) {
    this.#capacity = capacity;
    this.#entries = entries;
    this.#now = now;
    this.#root = this.#emptyDirectory();
    for (const [path, content] of Object.entries(files))
      this.#put(resolveEntry(path), Content.of([Buffer.from(content)]));
  }

  async stat(path: string): Promise<Entry> {
    const resolved = resolveEntry(path);
    return entryOf(resolved, nameOf(resolved), this.#find(resolved));
  }

  async list(path: string): Promise<readonly Entry[]> {
    const resolved = resolveEntry(path);
    return [...this.#directory(resolved).children]
      .map(([name, node]) => entryOf(childOf(resolved, name), name, node))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async read(path: string): Promise<Reading> {
    const resolved = resolveEntry(path);
    const node = this.#find(resolved);
    if (node.type === "directory") throw refusal("IS_DIRECTORY", resolved);
    const changes = this.#changes;
    return new HeldReading(
      entryOf(resolved, nameOf(resolved), node),
      node.content,
      () => changes === this.#changes,
    );
  }

  async write(path: string, options: WriteOptions = {}): Promise<Writable> {
    const { append, tail = "cut" } = options;
    const start = append ? 0 : (options.start ?? 0);
    checkOffset(options.start ?? 0);
    const resolved = resolveEntry(path);
    const old = this.#contentOf(resolved);
    const zeros = Math.max(0, start - old.length);
    this.#reserve(zeros, resolved);
    return new Upload(zeros, new Gathering(options), {
      reserve: (bytes) => this.#reserve(bytes, resolved),
      complete: (pieces, reserved) => {
        const current = this.#contentOf(resolved);
        // Behind what is there now, so that of two who append at once neither loses anything.
        const content = append ? current.with(pieces, current.length, "cut") : old.with(pieces, start, tail);
        this.#store(resolved, content, content.length - reserved - current.length);
      },
    });
  }

  async available(): Promise<number> {
    return this.#capacity - this.#used;
  }

  async remove(path: string): Promise<void> {
    const resolved = resolveEntry(path);
    if (resolved === "/") throw rootStays("/");
    const node = this.#find(resolved);
    if (node.type === "directory" && node.children.size > 0) throw refusal("NOT_EMPTY", resolved);
    this.#detach(resolved);
    if (node.type === "file") this.#used -= node.content.length;
  }

  async rename(from: string, to: string): Promise<void> {
    const source = resolveEntry(from);
    const target = resolveEntry(to);
    if (source === "/") throw rootStays("/");
    const node = this.#find(source);
    if (target === source) return;
    if (node.type === "directory" && isWithin(target, source)) throw intoItself(source);
    if (target === "/") throw refusal("EXISTS", "/");
    const there = this.#directory(parentOf(target), target).children.get(nameOf(target));
    if (there?.type === "directory") throw refusal("EXISTS", target);
    if (there && node.type === "directory") throw refusal("NOT_DIRECTORY", target);
    this.#detach(source);
    this.#attach(target, node, there ? -there.content.length : 0);
  }

  async makeDirectory(path: string): Promise<void> {
    const resolved = resolveEntry(path);
    if (resolved === "/" || this.#directory(parentOf(resolved), resolved).children.has(nameOf(resolved))) {
      throw refusal("EXISTS", resolved);
    }
    this.#attach(resolved, this.#emptyDirectory());
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.#find(resolveEntry(path)).mode = mode & 0o777;
    this.#changes += 1;
  }

  async setModified(path: string, modified: Date): Promise<void> {
    checkTime(modified);
    this.#find(resolveEntry(path)).modified = modified.getTime();
    this.#changes += 1;
  }

  /** Puts a first file in its place, and makes the directories on the way. */
  #put(path: string, content: Content): void {
    let directory = "/";
    for (const name of path.split("/").slice(1, -1)) {
      const children = this.#directory(directory, path).children;
      directory = childOf(directory, name);
      if (!children.has(name)) this.#attach(directory, this.#emptyDirectory());
    }
    this.#store(path, content, content.length - this.#contentOf(path).length);
  }

  /** Makes it the content of a file. @param more how many of its bytes are not reserved yet. */
  #store(path: string, content: Content, more: number): void {
    const { mode, unique } = this.#replaceable(path) ?? { mode: 0o644, unique: this.#nextUnique() };
    this.#attach(path, { type: "file", content, modified: this.#now(), mode, unique }, more);
  }

  /** What the file has that a new one would replace; nothing where there is none. */
  #contentOf(path: string): Content {
    return this.#replaceable(path)?.content ?? Content.NOTHING;
  }

  /** The file that a new one would replace, if there is any; refuses where no file can be. */
  #replaceable(path: string): FileNode | undefined {
    if (path === "/") throw refusal("IS_DIRECTORY", path);
    const node = this.#directory(parentOf(path), path).children.get(nameOf(path));
    if (node?.type === "directory") throw refusal("IS_DIRECTORY", path);
    return node;
  }

  #find(path: string, asked = path): Node {
    let node: Node = this.#root;
    if (path === "/") return node;
    for (const name of path.slice(1).split("/")) {
      if (node.type === "file") throw refusal("NOT_DIRECTORY", asked);
      const child: Node | undefined = node.children.get(name);
      if (!child) throw refusal("NOT_FOUND", asked);
      node = child;
    }
    return node;
  }

  /** @param asked the path that a refusal names. */
  #directory(path: string, asked = path): DirectoryNode {
    const node = this.#find(path, asked);
    if (node.type === "file") throw refusal("NOT_DIRECTORY", asked);
    return node;
  }

  #emptyDirectory(): DirectoryNode {
    const unique = this.#nextUnique();
    return { type: "directory", children: new Map(), modified: this.#now(), mode: 0o755, unique };
  }

  #nextUnique(): string {
    this.#made += 1;
    return this.#made.toString(16);
  }

  /** @param more bytes that this adds to those that are stored already; fewer than 0 are given back. */
  #attach(path: string, node: Node, more = 0): void {
    const parent = this.#directory(parentOf(path));
    const added = parent.children.has(nameOf(path)) ? 0 : 1;
    if (this.#count + added > this.#entries) {
      throw refusal("QUOTA", path, { why: `the store holds ${this.#entries} entries and no more` });
    }
    this.#reserve(more, path);
    this.#count += added;
    parent.children.set(nameOf(path), node);
    this.#changed(parent);
  }

  #detach(path: string): void {
    const parent = this.#directory(parentOf(path));
    parent.children.delete(nameOf(path));
    this.#changed(parent);
    this.#count -= 1;
  }

  #changed(directory: DirectoryNode): void {
    directory.modified = this.#now();
    this.#changes += 1;
  }

  #reserve(bytes: number, path: string): void {
    if (bytes > 0 && this.#used + bytes > this.#capacity) {
      throw refusal("QUOTA", path, { why: `the store holds ${this.#capacity} bytes and no more` });
    }
    this.#used += bytes;
  }
}

/** What an upload asks of its store. */
interface Room {
  /** Fewer than 0 bytes are given back. @throws WirelabError `QUOTA` */
  reserve(bytes: number): void;
  /** Makes it a file; the reserved bytes are the store's from then on. */
  complete(pieces: readonly Uint8Array[], reserved: number): void;
}

/** Gathers bytes, and makes them a file when it has finished; destroyed before, it leaves nothing. */
class Upload extends Writable {
  readonly #room: Room;
  #gathered: Gathering;
  #reserved: number;

  constructor(reserved: number, gathered: Gathering, room: Room) {
    super({ highWaterMark: SLICE });
    this.#reserved = reserved;
    this.#gathered = gathered;
    this.#room = room;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#try(done, () => {
      this.#room.reserve(chunk.length);
      this.#reserved += chunk.length;
      this.#gathered.add(chunk);
    });
  }

  override _final(done: (error?: Error) => void): void {
    this.#try(done, () => {
      this.#room.complete(this.#gathered.pieces(), this.#reserved);
      this.#reserved = 0;
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#room.reserve(-this.#reserved);
    this.#reserved = 0;
    this.#gathered = new Gathering();
    done(error);
  }

  #try(done: (error?: Error) => void, step: () => void): void {
    try {
      step();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    done();
  }
}

function entryOf(path: string, name: string, node: Node): Entry {
  const { type, modified, mode, unique } = node;
  const size = node.type === "file" ? node.content.length : 0;
  return { path, name, type, size, modified: new Date(modified), mode, unique };
}
