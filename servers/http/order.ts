import type { Request } from "express";
import type { Entry } from "../../core/store/store.ts";

/** By what a listing can be sorted, `?sort=size&order=descending` for example. */
export const COLUMNS = ["name", "size", "modified"] as const;
export type Column = (typeof COLUMNS)[number];

/** How a listing is sorted; directories come first in any case. */
export interface Order {
  readonly by: Column;
  readonly direction: "ascending" | "descending";
}

export function orderOf({ query }: Request): Order {
  const by = COLUMNS.find((column) => column === query.sort) ?? "name";
  return { by, direction: query.order === "descending" ? "descending" : "ascending" };
}

export function inOrder(entries: readonly Entry[], { by, direction }: Order): Entry[] {
  const names = new Intl.Collator("en", { numeric: true });
  const compare = (one: Entry, other: Entry) => {
    if (by === "size") return one.size - other.size;
    if (by === "modified") return one.modified.getTime() - other.modified.getTime();
    return names.compare(one.name, other.name);
  };
  const sign = direction === "descending" ? -1 : 1;
  const rank = ({ type }: Entry) => (type === "directory" ? 0 : 1);
  return entries.toSorted(
    (one, other) =>
      rank(one) - rank(other) || sign * compare(one, other) || names.compare(one.name, other.name),
  );
}
