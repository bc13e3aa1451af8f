import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { codeOf } from "../../../core/errors.ts";
import { isInside } from "../../../core/store/secluded.ts";
import { Refusal } from "../refusal.ts";
import type { CgiSettings } from "./options.ts";

/** What a URL names in a folder of programs. */
export interface Program {
  /** On disk, behind all symlinks. */
  readonly file: string;
  /** SCRIPT_NAME: the part of the URL's path that names the program, decoded. */
  readonly name: string;
  /** PATH_INFO: the part behind it; empty, or with a slash at its beginning. */
  readonly rest: string;
}

/**
 * The program that a path names: the first regular file on the way.
 *
 * @param path decoded and normalised, below the settings' path; with a slash at its end where it was written so.
 * @throws Refusal 404 where there is none, 403 for one that must not be executed and for folders.
 */
export async function programAt(path: string, { folder, path: prefix }: CgiSettings): Promise<Program> {
  const missing = () => new Refusal(404, `${path}: there is no such program.`, {}, "NOT_FOUND");
  const names = path.slice(prefix.length).split("/");
  let file = folder;
  for (const [index, name] of names.entries()) {
    if (name === "") break;
    if (name.startsWith(".") || (sep === "\\" && /[\\:]/.test(name))) throw missing();
    const found = await realpath(join(file, name)).catch((error) => {
      throw codeOf(error) === "EACCES" ? forbidden(path) : missing();
    });
    // A symlink that leads elsewhere may lead to what somebody uploaded.
    if (!isInside(found, folder)) throw missing();
    file = found;
    const stats = await stat(file);
    if (stats.isDirectory()) continue;
    if (!stats.isFile()) throw missing();
    await access(file, constants.X_OK).catch(() => {
      throw forbidden(path);
    });
    const own = names.slice(0, index + 1).join("/");
    return { file, name: prefix + own, rest: path.slice(prefix.length + own.length) };
  }
  throw new Refusal(403, `${path}: programs are run here, and folders not listed.`, {}, "FORBIDDEN");
}

function forbidden(path: string): Refusal {
  return new Refusal(403, `${path}: this may not be executed (chmod +x makes it so).`, {}, "FORBIDDEN");
}
