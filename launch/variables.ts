import { variableOf } from "./setting.ts";
import type { Environment } from "./sources.ts";
import { flagTable } from "./table.ts";

/** Of how many letters a variable may be wrong for it to be a mistake, and not somebody else's. */
const TYPOS = 2;

/**
 * A sentence for each variable that is nearly one of ours, and therefore counts for nothing. Others are left alone: `WIRELAB_` is
 * a name for whatever has to do with wirelab, what it tells of its servers among it.
 */
export async function mistypedVariables(environment: Environment): Promise<readonly string[]> {
  const known = flagTable().flatMap(({ setting }) => variableOf(setting) ?? []);
  const others = Object.keys(environment).filter(
    (name) => name.startsWith("WIRELAB_") && !known.includes(name) && !/_(URL|HOST|PORT|PATH)$/.test(name),
  );
  if (others.length === 0) return [];
  const { closestMatch } = await import("leven");
  return others.flatMap((name) => {
    const meant = closestMatch(name, known, { maxDistance: TYPOS });
    return meant === undefined ? [] : [`${name} sets nothing; did you mean ${meant}?`];
  });
}
