import { PassageMemory } from "../capture/memory.ts";
import type { Passage } from "../capture/passage.ts";
import type { WireEvent } from "./events.ts";
import { Ring } from "./ring.ts";
import type { Recorder, Told } from "./told.ts";

/** How many characters of text the events of a recording may hold. */
export const RECORDING_TEXT = 16 * 1024 * 1024;

/** The last events of a lab. Recording one makes no text, and costs the same however many there are. */
export class Recording implements Recorder {
  /** The servers' URLs, by name; they outlive what is forgotten. */
  readonly urls = new Map<string, string>();
  readonly capacity: number;
  readonly #events: Ring<Told>;
  /** How many characters each of them has: to look at an event again when it is dropped takes longer than to remember a number. */
  readonly #texts: Ring<number>;
  #characters = 0;
  /** What has passed on the wire, where that is remembered. */
  readonly passages: PassageMemory;
  /** The `seq` before the first event since the beginning, or since everything was forgotten. */
  #before: number | undefined;
  #newest = 0;

  /**
   * @param capacity how many events.
   * @param bytes how many of those that pass on the wire.
   */
  constructor(capacity: number, bytes: number) {
    this.capacity = capacity;
    this.#events = new Ring(Math.max(1, capacity));
    this.#texts = new Ring(Math.max(1, capacity));
    this.passages = new PassageMemory(bytes);
  }

  /** The `seq` of the last event. */
  get newest(): number {
    return this.#newest;
  }

  record(told: Told): void {
    const { event, origin, seq } = told;
    if (event.type === "listening") this.urls.set(origin.server, event.url);
    this.#before ??= seq - 1;
    this.#newest = seq;
    const characters = charactersOf(event);
    this.#events.push(told);
    this.#characters += characters - (this.#texts.push(characters) ?? 0);
    while (this.#characters > RECORDING_TEXT && this.#events.size > 1) {
      this.#events.shift();
      this.#characters -= this.#texts.shift() ?? 0;
    }
  }

  /** Remembers what passed on the wire. */
  witness(passage: Passage): void {
    this.passages.take(passage, this.#newest);
  }

  /** The events with a higher `seq`. */
  since(seq: number): WireEvent[] {
    return [...this.#events].flatMap((told) => (told.seq > seq ? [told.made] : []));
  }

  /** How many events with a higher `seq` had to make room. */
  droppedSince(seq: number): number {
    const first = this.#events.first?.seq ?? 0;
    return Math.max(0, first - 1 - Math.max(seq, this.#before ?? 0));
  }

  clear(): void {
    this.#events.clear();
    this.#texts.clear();
    this.passages.clear();
    this.#characters = 0;
    this.#before = this.#newest;
  }
}

/** How long the texts are that clients and servers may make long. */
function charactersOf(event: Told["event"]): number {
  switch (event.type) {
    case "command":
      return event.verb.length + (event.target?.length ?? 0) + (event.path?.length ?? 0);
    case "reply":
      return event.text.length;
    case "frame":
      return event.preview.length;
    case "transfer":
    case "file":
      return event.path.length;
    case "login":
      return event.user.length;
    case "error":
      return event.message.length;
    default:
      return 0;
  }
}
