import type { Lab } from "../core/lab.ts";
import { clear, write } from "./ready.ts";

/** Files for TLS clients: whom they are to trust, and by what they are trusted themselves. */
export interface TlsFiles {
  readonly caFile: string | undefined;
  readonly clientCertFile: string | undefined;
}

/** How such a file begins, by which we know our own. */
const PEM = "-----BEGIN CERTIFICATE-----";

/**
 * Removes those of an earlier run: a script may wait for them, and must not take them for ours.
 *
 * @throws WirelabError `BAD_OPTION` where one is somebody else's.
 */
export function clearTlsFiles({ caFile, clientCertFile }: TlsFiles): void {
  if (caFile !== undefined) clear(caFile, "--ca-file", PEM);
  if (clientCertFile !== undefined) clear(clientCertFile, "--client-cert", PEM);
}

/** Writes them, when everything listens. */
export async function writeTlsFiles({ caFile, clientCertFile }: TlsFiles, lab: Lab): Promise<void> {
  if (caFile !== undefined) write(caFile, "--ca-file", lab.ca ?? "");
  if (clientCertFile === undefined) return;
  const { cert, key } = await lab.clientCertificate("client");
  write(clientCertFile, "--client-cert", `${cert}${key}`, { mode: 0o600 });
}
