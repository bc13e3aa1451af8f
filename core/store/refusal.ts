import { type ErrorCode, WirelabError } from "../errors.ts";

/** The codes of a store's refusals. */
export type StoreCode = Extract<
  ErrorCode,
  | "NOT_FOUND"
  | "FORBIDDEN"
  | "EXISTS"
  | "IS_DIRECTORY"
  | "NOT_DIRECTORY"
  | "NOT_EMPTY"
  | "BAD_PATH"
  | "QUOTA"
  | "IO"
>;

const REASONS: Readonly<Record<StoreCode, string>> = {
  NOT_FOUND: "no such file or directory",
  FORBIDDEN: "permission denied",
  EXISTS: "is there already",
  IS_DIRECTORY: "is a directory",
  NOT_DIRECTORY: "not a directory",
  NOT_EMPTY: "the directory is not empty",
  BAD_PATH: "the disk cannot keep a file of that name",
  QUOTA: "no room is left for it",
  IO: "the disk failed",
};

/** The error for a store to reject with: the same words whatever the store, and of paths only the virtual one. */
export function refusal(
  code: StoreCode,
  path: string,
  { why = REASONS[code], cause }: { why?: string; cause?: unknown } = {},
): WirelabError {
  return new WirelabError(code, `${path}: ${why}.`, cause === undefined ? undefined : { cause });
}

export function rootStays(path: string): WirelabError {
  return refusal("FORBIDDEN", path, { why: "the root stays where it is" });
}

export function intoItself(path: string): WirelabError {
  return refusal("FORBIDDEN", path, { why: "a directory cannot be moved into itself" });
}

/** @throws WirelabError `BAD_OPTION` for what is no offset in a file. */
export function checkOffset(start: number): void {
  if (Number.isSafeInteger(start) && start >= 0) return;
  throw new WirelabError("BAD_OPTION", `start is ${start}; it must be a whole number of bytes, from 0 on.`);
}

/** @throws WirelabError `BAD_OPTION` for a date that is none. */
export function checkTime(modified: Date): void {
  if (!Number.isNaN(modified.getTime())) return;
  throw new WirelabError("BAD_OPTION", "The modification time is no valid date.");
}
