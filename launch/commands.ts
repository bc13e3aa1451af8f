import type { Readable, Writable } from "node:stream";
import type { Lab } from "../core/lab.ts";
import type { Page } from "./flags.ts";
import { COMPLETION, HELP, PRINT_CONFIG, REPLAY, RUN, SHOW } from "./pages.ts";
import type { Environment } from "./sources.ts";

/** What of the process a command works with. */
export interface Terminal {
  /** The package's. */
  readonly version: string;
  readonly stdin: Readable;
  /** For data. */
  readonly stdout: Writable;
  /** For people. */
  readonly stderr: Writable;
  readonly pid: number;
  readonly environment: Environment;
  /** Columns of the screen that stdout is, if it is one. */
  readonly columns: number | undefined;
  /** Whether stdout shows colours. */
  readonly colours: "on" | "off";
  /** Whether stderr is a screen, and shows colours. */
  readonly screen: "coloured" | "plain" | "none";
  /** Whether keys that are pressed here make signals for the whole group of processes, this one's children included. */
  readonly keyboard: "here" | "none";
  /** The first signal stops the lab, a second one ends the process. */
  stopOnSignals(lab: Lab): void;
  /** Is told of signals that ask the process to end, which then do not end it. */
  onSignal(listener: (signal: NodeJS.Signals, number: number) => void): void;
}

/** Does what a command line asks for. Answers the exit code, or undefined where it runs on. */
export type Subcommand = (argv: readonly string[], terminal: Terminal) => Promise<number | undefined>;

/** A word behind `wirelab`. */
interface Known {
  readonly page: Page;
  /** Loads it when it is asked for. */
  load(): Promise<{ readonly command: Subcommand }>;
}

/** What there is beside starting servers. */
export const COMMANDS: Readonly<Record<string, Known>> = {
  run: { page: RUN, load: () => import("./run.ts") },
  "print-config": { page: PRINT_CONFIG, load: () => import("./print-config.ts") },
  show: { page: SHOW, load: () => import("./show.ts") },
  replay: { page: REPLAY, load: () => import("./replay.ts") },
  completion: { page: COMPLETION, load: () => import("./completion/command.ts") },
  help: { page: HELP, load: () => import("./help.ts") },
};

/** The command of a command line, and what stands behind its word; where no word names one, that which starts servers. */
export async function commandOf(argv: readonly string[]): Promise<readonly [Subcommand, readonly string[]]> {
  const [word = "", ...rest] = argv;
  if (!Object.hasOwn(COMMANDS, word)) return [(await import("./start.ts")).command, argv];
  const { command } = (await COMMANDS[word]?.load()) ?? (await import("./start.ts"));
  return [command, rest];
}
