import { existsSync, lstatSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Control } from "../control/index.ts";
import type { Account } from "../core/accounts.ts";
import { WirelabError } from "../core/errors.ts";
import type { Server } from "../core/server.ts";
import { whyNot } from "./files.ts";
import type { TlsFiles } from "./tls-files.ts";

type Servers = Readonly<Record<string, Server>>;

/** What there is to be told of a lab that runs. */
export interface ReadyLab {
  readonly servers: Servers;
  /** What TLS clients are to trust, as PEM. */
  readonly ca?: string | undefined;
  readonly control?: Pick<Control, "url" | "token"> | undefined;
}

/** What `--ready=json` prints: one line that a harness in any language can wait for and parse. */
export function readyRecord(pid: number, { servers, ca, control }: ReadyLab): object {
  return {
    wirelab: 1,
    ready: true,
    pid,
    ...(ca !== undefined && { ca }),
    ...(control && { control: { url: control.url, token: control.token } }),
    servers: Object.fromEntries(
      Object.entries(servers).map(([name, { url, host, port, path }]) => [
        name,
        path ? { url, path } : { url, host, port },
      ]),
    ),
  };
}

/** The first line of an environment file, by which we know our own. */
const HEADER = "# Written by wirelab when its servers listen.";

/**
 * Removes an earlier run's environment file: a script may wait for the file to appear, and must not take the old one for ours.
 *
 * @throws WirelabError `BAD_OPTION` where the file is somebody else's.
 */
export function clearEnvironmentFile(path: string): void {
  clear(path, "--env", HEADER);
}

/**
 * Removes a file that begins as ours do, so that one can be written.
 *
 * @throws WirelabError `BAD_OPTION` where it does not, or where none can be written.
 */
export function clear(path: string, flag: string, beginning: string): void {
  const refusal = (why: string) => new WirelabError("BAD_OPTION", `${flag} ${path}: ${why}`);
  if (!existsSync(dirname(resolve(path)))) throw refusal("there is no such folder.");
  if (!existsSync(path)) return;
  try {
    const there = statSync(path);
    // A device or a pipe (`/dev/null`, `/dev/fd/3`) is written to as it is: it may never end, and is not ours to remove.
    if (!there.isFile() && !there.isDirectory()) return;
    const found = readFileSync(path, "utf8");
    if (found === "" || found.startsWith(beginning)) {
      // A link, `/dev/stdout` for example, stays one.
      if (lstatSync(path).isSymbolicLink()) truncateSync(path);
      else rmSync(path);
      return;
    }
  } catch (error) {
    throw refusal(whyNot(error));
  }
  throw refusal("there is a file that wirelab did not write; name another.");
}

/**
 * Writes a file that others wait for.
 *
 * @throws WirelabError `BAD_OPTION` where it cannot be written.
 */
export function write(path: string, flag: string, text: string, options?: { readonly mode: number }): void {
  try {
    writeFileSync(path, text, options);
  } catch (error) {
    throw new WirelabError("BAD_OPTION", `${flag} ${path}: ${whyNot(error)}`, { cause: error });
  }
}

/** What those who use a lab find in their environment. */
export interface Surroundings {
  readonly servers: Servers;
  readonly accounts: readonly Account[];
  readonly files: TlsFiles;
  readonly control: Pick<Control, "url" | "token"> | undefined;
}

/**
 * The variables of those who use a lab: `WIRELAB_<NAME>_URL`, `_HOST` and `_PORT` of each server, or `_PATH` of its Unix-domain
 * socket; `WIRELAB_USER` and `WIRELAB_PASSWORD` of the first account; `WIRELAB_CA_FILE` and `WIRELAB_CLIENT_CERT_FILE`;
 * `WIRELAB_CONTROL_URL` and `WIRELAB_CONTROL_TOKEN`.
 */
export function environmentOf({
  servers,
  accounts,
  files,
  control,
}: Surroundings): Readonly<Record<string, string>> {
  const ofServers = Object.values(servers).flatMap(({ name, url, host, port, path }) => {
    const values = path ? { URL: url, PATH: path } : { URL: url, HOST: host, PORT: `${port}` };
    return Object.entries(values).map(([what, value]) => [`${variableName(name)}_${what}`, value] as const);
  });
  const [account] = accounts;
  return {
    ...Object.fromEntries(ofServers),
    ...(account && { WIRELAB_USER: account.name }),
    ...(account?.password !== undefined && { WIRELAB_PASSWORD: account.password }),
    ...(control && { WIRELAB_CONTROL_URL: control.url, WIRELAB_CONTROL_TOKEN: control.token }),
    ...(files.caFile !== undefined && { WIRELAB_CA_FILE: resolve(files.caFile) }),
    ...(files.clientCertFile !== undefined && { WIRELAB_CLIENT_CERT_FILE: resolve(files.clientCertFile) }),
  };
}

/** The beginning of a server's variables: of `api-v2`, `WIRELAB_API_V2`. */
export function variableName(server: string): string {
  return `WIRELAB_${server.replaceAll(/[^A-Za-z0-9]/g, "_").toUpperCase()}`;
}

/** Writes {@link environmentOf} as assignments that sh reads, and every tool that reads such files. */
export function writeEnvironmentFile(path: string, surroundings: Surroundings): void {
  const lines = Object.entries(environmentOf(surroundings)).map(
    ([name, value]) => `${name}=${quoted(value)}`,
  );
  // There is a password in it.
  write(path, "--env", [HEADER, ...lines, ""].join("\n"), { mode: 0o600 });
}

/** As it is where a shell takes it so; else in single quotes. */
function quoted(value: string): string {
  return /^[\w.:/@%+,=[\]-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
