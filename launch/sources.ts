import { messageOf, WirelabError } from "../core/errors.ts";
import type { Config } from "./config/read.ts";
import { type Given, namesOf, type Setting, takesText, variableOf } from "./setting.ts";

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where values come from, the first one that has a value first. */
export interface Sources {
  /** What stands on the command line, by the names of flags. */
  readonly flags: ReadonlyMap<string, readonly Given[]>;
  readonly environment: Environment;
  readonly config?: Config | undefined;
}

/** Where a value has come from, and the name that it has there: `--root`, `WIRELAB_ROOT`, `lab.json`. */
export interface Origin {
  readonly from: "flag" | "environment" | "config" | "default";
  readonly name?: string;
}

/** Values by name, each `undefined` where nobody has set it and it has no fallback. */
type Values<S> = {
  readonly [Name in keyof S]: S[Name] extends Setting<infer T>
    ? S[Name] extends { readonly fallback: unknown }
      ? T
      : T | undefined
    : never;
};

/** The values of a table of settings, and where each has come from. */
export interface Settled<S> {
  readonly values: Values<S>;
  readonly origins: Readonly<Record<keyof S, Origin>>;
}

/**
 * Reads a table of settings.
 *
 * @throws WirelabError `BAD_OPTION` with a line for each flag, variable or key of the file that is wrong: its name, and what
 *   was expected.
 */
export async function settled<S extends Readonly<Record<string, Setting>>>(
  table: S,
  sources: Sources,
): Promise<Settled<S>> {
  const read = await Promise.allSettled(
    Object.entries(table).map(
      async ([name, setting]) => [name, await found(name, setting, sources)] as const,
    ),
  );
  const wrong = read.flatMap((result) => (result.status === "rejected" ? [messageOf(result.reason)] : []));
  if (wrong.length > 0) throw new WirelabError("BAD_OPTION", wrong.join("\n"));
  const known = read.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  return {
    values: Object.fromEntries(known.map(([name, { value }]) => [name, value])) as Values<S>,
    origins: Object.fromEntries(known.map(([name, { origin }]) => [name, origin])) as Settled<S>["origins"],
  };
}

interface Found {
  readonly value: unknown;
  readonly origin: Origin;
}

async function found(name: string, setting: Setting, sources: Sources): Promise<Found> {
  for (const source of [byFlag, byVariable, byFile]) {
    const there = source(name, setting, sources);
    if (!there) continue;
    const { origin, read } = there;
    try {
      return { value: await read(), origin };
    } catch (error) {
      const where = origin.from === "config" ? `${origin.name}: ${name}` : origin.name;
      throw new WirelabError("BAD_OPTION", `${where}: ${messageOf(error)}`, { cause: error });
    }
  }
  return { value: setting.fallback, origin: { from: "default" } };
}

/** What a source has, to be read: undefined is what is switched off there. */
interface There {
  readonly origin: Origin;
  read(): unknown;
}

function byFlag(_: string, setting: Setting, { flags }: Sources): There | undefined {
  const [name = ""] = namesOf(setting);
  const given = flags.get(name);
  return given && { origin: { from: "flag", name: `--${name}` }, read: () => setting.read(given) };
}

function byVariable(_: string, setting: Setting, { environment }: Sources): There | undefined {
  const name = variableOf(setting);
  const text = name && environment[name];
  if (!text) return undefined;
  const read = () => {
    const given = givenBy(setting, text);
    return given && setting.read(given);
  };
  return { origin: { from: "environment", name }, read };
}

function byFile(name: string, setting: Setting, { config }: Sources): There | undefined {
  const value = config?.values[name];
  if (value === undefined) return undefined;
  const read = () => {
    if (value === false) return undefined;
    if (setting.times !== "often") return one(setting, value);
    return Promise.all([value].flat().map(async (item) => [await one(setting, item)].flat()[0]));
  };
  return { origin: { from: "config", name: config?.file ?? "" }, read };
}

/** A text is read as the flag's; anything else is the value itself. */
function one(setting: Setting, value: unknown): unknown {
  const isText = typeof value === "string" && takesText(setting);
  return isText || value === true ? setting.read([value as Given]) : value;
}

const ON = /^(on|yes|true)$/i;
const OFF = /^(off|no|false)$/i;

/** What a variable's text would be as flags; undefined where it is off. */
function givenBy(setting: Setting, text: string): readonly Given[] | undefined {
  if (!setting.flag.includes("<")) {
    const alone = !takesText(setting);
    // Where the text can be an address, 0 and 1 are ports.
    const digits = alone || setting.choices !== undefined;
    if (ON.test(text) || (digits && text === "1")) return [true];
    if (OFF.test(text) || (digits && text === "0")) return undefined;
    if (alone) throw new Error(`"${text}" is neither on nor off.`);
  }
  return setting.times === "often" ? text.split(/\s+/).filter((part) => part !== "") : [text];
}

/** The members that are there: what is left out is for a default to fill in. */
export function defined<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
