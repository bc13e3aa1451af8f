import { LONGEST } from "../checks.ts";
import type { Shaper } from "./shapers.ts";

/** A shaper at work on a stream. One that works on both directions is in both lanes, and they count together. */
export interface Effect {
  readonly shaper: Shaper;
  /** Bytes that have passed since it began. */
  passed: number;
  /** Whether its limit has been reached. */
  reached: boolean;
  /** Called once, when its limit is reached. */
  readonly onLimit: () => void;
}

/** Where a lane delivers to. */
export interface Sink {
  /** Takes bytes; false asks the lane to wait until {@link Lane.ready}. */
  write(bytes: Buffer): boolean;
  end(): void;
  /** There is room again, after {@link Lane.accept} has answered false. */
  drained(): void;
}

/** How many bytes are held in one direction before no more are read: latency does not throttle until then. */
const MAX_HELD = 16 * 1024 * 1024;

/** How many milliseconds a line may run behind and still catch up. */
const MAX_LAG = 50;

/** One direction of a stream whose bytes are cut, held or stopped. Their order never changes. */
export class Lane {
  readonly #sink: Sink;
  readonly #effects = new Set<Effect>();
  /** From `#first` on: what has come and is not delivered, each with the time from which it may be. */
  #chunks: { bytes: Buffer; due: number }[] = [];
  #first = 0;
  #held = 0;
  #lineFree = 0;
  #endDue: number | undefined;
  #blocked = false;
  /** A limit has been reached: who gives bytes waits, and is not made to believe that they have left. */
  #halted = false;
  #full = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Whether the end has been delivered. */
  get finished(): boolean {
    return this.#closed;
  }

  /** Bytes that have come and are not delivered. */
  get held(): number {
    return this.#held;
  }

  /** Whether shaping holds back what could be delivered. */
  get holding(): boolean {
    return this.#halted || (this.#held > 0 && !this.#blocked);
  }

  /** Begins to shape what comes from now on. */
  add(effect: Effect): void {
    this.#effects.add(effect);
    this.#pump();
  }

  /** Stops shaping. What it held goes on, and nothing is lost. */
  remove(effect: Effect): void {
    if (!this.#effects.delete(effect)) return;
    if (this.#effects.size === 0) {
      for (const chunk of this.#chunks) chunk.due = 0;
      this.#lineFree = 0;
      if (this.#endDue !== undefined) this.#endDue = 0;
    }
    this.#pump();
  }

  /** Takes bytes; false asks the giver to wait for {@link Sink.drained}. */
  accept(bytes: Buffer): boolean {
    if (this.#closed) return true;
    let hold = 0;
    for (const { shaper } of this.#effects) hold += shaper.hold?.() ?? 0;
    const last = this.#chunks.at(-1)?.due ?? 0;
    this.#chunks.push({ bytes, due: hold === 0 ? last : Math.max(last, performance.now() + hold) });
    this.#held += bytes.length;
    this.#pump();
    this.#full = this.#held >= MAX_HELD || ((this.#blocked || this.#halted) && this.#held > 0);
    return !this.#full;
  }

  /** No more bytes will come. */
  finish(): void {
    let hold = 0;
    for (const { shaper } of this.#effects) hold = Math.max(hold, shaper.holdEnd ?? 0);
    this.#endDue = performance.now() + hold;
    this.#pump();
  }

  /** The sink can take more. */
  ready(): void {
    this.#blocked = false;
    this.#pump();
  }

  /** Forgets what it holds; what comes from now on is delivered. */
  discard(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#held = 0;
    this.#full = false;
    this.#blocked = false;
  }

  /** Lets go of everything; nothing is delivered any more. */
  clear(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#chunks = [];
    this.#effects.clear();
  }

  /** Delivers what may be delivered now, and sets the timer for what comes later. */
  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#closed) {
      this.#halted = this.#stopped();
      if (this.#halted) break;
      const chunk = this.#chunks[this.#first];
      const due = chunk ? Math.max(chunk.due, this.#lineFree) : this.#endDue;
      if (due === undefined || (chunk && this.#blocked)) break;
      const wait = due - performance.now();
      if (wait > 0) {
        // Rounded up: a timer that is early by a fraction would only be set again.
        this.#timer = setTimeout(() => this.#pump(), Math.min(Math.ceil(wait), LONGEST));
        break;
      }
      if (chunk) this.#deliver(chunk, due);
      else this.#end();
    }
    if (this.#full && !this.#blocked && !this.#halted && this.#held < MAX_HELD / 2) {
      this.#full = false;
      this.#sink.drained();
    }
  }

  /** Whether a limit lets nothing pass; tells those whose limit is reached just now. */
  #stopped(): boolean {
    let stopped = false;
    for (const effect of this.#effects) {
      const { limit } = effect.shaper;
      if (!limit || effect.passed < limit.bytes) continue;
      stopped = true;
      if (effect.reached) continue;
      effect.reached = true;
      effect.onLimit();
    }
    return stopped;
  }

  #deliver(chunk: { bytes: Buffer }, due: number): void {
    let size = chunk.bytes.length;
    for (const { shaper, passed } of this.#effects) {
      size = Math.min(size, shaper.piece ?? size, shaper.limit ? shaper.limit.bytes - passed : size);
    }
    let piece = chunk.bytes.subarray(0, size);
    if (size < chunk.bytes.length) chunk.bytes = chunk.bytes.subarray(size);
    else this.#shift();
    this.#held -= size;
    let busy = 0;
    for (const effect of this.#effects) {
      effect.passed += size;
      busy = Math.max(busy, effect.shaper.busy?.(size) ?? 0);
      // A copy: what a store sends from memory is the file itself.
      if (effect.shaper.change) piece = effect.shaper.change(Buffer.from(piece));
    }
    if (busy > 0) {
      // Counted from when the piece was due, so that late timers do not add up; an idle line saves nothing for later.
      const now = performance.now();
      this.#lineFree = (now - due < MAX_LAG ? due : now) + busy;
    }
    if (!this.#sink.write(piece)) this.#blocked = true;
  }

  #shift(): void {
    this.#first += 1;
    // Moved seldom, since moving costs as much as what is left.
    if (this.#first < 1024 && this.#first < this.#chunks.length) return;
    this.#chunks = this.#chunks.slice(this.#first);
    this.#first = 0;
  }

  #end(): void {
    this.#closed = true;
    this.#sink.end();
  }
}
