import { endpointText } from "./address.ts";
import type { Events, WireEvent } from "./events.ts";

/** The events of a lab that are remembered: a ring, oldest first out. */
export interface Transcript extends Iterable<WireEvent> {
  /** How many events had to make room for later ones. */
  readonly dropped: number;
  /** A line per event. */
  toString(): string;
  /** Forgets everything, what it dropped included. */
  clear(): void;
}

/** How many events a transcript remembers, if it is not told. */
export const TRANSCRIPT_CAPACITY = 10_000;

/** Remembers the last `capacity` events; none where it is 0, and then nobody observes. */
export function transcriptOf(events: Events, capacity = TRANSCRIPT_CAPACITY): Transcript {
  const ring: WireEvent[] = [];
  let made = 0;
  if (capacity > 0) {
    events.subscribe((event) => {
      ring[made % capacity] = event;
      made += 1;
    });
  }
  const inOrder = () =>
    made <= capacity ? ring.slice() : [...ring.slice(made % capacity), ...ring.slice(0, made % capacity)];
  return {
    get dropped() {
      return Math.max(0, made - capacity);
    },
    [Symbol.iterator]: () => inOrder().values(),
    toString: () =>
      inOrder()
        .map((event) => `${event.connection ?? event.server} ${event.protocol} ${sentenceOf(event)}`)
        .join("\n"),
    clear() {
      ring.length = 0;
      made = 0;
    },
  };
}

/** What an event says, in words for people. */
export function sentenceOf(event: WireEvent): string {
  switch (event.type) {
    case "listening":
      return `listening on ${event.url}`;
    case "refused":
      return `refused ${endpointText(event.peer)}: ${event.reason}`;
    case "opened":
      return `opened by ${endpointText(event.peer)}${event.secure ? " with TLS" : ""}`;
    case "closed":
      return `closed (${event.reason}) after ${event.received} bytes in and ${event.sent} out`;
    case "stopped":
      return "stopped";
    case "command":
      return `> ${event.verb}${event.target === undefined ? "" : ` ${event.target}`}`;
    case "reply":
      return `< ${event.code === undefined ? "" : `${event.code} `}${event.text}`;
    case "frame":
      return `${event.direction === "in" ? ">" : "<"} ${event.kind} ${event.preview}`;
    case "login":
      return `login of ${event.user} ${event.ok ? "accepted" : "refused"}`;
    case "transfer":
      return `${event.direction === "in" ? "stored" : "sent"} ${event.path}: ${event.bytes} bytes${event.complete ? "" : ", incomplete"}`;
    case "fault":
      return `fault: ${event.rule}`;
    case "error":
      return `error ${event.code}: ${event.message}`;
  }
}
