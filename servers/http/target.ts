import { resolvePath } from "../../core/path.ts";
import { Refusal } from "./refusal.ts";

/** What a request asks for. */
export interface Target {
  /** Absolute and normalised, as the store has it. */
  readonly path: string;
  /** Whether the path was written as a directory's, with a slash at its end. */
  readonly kind: "directory" | "any";
  /** From the `?` on; empty where there is none. */
  readonly query: string;
}

/** In characters, decoded: what the store takes. */
const LONGEST_PATH = 4096;

/**
 * @throws Refusal 400 for a path that is no percent-encoded UTF-8, 414 for one that is too long; `BAD_PATH` for one that is no
 *   path.
 */
export function targetOf(url: string): Target {
  const mark = url.indexOf("?");
  const encoded = mark < 0 ? url : url.slice(0, mark);
  const decoded = encoded.includes("%") ? decode(encoded) : encoded;
  if (decoded.length > LONGEST_PATH) {
    throw new Refusal(414, `The path is too long: it may have ${LONGEST_PATH} characters.`);
  }
  return {
    path: resolvePath(decoded),
    kind: isDirectory(decoded) ? "directory" : "any",
    query: mark < 0 ? "" : url.slice(mark),
  };
}

function isDirectory(path: string): boolean {
  return path.endsWith("/") || path.endsWith("/.") || path.endsWith("/..");
}

/** Whether a URL is of a path that ends in a slash, or of something below it, in whatever way its own path is written. */
export function leadsBelow(url: string, prefix: string): boolean {
  // Nearly every path is written plainly, and is not taken apart for this.
  if (!/%|\/[./]/.test(url)) return url.startsWith(prefix);
  try {
    const { path, kind } = targetOf(url);
    return `${path}${kind === "directory" ? "/" : ""}`.startsWith(prefix);
  } catch {
    // The files say what is wrong with it.
    return false;
  }
}

/** Whether a path goes through a name that begins with a dot. */
export function isHidden(path: string): boolean {
  return path.includes("/.");
}

/** A path as it stands in a URL; always with one slash at its beginning, so that it cannot name another host. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeName).join("/");
}

/** A name as it stands in a URL. What is no Unicode (a lone surrogate) could not be encoded. */
export function encodeName(name: string): string {
  return encodeURIComponent(Buffer.from(name).toString());
}

/** @throws Refusal 400 for what is no percent-encoded UTF-8. */
export function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refusal(
      400,
      "The path cannot be decoded: % is followed by two hex digits, and the bytes are UTF-8.",
    );
  }
}
