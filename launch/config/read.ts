import { access } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { codeOf, WirelabError } from "../../core/errors.ts";
import { checked, jsonOf, whyNot } from "../files.ts";
import { configSchema } from "./schema.ts";

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
  const found = /^\.[cm]?[jt]s$/.test(extname(file)) ? await moduleOf(file) : await jsonOf(file);
  return { file, values: await checked(found, file, configSchema) };
}

async function moduleOf(file: string): Promise<unknown> {
  const reject = (why: string, cause?: unknown): never => {
    throw new WirelabError("BAD_OPTION", `${file}: ${why}`, { cause });
  };
  let module: Readonly<Record<string, unknown>>;
  try {
    await access(file);
    module = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    return reject(
      codeOf(error) === "ERR_UNKNOWN_FILE_EXTENSION"
        ? "this Node does not read TypeScript, which 22.18 and later do; take one of those, or write .mjs or .json."
        : whyNot(error),
      error,
    );
  }
  if (!("default" in module))
    return reject("it has no default export; write `export default defineLab({ … })`.");
  return module.default;
}
