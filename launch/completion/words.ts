import { listedOn, type Page } from "../flags.ts";
import { namesOf, type Setting, takesText } from "../setting.ts";

/** A flag, as a shell completes it. */
export interface Flag {
  /** With its dashes. */
  readonly name: string;
  readonly help: string;
  /** Whether a text stands behind it: in the next word or behind `=`, behind `=` alone, or none does. */
  readonly takes: "text" | "maybe" | "nothing";
  /** What the text stands for, `DIR` for example. */
  readonly what: string;
  readonly repeats: boolean;
  /** What is offered for the text. */
  readonly offers: readonly string[] | "file" | "folder";
}

/** A command, as a shell completes it. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** What is offered behind the flags. */
  readonly offers: readonly string[] | "file" | "command";
}

/** The word of a page, and what may stand behind it. */
export function wordsOf(page: Page): Command {
  return {
    name: page.name.replace(/^wirelab ?/, ""),
    summary: page.summary,
    flags: [...listedOn(page).flatMap(({ setting }) => flagsOf(setting)), ...ABOUT],
    offers: page.operands ?? [],
  };
}

const ABOUT = ["help", "version"].map(
  (word): Flag => ({
    name: `--${word}`,
    help: `print the ${word}`,
    takes: "nothing",
    what: "",
    repeats: false,
    offers: [],
  }),
);

function flagsOf(setting: Setting): readonly Flag[] {
  const { flag, help, times, choices = [], names } = setting;
  const [, what = ""] = /[<[](.*)[>\]]$/.exec(flag) ?? [];
  return namesOf(setting).map((name) => ({
    name: `--${name}`,
    // The first sentence: a list has room for no more.
    help: help.replace(/[;.(] ?[\s\S]*/, "").trim(),
    takes: !takesText(setting) ? "nothing" : flag.includes("<") ? "text" : "maybe",
    what,
    repeats: times === "often",
    offers: names ?? choices,
  }));
}
