import { isDeepStrictEqual } from "node:util";
import type { EventOf, Where, WireEvent } from "./events.ts";
import { Ring } from "./ring.ts";
import { sentenceOf } from "./sentence.ts";

/** How many events an account tells of, and how many characters of each value and sentence. */
const TOLD = { events: 3, characters: 200 };

interface NearMiss {
  readonly event: WireEvent;
  /** The fields that were not as wanted. */
  readonly differing: readonly string[];
}

/** An event that is awaited, and what came instead: a few events, however many there are. */
export class Awaited<T extends WireEvent["type"]> {
  readonly #type: T;
  readonly #where: Where<T>;
  readonly #others = new Ring<WireEvent>(TOLD.events);
  /** Of the type, the nearest first, and the later of two that are as near. */
  #nearest: NearMiss[] = [];
  #ofType = 0;
  #ofOthers = 0;

  constructor(type: T, where: Where<T>) {
    this.#type = type;
    this.#where = where;
  }

  /** Whether this is the one. */
  isFor(event: WireEvent): event is EventOf<T> {
    if (!isOfType(event, this.#type)) {
      this.#ofOthers += 1;
      this.#others.push(event);
      return false;
    }
    if (fits(event, this.#where)) return true;
    this.#ofType += 1;
    const differing = typeof this.#where === "function" ? [] : differingFields(event, this.#where);
    this.#nearest = [{ event, differing }, ...this.#nearest]
      .sort((one, other) => one.differing.length - other.differing.length)
      .slice(0, TOLD.events);
    return false;
  }

  /** `transfer event with path "/in/a.csv", complete true` */
  toString(): string {
    const where = this.#where;
    if (typeof where === "function") return `${this.#type} event that satisfies ${textOf(where)}`;
    const wanted = Object.entries(where).map(([field, value]) => `${field} ${textOf(value)}`);
    return `${this.#type} event${wanted.length > 0 ? ` with ${wanted.join(", ")}` : ""}`;
  }

  /** What came instead, as the end of a sentence. */
  instead(): string {
    if (this.#ofType > 0) {
      const misses = this.#nearest.map(({ event, differing }) => {
        const was = differing.map((field) => wasOf(event, field)).join(", ");
        return `\n  ${tellingOf(event)}${was && ` (${was})`}`;
      });
      return `; of ${this.#ofType} that did not fit, the nearest:${misses.join("")}`;
    }
    if (this.#ofOthers === 0) return ", nor any other event.";
    const others = [...this.#others].map((event) => `\n  ${tellingOf(event)}`);
    return `, but ${this.#ofOthers} of other types, the last of them:${others.join("")}`;
  }
}

/** Whether an event is of a type, and like what is wanted. */
export function isLike<T extends WireEvent["type"]>(
  event: WireEvent,
  type: T,
  where: Where<T>,
): event is EventOf<T> {
  return isOfType(event, type) && fits(event, where);
}

function isOfType<T extends WireEvent["type"]>(event: WireEvent, type: T): event is EventOf<T> {
  return event.type === type;
}

function fits<T extends WireEvent["type"]>(event: EventOf<T>, where: Where<T>): boolean {
  return typeof where === "function" ? where(event) : differingFields(event, where).length === 0;
}

function differingFields(event: WireEvent, where: object): string[] {
  return Object.entries(where).flatMap(([field, wanted]) => {
    const is = fieldOf(event, field);
    // Not by test(), which a pattern with the flag g answers differently each time.
    const same =
      wanted instanceof RegExp
        ? is !== undefined && String(is).search(wanted) >= 0
        : isDeepStrictEqual(is, wanted);
    return same ? [] : [field];
  });
}

function fieldOf(event: WireEvent, field: string): unknown {
  return Object.entries(event).find(([name]) => name === field)?.[1];
}

function wasOf(event: WireEvent, field: string): string {
  const is = fieldOf(event, field);
  return is === undefined ? `no ${field}` : `${field} was ${textOf(is)}`;
}

function tellingOf(event: WireEvent): string {
  return shortened(`${event.connection ?? event.server} ${sentenceOf(event)}`);
}

function textOf(value: unknown): string {
  const code = value instanceof RegExp || typeof value === "function";
  return shortened(code ? String(value) : JSON.stringify(value));
}

function shortened(text: string): string {
  return text.length > TOLD.characters ? `${text.slice(0, TOLD.characters)}…` : text;
}
