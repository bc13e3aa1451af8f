import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { WirelabError } from "../core/errors.ts";
import type { Server } from "../core/server.ts";
import type { TlsFiles } from "./tls-files.ts";

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

/** Removes a file that begins as ours do. @throws WirelabError `BAD_OPTION` where it does not. */
export function clear(path: string, flag: string, beginning: string): void {
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

/** Writes assignments that sh reads, and every tool that reads such files: `WIRELAB_FTP_URL=…` and the like. */
export function writeEnvironmentFile(path: string, servers: Servers, files: TlsFiles): void {
  const lines = Object.entries(servers).flatMap(([name, { url, host, port, path: socket }]) => {
    const values: Record<string, string | number> = socket
      ? { URL: url, PATH: socket }
      : { URL: url, HOST: host, PORT: port };
    return Object.entries(values).map(
      ([what, value]) => `WIRELAB_${name.toUpperCase()}_${what}=${quoted(`${value}`)}`,
    );
  });
  const named = { WIRELAB_CA_FILE: files.caFile, WIRELAB_CLIENT_CERT_FILE: files.clientCertFile };
  const written = Object.entries(named).flatMap(([name, file]) =>
    file === undefined ? [] : [`${name}=${quoted(resolve(file))}`],
  );
  writeFileSync(path, [HEADER, ...lines, ...written, ""].join("\n"));
}

/** As it is where a shell takes it so; else in single quotes. */
function quoted(value: string): string {
  return /^[\w.:/@%+,=[\]-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
