import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { endpointText } from "../address.ts";
import { codeOf, WirelabError } from "../errors.ts";
import type { Endpoint } from "../events/events.ts";
import { checkAuthority } from "./options.ts";

/** What a server that is dialled by TLS is held against. Its certificate is always verified. */
export interface TlsClientOptions {
  /** The certificates of issuers to trust, as PEM: `lab.ca` of another lab, for example. Default: those that Node trusts. */
  readonly ca?: string;
  /** The name that its certificate is to be for, and that it is told (SNI). Default: the host that is dialled. */
  readonly serverName?: string;
}

/** All that the client's side of a handshake needs. */
export interface TlsClient {
  readonly context: SecureContext;
  /** What the certificate is to be for. */
  readonly host: string;
}

/** @throws WirelabError `BAD_OPTION` for certificates that are none. */
export function tlsClient(to: Endpoint, { ca, serverName }: TlsClientOptions): TlsClient {
  if (ca !== undefined) checkAuthority(ca, endpointText(to));
  const host = serverName ?? ("host" in to ? to.host : "localhost");
  return { context: createSecureContext(ca === undefined ? {} : { ca }), host };
}

/** The client's side of TLS over a socket. */
export function securedTowards(socket: Socket, { context, host }: TlsClient): TLSSocket {
  // Addresses are no names to be told (RFC 6066 §3), and are verified all the same.
  const name = isIP(host) === 0 ? { servername: host } : {};
  return connect({ socket, host, ...name, secureContext: context });
}

/**
 * Waits until the handshake is done and the certificate found good; where that fails, the socket is destroyed.
 *
 * @throws WirelabError `TLS_FAILED`
 */
export function verified(socket: TLSSocket, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: Failure | undefined;
    const timer = setTimeout(() => socket.destroy(new Error("it has taken too long")), ms);
    const failed = (error: Error) => {
      cause = error;
    };
    const settle = () => {
      clearTimeout(timer);
      socket.off("secureConnect", done).off("error", failed).off("close", refuse);
    };
    const done = () => {
      settle();
      resolve();
    };
    const refuse = () => {
      settle();
      const why = `The TLS handshake with the server has failed: ${reasonOf(cause)}.`;
      reject(new WirelabError("TLS_FAILED", why, { cause }));
    };
    socket.on("secureConnect", done).on("error", failed).on("close", refuse);
    if (socket.destroyed) refuse();
  });
}

/** An error as Node tells it: `reason` is OpenSSL's, without its source files. */
type Failure = Error & { readonly reason?: string };

function reasonOf(error: Failure | undefined): string {
  const code = codeOf(error);
  if (error === undefined || code === "ECONNRESET")
    return "the server has closed the connection in the middle";
  const reason = code?.startsWith("ERR_SSL_") ? error.reason : undefined;
  return reason ?? error.message.replace(/[\s:.]+$/, "");
}
