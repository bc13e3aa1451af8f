import { Readable, Writable } from "node:stream";
import { WirelabError } from "../errors.ts";
import { isWithin, nameOf, parentOf, resolvePath } from "../path.ts";
import type { Entry, Reading, Store, WriteOptions } from "./store.ts";

export interface MemoryStoreOptions {
  /** Files to begin with, by path; their directories are made. Default: none. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** How many bytes may be stored, uploads under way included. Default 1 GiB. */
  readonly capacity?: number;
  /** The clock for modification times, in Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

const DEFAULT_CAPACITY = 1024 ** 3;

/** How much a stream hands out at once, in bytes. */
const READ_SIZE = 256 * 1024;

interface FileNode {
  readonly type: "file";
  /** Replaced as a whole and never written into: who reads it reads one moment. */
  readonly bytes: Buffer;
  modified: Date;
  mode: number;
}

interface DirectoryNode {
  readonly type: "directory";
  readonly children: Map<string, Node>;
  modified: Date;
  mode: number;
}

type Node = FileNode | DirectoryNode;

/** A store in memory: gone with its lab. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const store = new MemoryStore(options);
  for (const [path, content] of Object.entries(options.files ?? {}))
    store.put(resolvePath(path), Buffer.from(content));
  return store;
}

class MemoryStore implements Store {
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #root: DirectoryNode;
  #used = 0;

  constructor({ capacity = DEFAULT_CAPACITY, now = Date.now }: MemoryStoreOptions) {
    this.#capacity = capacity;
    this.#now = now;
    this.#root = this.#directory();
  }

  async stat(path: string): Promise<Entry> {
    const resolved = resolvePath(path);
    return entryOf(resolved, this.#find(resolved));
  }

  async list(path: string): Promise<readonly Entry[]> {
    const resolved = resolvePath(path);
    const below = resolved === "/" ? "/" : `${resolved}/`;
    return [...this.#folder(resolved).children]
      .map(([name, node]) => entryOf(below + name, node))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async read(path: string): Promise<Reading> {
    const resolved = resolvePath(path);
    const node = this.#find(resolved);
    if (node.type === "directory") throw new WirelabError("IS_DIRECTORY", `${resolved}: is a directory.`);
    const { bytes } = node;
    return {
      entry: entryOf(resolved, node),
      bytes,
      stream: ({ start = 0, end = bytes.length - 1 } = {}) => slices(bytes.subarray(start, end + 1)),
      close: async () => {},
    };
  }

  async write(path: string, { start = 0, append }: WriteOptions = {}): Promise<Writable> {
    const resolved = resolvePath(path);
    const old = this.#replaceable(resolved);
    const kept = append ? old : old?.subarray(0, start);
    // What is missing before the offset is zeros, as on a disk.
    const gap = append ? 0 : Math.max(0, start - (kept?.length ?? 0));
    const upload = new Upload({
      reserve: (bytes) => this.#reserve(bytes, resolved),
      release: (bytes) => {
        this.#used -= bytes;
      },
      complete: (content) => this.#replace(resolved, content),
    });
    upload.begin(kept ?? Buffer.alloc(0), gap);
    return upload;
  }

  async remove(path: string): Promise<void> {
    const resolved = resolvePath(path);
    const node = this.#find(resolved);
    if (node.type === "directory" && node.children.size > 0 && resolved !== "/") {
      throw new WirelabError("NOT_EMPTY", `${resolved}: the directory is not empty.`);
    }
    this.#detach(resolved);
    if (node.type === "file") this.#used -= node.bytes.length;
  }

  async rename(from: string, to: string): Promise<void> {
    const source = resolvePath(from);
    const target = resolvePath(to);
    const node = this.#find(source);
    if (source === "/" || (target !== source && isWithin(target, source))) {
      throw new WirelabError("FORBIDDEN", `${source}: cannot be moved there.`);
    }
    if (target === source) return;
    const folder = this.#folder(parentOf(target));
    const there = target === "/" ? this.#root : folder.children.get(nameOf(target));
    if (there?.type === "directory") throw new WirelabError("EXISTS", `${target}: is there already.`);
    if (there && node.type === "directory") throw new WirelabError("NOT_DIRECTORY", `${target}: is a file.`);
    this.#detach(source);
    if (there) this.#used -= there.bytes.length;
    this.#attach(folder, nameOf(target), node);
  }

  async makeDirectory(path: string): Promise<void> {
    const resolved = resolvePath(path);
    const parent = this.#folder(parentOf(resolved));
    if (resolved === "/" || parent.children.has(nameOf(resolved))) {
      throw new WirelabError("EXISTS", `${resolved}: is there already.`);
    }
    this.#attach(parent, nameOf(resolved), this.#directory());
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.#find(resolvePath(path)).mode = mode & 0o777;
  }

  async setModified(path: string, modified: Date): Promise<void> {
    this.#find(resolvePath(path)).modified = modified;
  }

  /** Puts a file in its place, and makes the directories on the way. `path` is resolved. */
  put(path: string, bytes: Buffer): void {
    let folder = this.#root;
    for (const name of path.split("/").slice(1, -1)) {
      const child = folder.children.get(name) ?? this.#attach(folder, name, this.#directory());
      if (child.type === "file") throw new WirelabError("NOT_DIRECTORY", `${path}: lies below a file.`);
      folder = child;
    }
    this.#reserve(bytes.length, path);
    this.#replace(path, bytes);
  }

  /** Makes bytes that are reserved already the content of a file. */
  #replace(path: string, bytes: Buffer): void {
    const folder = this.#folder(parentOf(path));
    const old = this.#replaceable(path);
    const mode = folder.children.get(nameOf(path))?.mode ?? 0o644;
    this.#used -= old?.length ?? 0;
    this.#attach(folder, nameOf(path), { type: "file", bytes, modified: this.#date(), mode });
  }

  /** The content that a new one would replace, if there is any; refuses where no file can be. */
  #replaceable(path: string): Buffer | undefined {
    const node = path === "/" ? this.#root : this.#folder(parentOf(path)).children.get(nameOf(path));
    if (node?.type === "directory") throw new WirelabError("IS_DIRECTORY", `${path}: is a directory.`);
    return node?.bytes;
  }

  #find(path: string): Node {
    let node: Node = this.#root;
    if (path === "/") return node;
    for (const name of path.slice(1).split("/")) {
      if (node.type === "file") throw new WirelabError("NOT_DIRECTORY", `${path}: lies below a file.`);
      const child: Node | undefined = node.children.get(name);
      if (!child) throw new WirelabError("NOT_FOUND", `${path}: no such file or directory.`);
      node = child;
    }
    return node;
  }

  #folder(path: string): DirectoryNode {
    const node = this.#find(path);
    if (node.type === "file") throw new WirelabError("NOT_DIRECTORY", `${path}: not a directory.`);
    return node;
  }

  #attach<T extends Node>(folder: DirectoryNode, name: string, node: T): T {
    folder.children.set(name, node);
    folder.modified = this.#date();
    return node;
  }

  #detach(path: string): void {
    if (path === "/") throw new WirelabError("FORBIDDEN", "/: the root stays where it is.");
    const folder = this.#folder(parentOf(path));
    folder.children.delete(nameOf(path));
    folder.modified = this.#date();
  }

  #directory(): DirectoryNode {
    return { type: "directory", children: new Map(), modified: this.#date(), mode: 0o755 };
  }

  #date(): Date {
    return new Date(this.#now());
  }

  #reserve(bytes: number, path: string): void {
    if (this.#used + bytes > this.#capacity) {
      throw new WirelabError("QUOTA", `${path}: the store holds ${this.#capacity} bytes and no more.`);
    }
    this.#used += bytes;
  }
}

/** What an upload asks of its store. */
interface Room {
  /** @throws WirelabError `QUOTA` */
  reserve(bytes: number): void;
  release(bytes: number): void;
  complete(content: Buffer): void;
}

/** Gathers bytes, and makes them a file when it has finished; destroyed before, it leaves nothing. */
class Upload extends Writable {
  readonly #room: Room;
  #chunks: Buffer[] = [];
  #reserved = 0;

  constructor(room: Room) {
    super({ highWaterMark: READ_SIZE });
    this.#room = room;
  }

  /** What stands before the first byte that will be written: old content, then zeros. */
  begin(kept: Buffer, zeros: number): void {
    this.#room.reserve(kept.length + zeros);
    this.#reserved = kept.length + zeros;
    this.#chunks = [kept, Buffer.alloc(zeros)];
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#try(done, () => {
      this.#room.reserve(chunk.length);
      this.#reserved += chunk.length;
      this.#chunks.push(chunk);
    });
  }

  override _final(done: (error?: Error) => void): void {
    this.#try(done, () => {
      this.#room.complete(Buffer.concat(this.#chunks));
      this.#reserved = 0;
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#room.release(this.#reserved);
    this.#reserved = 0;
    this.#chunks = [];
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

function slices(bytes: Buffer): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: READ_SIZE,
    read() {
      const slice = bytes.subarray(at, at + READ_SIZE);
      at += slice.length;
      this.push(slice.length > 0 ? slice : null);
    },
  });
}

function entryOf(path: string, node: Node): Entry {
  const { type, modified, mode } = node;
  return {
    path,
    name: nameOf(path),
    type,
    size: node.type === "file" ? node.bytes.length : 0,
    modified,
    mode,
  };
}
