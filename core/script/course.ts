import { Conversation } from "./conversation.ts";
import type { ScriptStep } from "./steps.ts";

/** A step that stands where the script has come to. */
interface Place {
  readonly step: Exclude<ScriptStep, { readonly repeat: unknown }>;
  /** Its number: `3`, or `3.1` in a repeat. */
  readonly name: string;
  /** Whether it begins another round of a repeat without end, which the client may leave. */
  readonly begins: boolean;
}

/** How far a script has come, with a client or, where progress is shared, with all of them. */
export class Course {
  readonly conversation = new Conversation("script");
  /** What the groups of the last expected pattern have found. */
  found: readonly string[] | undefined;
  readonly #places: Generator<Place, unknown, "leave" | undefined>;
  #place: Place | undefined;

  constructor(steps: readonly ScriptStep[]) {
    this.#places = placesOf(steps, "", false);
    this.advance();
  }

  /** Undefined at the end. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** @param how `leave` goes on behind the repeat. */
  advance(how?: "leave"): void {
    const { value, done } = this.#places.next(how);
    this.#place = done ? undefined : (value as Place);
  }
}

/** @param fresh whether the first expected thing decides on another round. */
function* placesOf(
  steps: readonly ScriptStep[],
  prefix: string,
  fresh: boolean,
): Generator<Place, "left" | undefined, "leave" | undefined> {
  let begins = fresh;
  for (const [index, step] of steps.entries()) {
    const name = `${prefix}${index + 1}`;
    if (!("repeat" in step)) {
      const expects = "expect" in step;
      if ((yield { step, name, begins: begins && expects }) === "leave") return "left";
      if (expects) begins = false;
      continue;
    }
    const { repeat, times } = step;
    for (let round = 0; times === undefined || round < times; round += 1) {
      const left = yield* placesOf(repeat, `${name}.`, begins || times === undefined);
      if (left && times !== undefined) return "left";
      if (left) break;
      begins = false;
    }
  }
  return undefined;
}
