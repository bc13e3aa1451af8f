/** So many ways to complete a word are shown. */
const MAX_SHOWN = 100;

/** What Tab makes of a word: what goes behind it, the ways to go on where there are several, or nothing. */
export function completionOf(
  begun: string,
  known: readonly string[],
): { readonly rest: string } | { readonly ways: string } | undefined {
  const words = known.filter((word) => word.startsWith(begun)).sort();
  const [first] = words;
  if (first === undefined) return undefined;
  let common = first.length;
  for (const word of words) while (!word.startsWith(first.slice(0, common))) common -= 1;
  const rest = first.slice(begun.length, common);
  if (words.length === 1) return { rest: first.endsWith("/") ? rest : `${rest} ` };
  return rest === "" ? { ways: shown(words, begun) } : { rest };
}

/** Where the last word begins. Looking behind keeps it from being looked for within each word. */
export function lastWordIn(text: string): number {
  return text.search(/(?<!\S)\S*$/);
}

/** The words as they are listed: of paths what follows the directory that is typed already. */
function shown(words: readonly string[], begun: string): string {
  const names = words.slice(0, MAX_SHOWN).map((word) => word.slice(begun.lastIndexOf("/") + 1));
  if (words.length > MAX_SHOWN) names.push(`… ${words.length - MAX_SHOWN} more`);
  return names.join("  ");
}
