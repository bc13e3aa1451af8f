import type { Command, Flag } from "./words.ts";

/** A script that bash reads, 3.2 and later, with or without the package bash-completion. */
export function bashScript(start: readonly Flag[], commands: readonly Command[]): string {
  const all = [
    ...new Map(
      [...start, ...commands.flatMap(({ flags }) => flags)].map((flag) => [flag.name, flag]),
    ).values(),
  ];
  const texts = all.filter(({ takes }) => takes !== "nothing");
  return `# bash completion of wirelab: source <(wirelab completion bash)
_wirelab() {
  # The words as they were typed: bash itself parts them at "=" and ":", too.
  local line=\${COMP_LINE:0:COMP_POINT} word flag value prefix='' command=\${COMP_WORDS[1]} index IFS=$'\\n'
  word=\${line##*[[:space:]]}
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    if [[ $command == run && \${COMP_WORDS[index]} == -- ]]; then
      if declare -F _command_offset >/dev/null; then
        _command_offset $((index + 1))
      elif ((COMP_CWORD == index + 1)); then
        COMPREPLY=($(compgen -c -- "$word" | sort -u))
      else
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$word"))
      fi
      return
    fi
  done
  if [[ $word == --*=* ]]; then
    flag=\${word%%=*} value=\${word#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || prefix=$flag=
  else
    flag=\${COMP_WORDS[COMP_CWORD - 1]} value=$word
  fi
  if [[ $word == --*=* || " ${texts
    .filter(({ takes }) => takes === "text")
    .map(({ name }) => name)
    .join(" ")} " == *" $flag "* ]]; then
    case $flag in
${texts.map(valuesOf).join("")}    esac
    return
  fi
  if ((COMP_CWORD == 1)) && [[ $word != -* ]]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join("\n")}' -- "$word"))
    return
  fi
  case $command in
${commands.map(commandOf).join("")}    *) COMPREPLY=($(compgen -W '${namesOf(start)}' -- "$word")) ;;
  esac
}
complete -F _wirelab wirelab
`;
}

function valuesOf({ name, offers }: Flag): string {
  if (typeof offers !== "string" && offers.length === 0) return "";
  const option = offers === "folder" ? "-d" : offers === "file" ? "-f" : `-W '${offers.join("\n")}'`;
  const filenames = typeof offers === "string" ? "compopt -o filenames 2>/dev/null; " : "";
  return `      ${name}) ${filenames}COMPREPLY=($(compgen -P "$prefix" ${option} -- "$value")) ;;\n`;
}

function commandOf({ name, flags, offers }: Command): string {
  const words = [...(typeof offers === "string" ? [] : offers), ...flags.map((flag) => flag.name)];
  const files = offers === "file" ? ` $(compgen -f -- "$word")` : "";
  return `    ${name}) COMPREPLY=($(compgen -W '${words.join("\n")}' -- "$word")${files}) ;;\n`;
}

function namesOf(flags: readonly Flag[]): string {
  return flags.map(({ name }) => name).join("\n");
}
