import type { LabOptions } from "../../core/lab.ts";
import type { Service } from "../../core/service.ts";
import type { Kind } from "../kind.ts";
import type { KINDS } from "../servers.ts";
import type { Setting } from "../setting.ts";
import type { SETTINGS } from "../settings.ts";
import type { LabAlone } from "./shapes.ts";

type Kinds = typeof KINDS;
type Settings = typeof SETTINGS;

/** The options of a kind's service, and what it speaks. */
type OptionsOf<K> =
  K extends Kind<infer Options, infer Protocol> ? Options & { readonly protocol: Protocol } : never;

/** A server as a configuration has it: what it speaks, and the options of `ftp()`, `http()` and so on. */
export type ServerConfig = { [Name in keyof Kinds]: OptionsOf<Kinds[Name]> }[keyof Kinds];

/** A flag as a configuration has it: the text behind it or what that stands for; `true` for one that stands alone. */
type ValueOf<S> = S extends { readonly times: "often" } & Setting<readonly (infer Item)[]>
  ? string | readonly (string | Item)[]
  : S extends Setting<infer T>
    ? T extends true
      ? boolean
      : T extends string
        ? T
        : T | string
    : never;

/**
 * What `wirelab --config FILE` reads: the servers by name, the lab that they share, and every flag of the command by its
 * name (`logLevel` is `--log-level`). Paths are seen from where the file is.
 *
 * @typeParam Names those of the servers. One that has the name of a flag, `ftp` for example, need not say its protocol.
 */
export type LabConfig<Names extends string = string> = {
  /** For editors: `./node_modules/wirelab/dist/wirelab.schema.json`. */
  readonly $schema?: string;
  /** The servers. Default: as on the command line, those that flags ask for, or else all. */
  readonly servers?: {
    readonly [Name in Names]:
      | ServerConfig
      | Service
      | (Name extends keyof Kinds ? Partial<OptionsOf<Kinds[Name]>> : never);
  };
  /** Lets everybody in, who may then look and read, or what these letters say. */
  readonly anonymous?: boolean | string;
  /** Speaks TLS, with a throw-away certificate or one of one's own: PEM text, or paths of files. */
  readonly tls?: boolean | LabOptions["tls"];
} & LabAlone & {
    readonly [Name in Exclude<keyof Settings, "config" | "anonymous" | "tls">]?: ValueOf<Settings[Name]>;
  };

/**
 * A configuration in a JavaScript or TypeScript file, whose default export it is. It comes back as it is: this is for your
 * editor, which completes and checks it. TypeScript needs Node 22.18 or later.
 *
 * @example
 * ```ts
 * import { defineLab } from "wirelab";
 *
 * export default defineLab({
 *   accounts: [{ name: "ann", password: "pw", permissions: "elr" }],
 *   files: { "/in/a.csv": "id\n1\n" },
 *   servers: {
 *     files: { protocol: "ftp", passivePorts: { from: 50_000, to: 50_009 } },
 *     http: { stubs: [{ path: "/users/:id", answer: ({ params }) => ({ body: { id: params.id } }) }] },
 *   },
 * });
 * ```
 */
export function defineLab<const Names extends string>(config: LabConfig<Names>): LabConfig<Names> {
  return config;
}
