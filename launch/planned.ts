import type { ListenAddress } from "../core/address.ts";
import { codeOf, messageOf, WirelabError } from "../core/errors.ts";
import type { GateOptions } from "../core/gate.ts";
import type { Service } from "../core/service.ts";
import { type Draft, draftsOf, type Options } from "./drafts.ts";
import type { Kind } from "./kind.ts";
import type { Setting } from "./setting.ts";
import type { Settings } from "./settings.ts";
import { defined, type Environment, type Origin, type Settled, type Sources, settled } from "./sources.ts";

/** A server that is to be started. */
export interface PlannedServer {
  /** Undefined for a service that speaks what no kind does. */
  readonly kind: Kind | undefined;
  readonly address: ListenAddress;
  /** The service's options, its address not among them, so far as anybody has set them. */
  readonly options: Options;
  /** Where the address (as `address`) and each option has come from. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** @throws WirelabError `BAD_OPTION` for options that cannot be. */
  service(environment: Environment): Promise<Service>;
}

type Own = Settled<Readonly<Record<string, Setting>>>;

/**
 * The servers that are to be started, by name.
 *
 * @param ports those of servers for which nobody names one: the usual ones, or free ones.
 */
export async function plannedServers(
  settings: Settings,
  sources: Sources,
  ports: "usual" | "free",
): Promise<ReadonlyMap<string, PlannedServer>> {
  const planned = new Map<string, PlannedServer>();
  const taken = new Set<Kind>();
  for (const draft of await draftsOf(settings, sources)) {
    const { kind } = draft;
    const table = (kind?.settings ?? {}) as Readonly<Record<string, Setting>>;
    const own = await settled(table, { ...sources, config: undefined });
    // The usual port of a kind is that of the first server which has no other.
    const usual = kind?.port === undefined || ports === "free" || taken.has(kind) ? 0 : kind.port;
    const address = addressOf(draft) ?? { ...hostOf(draft), port: usual };
    if (kind && "port" in address && address.port === usual) taken.add(kind);
    const { options, origins } = optionsOf(draft, address, own, settings);
    const service = async (environment: Environment) => {
      if (draft.service) return adapted(draft.service, address, options.gate, own);
      if (kind) return kind.service({ ...options, ...address }, environment);
      throw new WirelabError("BAD_OPTION", "There is no such kind of server.");
    };
    planned.set(draft.name, {
      kind,
      address,
      options,
      origins,
      service: (environment) =>
        service(environment).catch((error) => {
          if (!draft.file || !codeOf(error)?.startsWith("BAD_")) throw error;
          const where = `${draft.file.name}: servers.${draft.name}`;
          throw new WirelabError("BAD_OPTION", `${where}: ${messageOf(error)}`, { cause: error });
        }),
    });
  }
  return planned;
}

function addressOf({ said, asked }: Draft): ListenAddress | undefined {
  if (asked.address)
    return "path" in asked.address ? asked.address : { ...hostOf({ said }), ...asked.address };
  if (said.path !== undefined) return { path: said.path };
  return said.port === undefined ? undefined : { ...hostOf({ said }), port: said.port };
}

function hostOf({ said: { host } }: Pick<Draft, "said">): { readonly host?: string } {
  return defined({ host });
}

/** Options, the first that has one: flags and variables, the configuration, what a flag is where nobody says. */
function optionsOf(
  draft: Draft,
  address: ListenAddress,
  own: Own,
  settings: Settings,
): Pick<PlannedServer, "options" | "origins"> {
  const { said, asked, origin, file } = draft;
  const byDefault: Origin = { from: "default" };
  const { port, host, path, ...written } = said;
  const options: Record<string, unknown> = { ...asked.options, ...written };
  const origins: Record<string, Origin> = {
    address: asked.address ? origin : addressOf(draft) ? (file ?? byDefault) : byDefault,
  };
  for (const name of Object.keys(asked.options ?? {})) origins[name] = origin;
  if (file) for (const name of ["protocol", ...Object.keys(written)]) origins[name] = file;
  for (const [name, value] of Object.entries(own.values)) {
    const from = own.origins[name] ?? byDefault;
    if (value === undefined || (from.from === "default" && name in options)) continue;
    options[name] = isRecord(value) && isRecord(options[name]) ? { ...options[name], ...value } : value;
    origins[name] = from;
  }
  const { socketMode } = settings.values;
  if (
    "path" in address &&
    socketMode !== undefined &&
    (!("mode" in written) || isForced(settings.origins.socketMode))
  ) {
    options.mode = socketMode;
    origins.mode = settings.origins.socketMode;
  }
  const forced = [settings.origins.allow, settings.origins.deny].find(isForced);
  if (forced) origins.gate = forced;
  return { options: { ...options, gate: gateOf(said.gate, settings) }, origins };
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Flags go before what a server says itself, and that before what the file says of all. */
function gateOf(said: GateOptions | undefined, { values, origins }: Settings): GateOptions {
  const { allow, deny } = values;
  return {
    allow,
    deny,
    ...said,
    ...(isForced(origins.allow) && { allow }),
    ...(isForced(origins.deny) && { deny }),
  };
}

/** Whether a flag or a variable says it: that goes before what a server says itself. */
function isForced({ from }: Origin): boolean {
  return from === "flag" || from === "environment";
}

/** A service that the configuration has made itself, at the address that was asked for. */
function adapted(service: Service, address: ListenAddress, gate: unknown, own: Own): Service {
  const flag = Object.values(own.origins).find(({ from }) => from !== "default");
  if (flag) {
    throw new WirelabError(
      "BAD_OPTION",
      `${flag.name} cannot change a service that is made in the file; write { protocol: "${service.protocol}", … } there.`,
    );
  }
  const { port, host, path, ...listen } = service.listen;
  return { ...service, listen: { ...listen, ...address, gate: gate as GateOptions } };
}
