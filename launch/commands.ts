import type { Readable, Writable } from "node:stream";
import type { Command } from "commander";
import type { Lab } from "../core/lab.ts";
import { Ending } from "./flags.ts";

/** What of the process a command works with. */
interface Terminal {
  readonly stdin: Readable;
  /** For data. */
  readonly stdout: Writable;
  /** For people. */
  readonly stderr: Writable;
  readonly pid: number;
  /** Columns of the screen that stdout is, if it is one. */
  readonly columns: number | undefined;
  /** Whether stdout shows colours. */
  readonly colours: "on" | "off";
  /** The first signal stops the lab, a second one ends the process. */
  stopOnSignals(lab: Lab): void;
}

/** Does what a word behind `wirelab` asks for. Answers the exit code, or undefined where it runs on. */
export type Subcommand = (argv: readonly string[], terminal: Terminal) => Promise<number | undefined>;

/** What there is beside starting servers, each loaded when it is asked for. */
const SUBCOMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Subcommand }>>> = {
  show: () => import("./show.ts"),
  replay: () => import("./replay.ts"),
};

/** The command that a word names, if it names one. */
export async function subcommand(word: string | undefined): Promise<Subcommand | undefined> {
  const load = word !== undefined && Object.hasOwn(SUBCOMMANDS, word) ? SUBCOMMANDS[word] : undefined;
  return load && (await load()).command;
}

/**
 * Reads a subcommand's arguments, as a commander program declares them.
 *
 * @throws Ending with the text to print, for `--help` and for arguments that are wrong.
 */
export function parsed(program: Command, argv: readonly string[]): Command {
  let printed = "";
  const print = (text: string) => {
    printed += text;
  };
  program
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: print,
      outputError: (text) => print(text.replace(/^error/, "wirelab")),
    })
    .showHelpAfterError(`(${program.name()} --help tells more)`);
  try {
    return program.parse(argv, { from: "user" });
  } catch (error) {
    const asked = typeof error === "object" && error !== null && "exitCode" in error && error.exitCode === 0;
    throw new Ending(asked ? 0 : 2, printed);
  }
}
