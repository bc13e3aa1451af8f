import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Readable } from "node:stream";
import type { RecordedLine } from "../core/capture/recorded.ts";
import { codeOf, messageOf, WirelabError } from "../core/errors.ts";
import type { Kit, Schema } from "./config/kit.ts";

/**
 * The whole text of a file.
 *
 * @throws WirelabError `BAD_OPTION` that says why not.
 */
export async function contentOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error) => {
    throw new WirelabError("BAD_OPTION", `${path}: ${whyNot(error)}`, { cause: error });
  });
}

/**
 * What a JSON file holds, in the form that its schema gives it. Paths in it are seen from where it is.
 *
 * @throws WirelabError `BAD_OPTION` that names the file, and each place in it where something else was expected.
 */
export async function checkedJson<T>(path: string, schema: (kit: Kit) => Schema<T>): Promise<T> {
  return checked(await jsonOf(path), path, schema);
}

/** As {@link checkedJson}, of what has been read already. */
export async function checked<T>(
  found: unknown,
  path: string,
  schema: (kit: Kit) => Schema<T> | Promise<Schema<T>>,
): Promise<T> {
  const [{ kitFor }, { check }] = await Promise.all([
    import("./config/kit.ts"),
    import("./config/mistakes.ts"),
  ]);
  return check(await schema(kitFor((name) => resolve(dirname(path), name))), found, path);
}

export async function jsonOf(path: string): Promise<unknown> {
  const text = (await contentOf(path)).replace(/^\uFEFF/, "");
  try {
    return JSON.parse(text);
  } catch (error) {
    const before = text.slice(0, mistakeIn(text, messageOf(error))).split("\n");
    const where = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw new WirelabError("BAD_OPTION", `${path}: this is no JSON at ${where}: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

/**
 * A recording as it stands on a command line: a file, or `-` for what comes in.
 *
 * @throws WirelabError `BAD_OPTION` where the file cannot be read, `BAD_CONTENT` where it is no recording.
 */
export async function recordingIn(path: string, stdin: Readable): Promise<RecordedLine[]> {
  const { wholeRecording } = await import("../core/capture/recorded.ts");
  return wholeRecording(path === "-" ? stdin : path).catch((error) => {
    if (codeOf(error) === "BAD_CONTENT" || path === "-") throw error;
    throw new WirelabError("BAD_OPTION", `${path}: ${whyNot(error.cause)}`, { cause: error });
  });
}

/** Where a text is no JSON. Node tells no place of an unexpected token: the shortest beginning that has one ends with it. */
function mistakeIn(text: string, message: string): number {
  const [, at] = /at position (\d+)/.exec(message) ?? [];
  if (at !== undefined) return Number(at);
  let [without, having] = [0, text.length + 1];
  while (having - without > 1) {
    const length = Math.floor((without + having) / 2);
    if (hasUnexpectedToken(text.slice(0, length))) having = length;
    else without = length;
  }
  return without;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return messageOf(error).startsWith("Unexpected token");
  }
}

/** Why a file cannot be read or written, in a sentence. */
export function whyNot(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no such file.";
    case "EISDIR":
      return "this is a folder; name a file in it.";
    case "ENOTDIR":
      return "this lies in a file, which is no folder.";
    case "EACCES":
    case "EPERM":
      return "this process may not.";
    default:
      return messageOf(error);
  }
}
