import type { Request } from "express";
import type { Entry } from "../../core/store/store.ts";
import { type Content, made } from "./content.ts";
import { inOrder, orderOf } from "./order.ts";
import { page } from "./page.ts";
import type { Visitor } from "./visitor.ts";

/** A directory's entries: a page for people; JSON for programs that accept that rather than HTML. */
export function listing(
  request: Request,
  path: string,
  entries: readonly Entry[],
  visitor: Visitor,
): Content {
  const order = orderOf(request);
  const sorted = inOrder(entries, order);
  if (request.accepts(["html", "json"]) !== "json")
    return made(page(path, sorted, order, visitor), "text/html; charset=utf-8");
  const facts = sorted.map(({ name, type, size, modified }) => ({ name, type, size, modified }));
  return made(`${JSON.stringify(facts, undefined, 2)}\n`, "application/json; charset=utf-8");
}
