import { Ring } from "../events/ring.ts";
import type { Passage } from "./passage.ts";

/** What a passage weighs beside its bytes. */
const OVERHEAD = 100;

interface Kept {
  readonly passage: Passage;
  /** The newest event when it passed. */
  readonly after: number;
}

/** The last passages of a lab, as many as fit. */
export class PassageMemory {
  readonly #limit: number;
  readonly #kept: Ring<Kept>;
  /** How connections began that something is kept of, or that are open. */
  readonly #openings = new Map<string, Passage>();
  #weight = 0;

  /** @param limit in bytes; 0 keeps nothing. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#kept = new Ring(Math.ceil(limit / OVERHEAD) + 1);
  }

  get limit(): number {
    return this.#limit;
  }

  /** @param after the `seq` of the newest event. */
  take(passage: Passage, after: number): void {
    const { connection } = passage.origin;
    if (passage.kind === "opened") this.#openings.set(connection, passage);
    // Copied: a few bytes must not keep the whole buffer that the socket has read into.
    const kept = passage.kind === "bytes" ? { ...passage, bytes: Uint8Array.from(passage.bytes) } : passage;
    this.#kept.push({ passage: kept, after });
    this.#weight += weightOf(kept);
    while (this.#weight > this.#limit) this.#drop();
  }

  /** What passed after the event with that `seq` on the connections that are wanted, each with its opening in front. */
  *since(seq: number, wanted: (connection: string) => boolean): Generator<Passage> {
    const begun = new Set<string>();
    for (const { passage, after } of this.#kept) {
      if (after < seq) continue;
      const { connection } = passage.origin;
      if (!wanted(connection)) continue;
      const opening = this.#openings.get(connection);
      if (!begun.has(connection) && opening) yield opening;
      begun.add(connection);
      if (passage.kind !== "opened") yield passage;
    }
  }

  clear(): void {
    while (this.#kept.size > 0) this.#drop();
  }

  #drop(): void {
    const dropped = this.#kept.shift();
    if (!dropped) return;
    this.#weight -= weightOf(dropped.passage);
    const { kind, origin } = dropped.passage;
    if (kind === "closed") this.#openings.delete(origin.connection);
  }
}

function weightOf(passage: Passage): number {
  return OVERHEAD + (passage.kind === "bytes" ? passage.bytes.length : 0);
}
