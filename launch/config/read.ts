import { access, readFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { codeOf, messageOf, WirelabError } from "../../core/errors.ts";

/** What a configuration file says, in the form that its schema gives it. */
export interface Config {
  /** The file, as it was named. */
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Reads a configuration: JSON, or a module whose default export it is. Paths in it are seen from where the file is.
 *
 * @throws WirelabError `BAD_OPTION` that names the file, and each path in it where something else was expected.
 */
export async function readConfig(file: string): Promise<Config> {
  const found = await contentOf(file);
  if (Array.isArray(found)) throw new WirelabError("BAD_OPTION", `${file}: expected an object, found a list`);
  const { kitFor } = await import("./kit.ts");
  const { configSchema } = await import("./schema.ts");
  const { check } = await import("./mistakes.ts");
  const schema = configSchema(kitFor((path) => resolve(dirname(file), path)));
  return { file, values: check(schema, found, file) };
}

async function contentOf(file: string): Promise<unknown> {
  try {
    return /^\.[cm]?[jt]s$/.test(extname(file)) ? await moduleOf(file) : parsed(await readFile(file, "utf8"));
  } catch (error) {
    throw new WirelabError("BAD_OPTION", `${file}: ${why(error)}`, { cause: error });
  }
}

/** A promise is awaited: a configuration may have to ask for something first. */
async function moduleOf(file: string): Promise<unknown> {
  await access(file);
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(resolve(file)).href);
  if (!("default" in module))
    throw new Error("it has no default export; write `export default defineLab({ … })`.");
  return module.default;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const [, at] = /at position (\d+)/.exec(messageOf(error)) ?? [];
    const before = text.slice(0, at === undefined ? text.length : Number(at)).split("\n");
    const where = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw new Error(`this is no JSON at ${where}: ${messageOf(error)}.`);
  }
}

function why(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "there is no such file.";
    case "EISDIR":
      return "this is a folder; name the file in it.";
    case "EACCES":
      return "this file may not be read.";
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return "this Node does not read TypeScript, which 22.18 and later do; take one of those, or write .mjs or .json.";
    default:
      return messageOf(error);
  }
}
