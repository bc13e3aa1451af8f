import { Command, CommanderError, Option } from "commander";
import { messageOf } from "../core/errors.ts";
import type { Kind } from "./kind.ts";
import { KINDS } from "./servers.ts";
import { type Given, nameOf, type Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** A command line that asks for no start: for a text (`--help`, `--version`), or for the impossible. */
export class Ending extends Error {
  /** 0 for what was asked for, 2 for a usage error. */
  readonly exitCode: 0 | 2;
  constructor(exitCode: 0 | 2, text: string) {
    super(text);
    this.exitCode = exitCode;
  }
}

const EXAMPLES = `
ADDR is PORT, HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes any free port, and the real one is told.
Without a server flag all of them start, on 127.0.0.1. Where a flag is not given, the environment variable of its name
counts: WIRELAB_LOG_LEVEL=debug.

Examples:
  wirelab                                     everything, on files in memory
  wirelab --ftp --http --root ./fixtures      a folder by FTP and HTTP
  wirelab --ftp=0 --ready=json                a free port, told on stdout as JSON
  wirelab --tcp=1234 --tcp-behaviour echo     an echo server
  wirelab --http=unix:/tmp/lab.sock           on a Unix-domain socket
  wirelab --forward 8000=127.0.0.1:3000       in front of another server, with --faults for example

Commands beside it, each with a --help of its own:
  wirelab show FILE                           draw a recording (--record FILE): client left, server right
  wirelab replay FILE                         say again what was recorded, and tell who does not follow

Exit codes: 0 clean stop, 1 failure, 2 usage, 3 an address could not be bound, 128+N on a second signal N.`;

/**
 * Reads a command line (without node and the program's own name): what each flag was given, by the flag's name.
 *
 * @throws Ending with the text to print, where nothing is to be started.
 */
export function flagsOf(argv: readonly string[], version: string): ReadonlyMap<string, readonly Given[]> {
  let printed = "";
  const given = new Map<string, Given[]>();
  const command = program(version, given).configureOutput({
    writeOut: (text) => {
      printed += text;
    },
    writeErr: (text) => {
      printed += text;
    },
    outputError: (text, write) => write(text.replace(/^error: /, "wirelab: ")),
  });
  try {
    command.parse(argv, { from: "user" });
    return given;
  } catch (error) {
    const exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2;
    throw new Ending(exitCode, printed || `wirelab: ${messageOf(error)}\n`);
  }
}

function program(version: string, given: Map<string, Given[]>): Command {
  const command = new Command("wirelab")
    .description(
      "FTP, Telnet, HTTP, WebSocket, TCP and UDP servers and forwarders that start together and share files, accounts and log.",
    )
    .usage(
      "[--ftp[=ADDR]] [--telnet[=ADDR]] [--http[=ADDR]] [--ws[=ADDR]] [--tcp[=ADDR]] [--udp[=ADDR]] [--forward ADDR=TARGET] [options]",
    )
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(false)
    .showHelpAfterError("(wirelab --help lists all flags)")
    .exitOverride()
    .addHelpText("after", EXAMPLES);
  const kinds: readonly Kind[] = Object.values(KINDS);
  const settings: readonly Setting[] = [
    ...kinds.map(({ flag }) => flag),
    ...Object.values(SETTINGS),
    ...kinds.flatMap((kind) => Object.values(kind.settings)),
  ];
  for (const setting of settings) {
    const name = nameOf(setting);
    const option = new Option(setting.flag, setting.help);
    option.default(undefined, setting.fallback?.toString());
    const take = (text: Given) => given.set(name, [...(given.get(name) ?? []), text]);
    command.addOption(option).on(`option:${name}`, (text: string | null) => take(text ?? true));
  }
  return command;
}
