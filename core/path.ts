import { WirelabError } from "./errors.ts";

/** In characters; Linux takes paths of up to 4,096 bytes. */
const LONGEST_PATH = 4096;
const SLASH = 0x2f;
const DOT = 0x2e;
/** In bytes of UTF-8; what nearly every file system has. */
const LONGEST_NAME = 255;

/**
 * The absolute, normalised path that `path` names for somebody who stands in `cwd`. Paths are the store's own: `/` parts
 * them on every system, and `..` stops at the root, as in a chroot.
 *
 * @param path what a client sent; an empty path names `cwd` itself.
 * @param cwd an absolute path; the root by default.
 * @throws WirelabError `BAD_PATH` where the path holds a NUL byte or half a surrogate pair, or is longer than 4,096
 *   characters, resolved or not.
 *
 * @example
 * ```ts
 * import { resolvePath } from "wirelab";
 * resolvePath("../in/./a.csv", "/out"); // "/in/a.csv"
 * resolvePath("../../etc/passwd"); // "/etc/passwd", inside the store
 * ```
 */
export function resolvePath(path: string, cwd = "/"): string {
  if (isResolved(path)) return path;
  if (path.includes("\0")) throw badPath("A path cannot hold a NUL byte.");
  if (path.length > LONGEST_PATH) throw tooLong();
  if (/\p{Surrogate}/u.test(path)) throw badPath("A path cannot hold half a surrogate pair.");
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  const resolved = `/${names.join("/")}`;
  if (resolved.length > LONGEST_PATH) throw tooLong();
  return resolved;
}

/** Whether a path is plainly what it would be resolved to: nearly all are, and to take them apart costs more than to look. */
function isResolved(path: string): boolean {
  if (path.length > LONGEST_PATH || path.charCodeAt(0) !== SLASH) return false;
  for (let index = 1; index < path.length; index += 1) {
    const unit = path.charCodeAt(index);
    // A NUL, and the halves of surrogate pairs, which may be whole pairs.
    if (unit === 0 || (unit >= 0xd800 && unit <= 0xdfff)) return false;
    // An empty name, or one that begins with a dot, which may be no name.
    if ((unit === SLASH || unit === DOT) && path.charCodeAt(index - 1) === SLASH) return false;
  }
  return path.length === 1 || !path.endsWith("/");
}

/**
 * As {@link resolvePath}, for what is to be a file or directory: one in memory is called only what one on disk could be.
 *
 * @throws WirelabError `BAD_PATH`, for a name of more than 255 bytes as well.
 */
export function resolveEntry(path: string): string {
  const resolved = resolvePath(path);
  // A unit of a string's length is three bytes at most, so that most paths need no counting.
  if (resolved.length * 3 <= LONGEST_NAME) return resolved;
  if (resolved.split("/").some((name) => Buffer.byteLength(name) > LONGEST_NAME)) {
    throw badPath("A name in a path cannot be longer than 255 bytes.");
  }
  return resolved;
}

/** The directory that holds `path`; the root's is the root. `path` is absolute and normalised. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The last name of `path`; the root's is empty. `path` is absolute and normalised. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The path of what is called `name` in `directory`, which is absolute and normalised. */
export function childOf(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** Whether `path` is `directory` or lies below it. Both are absolute and normalised. */
export function isWithin(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

function tooLong(): WirelabError {
  return badPath("A path cannot be longer than 4,096 characters.");
}

function badPath(message: string): WirelabError {
  return new WirelabError("BAD_PATH", message);
}
