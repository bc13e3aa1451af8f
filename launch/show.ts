import { Command } from "commander";
import { type RecordedLine, readRecording } from "../core/capture/recorded.ts";
import { parsed, type Subcommand } from "./commands.ts";
import { ladder } from "./ladder.ts";

/** Columns where nobody can say how many there are: in a file, say. */
const COLUMNS = 132;

/** `wirelab show FILE` */
export const command: Subcommand = async (argv, { stdin, stdout, columns, colours }) => {
  const program = new Command("wirelab show")
    .description("Draw a recording (wirelab --record FILE) as a ladder: the client left, the server right.")
    .usage("FILE")
    .argument("<FILE>", "the recording, or - for standard input");
  const [file = "-"] = parsed(program, argv).args;
  const recorded: RecordedLine[] = [];
  for await (const line of readRecording(file === "-" ? stdin : file)) recorded.push(line);
  for (const line of ladder(recorded, { width: columns ?? COLUMNS, colours })) stdout.write(`${line}\n`);
  return 0;
};
