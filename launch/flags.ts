import { parseArgs } from "node:util";
import { messageOf } from "../core/errors.ts";
import { type Given, namesOf, type Setting, takesText } from "./setting.ts";
import { flagTable, type Listed } from "./table.ts";

/** A command line that asks for no start: for a text (`--help`, `--version`), or for the impossible. */
export class Ending extends Error {
  /** 0 for what was asked for, 2 for a usage error. */
  readonly exitCode: 0 | 2;
  constructor(exitCode: 0 | 2, text: string) {
    super(text);
    this.exitCode = exitCode;
  }
}

/** What a command takes, and what its help says. */
export interface Page {
  /** As it is typed: `wirelab`, `wirelab run`. */
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  readonly description: string;
  readonly usage: string;
  /** Whether it takes the flags of servers and labs: all but those that are named here. Default: it takes none. */
  readonly without?: readonly string[];
  /** Flags of its own. Default: none. */
  readonly own?: readonly Setting[];
  /** What stands behind the flags: a command and its arguments, a file, or one of some words. Default: nothing. */
  readonly operands?: "command" | "file" | readonly string[];
  /** Words that could stand in the place of flags. Default: none. */
  readonly commands?: readonly string[];
  /** What stands below the flags. */
  readonly after: string;
}

/** A command line, read. */
export interface Line {
  /** What each flag was given, by the flag's name. */
  readonly flags: ReadonlyMap<string, readonly Given[]>;
  /** The words behind them. */
  readonly operands: readonly string[];
}

/**
 * Reads a command line.
 *
 * @param argv without node and the names of the program and its command.
 * @throws Ending with the text to print, where nothing is to be done.
 */
export async function lineOf(argv: readonly string[], page: Page, version: string): Promise<Line> {
  const listed = listedOn(page);
  const line = read(argv, listed, page.operands === "command");
  // Commander, which words help and mistakes, is loaded for these alone.
  if (!line) throw (await import("./usage.ts")).usageOf(argv, page, listed, version);
  const misuse = (why: string) => new Ending(2, `wirelab: ${why}\n(${page.name} --help lists all flags)\n`);
  const { flags, operands } = line;
  for (const setting of page.own ?? []) {
    const [name = ""] = namesOf(setting);
    const given = flags.get(name);
    try {
      if (given) setting.read(given);
    } catch (error) {
      throw misuse(`--${name}: ${messageOf(error)}`);
    }
  }
  const [word, another] = operands;
  if (page.operands === undefined && word !== undefined) {
    const { meant } = await import("./meant.ts");
    const isFlag = listed.some(({ setting }) => namesOf(setting).includes(word));
    const why = isFlag ? `; did you mean "--${word}"?` : meant(word, page.commands ?? []) || ".";
    throw misuse(`"${word}" is no command${why}`);
  }
  if (page.operands === "file" && (word === undefined || another !== undefined)) {
    throw misuse(`${page.name} takes one file, or - for standard input.`);
  }
  return line;
}

/** The flags that a command takes. */
export function listedOn({ without, own = [] }: Page): readonly Listed[] {
  const all = without
    ? flagTable().filter(({ setting }) => !namesOf(setting).some((name) => without.includes(name)))
    : [];
  return [...all, ...own.map((setting) => ({ heading: "Only here", setting }))];
}

/**
 * What each flag was given, and the words behind or between them; undefined where there is more to say than that. What a flag like
 * `--ftp[=ADDR]` may have stands behind `=`; a word behind it is its own only where it could be (`--ftp 2121`), so that
 * `--ftp python3` are a flag and a program.
 */
function read(argv: readonly string[], listed: readonly Listed[], isCommand: boolean): Line | undefined {
  const known = new Map(
    listed.flatMap(({ setting }) => namesOf(setting).map((name) => [name, setting] as const)),
  );
  const options = Object.fromEntries(
    [...known].map(([name, { flag }]) => [
      name,
      { type: flag.includes("<") ? "string" : "boolean" } as const,
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags = new Map<string, Given[]>();
  const operands: string[] = [];
  let open: Given[] | undefined;
  let maybe: Setting | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      return { flags, operands: [...operands, ...argv.slice(token.index + 1)] };
    }
    if (token.kind === "positional") {
      const belongs = open !== undefined && maybe !== undefined && reads(maybe, token.value);
      if (belongs) open?.splice(-1, 1, token.value);
      // The flags behind a command are its own.
      else if (isCommand) return { flags, operands: argv.slice(token.index) };
      else operands.push(token.value);
      [open, maybe] = [undefined, undefined];
      continue;
    }
    const setting = known.get(token.name);
    if (!setting || !token.rawName.startsWith("--")) return undefined;
    const isNeeded = setting.flag.includes("<");
    if (isNeeded ? token.value === undefined : token.value !== undefined && !takesText(setting))
      return undefined;
    const [name = ""] = namesOf(setting);
    const given: Given[] = [...(flags.get(name) ?? []), token.value ?? true];
    flags.set(name, given);
    [open, maybe] =
      token.value === undefined && takesText(setting) ? [given, setting] : [undefined, undefined];
  }
  return { flags, operands };
}

function reads(setting: Setting, text: string): boolean {
  if (text.startsWith("-")) return false;
  try {
    setting.read([text]);
    return true;
  } catch {
    return false;
  }
}
