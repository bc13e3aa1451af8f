import { WirelabError } from "../core/errors.ts";
import type { ListenOptions, Service } from "../core/service.ts";
import { type Asked, askedBy, isService, type Kind } from "./kind.ts";
import { KINDS } from "./servers.ts";
import type { Settings } from "./settings.ts";
import { type Origin, type Sources, settled } from "./sources.ts";

export type Options = Readonly<Record<string, unknown>>;

/** A server that is to be started, as the configuration and its own flag have it. */
export interface Draft {
  readonly name: string;
  /** Undefined for a service that speaks what no kind does. */
  readonly kind: Kind | undefined;
  /** What the configuration says of it. */
  readonly said: ListenOptions & Options;
  /** The configuration's file, where it is one of those. */
  readonly file: Origin | undefined;
  /** The service, where the configuration has made it itself. */
  readonly service?: Service;
  /** What its flag says, which goes before. */
  readonly asked: Asked;
  /** The flag, or its variable. */
  readonly origin: Origin;
}

/**
 * The servers that are wanted: those of the configuration, or else one of each kind. Flags choose by kind: those of the
 * configuration, or else one of their own.
 */
export async function draftsOf({ values: { all } }: Settings, sources: Sources): Promise<readonly Draft[]> {
  const kinds = Object.entries<Kind>(KINDS);
  const flags = Object.fromEntries(kinds.map(([name, { flag }]) => [name, askedBy(flag)]));
  const { values: asked, origins } = await settled(flags, { ...sources, config: undefined });
  const everything = all || kinds.every(([name]) => asked[name] === undefined);
  const written = writtenIn(sources);
  const chosen = written.flatMap((draft): Draft[] => {
    const [name = ""] = kinds.find(([, kind]) => kind === draft.kind) ?? [];
    const [one] = asked[name] ?? [];
    if (one === undefined) return everything ? [draft] : [];
    if (isOften(draft.kind)) return [draft];
    refuseSharing(
      name,
      one,
      written.filter(({ kind }) => kind === draft.kind),
    );
    return [{ ...draft, asked: one, origin: origins[name] ?? draft.origin }];
  });
  const names = new Set(chosen.map(({ name }) => name));
  const more = kinds.flatMap(([name, kind]) => {
    const isWritten = written.some((draft) => draft.kind === kind);
    if (isWritten && !isOften(kind)) return [];
    const unasked = everything && kind.port !== undefined && (all ? !isWritten : written.length === 0);
    return (asked[name] ?? (unasked ? [{}] : [])).map((one): Draft => {
      const origin = origins[name] ?? { from: "default" };
      return { name: unused(name, names), kind, said: {}, file: undefined, asked: one, origin };
    });
  });
  return [...chosen, ...more];
}

function writtenIn({ config }: Sources): readonly Draft[] {
  const servers = (config?.values.servers ?? {}) as Readonly<Record<string, Options | Service>>;
  const file: Origin = { from: "config", name: config?.file ?? "" };
  const kinds = Object.entries<Kind>(KINDS);
  return Object.entries(servers).map(([name, server]) => {
    const service = isService(server) ? server : undefined;
    const { protocol, ...said }: Options = service
      ? { ...service.listen, protocol: service.protocol }
      : (server as Options);
    const [, kind] =
      kinds.find(([own, kind]) => (protocol === undefined ? own === name : kind.protocol === protocol)) ?? [];
    return { name, kind, said, file, ...(service && { service }), asked: {}, origin: { from: "default" } };
  });
}

function isOften(kind: Kind | undefined): boolean {
  return kind?.flag.times === "often";
}

/** One address cannot be that of several servers, unless it is any free port. */
function refuseSharing(flag: string, { address }: Asked, servers: readonly Draft[]): void {
  if (!address || servers.length === 1 || ("port" in address && address.port === 0)) return;
  const names = servers.map(({ name }) => name).join(" and ");
  throw new WirelabError("BAD_OPTION", `--${flag}: one address cannot be that of ${names}.`);
}

/** The name, or one with a number behind it where that is taken. */
function unused(name: string, names: Set<string>): string {
  let free = name;
  for (let count = 2; names.has(free); count += 1) free = `${name}${count}`;
  names.add(free);
  return free;
}
