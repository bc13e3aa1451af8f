import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { needPrograms, run } from "../clients.ts";
import { root } from "../sources.ts";

// The scripts of `wirelab completion`, in the shells that they are for.

const launcher = join(root, "dist", "launcher.js");
const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
const patient = { cwd: folder, timeout: 60_000 };

/** Asks each shell what it offers behind lines; each answer is a line `N OFFER`, by the number of the line. */
const ASK: Readonly<Record<string, (script: string, lines: readonly string[]) => Promise<string>>> = {
  async bash(script, lines) {
    // Bash parts words at "=", and has an empty one where a new one begins.
    const program = `source ${script}
      number=0
      for line in "$@"; do
        parted=\${line//=/ = } COMP_LINE=$line COMP_POINT=\${#line} COMPREPLY=()
        COMP_WORDS=($parted)
        case $line in *" "|*=) COMP_WORDS+=("") ;; esac
        COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        _wirelab
        for offer in "\${COMPREPLY[@]}"; do echo "$number $offer"; done
        number=$((number + 1))
      done`;
    return (await run("bash", ["--norc", "-c", program, "bash", ...lines], patient)).stdout;
  },
  async zsh(script, lines) {
    // A zsh at a terminal of its own, whose compadd tells what it is given. It ends behind the first completion.
    const program = `zmodload zsh/zpty
      zpty -d z 2>/dev/null
      zpty z zsh -f -i
      () {
        local line
        zpty -w z "source $1"
        repeat 1000; do zpty -r z line; [[ $line == *ready* ]] && return; done
        exit 2
      } =(<<< "
        PROMPT=
        autoload -U compinit && compinit -u -D
        source ${script}
        compadd() {
          if [[ \\\${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \\"\\$@\\"; return; fi
          local -a hits
          local hit
          builtin compadd -A hits \\"\\$@\\"
          for hit in \\$hits; do print -r -- \\"offer \\$hit\\"; done
          builtin compadd \\"\\$@\\"
        }
        comppostfuncs=(exit)
        bindkey '^I' complete-word
        echo ready")
      zpty -w -n z "$1"$'\\t'
      while zpty -r z line; do
        [[ $line == *offer\\ * ]] && print -r -- \${\${line#*offer }%$'\\r'*}
      done`;
    const outcomes = await Promise.all(
      lines.map((line) => run("zsh", ["-f", "-c", program, "zsh", line], { cwd: folder })),
    );
    return outcomes
      .flatMap(({ stdout }, number) =>
        stdout
          .trim()
          .split("\n")
          .map((offer) => `${number} ${offer}`),
      )
      .join("\n");
  },
  async fish(script, lines) {
    const program = `source ${script}
      set number 0
      for line in $argv
        for offer in (complete -C $line); echo $number (string split \\t -- $offer)[1]; end
        set number (math $number + 1)
      end`;
    return (await run("fish", ["--no-config", "-c", program, ...lines], patient)).stdout;
  },
};

/** Lines, and what is offered behind each: all of it where it stands in brackets. */
const CASES: readonly (readonly [line: string, offers: readonly string[], never?: string])[] = [
  ["wirelab ", ["run", "print-config", "completion", "help"], "--ftp"],
  ["wirelab --roo", ["--root"]],
  ["wirelab --root ", ["beta"], "alpha.json"],
  ["wirelab --faults=", ["alpha.json"]],
  ["wirelab --log-level ", ["error", "warn", "info", "debug", "trace"], "alpha.json"],
  ["wirelab --tls=e", ["expired"]],
  ["wirelab run --htt", ["--http"]],
  ["wirelab run --read", [], "--ready"],
  ["wirelab run --ftp -- cat al", ["alpha.json"], "--all"],
  ["wirelab print-config --forma", ["--format"]],
  ["wirelab completion ", ["bash", "zsh", "fish"]],
  ["wirelab show al", ["alpha.json"]],
];

beforeAll(() => {
  writeFileSync(join(folder, "alpha.json"), "[]");
  mkdirSync(join(folder, "beta"));
});

test.for(["bash", "zsh", "fish"])("%s", { timeout: 60_000 }, async (shell, context) => {
  needPrograms(context, shell);
  const script = join(folder, `wirelab.${shell}`);
  const printed = await run(process.execPath, [launcher, "completion", shell]);
  expect(printed).toMatchObject({ code: 0, stderr: "" });
  writeFileSync(script, printed.stdout);
  const answered = await ASK[shell]!(
    script,
    CASES.map(([line]) => line),
  );
  const offered = CASES.map(([line], number) => {
    const mine = answered.split("\n").filter((answer) => answer.startsWith(`${number} `));
    // Fish tells the whole word, with the slash of a folder.
    const ends = mine.map((answer) =>
      answer
        .slice(`${number} `.length)
        .replace(/^--[a-z-]+=/, "")
        .replace(/\/$/, ""),
    );
    return [line, ends] as const;
  });
  for (const [index, [line, offers, never]] of CASES.entries()) {
    expect(offered[index], line).toEqual([line, expect.arrayContaining([...offers])]);
    if (never !== undefined) expect(offered[index]![1], line).not.toContain(never);
  }
});
