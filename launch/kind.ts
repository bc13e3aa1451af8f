import { authority, type ListenAddress, parseAddress } from "../core/address.ts";
import type { Protocol } from "../core/events/events.ts";
import type { ListenOptions, Service } from "../core/service.ts";
import type { Kit, Shape } from "./config/kit.ts";
import { mapped, type Setting, value } from "./setting.ts";
import type { Environment } from "./sources.ts";

/** What a server's own flag asks for. */
export interface Asked {
  /** Where it listens; left out, at the usual port. */
  readonly address?: ListenAddress;
  /** More that the flag says, as options of the service. */
  readonly options?: object;
}

/** Where a running server can be reached, and by whom, for the commands of the banner. */
interface Reach {
  /** For URLs and commands: one of loopback where the server listens on every address. */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** The path of its Unix-domain socket, if it has one. */
  readonly path: string | undefined;
  /** The name of an account; its password with it where everybody knows that. */
  readonly user: string;
  readonly password: string | undefined;
  /** Whether its clients speak TLS, or can ask for it. */
  readonly tls: "on" | "off";
  /** The file of what TLS clients are to trust, if it is written. */
  readonly caFile: string | undefined;
}

/**
 * A kind of server, as the command knows it.
 *
 * @typeParam Options those of its service.
 */
export interface Kind<Options extends object = object, Name extends Protocol = Protocol> {
  readonly protocol: Name;
  /** The port it has where nobody names one; undefined for a server that starts only when it is asked for. */
  readonly port: number | undefined;
  /** The flag that asks for it; one that may be given often asks for a server each time. */
  readonly flag: Setting<Asked> | Setting<readonly Asked[]>;
  /** Its other flags, each for one option of the service. They count for all servers of the kind. */
  readonly settings: { readonly [Member in keyof Options]?: Setting<Exclude<Options[Member], undefined>> };
  /** Those options of every server that it does not have. Default: it has all. */
  readonly lacks?: readonly (keyof ListenOptions)[];
  /** Those options without which there can be none. Default: all can be left out. */
  readonly needs?: readonly string[];
  /** What configuration files may say of each option, those that every server has aside. */
  shape(kit: Kit): Shape<Own<Options>> | Promise<Shape<Own<Options>>>;
  /**
   * Describes one; its folder, and its engine's package with it, is loaded only here.
   *
   * @param environment that of this process.
   */
  service(options: Options, environment: Environment): Promise<Service>;
  /** Commands that talk to one, to be pasted. */
  commands(reach: Reach): readonly string[];
}

/** Options of a kind's own: those that every server has aside, unless they are others here. */
type Own<Options> = {
  [Name in keyof Options as Name extends keyof ListenOptions
    ? Exclude<Options[Name], undefined> extends ListenOptions[Name]
      ? never
      : Name
    : Name]: Options[Name];
};

/** A kind whose options are those that its service takes. */
export function kind<Options extends object, const Name extends Protocol>(
  own: Kind<Options, Name>,
): Kind<Options, Name> {
  return own;
}

/** Whether a module has made the service itself, by `ftp()` for example. */
export function isService(found: unknown): found is Service {
  return typeof found === "object" && found !== null && "open" in found && typeof found.open === "function";
}

/** How curl is called: what is written nowhere, it cannot trust. */
export function curl({ tls, caFile }: Reach): string {
  if (tls === "off") return "curl";
  return caFile === undefined ? "curl --insecure" : `curl --cacert ${caFile}`;
}

/** How one talks by TLS and a terminal. */
export function openssl({ host, port }: Reach): string {
  return `openssl s_client -quiet -connect ${authority(host, port)}`;
}

/** The flag of a server that listens: `--tcp[=ADDR]`. */
export function listening(name: string, port: number): Setting<Asked> {
  const help = `start the ${name} server (default port ${port})`;
  return value(`--${name} [ADDR]`, help, (text): Asked => ({ address: parseAddress(text) }), { bare: {} });
}

/** The asked-for servers of a kind's flag, of which some kinds have one and some have many. */
export function askedBy(flag: Setting<Asked> | Setting<readonly Asked[]>): Setting<readonly Asked[]> {
  return mapped<Asked | readonly Asked[], readonly Asked[]>(flag, (asked) =>
    Array.isArray(asked) ? asked : [asked],
  );
}
