import { type Account, accountTable, DEFAULT_ACCOUNTS } from "../core/accounts.ts";
import { WirelabError } from "../core/errors.ts";
import type { TlsSetting } from "../core/tls/options.ts";
import type { LabAlone } from "./config/shapes.ts";
import type { Kind } from "./kind.ts";
import { type PlannedServer, plannedServers } from "./planned.ts";
import { variableName } from "./ready.ts";
import { KINDS } from "./servers.ts";
import { namesOf } from "./setting.ts";
import { SETTINGS, type Settings } from "./settings.ts";
import { type Sources, settled } from "./sources.ts";

/** What is asked for: by flags, by variables, by a configuration file. */
export interface Plan {
  /** The servers to start, by name. */
  readonly servers: ReadonlyMap<string, PlannedServer>;
  readonly settings: Settings["values"];
  /** Where each of the settings has come from. */
  readonly origins: Settings["origins"];
  readonly accounts: readonly Account[];
  /** TLS for all servers, if it is to be spoken. */
  readonly tls: TlsSetting | undefined;
  /** What a configuration file says of the lab that no flag can. */
  readonly lab: LabAlone;
}

/** What `wirelab run` does otherwise, so that several can run at once, and what the command says stays readable. */
const OF_RUN = { ...SETTINGS, logLevel: { ...SETTINGS.logLevel, fallback: "warn" as const } };

/**
 * What is to be started.
 *
 * @param by whether it runs on its own, or for a command: then ports that nobody names are free ones.
 * @throws WirelabError `BAD_OPTION` or `BAD_ACCOUNT` that says which flag, variable or key is wrong, and what was expected.
 */
export async function planOf(given: Omit<Sources, "config">, by: "start" | "run" = "start"): Promise<Plan> {
  const { values: first } = await settled({ config: SETTINGS.config }, given);
  const { readConfig } = first.config === undefined ? {} : await import("./config/read.ts");
  const config = first.config === undefined ? undefined : await readConfig?.(first.config);
  const sources: Sources = { ...given, config };
  const all = await settled(by === "run" ? OF_RUN : SETTINGS, sources);
  const { values: settings, origins } = all;
  const flagged = new Set(["$schema", "servers", ...Object.keys(SETTINGS)]);
  const lab = Object.entries(config?.values ?? {}).filter(([name]) => !flagged.has(name));
  const plan: Plan = {
    servers: await plannedServers(all, sources, by === "run" ? "free" : "usual"),
    settings,
    origins,
    accounts: accountsOf(settings),
    tls: tlsOf(settings),
    lab: Object.fromEntries(lab),
  };
  refuseIdleFlags(plan, given.flags);
  refuseOpenWrites(plan);
  refuseSameVariables([...plan.servers.keys(), ...(settings.control ? ["control"] : [])]);
  return plan;
}

function accountsOf({ accounts: given, anonymous }: Plan["settings"]): readonly Account[] {
  const accounts = [
    ...(given ?? DEFAULT_ACCOUNTS),
    ...(anonymous === undefined ? [] : [{ name: "anonymous", permissions: anonymous }]),
  ];
  accountTable(accounts);
  return accounts;
}

function tlsOf({ tls, cert, key, ...more }: Plan["settings"]): TlsSetting | undefined {
  const reject = (why: string): never => {
    throw new WirelabError("BAD_OPTION", why);
  };
  const { config, caFile, clientCertFile } = more;
  if ((cert === undefined) !== (key === undefined)) reject("--cert and --key go together.");
  if (cert !== undefined && typeof tls === "string")
    reject(`--tls=${tls} is for certificates of the lab's own CA, not for --cert.`);
  if (cert === undefined && !tls) {
    // With a configuration it may be single servers that speak TLS.
    if (caFile !== undefined && config === undefined) reject("--ca-file needs --tls.");
    if (clientCertFile !== undefined && config === undefined) reject("--client-cert needs --tls.");
    return tls;
  }
  if (cert === undefined && clientCertFile === undefined) return tls;
  return {
    ...(clientCertFile !== undefined && { requestCert: true }),
    ...(typeof tls === "object" && tls),
    ...(typeof tls === "string" && { broken: tls }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
  };
}

/** A flag for servers that are not started would change nothing, and whoever gave it wonders why. */
function refuseIdleFlags({ servers }: Plan, flags: Sources["flags"]): void {
  const kinds = [...servers.values()].map(({ kind }) => kind);
  // A server that a module has made says itself that no flag changes it.
  if (kinds.includes(undefined)) return;
  for (const [name, kind] of Object.entries<Kind>(KINDS)) {
    if (kinds.includes(kind)) continue;
    const [flag] = Object.values(kind.settings)
      .flatMap(namesOf)
      .filter((each) => flags.has(each));
    if (flag !== undefined)
      throw new WirelabError(
        "BAD_OPTION",
        `--${flag} is for ${name}, which is not started; give --${name}, too.`,
      );
  }
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

/** Whoever uses the lab finds each server by variables of its own. */
function refuseSameVariables(names: Iterable<string>): void {
  const owners = new Map<string, string>();
  for (const name of names) {
    const owner = owners.get(variableName(name));
    if (owner !== undefined) {
      const variable = `${variableName(name)}_URL`;
      throw new WirelabError(
        "BAD_OPTION",
        `${owner} and ${name} would both be ${variable}; rename one of them.`,
      );
    }
    owners.set(variableName(name), name);
  }
}

/** The servers that machines other than this one can reach. */
export function exposedServers({ servers, settings }: Pick<Plan, "servers" | "settings">): readonly string[] {
  const loopback = (address: string) => /^(127\.|::1$|localhost$)/.test(address);
  return [...servers].flatMap(([name, { address }]) =>
    "path" in address || loopback(address.host ?? settings.host) ? [] : [name],
  );
}
