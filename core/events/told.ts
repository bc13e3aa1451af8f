import type { Lifecycle, Occurrence, Origin, WireEvent } from "./events.ts";

/** An event that was told, and is made into one when somebody looks: most that are remembered nobody ever looks at. */
export class Told {
  readonly seq: number;
  readonly at = Date.now();
  readonly origin: Origin;
  readonly event: Occurrence | Lifecycle;
  #made: WireEvent | undefined;

  constructor(seq: number, origin: Origin, event: Occurrence | Lifecycle) {
    this.seq = seq;
    this.origin = origin;
    this.event = event;
  }

  /** The same object for everybody. */
  get made(): WireEvent {
    this.#made ??= this.#make();
    return this.#made;
  }

  #make(): WireEvent {
    const { seq, at, event } = this;
    const { server, protocol, connection } = this.origin;
    // In this order, and with a single spread: with what is the same in all of them behind, events of many kinds take twenty times
    // as long to make, and with the origin spread as well twice as long.
    return connection === undefined
      ? { seq, at, server, protocol, ...event }
      : { seq, at, server, protocol, connection, ...event };
  }
}

/** Where events are remembered. */
export interface Recorder {
  record(told: Told): void;
}
