import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { WirelabError } from "../core/errors.ts";
import type { Server } from "../core/server.ts";

type Servers = Readonly<Record<string, Server>>;

/** What `--ready=json` prints: one line that a harness in any language can wait for and parse. */
export function readyRecord(pid: number, servers: Servers, ca: string | undefined): object {
  return {
    wirelab: 1,
    ready: true,
    pid,
    // What TLS clients are to trust, as PEM.
    ...(ca !== undefined && { ca }),
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

/** As {@link clearEnvironmentFile}, for what TLS clients are to trust: any certificate makes room. */
export function clearAuthorityFile(path: string): void {
  clear(path, "--ca-file", "-----BEGIN CERTIFICATE-----");
}

function clear(path: string, flag: string, beginning: string): void {
  if (!existsSync(path)) return;
  const found = readFileSync(path, "utf8");
  if (found !== "" && !found.startsWith(beginning)) {
    throw new WirelabError(
      "BAD_OPTION",
      `${flag} ${path}: there is a file that wirelab did not write; name another.`,
    );
  }
  rmSync(path);
}

/**
 * Writes assignments that sh reads, and every tool that reads such files: `WIRELAB_FTP_URL=…` and the like.
 *
 * @param caFile the file with what TLS clients are to trust: `WIRELAB_CA_FILE`.
 */
export function writeEnvironmentFile(path: string, servers: Servers, caFile: string | undefined): void {
  const lines = Object.entries(servers).flatMap(([name, { url, host, port, path: socket }]) => {
    const values: Record<string, string | number> = socket
      ? { URL: url, PATH: socket }
      : { URL: url, HOST: host, PORT: port };
    return Object.entries(values).map(
      ([what, value]) => `WIRELAB_${name.toUpperCase()}_${what}=${quoted(`${value}`)}`,
    );
  });
  const trust = caFile === undefined ? [] : [`WIRELAB_CA_FILE=${quoted(resolve(caFile))}`];
  writeFileSync(path, [HEADER, ...lines, ...trust, ""].join("\n"));
}

/** As it is where a shell takes it so; else in single quotes. */
function quoted(value: string): string {
  return /^[\w.:/@%+,=[\]-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
