import { KeyObject, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type { JsonGeneralName, JsonName } from "@peculiar/x509";
import { type BrokenCertificate, hostName, type KeyPair } from "./options.ts";

/** Who issues a lab's certificates. Its key is never told, so that trusting it trusts nobody else. */
export interface Authority {
  /** What clients are to trust, as PEM. */
  readonly cert: string;
  /** A certificate for servers of these names and addresses: one for all that have the same. */
  server(hosts: readonly string[], broken?: BrokenCertificate): Promise<KeyPair>;
  /** A certificate for a client, who may have any name; `wrong-host` is none that a client's certificate could be. */
  client(name: string, broken?: Exclude<BrokenCertificate, "wrong-host">): Promise<KeyPair>;
}

/** Who signs, and in which name. */
interface Issuer {
  readonly name: JsonName;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Elliptic keys are made at once; RSA's would take longer than all the rest of a start. */
const KEYS = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;

const PEM = { type: "pkcs8", format: "pem" } as const;

const DAY = 24 * 3600 * 1000;

/** From when to when, in days from now. Some clocks are slow by a day, and clients distrust what is good for more than 398. */
const GOOD = [-1, 365] as const;
const VALIDITY: Readonly<Record<string, readonly [from: number, to: number]>> = {
  expired: [-30, -1],
  "not-yet-valid": [1, 365],
};

/** Nobody has this name (RFC 6761 §6.4). */
const WRONG_HOST = "wrong-host.invalid";

/** A throw-away authority. The library is loaded here: labs without TLS do without it. */
export async function authority(): Promise<Authority> {
  const x509 = await import("@peculiar/x509");
  const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const { X509CertificateGenerator, SubjectKeyIdentifierExtension, AuthorityKeyIdentifierExtension } = x509;

  const issuer = await newIssuer("wirelab CA");
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: issuer.name,
      keys: issuer.keys,
      signingAlgorithm: SIGNING,
      ...between(GOOD),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
        await SubjectKeyIdentifierExtension.create(issuer.keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );

  async function issue(
    name: string,
    usage: string,
    hosts: readonly JsonGeneralName[],
    broken?: BrokenCertificate,
  ): Promise<KeyPair> {
    const subject = [{ CN: [name] }];
    const keys = await newKeys();
    const by =
      broken === "self-signed"
        ? { name: subject, keys }
        : broken === "untrusted"
          ? await newIssuer("unknown CA")
          : issuer;
    const issued = await X509CertificateGenerator.create(
      {
        subject,
        issuer: by.name,
        publicKey: keys.publicKey,
        signingKey: by.keys.privateKey,
        signingAlgorithm: SIGNING,
        ...between(VALIDITY[broken ?? ""] ?? GOOD),
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([usage]),
          ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension([...hosts])] : []),
          // Strict clients (Python 3.13) want to find an issuer by its key (RFC 5280 §4.2.1.1).
          await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
          await AuthorityKeyIdentifierExtension.create(by.keys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return { cert: `${issued.toString("pem")}\n`, key: `${KeyObject.from(keys.privateKey).export(PEM)}` };
  }

  const servers = new Map<string, Promise<KeyPair>>();
  return {
    cert: `${certificate.toString("pem")}\n`,
    server(hosts, broken) {
      const known = new Set(hosts.flatMap((host) => hostName(host) ?? []));
      const names = broken === "wrong-host" ? [WRONG_HOST] : [...known];
      const same = [broken, ...names].join(" ");
      const issued = servers.get(same) ?? issue("wirelab", serverAuth, names.map(generalName), broken);
      servers.set(same, issued);
      return issued;
    },
    client: (name, broken) => issue(name, clientAuth, [], broken),
  };
}

/** Clients keep authorities by their names: those of two labs must not be taken for one. */
async function newIssuer(kind: string): Promise<Issuer> {
  const own = Buffer.from(webcrypto.getRandomValues(new Uint8Array(4))).toString("hex");
  return { name: [{ CN: [`${kind} ${own}`] }], keys: await newKeys() };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
}

function between([from, to]: readonly [from: number, to: number]): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now + from * DAY), notAfter: new Date(now + to * DAY) };
}

function generalName(host: string): JsonGeneralName {
  return { type: isIP(host) === 0 ? "dns" : "ip", value: host };
}
