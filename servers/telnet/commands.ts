import type { ShellCommand } from "./shell.ts";

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
    run(argument, { commands }) {
      const wanted = argument.trim().toLowerCase();
      if (wanted === "") return `Commands:\n${[...commands].map(described).join("\n")}`;
      const command = commands.get(wanted);
      return command
        ? described([wanted, command]).trim()
        : `There is no command "${wanted.slice(0, 40)}" to help with.`;
    },
  },
  quit: {
    summary: "leave (so do exit and Ctrl-D)",
    run(_argument, session) {
      session.quit();
      return "Goodbye.";
    },
  },
  time: {
    summary: "tell the time",
    run: () => new Date().toISOString(),
  },
};

function described([name, { usage = "", summary }]: readonly [string, ShellCommand]): string {
  return `  ${`${name} ${usage}`.padEnd(18)} ${summary}`;
}
