import type { Kit, Schema } from "./config/kit.ts";

/** What a flag was given: the text behind it, or `true` where there is none. */
export type Given = string | true;

/**
 * One thing that can be set, by a flag and by an environment variable, both of which are read in the same way.
 *
 * @typeParam T what it is set to.
 */
export interface Setting<T = unknown> {
  /** As commander writes it: `--open`, `--root <DIR>`, or `--ftp [ADDR]` where the text may be left out. */
  readonly flag: string;
  readonly help: string;
  /** What it stands under where all are listed. */
  readonly heading?: string;
  /** Whether it may be given several times. A variable has its values apart by blanks. Default `once`. */
  readonly times?: "once" | "often";
  /** The texts that it takes, where there are so many. */
  readonly choices?: readonly string[];
  /** What it names, for completion. */
  readonly names?: "file" | "folder";
  /** What it is where nobody says. */
  readonly fallback?: T;
  /** The environment variable. Default: `WIRELAB_` and the flag's name. `none` where that is a variable that wirelab sets. */
  readonly variable?: string;
  /** What a configuration file may say beside a flag's text: the value itself. */
  readonly data?: (kit: Kit) => Schema<T>;
  /** The same for one of several. */
  readonly item?: (kit: Kit) => Schema;
  /** `no` where a configuration file does not have it. */
  readonly file?: "no";
  /** @throws where a text is no value, with what one looks like. */
  read(given: readonly Given[]): T | Promise<T>;
}

type About<T> = Omit<Setting<T>, "flag" | "help" | "read" | "times" | "item">;

/** What a constructor makes: its type says whether there is a fallback. */
type Made<T, A> = Setting<T> & Pick<A, "fallback" & keyof A>;

/** A setting that is a text of a kind; `bare` is what its flag means alone. */
export function value<T, const A extends About<NoInfer<T>> & { readonly bare?: NoInfer<T> }>(
  flag: string,
  help: string,
  parse: (text: string) => T | Promise<T>,
  about?: A,
): Made<T, A> {
  const read = (given: readonly Given[]) => {
    const last = given.at(-1);
    if (typeof last === "string") return parse(last);
    if (about?.bare === undefined) throw new Error("It needs a value.");
    return about.bare;
  };
  return { flag, help, ...about, read } as Setting<T> as Made<T, A>;
}

/** A setting that is one of some words. */
export function choice<const T extends string, const A extends About<T>>(
  flag: string,
  help: string,
  choices: readonly T[],
  about?: A,
): Made<T, A> {
  const parse = (text: string): T => {
    const chosen = choices.find((word) => word === text);
    if (chosen === undefined) throw new Error(`"${text}" is none of ${choices.join(", ")}.`);
    return chosen;
  };
  return value<T, A>(flag, help, parse, { ...about, choices } as unknown as A);
}

/** A setting that is given or not. */
export function toggle(flag: string, help: string): Setting<true> {
  return { flag, help, read: () => true };
}

/** A setting that may be given several times. */
export function list<
  T,
  const A extends About<readonly NoInfer<T>[]> & { readonly item?: (kit: Kit) => Schema<NoInfer<T>> },
>(
  flag: string,
  help: string,
  parse: (text: string) => T | Promise<T>,
  about?: A,
): Made<readonly T[], A> & { readonly times: "often" } {
  const read = (given: readonly Given[]) =>
    Promise.all(given.map((text) => parse(text === true ? "" : text)));
  return { flag, help, times: "often", ...about, read } as Setting<readonly T[]> as Made<readonly T[], A> & {
    times: "often";
  };
}

/** A setting whose value is made of another one's. */
export function mapped<T, U>(setting: Setting<T>, make: (value: T) => U): Setting<U> {
  const { fallback, data, item, read, ...rest } = setting;
  return { ...rest, read: async (given) => make(await read(given)) };
}

/** Settings that stand under one heading. */
export function under<const S extends Readonly<Record<string, Setting>>>(heading: string, table: S): S {
  const entries = Object.entries(table).map(([name, setting]) => [name, { ...setting, heading }]);
  return Object.fromEntries(entries) as S;
}

/** The long names of a flag without their dashes, the first of which it goes by: `log-level` of `--log-level <LEVEL>`. */
export function namesOf({ flag }: Setting): readonly string[] {
  // Where there are two, commander goes by the last one.
  return [...flag.matchAll(/--([a-z][a-z-]*)/g)].map(([, name = ""]) => name).reverse();
}

/** The environment variable that stands for a flag, where there is one. */
export function variableOf(setting: Setting): string | undefined {
  if (setting.variable === "none") return undefined;
  return setting.variable ?? `WIRELAB_${namesOf(setting)[0]?.replaceAll("-", "_").toUpperCase()}`;
}

/** Whether there can be a text behind the flag. */
export function takesText({ flag }: Setting): boolean {
  return /[<[]/.test(flag);
}
