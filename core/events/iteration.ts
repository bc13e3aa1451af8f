import type { EventIteration, WireEvent } from "./events.ts";
import { Ring } from "./ring.ts";

/** How many events an iteration keeps for a reader that is slower than the lab; older ones are dropped. */
const ITERATION_BACKLOG = 10_000;

type Result = IteratorResult<WireEvent, undefined>;

const DONE: Result = { done: true, value: undefined };

/** One reader's way through the events. */
export class Iteration implements EventIteration {
  readonly #backlog = new Ring<WireEvent>(ITERATION_BACKLOG);
  readonly #waiting: ((result: Result) => void)[] = [];
  readonly #release: () => void;
  #dropped = 0;
  #ended = false;

  /** @param release lets go of whatever feeds it; called once, when nothing more is wanted. */
  constructor(release: () => void) {
    this.#release = release;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Here is another event. */
  offer(event: WireEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ done: false, value: event });
    else if (this.#backlog.push(event)) this.#dropped += 1;
  }

  /** No more events come. Those that are kept are still given. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    for (const waiting of this.#waiting.splice(0)) waiting(DONE);
  }

  next(): Promise<Result> {
    const value = this.#backlog.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<Result> {
    this.#backlog.clear();
    this.end();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
