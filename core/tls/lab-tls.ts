import { WirelabError } from "../errors.ts";
import type { Service } from "../service.ts";
import type { Authority } from "./authority.ts";
import {
  BROKEN_CERTIFICATES,
  type BrokenCertificate,
  type KeyPair,
  type TlsSetting,
  tlsFor,
} from "./options.ts";
import type { ServerTls } from "./server-tls.ts";

/** What can be wrong with a client's certificate: it is for no host. */
const CLIENT_FLAWS: readonly string[] = BROKEN_CERTIFICATES.filter((broken) => broken !== "wrong-host");

/** A lab's own CA, and what it has made of its servers' settings. */
export class LabTls {
  readonly #setting: TlsSetting | undefined;
  readonly #trusted = new Set<string>();
  #authority: Promise<Authority> | undefined;

  constructor(setting: TlsSetting | undefined) {
    this.#setting = setting;
  }

  /** What the clients of all its servers are to trust, as PEM; undefined where none speaks TLS. */
  get ca(): string | undefined {
    return this.#trusted.size === 0 ? undefined : [...this.#trusted].join("");
  }

  /**
   * How a server speaks TLS; undefined where it does not.
   *
   * @param host the lab's address, for servers that have none of their own.
   * @throws WirelabError `BAD_OPTION` in the server's name.
   */
  async of(name: string, service: Service, host: string): Promise<ServerTls | undefined> {
    const { listen, tlsStart: start = "implicit", alpn } = service;
    if (start === "none") {
      if (!listen.tls) return undefined;
      throw new WirelabError("BAD_OPTION", `${name}: there is no TLS for ${service.protocol}.`);
    }
    const options = tlsFor(name, listen.tls, this.#setting);
    if (!options) return undefined;
    // Loaded where TLS is spoken: most labs speak none.
    const { serverTls } = await import("./server-tls.ts");
    const made = await serverTls(name, options, { start, alpn, host: listen.host ?? host }, () =>
      this.#own(),
    );
    this.#trusted.add(made.ca.endsWith("\n") ? made.ca : `${made.ca}\n`);
    return made;
  }

  async clientCertificate(name: string, broken?: Exclude<BrokenCertificate, "wrong-host">): Promise<KeyPair> {
    // Callers without types may mean something else.
    if (broken !== undefined && !CLIENT_FLAWS.includes(broken)) {
      throw new WirelabError(
        "BAD_OPTION",
        `No client's certificate is ${JSON.stringify(broken)}; it can be ${CLIENT_FLAWS.join(", ")}.`,
      );
    }
    return (await this.#own()).client(name, broken);
  }

  /** Made when it is first needed: a lab without TLS starts faster. */
  #own(): Promise<Authority> {
    this.#authority ??= import("./authority.ts").then(({ authority }) => authority());
    return this.#authority;
  }
}
