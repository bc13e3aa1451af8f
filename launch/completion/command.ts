import { COMMANDS, type Subcommand } from "../commands.ts";
import { Ending, lineOf } from "../flags.ts";
import { COMPLETION, SHELLS, START } from "../pages.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { wordsOf } from "./words.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** `wirelab completion` */
export const command: Subcommand = async (argv, { stdout, version }) => {
  const [wanted] = (await lineOf(argv, COMPLETION, version)).operands;
  const shell = SHELLS.find((name) => name === wanted);
  if (!shell) {
    throw new Ending(
      2,
      `wirelab: completion is for ${SHELLS.join(", ")}: wirelab completion bash, for example.\n`,
    );
  }
  const commands = Object.values(COMMANDS).map(({ page }) => wordsOf(page));
  stdout.write(SCRIPTS[shell](wordsOf(START).flags, commands));
  return 0;
};
