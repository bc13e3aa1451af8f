import { constants } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import { createSecureContext, type SecureContext } from "node:tls";
import { withDefaults } from "../defaults.ts";
import { messageOf, WirelabError } from "../errors.ts";
import type { Authority } from "./authority.ts";
import type { KeyPair, TlsOptions, TlsStart } from "./options.ts";

/** All that a server needs for handshakes. */
export interface ServerTls {
  readonly start: Exclude<TlsStart, "none">;
  /** Certificate, key and versions. One for all connections: a session that began on one of them can go on on another. */
  readonly context: SecureContext;
  /** The application protocols to choose from (RFC 7301); without any, clients that offer some are let in as well. */
  readonly alpn: readonly string[] | undefined;
  readonly requestCert: NonNullable<TlsOptions["requestCert"]>;
  /** How long a handshake may take, in milliseconds. */
  readonly handshakeTimeout: number;
  /** What its clients are to trust, as PEM. */
  readonly ca: string;
}

/** What a service says of itself. */
export interface TlsManner {
  readonly start: Exclude<TlsStart, "none">;
  readonly alpn: readonly string[] | undefined;
  /** The address that the server listens on. */
  readonly host: string;
}

const DEFAULTS = {
  requestCert: false,
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  handshakeTimeout: 10_000,
} as const satisfies TlsOptions;

/**
 * Gets a server its certificate, its own or one that the authority issues.
 *
 * @throws WirelabError `BAD_OPTION` for a certificate and a key that are none, or not each other's.
 */
export async function serverTls(
  server: string,
  options: TlsOptions,
  { start, alpn, host }: TlsManner,
  authority: () => Promise<Authority>,
): Promise<ServerTls> {
  const { requestCert, minVersion, maxVersion, handshakeTimeout } = withDefaults(DEFAULTS, options);
  const { cert, key } = await identityOf(options, host, authority);
  // A client's certificate needs an issuer too; without one to ask about, our own would be sent along with the server's.
  const issuers = requestCert ? [(await authority()).cert, ...(options.ca ? [options.ca] : [])] : undefined;
  try {
    const context = createSecureContext({
      cert,
      key,
      ...(issuers && { ca: issuers }),
      minVersion,
      maxVersion,
      sessionIdContext: "wirelab",
      // A client of TLS 1.2 could ask for one handshake after another, which costs it far less than the server.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    });
    const ca = options.cert === undefined ? (await authority()).cert : (options.ca ?? options.cert);
    return { start, context, alpn, requestCert, handshakeTimeout, ca };
  } catch (cause) {
    throw new WirelabError(
      "BAD_OPTION",
      `${server}: tls needs a certificate and its own key, both as PEM text: ${messageOf(cause)}.`,
      { cause },
    );
  }
}

async function identityOf(
  { cert, key, names = [], broken }: TlsOptions,
  host: string,
  authority: () => Promise<Authority>,
): Promise<KeyPair> {
  if (cert !== undefined && key !== undefined) return { cert, key };
  const hosts = ["localhost", "127.0.0.1", "::1", ...addressesOf(host), ...names];
  return (await authority()).server(hosts, broken);
}

/** The addresses that clients may know a server by: those of the whole machine, and its name, where it listens on all. */
function addressesOf(host: string): readonly string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const heard = all.filter(({ family }) => host === "::" || family === "IPv4");
  return [hostname(), ...heard.map(({ address }) => address)];
}
