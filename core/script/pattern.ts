const WRITTEN = /^\/(.+)\/([imsu]*)$/su;

/**
 * The pattern that a text `/…/` or `/…/i` stands for, fitted to the whole of a line; undefined where it stands for itself.
 *
 * @throws SyntaxError for a pattern that is none.
 */
export function patternOf(text: string): RegExp | undefined {
  const [, source, flags] = WRITTEN.exec(text) ?? [];
  return source === undefined ? undefined : new RegExp(`^(?:${source})$`, flags);
}

/** The text with `$0` … `$9` replaced by what a pattern has found; those that it has not stay. */
export function filled(text: string, match: readonly string[]): string {
  return text.replace(/\$(\d)/g, (whole, group) => match[Number(group)] ?? whole);
}
