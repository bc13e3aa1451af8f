import { COMMANDS, type Subcommand } from "./commands.ts";
import { Ending, lineOf } from "./flags.ts";
import { meant } from "./meant.ts";
import { HELP, START } from "./pages.ts";

/** `wirelab help` */
export const command: Subcommand = async (argv, { version }) => {
  const [word] = (await lineOf(argv, HELP, version)).operands;
  const page = word === undefined ? START : Object.hasOwn(COMMANDS, word) ? COMMANDS[word]?.page : undefined;
  if (!page)
    throw new Ending(
      2,
      `wirelab: there is no command "${word}"${meant(word ?? "", Object.keys(COMMANDS))}\n`,
    );
  await lineOf(["--help"], page, version);
  return 0;
};
