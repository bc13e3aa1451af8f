import { Refusal } from "../refusal.ts";
import { pause } from "../send.ts";
import type { Turn } from "../turn.ts";
import type { Visitors } from "../visitor.ts";

/** The most that endpoints make and take, in bytes, milliseconds and pieces. */
export const MAX = {
  body: 1_048_576,
  bytes: 100_000_000,
  range: 1_048_576,
  ms: 60_000,
  pieces: 10_000,
  redirects: 100,
};

/** What was asked of an endpoint. */
interface Question {
  readonly turn: Turn;
  /** What stands behind the endpoint's name in the path. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
  /** The path of all endpoints, with a slash at its end. */
  readonly prefix: string;
  readonly visitors: Visitors;
}

/** Something to try a client on. */
export interface Endpoint {
  /** How it is asked for, and what it does: for people. */
  readonly use: string;
  /** Default: GET and HEAD. */
  readonly methods?: "any";
  answer(question: Question): Promise<void>;
}

export function unknown(name: string): Refusal {
  return new Refusal(404, `There is no endpoint ${JSON.stringify(name)}.`, {}, "NOT_FOUND");
}

/** So many pieces within so many milliseconds, the first at once. */
export async function* spread(
  turn: Turn,
  count: number,
  ms: number,
  piece: (index: number) => string,
): AsyncGenerator<string> {
  for (let index = 0; index < count; index += 1) {
    if (index > 0 && ms > 0) await pause(turn, ms / count);
    yield piece(index);
  }
}
