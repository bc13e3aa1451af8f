import { codeOf } from "../errors.ts";

/** What went wrong, by OpenSSL's name for it. */
const REASONS: Readonly<Record<string, string>> = {
  HTTP_REQUEST: "the client speaks plain HTTP",
  HTTPS_PROXY_REQUEST: "the client takes this server for an HTTP proxy",
  NO_APPLICATION_PROTOCOL: "the client offers no application protocol (ALPN) that this server speaks",
  NO_SHARED_CIPHER: "client and server have no cipher in common",
  NO_SUITABLE_SIGNATURE_ALGORITHM: "client and server have no signature algorithm in common",
  NO_SHARED_SIGNATURE_ALGORITHMS: "client and server have no signature algorithm in common",
  PEER_DID_NOT_RETURN_A_CERTIFICATE: "the client has shown no certificate, and this server asks for one",
  UNSUPPORTED_PROTOCOL: "the client speaks no version of TLS that this server speaks",
  WRONG_VERSION_NUMBER: "the client does not speak TLS",
  UNEXPECTED_EOF_WHILE_READING: "the client has closed the connection in the middle",
};

/** What clients mean by their alerts (RFC 8446 §6.2). Nearly always they speak of the server's certificate. */
const ALERTS: Readonly<Record<string, string>> = {
  UNKNOWN_CA: "unknown CA: it does not trust the issuer of the server's certificate",
  BAD_CERTIFICATE: "bad certificate: it does not take the server's",
  CERTIFICATE_UNKNOWN: "certificate unknown: it does not take the server's",
  CERTIFICATE_EXPIRED: "certificate expired, or not good yet",
  PROTOCOL_VERSION: "protocol version: it speaks another version of TLS",
  HANDSHAKE_FAILURE: "handshake failure: it speaks TLS in another way",
};

/**
 * Why TLS has failed, as the end of a sentence: OpenSSL's own messages name its source files, and look to the reader as if the
 * server were broken.
 */
export function tlsReason(error: Error): string {
  const code = codeOf(error) ?? "";
  if (code === "ECONNRESET" || code === "EPIPE") return "the client has reset the connection";
  const [, alert] = /_ALERT_(\w+)$/.exec(code) ?? [];
  if (alert !== undefined) return `the client has refused with the alert ${ALERTS[alert] ?? words(alert)}`;
  const [, reason] = /^ERR_SSL_(\w+)$/.exec(code) ?? [];
  return reason === undefined ? error.message : (REASONS[reason] ?? words(reason));
}

/** Whether it is TLS that an error is about, and not the socket under it. */
export function isTlsError(error: Error): boolean {
  return /^ERR_(SSL|TLS)_/.test(codeOf(error) ?? "");
}

function words(name: string): string {
  return name.toLowerCase().replaceAll("_", " ");
}
