import type { Readable, Writable } from "node:stream";

/** What the store says of one file or directory. */
export interface Entry {
  /** Absolute and normalised, as in {@link resolvePath}. */
  readonly path: string;
  /** The last name of the path; empty for the root. */
  readonly name: string;
  readonly type: "file" | "directory";
  /** In bytes; 0 for directories. */
  readonly size: number;
  readonly modified: Date;
  /** The permission bits of a Unix mode, 0o644 for example. Shown, and settable; they grant and refuse nothing. */
  readonly mode: number;
  /**
   * What no other file or directory has, and this one keeps when it is renamed; an opaque word. Left out by stores that have
   * none.
   */
  readonly unique?: string;
}

/** Bytes `start` to `end`, both included and counted from 0, as HTTP counts them (RFC 9110 §14.1.2). */
export interface ByteRange {
  readonly start?: number;
  readonly end?: number;
}

/** A file that is open for reading: entry and bytes are of one moment, whatever is stored there meanwhile. */
export interface Reading {
  readonly entry: Entry;
  /** Whether nothing has been changed in the store since, so that it would give the same again. Left out where nobody knows. */
  readonly current?: boolean;
  /**
   * The whole content, where the store has it in memory: to be sent as it is, and never changed. A large file may have to be
   * copied for that, once; {@link slices} copies nothing.
   */
  readonly bytes?: Uint8Array;
  /** The content where the store has it in memory, a slice at a time. */
  slices?(range?: ByteRange): Iterable<Uint8Array>;
  /**
   * The content where the store has it on a disk, in chunks each of which is good until the next one is asked for: it is read
   * into the same memory again and again. Closes the reading at its end, as when it is left. Called once.
   */
  borrowed?(range?: ByteRange): AsyncIterable<Uint8Array>;
  /** The bytes as a stream, which closes the reading when it ends or is destroyed. Called once. */
  stream(range?: ByteRange): Readable;
  /** Lets go of the file, for a reader that asks for no stream. Harmless when called again. */
  close(): Promise<void>;
}

/** Where the bytes of {@link Store.write} go, and what becomes of the old ones. */
export interface WriteOptions {
  /**
   * Where the bytes go on from: what the file has before this offset stays, and what is missing is zeros. Default 0.
   */
  readonly start?: number;
  /** What becomes of bytes that the file has behind those that go on from `start`. Default `cut`. */
  readonly tail?: "cut" | "keep";
  /** Whether the chunks are the store's from now on, and need not be copied: nobody changes them any more. Default false. */
  readonly handsOver?: boolean;
  /**
   * The bytes go behind what the file has when they are complete, so that of two who append at once neither loses anything.
   * Default: they replace it.
   */
  readonly append?: boolean;
}

/**
 * Files and directories that every server of a lab shares. Paths are absolute (a relative one counts from the root).
 * Every method rejects with a `WirelabError` whose code is one of the store's: `NOT_FOUND`, `FORBIDDEN`, `EXISTS`,
 * `IS_DIRECTORY`, `NOT_DIRECTORY`, `NOT_EMPTY`, `BAD_PATH`, `QUOTA`, `IO`; an offset or a date that is none is a
 * `BAD_OPTION`. Messages name virtual paths only.
 */
export interface Store {
  /** The folder on disk that the files are in, where they are in one. */
  readonly folder?: string;
  stat(path: string): Promise<Entry>;
  /** The entries of a directory, sorted by name. A file is refused with `NOT_DIRECTORY`. */
  list(path: string): Promise<readonly Entry[]>;
  /** Opens a file; a directory is refused with `IS_DIRECTORY`. */
  read(path: string): Promise<Reading>;
  /**
   * Opens a file for writing, made if there is none; its directory must exist. Readers see the old content until the
   * stream has *finished*, and the new content from then on; a stream that is destroyed before leaves the old file whole.
   */
  write(path: string, options?: WriteOptions): Promise<Writable>;
  /** Removes a file or an empty directory. The root is refused with `FORBIDDEN`. */
  remove(path: string): Promise<void>;
  /**
   * Moves a file or directory, and leaves it where source and target are the same. A file replaces a file; a directory that
   * is there already is refused with `EXISTS`, a file in a directory's way with `NOT_DIRECTORY`, the root and a move into
   * itself with `FORBIDDEN`.
   */
  rename(from: string, to: string): Promise<void>;
  /** Makes one directory; its parent must exist. */
  makeDirectory(path: string): Promise<void>;
  /** Sets the permission bits; others, as setuid, are left out. */
  setMode(path: string, mode: number): Promise<void>;
  setModified(path: string, modified: Date): Promise<void>;
  /** How many bytes more can be stored, where that is known. */
  available?(): Promise<number>;
  /**
   * The same store, same paths, for somebody who may not leave `directory` by a symlink either. A store that has no links
   * needs none of it.
   */
  confined?(directory: string): Store;
  /**
   * The same store without these folders of the disk, given by their real paths: what is in them is not there for anybody, and
   * nothing can take their names or move them.
   */
  without?(folders: readonly string[]): Store;
}
