import { Command, CommanderError, Option } from "commander";
import { messageOf } from "../core/errors.ts";
import { Ending, type Page } from "./flags.ts";
import type { Setting } from "./setting.ts";
import type { Listed } from "./table.ts";

/** What is printed for `--help` and `--version`, or for a command line that cannot be. */
export function usageOf(
  argv: readonly string[],
  page: Page,
  listed: readonly Listed[],
  version: string,
): Ending {
  let printed = "";
  const print = (text: string) => {
    printed += text;
  };
  const command = program(page, listed, version).configureOutput({
    writeOut: print,
    writeErr: print,
    outputError: (text) => print(text.replace(/^error: /, "wirelab: ")),
  });
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    const isAsked = error instanceof CommanderError && error.exitCode === 0;
    return new Ending(isAsked ? 0 : 2, printed || `wirelab: ${messageOf(error)}\n`);
  }
  return new Ending(
    2,
    `wirelab: this cannot be read: ${argv.join(" ")}\n(${page.name} --help lists all flags)\n`,
  );
}

function program(page: Page, listed: readonly Listed[], version: string): Command {
  const command = new Command(page.name)
    .description(page.description)
    .usage(page.usage)
    .showHelpAfterError(`(${page.name} --help lists all flags)`)
    .exitOverride()
    // A word that is none of ours is for others to complain about.
    .allowExcessArguments(true)
    .configureHelp({ optionTerm: ({ flags }) => flags.replace(" [", "[=") })
    .addHelpText("after", page.after);
  for (const { heading, setting } of listed) {
    command.addOption(new Option(setting.flag, helpOf(setting)).helpGroup(`${heading}:`));
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
