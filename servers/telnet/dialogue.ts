import { setTimeout as pause } from "node:timers/promises";
import { Conversation } from "../../core/script/conversation.ts";
import { patternOf } from "../../core/script/pattern.ts";
import type { Tty } from "./tty.ts";

/** What no line can hold, and is a line of its own where it is expected. */
const KEY = /^\p{Cc}$/u;

/** One step of a conversation that is kept to the letter. */
export type DialogueStep =
  /** The device says this, and nothing behind it. */
  | { readonly send: string }
  /**
   * The client sends this line: a text, or a pattern that fits it (as `/…/` the whole of it); or this key, which is a control
   * character alone, `\u001a` for Ctrl-Z. A `hidden` one is not echoed, and neither what is expected nor what came is told.
   */
  | { readonly expect: string | RegExp; readonly hidden?: boolean }
  /** Nothing happens for so many milliseconds. */
  | { readonly wait: number }
  /** The device closes: in good order, or with a reset. Without it the client is the one to close. */
  | { readonly end: "fin" | "rst" };

/**
 * Holds the conversation.
 *
 * @throws WirelabError `MISMATCH` where the client does something else: the step, what was expected, what came, and the
 *   conversation so far. The client sees it, and observers get it as an `error`.
 */
export async function holdDialogue(tty: Tty, steps: readonly DialogueStep[], banner?: string): Promise<void> {
  const conversation = new Conversation("dialogue");
  const remember = (mark: "<" | ">", text: string) => {
    for (const line of text.replace(/\n$/, "").split("\n")) conversation.remember(mark, JSON.stringify(line));
  };
  const send = async (text: string) => {
    await tty.write(text);
    remember("<", text);
  };
  const mismatch = (index: number, expected: string, came: string) =>
    conversation.mismatch(`Step ${index + 1}`, expected, came);

  if (banner) await send(banner);
  for (const [index, step] of steps.entries()) {
    if ("send" in step) {
      await send(step.send);
    } else if ("wait" in step) {
      await pause(step.wait, undefined, { signal: tty.signal }).catch(() => {});
    } else if ("end" in step) {
      if (step.end === "rst") await tty.reset();
      return;
    } else {
      const { expect, hidden = false } = step;
      const expected = hidden
        ? "a hidden line"
        : typeof expect === "string"
          ? JSON.stringify(expect)
          : `${expect}`;
      const keys = new Set(typeof expect === "string" && KEY.test(expect) ? [expect] : []);
      const line = await tty.readLine("", { hidden, keys });
      if (line === undefined) throw mismatch(index, expected, "the client has ended its side");
      if (!fits(line, expect))
        throw mismatch(index, expected, hidden ? "another one came" : `${JSON.stringify(line)} came`);
      remember(">", hidden ? "(hidden)" : line);
    }
  }
  const surplus = await tty.readLine();
  if (surplus !== undefined) throw mismatch(steps.length, "the end", `${JSON.stringify(surplus)} came`);
}

function fits(line: string, expected: string | RegExp): boolean {
  if (expected instanceof RegExp) return line.search(expected) !== -1;
  return patternOf(expected)?.test(line) ?? line === expected;
}
