import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { messageOf, WirelabError } from "./errors.ts";

/** A certificate of one's own, as PEM text. */
export interface KeyPair {
  /** The certificate, and behind it those between it and its issuer, if there are any. */
  readonly cert: string;
  readonly key: string;
  /** What clients are to trust: the issuer's certificate. Default: the certificate itself. */
  readonly ca?: string;
}

/** What a lab shows its TLS clients: a throw-away certificate for this machine, made at the start, or one of one's own. */
export type TlsOptions = "generated" | KeyPair;

/** The certificate of a lab, as its clients need it, as PEM text. */
export interface Certificate {
  readonly cert: string;
  /**
   * What clients are to trust, so that they need not switch verification off: `ca` of `node:tls`, `--cacert` of curl, a
   * file named by NODE_EXTRA_CA_CERTS.
   */
  readonly ca: string;
}

/** A certificate with its key, ready for handshakes. */
export interface Identity {
  readonly certificate: Certificate;
  readonly context: SecureContext;
}

/** How long a generated certificate is good: labs do not live for months, and clients distrust more than 398 days. */
const VALIDITY = 365 * 24 * 3600 * 1000;

/** By how much clients' clocks may be slow, in milliseconds. */
const SLOW_CLOCKS = 24 * 3600 * 1000;

/** How long a handshake may take, in milliseconds. */
const HANDSHAKE = 10_000;

/** @throws WirelabError `BAD_OPTION` for a certificate and a key that are none, or not each other's. */
export async function identityFrom(options: TlsOptions): Promise<Identity> {
  const { cert, key, ca = cert } = options === "generated" ? await generated() : options;
  try {
    // One context for all connections of a lab: a session that began on one of them can go on on another.
    const context = createSecureContext({ cert, key, sessionIdContext: "wirelab" });
    return { certificate: { cert, ca }, context };
  } catch (cause) {
    throw new WirelabError(
      "BAD_OPTION",
      `tls needs a certificate and its own key, both as PEM text: ${messageOf(cause)}.`,
      { cause },
    );
  }
}

/** An elliptic key, and a certificate that it has signed itself, for the names of this machine alone. */
async function generated(): Promise<KeyPair> {
  const { generate } = await import("selfsigned");
  const now = Date.now();
  const made = await generate([{ name: "commonName", value: "wirelab" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(now - SLOW_CLOCKS),
    notAfterDate: new Date(now + VALIDITY),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** The server's side of TLS over a socket. What the socket has read already, and nobody has taken, is the handshake's beginning. */
export function secured(socket: Socket, { context }: Identity): TLSSocket {
  return new TLSSocket(socket, { isServer: true, secureContext: context });
}

/**
 * Waits for the end of a handshake; one that fails leaves the socket destroyed.
 *
 * @throws WirelabError `TLS_FAILED`
 */
export function handshake(socket: TLSSocket, ms: number = HANDSHAKE): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: Error | undefined;
    const failed = (error: Error) => {
      cause = error;
    };
    const ended = () => socket.destroy();
    const settle = () => {
      clearTimeout(timer);
      socket.off("secure", done).off("error", failed).off("end", ended).off("close", refuse);
    };
    const done = () => {
      settle();
      // Told from within OpenSSL, which is still to write tickets: an end that came before them would have no alert.
      setImmediate(resolve);
    };
    const refuse = () => {
      settle();
      const why = cause ? messageOf(cause) : "the client has closed the connection";
      reject(new WirelabError("TLS_FAILED", `The TLS handshake has failed: ${why}.`, { cause }));
    };
    const timer = setTimeout(
      () => socket.destroy(new WirelabError("TLS_FAILED", `It was not complete within ${ms} ms`)),
      ms,
    );
    socket.on("secure", done).on("error", failed).on("end", ended).on("close", refuse);
    if (socket.destroyed) refuse();
  });
}
