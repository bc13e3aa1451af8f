/** Options, and defaults for what is left out: what is undefined is left out, too. */
export function withDefaults<O extends object, D extends Partial<O>>(
  defaults: D,
  options: O,
): O & Required<Pick<O, keyof D & keyof O>> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const all: unknown = { ...defaults, ...Object.fromEntries(given) };
  return all as O & Required<Pick<O, keyof D & keyof O>>;
}
