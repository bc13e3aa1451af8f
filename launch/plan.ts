import { type Account, accountTable, DEFAULT_ACCOUNTS } from "../core/accounts.ts";
import type { ListenAddress } from "../core/address.ts";
import { WirelabError } from "../core/errors.ts";
import type { TlsSetting } from "../core/tls/options.ts";
import { type Asked, askedBy, type Kind } from "./kind.ts";
import { KINDS } from "./servers.ts";
import { defined, type Sources, valuesOf } from "./setting.ts";
import { SETTINGS, type Settings } from "./settings.ts";

/** A server that is to be started. */
interface PlannedServer {
  readonly kind: Kind;
  readonly address: ListenAddress;
  /** The service's options, its address not among them. */
  readonly options: object;
}

/** What a command line asks for. */
export interface Plan {
  /** The servers to start, by name. */
  readonly servers: ReadonlyMap<string, PlannedServer>;
  readonly settings: Settings;
  readonly accounts: readonly Account[];
  /** TLS for all servers, if it is to be spoken. */
  readonly tls: TlsSetting | undefined;
}

/**
 * What is to be started.
 *
 * @throws WirelabError `BAD_OPTION` or `BAD_ACCOUNT` that says which flag or variable is wrong, and what was expected.
 */
export async function planOf(sources: Sources): Promise<Plan> {
  const settings = await valuesOf(SETTINGS, sources);
  const accounts = accountsOf(settings);
  const plan: Plan = {
    servers: await serversOf(settings, sources),
    settings,
    accounts,
    tls: tlsOf(settings),
  };
  refuseOpenWrites(plan);
  return plan;
}

async function serversOf(settings: Settings, sources: Sources): Promise<Map<string, PlannedServer>> {
  const { allow, deny, socketMode } = settings;
  const kinds: readonly (readonly [string, Kind])[] = Object.entries(KINDS);
  const flags = Object.fromEntries(kinds.map(([name, { flag }]) => [name, askedBy(flag)]));
  const asked = await valuesOf(flags, sources);
  const nothing = Object.values(asked).every((servers) => servers === undefined);
  const servers = new Map<string, PlannedServer>();
  for (const [name, kind] of kinds) {
    const { port } = kind;
    const own = await valuesOf(kind.settings, sources);
    const unasked: readonly Asked[] = port !== undefined && (settings.all || nothing) ? [{}] : [];
    for (const [index, { address, options }] of (asked[name] ?? unasked).entries()) {
      const mode = address && "path" in address && socketMode !== undefined ? { mode: socketMode } : {};
      servers.set(index === 0 ? name : `${name}${index + 1}`, {
        kind,
        address: address ?? { port: port ?? 0 },
        options: { gate: { allow, deny }, ...mode, ...defined(own), ...options },
      });
    }
  }
  return servers;
}

function accountsOf({ user, anonymous }: Settings): readonly Account[] {
  const accounts = [
    ...(user ?? DEFAULT_ACCOUNTS),
    ...(anonymous === undefined ? [] : [{ name: "anonymous", permissions: anonymous }]),
  ];
  accountTable(accounts);
  return accounts;
}

function tlsOf({ tls, cert, key, caFile }: Settings): TlsSetting | undefined {
  const reject = (why: string): never => {
    throw new WirelabError("BAD_OPTION", why);
  };
  if (cert === undefined && key === undefined) {
    if (caFile !== undefined && tls === undefined) reject("--ca-file needs --tls.");
    return tls;
  }
  if (cert === undefined || key === undefined) return reject("--cert and --key go together.");
  if (typeof tls === "string")
    reject(`--tls=${tls} is for certificates of the lab's own CA, not for --cert.`);
  return { cert, key };
}

/** Nobody opens a public drop box without meaning to. */
function refuseOpenWrites(plan: Plan): void {
  const { anonymous = "", open } = plan.settings;
  const writes = [...anonymous].filter((letter) => !"elr".includes(letter)).join("");
  const [exposed] = exposedServers(plan);
  if (exposed === undefined || writes === "" || open) return;
  throw new WirelabError(
    "BAD_OPTION",
    `anonymous users may write (${writes}) and other machines reach ${exposed}; give --open if you mean it, or --anonymous=elr.`,
  );
}

/** The servers that machines other than this one can reach. */
export function exposedServers({ servers, settings }: Pick<Plan, "servers" | "settings">): readonly string[] {
  const loopback = (address: string) => /^(127\.|::1$|localhost$)/.test(address);
  return [...servers].flatMap(([name, { address }]) =>
    "path" in address || loopback(address.host ?? settings.host) ? [] : [name],
  );
}
