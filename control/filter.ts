import type { WireEvent } from "../core/events/events.ts";
import { patternOf } from "../core/faults/faults.ts";

/** What of an event is asked for: a value per field, in which `*` stands for anything. */
export type Filter = Readonly<Record<string, string>>;

/** Whether an event has every value that is asked for. */
export function fits(event: WireEvent, filter: Filter): boolean {
  const fields = new Map<string, unknown>(Object.entries(event));
  return Object.entries(filter).every(([field, wanted]) => {
    const is = fields.get(field);
    return is !== undefined && typeof is !== "object" && patternOf(wanted).test(String(is));
  });
}
