import { isWithin, parentOf } from "./path.ts";
import type { Entry } from "./store/store.ts";

/**
 * What an account may do, in pyftpdlib's letters: `e` enter directories, `l` list them and see facts of files, `r` read,
 * `a` append, `d` delete, `f` rename, `m` make directories, `w` write, `M` change modes, `T` change modification times.
 * To put a file in another one's place takes more than `f`: `d` or `w` as well, either of which could do away with it.
 */
export const PERMISSIONS = "elradfmwMT";
export type Permission = "e" | "l" | "r" | "a" | "d" | "f" | "m" | "w" | "M" | "T";

/** What an account may do in one place, in place of what it may do elsewhere. */
export interface PathPermissions {
  /** Letters out of {@link PERMISSIONS}; none of them, where the string is empty. */
  readonly permissions: string;
  /** Whether they count for all that is below the directory, or for itself and the files directly in it. Default true. */
  readonly recursive?: boolean;
}

/** A {@link PathPermissions} with its path, which is absolute and normalised. */
export interface PathRule extends Required<PathPermissions> {
  readonly path: string;
}

/**
 * The letters for what is, or is to be, at a path: those of the longest path that it is, or lies below.
 *
 * @param rules the longest path first.
 * @param otherwise the letters of a path that no rule is about.
 */
export function lettersFor(
  { path, type }: Pick<Entry, "path" | "type">,
  rules: readonly PathRule[],
  otherwise: string,
): string {
  const rule = rules.find((each) => {
    const reached = reach(each, path);
    return reached === "all" || (reached === "files" && type === "file");
  });
  return rule?.permissions ?? otherwise;
}

/** Whether it matters for the letters what is at a path. */
export function dependsOnType(path: string, rules: readonly PathRule[]): boolean {
  return rules.some((rule) => reach(rule, path) === "files");
}

/** Of what there may be at a path, what a rule is about. */
function reach(rule: PathRule, path: string): "all" | "files" | "none" {
  if (path === rule.path) return "all";
  if (!isWithin(path, rule.path)) return "none";
  if (rule.recursive) return "all";
  return parentOf(path) === rule.path ? "files" : "none";
}
