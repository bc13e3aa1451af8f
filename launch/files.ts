import { readFile } from "node:fs/promises";

/** The whole text of a file. */
export function contentOf(path: string): Promise<string> {
  return readFile(path, "utf8");
}

/** The array of a JSON file, whose elements are for the caller to check. */
export async function jsonArray<T>(path: string, what: string): Promise<readonly T[]> {
  const found: unknown = JSON.parse(await contentOf(path));
  if (!Array.isArray(found)) throw new Error(`${path} holds no array of ${what}.`);
  return found;
}
