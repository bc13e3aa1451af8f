import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, WirelabError } from "./errors.ts";

/**
 * What a file describes: JSON, or a module (`.js`, `.mjs`) whose default export it is.
 *
 * @param what the file describes, for the error: a device, a script.
 * @throws WirelabError `BAD_OPTION` where the file cannot be read.
 */
export async function describedIn(path: string, what: string): Promise<unknown> {
  try {
    return /\.[cm]?js$/.test(path)
      ? (await import(pathToFileURL(resolve(path)).href)).default
      : JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new WirelabError("BAD_OPTION", `The ${what} file ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
