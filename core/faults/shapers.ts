import type { Direction } from "../events/events.ts";
import { heldFor } from "./fate.ts";

/** A fault that acts on bytes. Without a `direction` it acts on both. */
export type ByteFault =
  /**
   * Holds every chunk, or datagram, for `ms` milliseconds, up to `jitter` more or less by chance. Throughput stays, and so does
   * the order of a stream; a datagram that is held for less overtakes others.
   */
  | {
      readonly kind: "latency";
      readonly ms: number;
      readonly jitter?: number;
      readonly direction?: Direction;
    }
  /** Lets so many bytes pass in a second. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number; readonly direction?: Direction }
  /** Sends pieces of at most `bytes`, each on its own, `ms` milliseconds (default 0) apart. */
  | { readonly kind: "slice"; readonly bytes: number; readonly ms?: number; readonly direction?: Direction }
  /** Holds the end of the stream (FIN) back for `ms` milliseconds. */
  | { readonly kind: "slow-close"; readonly ms: number; readonly direction?: Direction }
  /** After `afterBytes` (default 0) lets nothing pass: while the rule is there, or for `ms` milliseconds and then closes. */
  | {
      readonly kind: "stall";
      readonly afterBytes?: number;
      readonly ms?: number;
      readonly direction?: Direction;
    }
  /** After `afterBytes` (default 0) ends the connection: `close` by FIN, `reset` by RST. */
  | { readonly kind: "close" | "reset"; readonly afterBytes?: number; readonly direction?: Direction }
  /** A fault of one's own. */
  | { readonly kind: "shape"; readonly shaper: Shaper; readonly direction?: Direction };

/** What ends, or holds up, a stream once so many bytes have passed. */
interface Limit {
  readonly bytes: number;
  readonly outcome: "stall" | "close" | "reset";
  /** Milliseconds after which a stall becomes a close; for ever where it is left out. */
  readonly ms?: number;
}

/** What a fault means to a stream of bytes: how it is cut, held and ended. */
export interface Shaper {
  /** The largest piece, in bytes. */
  readonly piece?: number;
  /** Milliseconds to hold a piece, asked for each one. */
  readonly hold?: () => number;
  /** Milliseconds that a piece keeps the line busy: the next one waits as long. */
  readonly busy?: (bytes: number) => number;
  /** What becomes of a piece; its length may change. */
  readonly change?: (bytes: Buffer) => Buffer;
  /** Milliseconds to hold the end. */
  readonly holdEnd?: number;
  readonly limit?: Limit;
}

/** How often in a second a narrow line sends something: the larger, the smoother and the costlier. */
const PACE = 20;

/** Turns a fault into its shaper: a new fault is one more case here, and one more member of the union. */
export function shaperOf(fault: ByteFault, random: () => number): Shaper {
  switch (fault.kind) {
    case "latency":
      return { hold: () => heldFor(fault, random) };
    case "bandwidth": {
      const { bytesPerSecond } = fault;
      return {
        piece: Math.max(1, Math.ceil(bytesPerSecond / PACE)),
        busy: (bytes) => (bytes / bytesPerSecond) * 1000,
      };
    }
    case "slice": {
      const { bytes, ms = 0 } = fault;
      return { piece: bytes, busy: () => ms };
    }
    case "shape":
      return fault.shaper;
    case "slow-close":
      return { holdEnd: fault.ms };
    case "stall":
      return {
        limit: {
          bytes: fault.afterBytes ?? 0,
          outcome: "stall",
          ...(fault.ms !== undefined && { ms: fault.ms }),
        },
      };
    case "close":
    case "reset":
      return { limit: { bytes: fault.afterBytes ?? 0, outcome: fault.kind } };
  }
}
