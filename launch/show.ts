import type { Subcommand } from "./commands.ts";
import { recordingIn } from "./files.ts";
import { lineOf } from "./flags.ts";
import { ladder } from "./ladder.ts";
import { SHOW } from "./pages.ts";

/** Columns where nobody can say how many there are: in a file, say. */
const COLUMNS = 132;

/** `wirelab show FILE` */
export const command: Subcommand = async (argv, { version, stdin, stdout, columns, colours }) => {
  const [file = "-"] = (await lineOf(argv, SHOW, version)).operands;
  const recorded = await recordingIn(file, stdin);
  for (const line of ladder(recorded, { width: columns ?? COLUMNS, colours })) stdout.write(`${line}\n`);
  return 0;
};
