import { endpointText } from "../core/address.ts";
import type { Subcommand } from "./commands.ts";
import { lineOf } from "./flags.ts";
import { PRINT_CONFIG } from "./pages.ts";
import { type Plan, planOf } from "./plan.ts";
import type { PlannedServer } from "./planned.ts";
import type { Origin } from "./sources.ts";
import { mistypedVariables } from "./variables.ts";

/** A value, and where it has come from. */
interface Told extends Origin {
  readonly value: unknown;
}

type Table = Readonly<Record<string, Told>>;

interface Config {
  readonly servers: Readonly<Record<string, Table>>;
  readonly settings: Table;
}

/** `wirelab print-config` */
export const command: Subcommand = async (argv, { stdout, stderr, environment, version }) => {
  const { flags } = await lineOf(argv, PRINT_CONFIG, version);
  const plan = await planOf({ flags, environment });
  // What cannot be is said here, and not when it starts.
  for (const server of plan.servers.values()) await server.service(environment);
  for (const warning of await mistypedVariables(environment)) stderr.write(`wirelab: ${warning}\n`);
  const config = configOf(plan);
  const asJson = flags.get("format")?.at(-1) === "json";
  stdout.write(asJson ? `${JSON.stringify(config, undefined, 2)}\n` : textOf(config));
  return 0;
};

function configOf({ servers, settings, origins, lab }: Plan): Config {
  const known: Readonly<Record<string, Origin>> = origins;
  const file: Origin = { from: "config", ...(settings.config !== undefined && { name: settings.config }) };
  const all = Object.entries({ ...settings, ...lab });
  return {
    servers: Object.fromEntries([...servers].map(([name, server]) => [name, tableOf(server, settings.host)])),
    settings: Object.fromEntries(
      all.map(([name, value]) => {
        const origin = known[name] ?? (value === undefined ? { from: "default" } : file);
        return [name, { value: shown(value, name), ...origin }];
      }),
    ),
  };
}

function tableOf({ kind, address, options, origins }: PlannedServer, host: string): Table {
  const at = endpointText("path" in address ? address : { host, ...address });
  const values = Object.entries({ protocol: kind?.protocol, address: at, ...options });
  return Object.fromEntries(
    values.map(([name, value]) => [
      name,
      { value: shown(value, name), ...(origins[name] ?? { from: "default" }) },
    ]),
  );
}

const HIDDEN = "(hidden)";

/** A value as it may be seen by anybody, and as JSON has it. */
function shown(value: unknown, name: string): unknown {
  if (value === undefined) return null;
  if (typeof value === "function") return "(a function)";
  if (value instanceof RegExp || value instanceof Date) return String(value);
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (/password|token|secret/i.test(name)) return HIDDEN;
  if (typeof value === "string") return /-----BEGIN [\w ]*PRIVATE KEY/.test(value) ? HIDDEN : value;
  if (Array.isArray(value)) return value.map((item) => shown(item, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shown(member, key)]));
}

function textOf({ servers, settings }: Config): string {
  const groups = [...Object.entries(servers), ["settings", settings] as const];
  return groups.map(([title, table]) => `${title}\n${rowsOf(table)}`).join("\n");
}

/** The longest value that the other columns make room for. */
const WIDEST = 44;

function rowsOf(table: Table): string {
  const rows = Object.entries(table).map(([name, { value, from, name: by }]) => {
    const text =
      value === null
        ? "–"
        : typeof value === "string"
          ? value.trim().replaceAll("\n", "\\n")
          : JSON.stringify(value);
    return [name, text, by ?? from] as const;
  });
  const width = (column: 0 | 1) => Math.min(WIDEST, Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map(([name, text, by]) => `  ${name.padEnd(width(0))}  ${text.padEnd(width(1))}  ${by}\n`)
    .join("");
}
