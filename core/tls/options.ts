import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { messageOf, WirelabError } from "../errors.ts";

/** A certificate with its private key, as PEM text. */
export interface KeyPair {
  /** The certificate, and behind it those between it and its issuer, if there are any. */
  readonly cert: string;
  readonly key: string;
}

/**
 * Certificates that a client must refuse, each for one reason alone. All but the last two are issued by the lab's own CA.
 *
 * - `expired` was good until yesterday;
 * - `not-yet-valid` will be good from tomorrow on;
 * - `wrong-host` is for `wrong-host.invalid`;
 * - `self-signed` has no issuer but itself;
 * - `untrusted` is issued by a CA that nobody knows.
 */
export const BROKEN_CERTIFICATES = [
  "expired",
  "not-yet-valid",
  "wrong-host",
  "self-signed",
  "untrusted",
] as const;

/** One of {@link BROKEN_CERTIFICATES}. */
export type BrokenCertificate = (typeof BROKEN_CERTIFICATES)[number];

/** The versions of TLS that can be spoken. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How a server speaks TLS. */
export interface TlsOptions {
  /** The certificate that clients are shown, as PEM, with `key`. Default: one that the lab's own CA issues at the start. */
  readonly cert?: string;
  /** The private key of `cert`, as PEM. */
  readonly key?: string;
  /**
   * Certificates of issuers, as PEM. With `cert`: what its clients are to trust, a part of `lab.ca`; default `cert` itself. With
   * `requestCert`: whose client certificates are taken, beside those of the lab's own CA.
   */
  readonly ca?: string;
  /**
   * Names and addresses that the issued certificate is for, beside `localhost`, 127.0.0.1, ::1, and the address that the server
   * listens on: those of the whole machine where it listens on all of them.
   */
  readonly names?: readonly string[];
  /** What is wrong with the issued certificate, for tests of clients. Default: nothing. */
  readonly broken?: BrokenCertificate;
  /**
   * `true` asks clients for a certificate and refuses those that have none; `optional` lets them in without. One that is shown
   * must be good either way. Default `false`: nobody is asked.
   */
  readonly requestCert?: boolean | "optional";
  /** The lowest version of TLS to speak. Default `TLSv1.2`. */
  readonly minVersion?: TlsVersion;
  /** The highest version of TLS to speak. Default `TLSv1.3`. */
  readonly maxVersion?: TlsVersion;
  /** Milliseconds that a client has for its handshake. Default 10,000. */
  readonly handshakeTimeout?: number;
}

/**
 * Whether a server speaks TLS, and how: `true` with a certificate that the lab's own CA issues, `false` not at all, the name of a
 * broken certificate with that one, or as the options say.
 */
export type TlsSetting = boolean | BrokenCertificate | TlsOptions;

/** How a protocol begins TLS: with the first byte, when its client asks for it, or never. */
export type TlsStart = "implicit" | "explicit" | "none";

const VERSIONS: readonly TlsVersion[] = ["TLSv1.2", "TLSv1.3"];

/**
 * How a server speaks TLS by its own setting and the lab's: its own certificate takes the place of the lab's, and what it leaves
 * open else is as the lab has it. Undefined where it speaks none.
 *
 * @throws WirelabError `BAD_OPTION` for options that are none or contradict each other, in the name of the server.
 */
export function tlsFor(
  server: string,
  own: TlsSetting | undefined,
  lab: TlsSetting | undefined,
): TlsOptions | undefined {
  const setting = own ?? lab ?? false;
  if (setting === false) return undefined;
  const common = lab === undefined ? {} : optionsOf(lab, "the lab");
  const options = own === undefined ? common : merged(common, optionsOf(own, server));
  check(options, server);
  return options;
}

function merged(common: TlsOptions, own: TlsOptions): TlsOptions {
  const { cert, key, names, broken, ...manner } = common;
  if (own.cert !== undefined || own.key !== undefined) return { ...manner, ...own };
  if (own.names === undefined && own.broken === undefined) return { ...common, ...own };
  return { ...manner, ...(names && { names }), ...own };
}

function optionsOf(setting: TlsSetting, where: string): TlsOptions {
  if (typeof setting === "object" && setting !== null) return setting;
  if (typeof setting === "boolean") return {};
  if (BROKEN_CERTIFICATES.includes(setting)) return { broken: setting };
  return reject(
    where,
    `tls is ${JSON.stringify(setting)}; it can be true, false, one of ${BROKEN_CERTIFICATES.join(", ")}, or options`,
  );
}

function check(options: TlsOptions, where: string): void {
  const { cert, key, ca, names, broken, requestCert = false, minVersion, maxVersion } = options;
  if ((cert === undefined) !== (key === undefined)) reject(where, "tls.cert and tls.key go together");
  if (cert !== undefined && (broken !== undefined || names !== undefined)) {
    reject(where, "tls.broken and tls.names are for certificates that the lab issues, not for tls.cert");
  }
  if (broken !== undefined && !BROKEN_CERTIFICATES.includes(broken)) {
    reject(where, `tls.broken is ${JSON.stringify(broken)}; it can be ${BROKEN_CERTIFICATES.join(", ")}`);
  }
  if (![true, false, "optional"].includes(requestCert)) {
    reject(where, `tls.requestCert is ${JSON.stringify(requestCert)}; it can be true, false or "optional"`);
  }
  for (const [name, version] of Object.entries({ minVersion, maxVersion })) {
    if (version !== undefined && !VERSIONS.includes(version)) {
      reject(where, `tls.${name} is ${JSON.stringify(version)}; it can be ${VERSIONS.join(" or ")}`);
    }
  }
  if (minVersion === "TLSv1.3" && maxVersion === "TLSv1.2") {
    reject(where, "tls.minVersion is above tls.maxVersion");
  }
  const unknown = names?.find((name) => hostName(name) === undefined);
  if (unknown !== undefined) {
    reject(where, `tls.names has ${JSON.stringify(unknown)}, which is no name of a host`);
  }
  const { handshakeTimeout = 1 } = options;
  if (!(handshakeTimeout > 0)) {
    reject(where, `tls.handshakeTimeout is ${handshakeTimeout}; it is in milliseconds, and more than 0`);
  }
  if (ca !== undefined) checkAuthority(ca, where);
}

/** A name or an address as certificates have it, in ASCII and without an IPv6 zone; undefined for what no host is called. */
export function hostName(host: string): string | undefined {
  const address = host.replace(/%.*$/, "");
  if (isIP(address) !== 0) return address;
  return (/^[^\s/:@?#\\[\]]+$/.test(host) && domainToASCII(host)) || undefined;
}

/** @throws WirelabError `BAD_OPTION` in that name, for what is no certificate. */
export function checkAuthority(ca: string, where: string): void {
  try {
    new X509Certificate(ca);
  } catch (cause) {
    throw new WirelabError("BAD_OPTION", `${where}: tls.ca is no certificate as PEM: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

function reject(where: string, why: string): never {
  throw new WirelabError("BAD_OPTION", `${where}: ${why}.`);
}
