import { codeOf, messageOf, WirelabError } from "../errors.ts";
import { refusal, type StoreCode } from "./refusal.ts";

/** What the system says against it, as the store's code and, where the code's own words do not fit, in words that do. */
const CODES: Readonly<Record<string, readonly [code: StoreCode, why?: string]>> = {
  ENOENT: ["NOT_FOUND"],
  ELOOP: ["NOT_FOUND"],
  // A socket, or the file of a device that is not there.
  ENXIO: ["NOT_FOUND"],
  ENODEV: ["NOT_FOUND"],
  ENOTDIR: ["NOT_DIRECTORY"],
  EISDIR: ["IS_DIRECTORY"],
  EEXIST: ["EXISTS"],
  ENOTEMPTY: ["NOT_EMPTY"],
  EACCES: ["FORBIDDEN"],
  EPERM: ["FORBIDDEN"],
  EROFS: ["FORBIDDEN", "the disk is read-only"],
  EBUSY: ["FORBIDDEN", "is in use"],
  ENAMETOOLONG: ["BAD_PATH"],
  EINVAL: ["BAD_PATH"],
  EILSEQ: ["BAD_PATH"],
  ENOSPC: ["QUOTA", "the disk is full"],
  EDQUOT: ["QUOTA", "the disk quota is used up"],
  EFBIG: ["QUOTA", "the disk takes no file of that size"],
};

/** A refusal that names `path`, the virtual one, whatever the system said of the one on disk; that is its cause. */
export function diskRefusal(error: unknown, path: string): WirelabError {
  if (error instanceof WirelabError) return error;
  const errno = codeOf(error);
  const [code, why] = CODES[errno ?? ""] ?? ["IO", `the disk failed (${errno ?? messageOf(error)})`];
  return refusal(code, path, why === undefined ? { cause: error } : { why, cause: error });
}
