import type { Command, Flag } from "./words.ts";

/** A script that fish reads: by `source`, or as ~/.config/fish/completions/wirelab.fish. */
export function fishScript(start: readonly Flag[], commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `# fish completion of wirelab: wirelab completion fish | source
# What stands behind "--" is a command line of its own.
function __wirelab_command
  set -l words (commandline -opc)
  set -l at (contains -i -- -- $words)
  or return 1
  set -l rest $words[(math $at + 1)..]
  test (count $words) -gt $at; or set rest
  complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))
end
function __wirelab_flags
  not contains -- -- (commandline -opc)
end
complete -c wirelab -f
complete -c wirelab -n '__fish_seen_subcommand_from run; and not __wirelab_flags' -a '(__wirelab_command)'
${commands.map(({ name, summary }) => `complete -c wirelab -n '__fish_is_first_arg' -a ${name} -d ${quoted(summary)}\n`).join("")}${start
  .map((flag) => flagOf(flag, `__wirelab_flags; and not __fish_seen_subcommand_from ${names}`))
  .join("")}${commands.map(commandOf).join("")}`;
}

function commandOf({ name, flags, offers }: Command): string {
  const condition = `__wirelab_flags; and __fish_seen_subcommand_from ${name}`;
  const rest =
    offers === "file"
      ? `complete -c wirelab -n '${condition}' -F\n`
      : offers === "command" || offers.length === 0
        ? ""
        : `complete -c wirelab -n '${condition}' -a '${offers.join(" ")}'\n`;
  return rest + flags.map((flag) => flagOf(flag, condition)).join("");
}

function flagOf({ name, help, takes, offers }: Flag, condition: string): string {
  const text = takes !== "text" ? "" : offers === "file" ? " -r" : " -x";
  const values =
    takes === "nothing"
      ? ""
      : offers === "file"
        ? " -F"
        : offers === "folder"
          ? ` -a '(__fish_complete_directories)'`
          : offers.length > 0
            ? ` -a '${offers.join(" ")}'`
            : "";
  return `complete -c wirelab -n '${condition}' -l ${name.slice(2)}${text}${values} -d ${quoted(help)}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
