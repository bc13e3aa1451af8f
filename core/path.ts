import { WirelabError } from "./errors.ts";

/**
 * The absolute, normalised path that `path` names for somebody who stands in `cwd`. Paths are the store's own: `/` parts
 * them on every system, and `..` stops at the root, as in a chroot.
 *
 * @param path what a client sent; an empty path names `cwd` itself.
 * @param cwd an absolute path; the root by default.
 * @throws WirelabError `BAD_PATH` where the path holds a NUL byte or is longer than 4,096 characters.
 *
 * @example
 * ```ts
 * import { resolvePath } from "wirelab";
 * resolvePath("../in/./a.csv", "/out"); // "/in/a.csv"
 * resolvePath("../../etc/passwd"); // "/etc/passwd", inside the store
 * ```
 */
export function resolvePath(path: string, cwd = "/"): string {
  if (path.includes("\0")) throw new WirelabError("BAD_PATH", "A path cannot hold a NUL byte.");
  if (path.length > 4096)
    throw new WirelabError("BAD_PATH", "A path cannot be longer than 4,096 characters.");
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

/** The directory that holds `path`; the root's is the root. `path` is absolute and normalised. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The last name of `path`; the root's is empty. `path` is absolute and normalised. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether `path` is `directory` or lies below it. Both are absolute and normalised. */
export function isWithin(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}
