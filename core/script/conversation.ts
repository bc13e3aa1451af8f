import { WirelabError } from "../errors.ts";

/** The most of a conversation that is kept for a report, in characters. */
const MAX_REMEMBERED = 16_384;

/** What was said so far in a conversation that is kept to the letter, and how a mismatch is reported. */
export class Conversation {
  readonly #kind: string;
  #text = "";

  /** @param kind what is kept to: a dialogue, a script. */
  constructor(kind: string) {
    this.#kind = kind;
  }

  /** @param line of the server's (`<`) or the client's (`>`), as it is to be told. */
  remember(mark: "<" | ">", line: string): void {
    this.#text = `${this.#text}\n  ${mark} ${line}`.slice(-MAX_REMEMBERED);
  }

  /**
   * Says what was expected, what came, and the conversation so far.
   *
   * @param where in it: `Step 3`, `The end`.
   * @param came as the second half of a sentence: `"x" came`, `the client has ended its side`.
   */
  mismatch(where: string, expected: string, came: string): WirelabError {
    return new WirelabError(
      "MISMATCH",
      `${where} of the ${this.#kind}: expected ${expected}, but ${came}. The conversation so far:${this}`,
    );
  }

  toString(): string {
    return this.#text || " none";
  }
}
