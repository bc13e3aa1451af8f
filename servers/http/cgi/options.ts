import { realpath, stat } from "node:fs/promises";
import { withDefaults } from "../../../core/defaults.ts";
import { WirelabError } from "../../../core/errors.ts";

/**
 * Programs that an HTTP server runs (RFC 3875). They get no command line: a query without `=` is not taken apart into arguments
 * (§4.4), since that has let clients give options to interpreters.
 */
export interface CgiOptions {
  /**
   * The folder on disk that they are in. Where it lies among the lab's files, clients can run what is in it, and neither read,
   * list nor write it, by whatever protocol. It cannot hold the lab's files.
   */
  readonly folder: string;
  /** Where they are in URLs. Default `/cgi-bin/`. */
  readonly path?: string;
  /**
   * Variables that they get beside those of CGI; nothing of this process's own environment reaches them. Default: a `PATH` of
   * `/usr/local/bin:/usr/bin:/bin`.
   */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Milliseconds that one may go without reading or writing a byte; then it is killed, and answered for with 504 where it had
   * not begun. Default 15,000; 0 for no limit. Behind a client that has closed its side it is 3,000 at most; with a client
   * that is gone altogether, a program is ended at once.
   */
  readonly timeout?: number;
  /** How many run at once; the next 256 requests wait, and others are refused with 503. Default 16. */
  readonly maxScripts?: number;
}

/** The options with their defaults, checked. */
export interface CgiSettings {
  /** The folder itself, behind all symlinks. */
  readonly folder: string;
  /** With a slash at both ends. */
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeout: number;
  readonly maxScripts: number;
}

const DEFAULTS = {
  path: "/cgi-bin/",
  environment: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  timeout: 15_000,
  maxScripts: 16,
} as const satisfies Partial<CgiOptions>;

/** @throws WirelabError `BAD_OPTION`, naming what is wrong: a folder that is none, for example. */
export async function cgiSettings(options: CgiOptions | string): Promise<CgiSettings> {
  const settings = withDefaults(DEFAULTS, typeof options === "string" ? { folder: options } : options);
  const reject = (why: string): never => {
    throw new WirelabError("BAD_OPTION", `http's cgi ${why}.`);
  };
  const folder = await realpath(settings.folder).catch(() =>
    reject(`is ${settings.folder}, and there is no such folder`),
  );
  if (!(await stat(folder)).isDirectory()) reject(`is ${settings.folder}, which is no folder`);
  const path = `/${settings.path.split("/").filter(Boolean).join("/")}/`;
  if (path === "//" || path.includes("/.")) reject(`has the path "${settings.path}"; write /cgi-bin/`);
  for (const name of ["timeout", "maxScripts"] as const) {
    const least = name === "maxScripts" ? 1 : 0;
    if (!Number.isSafeInteger(settings[name]) || settings[name] < least) {
      reject(`has ${settings[name]} as ${name}; it must be a whole number, ${least} or more`);
    }
  }
  return { ...settings, environment: { ...DEFAULTS.environment, ...settings.environment }, folder, path };
}
