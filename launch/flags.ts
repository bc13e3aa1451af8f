import { Command, CommanderError, Option } from "commander";
import { messageOf } from "../core/errors.ts";
import { meant } from "./meant.ts";
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
export function lineOf(argv: readonly string[], page: Page, version: string): Line {
  const listed = listedOn(page);
  const { options, operands } = split(argv, listed, page.operands === "command");
  const flags = new Map<string, Given[]>();
  let printed = "";
  const print = (text: string) => {
    printed += text;
  };
  const command = program(page, listed, flags, version).configureOutput({
    writeOut: print,
    writeErr: print,
    outputError: (text) => print(text.replace(/^error: /, "wirelab: ")),
  });
  const reject = (why: string): never => {
    throw new Ending(2, `wirelab: ${why}\n(${page.name} --help lists all flags)\n`);
  };
  try {
    command.parse(options, { from: "user" });
  } catch (error) {
    const exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2;
    throw new Ending(exitCode, printed || `wirelab: ${messageOf(error)}\n`);
  }
  for (const setting of page.own ?? []) {
    const [name = ""] = namesOf(setting);
    const given = flags.get(name);
    try {
      if (given) setting.read(given);
    } catch (error) {
      reject(`--${name}: ${messageOf(error)}`);
    }
  }
  const [word, another] = operands;
  if (page.operands === undefined && word !== undefined) {
    reject(`"${word}" is no command${meant(word, page.commands ?? []) || "."}`);
  }
  if (page.operands === "file" && (word === undefined || another !== undefined)) {
    reject(`${page.name} takes one file, or - for standard input.`);
  }
  return { flags, operands };
}

/** The flags that a command takes. */
export function listedOn({ without, own = [] }: Page): readonly Listed[] {
  const all = without
    ? flagTable().filter(({ setting }) => !namesOf(setting).some((name) => without.includes(name)))
    : [];
  return [...all, ...own.map((setting) => ({ heading: "Only here", setting }))];
}

/**
 * The flags, and the words behind or between them. What a flag like `--ftp[=ADDR]` may have stands behind `=`; a word behind it is its own
 * only where it could be (`--ftp 2121`), so that `--ftp python3` are a flag and a program.
 */
function split(argv: readonly string[], listed: readonly Listed[], isCommand: boolean) {
  const options: string[] = [];
  const operands: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (word === "--") return { options, operands: [...operands, ...argv.slice(index + 1)] };
    if (!word.startsWith("-") || word === "-") {
      // The flags behind a command are its own.
      if (isCommand) return { options, operands: argv.slice(index) };
      operands.push(word);
      continue;
    }
    options.push(word);
    const found = listed.find(({ setting }) => namesOf(setting).some((name) => word === `--${name}`));
    const next = argv[index + 1];
    if (!found || next === undefined || !takesText(found.setting)) continue;
    if (!found.setting.flag.includes("<") && !reads(found.setting, next)) continue;
    options.push(next);
    index += 1;
  }
  return { options, operands };
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

function program(
  page: Page,
  listed: readonly Listed[],
  flags: Map<string, Given[]>,
  version: string,
): Command {
  const command = new Command(page.name)
    .description(page.description)
    .usage(page.usage)
    .showHelpAfterError(`(${page.name} --help lists all flags)`)
    .exitOverride()
    .configureHelp({ optionTerm: ({ flags }) => flags.replace(" [", "[=") })
    .addHelpText("after", page.after);
  for (const { heading, setting } of listed) {
    const [name = ""] = namesOf(setting);
    const option = new Option(setting.flag, helpOf(setting)).helpGroup(`${heading}:`);
    const take = (text: Given) => flags.set(name, [...(flags.get(name) ?? []), text]);
    command.addOption(option).on(`option:${option.name()}`, (text: string | null) => take(text ?? true));
  }
  // Behind the others, where the help has them last.
  return command
    .optionsGroup("About it:")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help");
}

/** What a flag means, what it takes, and what it is where nobody says. */
function helpOf({ help, choices, fallback }: Setting): string {
  const words =
    choices && !choices.every((word) => help.includes(word)) ? [`one of ${choices.join(", ")}`] : [];
  const usual = typeof fallback === "string" ? [`default ${fallback}`] : [];
  const more = [...words, ...usual];
  return more.length === 0 ? help : `${help} (${more.join("; ")})`;
}
