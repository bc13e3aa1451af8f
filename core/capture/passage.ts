import type { Direction, Endpoint, Origin, Protocol } from "../events/events.ts";
import type { Redaction } from "./redaction.ts";
import type { Witness } from "./witness.ts";

/** A step in the life of a connection, as it was on the wire: what packets, and bytes of a recording, are made of. */
export type Passage = {
  readonly origin: Required<Origin>;
  /** Unix time in milliseconds, with its fraction. */
  readonly at: number;
} & (
  | {
      readonly kind: "opened";
      readonly peer: Endpoint;
      readonly local: Endpoint;
      readonly opener: "peer" | "server";
    }
  | { readonly kind: "bytes"; readonly direction: Direction; readonly bytes: Uint8Array }
  /** TLS has begun: bytes from here on are what was in it. */
  | { readonly kind: "secured" }
  | { readonly kind: "closed"; readonly by: "peer" | "server"; readonly how: "fin" | "reset" }
);

/** Unix time in milliseconds, to the microsecond. */
function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** The protocols whose events do not say all that passed. */
export const RECORDED_AS_BYTES: readonly Protocol[] = ["tcp", "udp", "telnet"];

/**
 * Shows passages to somebody.
 *
 * @param redact takes the passwords out of what the client of a connection sends.
 * @param protocols of which connections; default all.
 */
export function passagesTo(
  take: (passage: Passage) => void,
  redact: (origin: Required<Origin>) => Redaction | undefined,
  protocols?: readonly Protocol[],
): Witness {
  return ({ origin, peer, local, opener, as }) => {
    if (protocols && !protocols.includes(origin.protocol)) return undefined;
    // What a data connection carries is a file.
    const redaction = as === "data" ? undefined : redact(origin);
    // What a client has sent to a forwarder leaves that for the target.
    const said = as === "relay" ? "out" : "in";
    take({ kind: "opened", origin, at: preciseNow(), peer, local, opener });
    return {
      passed(direction, passed) {
        const bytes =
          direction === said && redaction
            ? redaction(Buffer.from(passed.buffer, passed.byteOffset, passed.byteLength))
            : passed;
        take({ kind: "bytes", origin, at: preciseNow(), direction, bytes });
      },
      secured: () => take({ kind: "secured", origin, at: preciseNow() }),
      closed: (by, how) => take({ kind: "closed", origin, at: preciseNow(), by, how }),
    };
  };
}
