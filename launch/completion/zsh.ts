import type { Command, Flag } from "./words.ts";

/** A script that zsh reads: by `source`, or as a file `_wirelab` in a folder of `fpath`. */
export function zshScript(start: readonly Flag[], commands: readonly Command[]): string {
  return `#compdef wirelab
# zsh completion of wirelab: source <(wirelab completion zsh)
_wirelab() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}\n`).join("")}  )
  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    return
  fi
  case $words[2] in
${commands.map(commandOf).join("")}    *) _arguments ${specsOf(start)} ;;
  esac
}
if [[ $funcstack[1] == _wirelab ]]; then
  _wirelab "$@"
else
  compdef _wirelab wirelab
fi
`;
}

function commandOf({ name, flags, offers }: Command): string {
  const rest =
    offers === "command"
      ? `'(-)1:command:_command_names -e' '*::argument:_normal'`
      : offers === "file"
        ? "'*:file:_files'"
        : `'1:word:(${offers.join(" ")})'`;
  return `    ${name})
      shift words; ((CURRENT--))
      _arguments -S ${specsOf(flags)} ${rest}
      ;;
`;
}

function specsOf(flags: readonly Flag[]): string {
  return flags.map((flag) => `\\\n        ${quoted(specOf(flag))}`).join(" ");
}

function specOf({ name, help, takes, what, repeats, offers }: Flag): string {
  const many = repeats ? "*" : "";
  const about = `[${help.replaceAll(/[[\]\\]/g, "\\$&")}]`;
  if (takes === "nothing") return `${many}${name}${about}`;
  const message = what.replaceAll(/[:\\]/g, "\\$&");
  const action =
    offers === "folder"
      ? "_files -/"
      : offers === "file"
        ? "_files"
        : offers.length > 0
          ? `(${offers.join(" ")})`
          : " ";
  return takes === "text"
    ? `${many}${name}=${about}:${message}:${action}`
    : `${many}${name}=-${about}::${message}:${action}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
