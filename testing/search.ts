import { inspect, types } from "node:util";
import { WirelabError } from "../core/errors.ts";
import { patternOf } from "../core/faults/faults.ts";
import type { Happening, Kind } from "./happenings.ts";

/** What is looked for: values by field; a field that is undefined may be anything. */
export type Wanted = Readonly<Record<string, unknown>>;

/** What was looked for, and what there was. */
export interface Found {
  readonly fitting: readonly Happening[];
  /** Where nothing fits: what came nearest, the latest of several. */
  readonly nearest: Happening | undefined;
}

/**
 * Looks for happenings that fit in every field.
 *
 * @throws WirelabError `BAD_OPTION` for a field that the kind does not have: it would never fit, and its negation always.
 */
export function search(kind: Kind, happenings: readonly Happening[], wanted: Wanted): Found {
  const strange = Object.keys(wanted).find((field) => !kind.fields.includes(field));
  if (strange !== undefined) {
    throw new WirelabError(
      "BAD_OPTION",
      `A ${kind.one} has no ${strange}; it is told by ${kind.fields.join(", ")}.`,
    );
  }
  const fitting = happenings.filter((happening) => differences(happening, wanted).length === 0);
  let nearest: Happening | undefined;
  for (const happening of happenings) {
    if (!nearest || nearness(happening, wanted) >= nearness(nearest, wanted)) nearest = happening;
  }
  return { fitting, nearest: fitting.length > 0 ? undefined : nearest };
}

/** How a happening differs from what is wanted: a line per field. */
export function differences({ fields }: Happening, wanted: Wanted): string[] {
  return criteria(wanted)
    .filter(([field, value]) => !valuesOf(fields[field]).some((actual) => fits(field, value, actual)))
    .map(([field, value]) => {
      const actual = valuesOf(fields[field]).map((one) => inspect(one));
      return `${field}: ${actual.join(", that is ") || "none"} instead of ${inspect(value)}`;
    });
}

function criteria(wanted: Wanted): [string, unknown][] {
  return Object.entries(wanted).filter(([field, value]) => value !== undefined && field !== "times");
}

function valuesOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function fits(field: string, wanted: unknown, actual: unknown): boolean {
  if (typeof actual !== "string") return actual === wanted;
  if (types.isRegExp(wanted)) return actual.search(wanted) >= 0;
  if (typeof wanted !== "string") return false;
  return field === "verb"
    ? wanted.toUpperCase() === actual.toUpperCase()
    : actual.search(patternOf(wanted)) >= 0;
}

/** The more fields fit, the nearer; a text that is much the same counts for more than a number that is right. */
function nearness({ fields }: Happening, wanted: Wanted): number {
  return criteria(wanted).reduce((sum, [field, value]) => {
    const full = typeof value === "object" || typeof value === "string" ? 1 : 0.2;
    const each = valuesOf(fields[field]).map((actual) =>
      fits(field, value, actual) ? full : likeness(value, actual) / 2,
    );
    return sum + Math.max(0, ...each);
  }, 0);
}

/** How much of two texts is the same at their beginnings and ends, 0 to 1. */
export function likeness(one: unknown, other: unknown): number {
  if (typeof one !== "string" || typeof other !== "string") return 0;
  const [left, right] = [one.toLowerCase(), other.toLowerCase()];
  const shorter = Math.min(left.length, right.length);
  let same = 0;
  while (same < shorter && left[same] === right[same]) same += 1;
  let tail = 0;
  while (same + tail < shorter && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  return (same + tail) / Math.max(left.length, right.length, 1);
}
