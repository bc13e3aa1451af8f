import type { ShellCommand, ShellSession } from "./shell.ts";

/** Other words for commands. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["exit", "quit"],
  ["logout", "quit"],
  ["bye", "quit"],
  ["?", "help"],
]);

/** What every shell can do. */
export const COMMANDS: Readonly<Record<string, ShellCommand>> = {
  clear: {
    summary: "clear the screen",
    async run(_argument, { terminal }) {
      await terminal.write("\x1b[2J\x1b[H");
      return undefined;
    },
  },
  echo: {
    usage: "[TEXT]",
    summary: "say the text back",
    run: (text) => text,
  },
  help: {
    usage: "[COMMAND]",
    summary: "tell what the commands do",
    run(argument, session) {
      const wanted = argument.trim().toLowerCase();
      if (wanted === "") return `Commands:\n${[...session.commands].map(described).join("\n")}`;
      const command = commandOf(wanted, session);
      return command
        ? described([wanted, command]).trim()
        : `There is no command "${wanted.slice(0, 40)}" to help with.`;
    },
    complete: (_argument, { commands }) => [...commands.keys()],
  },
  history: {
    summary: "tell what you have typed",
    run: (_argument, { history }) =>
      history.map((line, index) => `${String(index + 1).padStart(4)}  ${line}`).join("\n"),
  },
  quit: {
    summary: "leave (so do exit and Ctrl-D)",
    run(_argument, session) {
      session.quit();
      return "Goodbye.";
    },
  },
  term: {
    summary: "tell what is known of your terminal",
    run(_argument, { terminal: { columns, rows, type, characterMode, options } }) {
      return [
        `type     ${type || "unknown"}`,
        `window   ${columns && rows ? `${columns} columns, ${rows} rows` : "unknown"}`,
        `mode     ${characterMode ? "character" : "line"}`,
        `options  ${options.join(", ") || "none"}`,
      ].join("\n");
    },
  },
  time: {
    summary: "tell the time",
    run: (_argument, { clock }) => new Date(clock.now()).toISOString(),
  },
};

/** The command of a name, or of another word for it. */
export function commandOf(
  name: string,
  { commands }: Pick<ShellSession, "commands">,
): ShellCommand | undefined {
  const key = name.toLowerCase();
  return commands.get(key) ?? commands.get(ALIASES.get(key) ?? "");
}

function described([name, { usage = "", summary }]: readonly [string, ShellCommand]): string {
  return `  ${`${name} ${usage}`.padEnd(18)} ${summary}`;
}
