import { codeOf } from "../errors.ts";

/** What OpenSSL says went wrong, and what that means here. */
const MEANINGS: Readonly<Record<string, string>> = {
  "http request": "the client speaks plain HTTP",
  "no application protocol": "the client offers no application protocol (ALPN) that this server speaks",
  "no shared cipher": "client and server have no cipher in common",
  "no suitable signature algorithm": "client and server have no signature algorithm in common",
  "no shared signature algorithms": "client and server have no signature algorithm in common",
  "peer did not return a certificate": "the client has shown no certificate, and this server asks for one",
  "unsupported protocol": "the client speaks no version of TLS that this server speaks",
  "wrong version number": "what the client has sent is no TLS",
};

/** What clients mean by their alerts (RFC 8446 §6.2): nearly all speak of the server's certificate. */
const ALERTS: Readonly<Record<string, string>> = {
  "unknown ca": "the client does not trust the issuer of the server's certificate",
  "bad certificate": "the client does not take the server's certificate",
  "certificate unknown": "the client does not take the server's certificate",
  "certificate expired": "the client finds the server's certificate expired, or not good yet",
};

/** OpenSSL's reason in Node's code, where it has given one, or in a message that has come as it is. */
const REASON = /^ERR_SSL_(\w+)$|:SSL routines:[^:]*:([^:]+):/;

/**
 * Why TLS has failed, as the end of a sentence; undefined for an error that is not of TLS. OpenSSL's own messages name its source
 * files, and look as if the server were broken.
 */
export function tlsReason(error: Error): string | undefined {
  const code = codeOf(error) ?? "";
  const [, named, said] = REASON.exec(code) ?? REASON.exec(error.message) ?? [];
  const reason = said ?? named?.toLowerCase().replaceAll("_", " ");
  if (reason === undefined) return code.startsWith("ERR_TLS_") ? error.message : undefined;
  const [, alert] = / alert (.+)$/.exec(reason) ?? [];
  if (alert === undefined) return MEANINGS[reason] ?? reason;
  return `${ALERTS[alert] ?? "the client has refused"} (alert ${alert.replaceAll(" ", "_")})`;
}
