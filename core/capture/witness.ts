import type { Direction, Endpoint, Origin } from "../events/events.ts";
import type { DialledAs } from "../service.ts";

/** A connection as a witness sees it. */
export interface Witnessed {
  readonly origin: Required<Origin>;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** Who opened it: the peer, or we (FTP's active mode, forwarding). */
  readonly opener: "peer" | "server";
  /** What it is to the connection that it hangs on, if it hangs on one. */
  readonly as?: DialledAs | undefined;
}

/** What a witness is told of one connection. It must not throw or wait. */
export interface Testimony {
  /** All bytes, in order, as they were on the wire; inside TLS, once there is some. They are not to be changed. */
  passed(direction: Direction, bytes: Uint8Array): void;
  /** TLS has begun. */
  secured?(): void;
  closed?(by: "peer" | "server", how: "fin" | "reset"): void;
}

/** Is there when a connection opens, and says whether it wants to see what passes on it. */
export type Witness = (connection: Witnessed) => Testimony | undefined;

/** One witness for several; undefined where there is none, so that connections can stay bare sockets. */
export function together(witnesses: readonly (Witness | undefined)[]): Witness | undefined {
  const present = witnesses.filter((witness) => witness !== undefined);
  const [first, ...others] = present;
  if (others.length === 0) return first;
  return (connection) => {
    const all = present.flatMap((witness) => witness(connection) ?? []);
    if (all.length === 0) return undefined;
    return {
      passed(direction, bytes) {
        for (const each of all) each.passed(direction, bytes);
      },
      secured() {
        for (const each of all) each.secured?.();
      },
      closed(by, how) {
        for (const each of all) each.closed?.(by, how);
      },
    };
  };
}
