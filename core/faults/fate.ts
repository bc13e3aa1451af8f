import type { Direction } from "../events/events.ts";
import type { Fault } from "./faults.ts";

/** A fault that acts on datagrams, each on its own. Without a `direction` it acts on both. */
export type DatagramFault =
  /** The datagram does not arrive. */
  | { readonly kind: "loss"; readonly direction?: Direction }
  /** It arrives twice. */
  | { readonly kind: "duplicate"; readonly direction?: Direction }
  /** The next one from (or to) the same peer overtakes it; where none comes, it arrives `ms` milliseconds late, by default 1,000. */
  | { readonly kind: "reorder"; readonly ms?: number; readonly direction?: Direction };

export function isForDatagrams(fault: Fault): fault is DatagramFault {
  return fault.kind === "loss" || fault.kind === "duplicate" || fault.kind === "reorder";
}

/** What becomes of a datagram. */
export interface Fate {
  /** How often it arrives. */
  readonly copies: number;
  /** Milliseconds that it is on its way. */
  readonly ms: number;
  /** Set where it is to be overtaken: how many milliseconds it waits for that. */
  readonly overtaken?: number;
}

/** How long a datagram waits to be overtaken, if nobody says, in milliseconds. */
const OVERTAKEN = 1000;

/** What faults make of a datagram, all together. */
export function fateOf(faults: Iterable<Fault>, random: () => number): Fate {
  let fate: Fate = { copies: 1, ms: 0 };
  for (const fault of faults) {
    if (fault.kind === "loss") fate = { ...fate, copies: 0 };
    else if (fault.kind === "duplicate") fate = { ...fate, copies: fate.copies * 2 };
    else if (fault.kind === "reorder") fate = { ...fate, overtaken: fault.ms ?? OVERTAKEN };
    else if (fault.kind === "latency") fate = { ...fate, ms: fate.ms + heldFor(fault, random) };
  }
  return fate;
}

/** Milliseconds that latency holds one chunk, or one datagram. */
export function heldFor(
  { ms, jitter = 0 }: { readonly ms: number; readonly jitter?: number },
  random: () => number,
): number {
  return jitter === 0 ? ms : Math.max(0, ms + (random() * 2 - 1) * jitter);
}
