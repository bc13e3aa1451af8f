import { closestMatch } from "leven";

/** `; did you mean "…"?` where somebody who wrote `typed` has probably meant one of the words; else nothing. */
export function meant(typed: string, words: readonly string[]): string {
  const word = closestMatch(typed, words, { maxDistance: Math.max(2, Math.floor(typed.length / 3)) });
  return word === undefined ? "" : `; did you mean "${word}"?`;
}
