import type { Direction } from "../../core/events/events.ts";
import type { Connection } from "../../core/service.ts";

/** Two connections whose bytes go on from one to the other. */
export interface Relay {
  /** The direction in which bytes have passed last; `out` where none have. */
  readonly latest: Direction;
  /** How many bytes have passed in both. */
  readonly bytes: number;
  /** Tells the target that nothing more will come. What it still sends goes on to the client. */
  hangUp(): void;
}

/**
 * Carries bytes both ways between a client and its target. Each side's FIN is passed on, and the other direction goes on; an RST
 * is passed on as one; who reads slowly is read for slowly.
 *
 * @param passed is shown all bytes; it must not keep them.
 */
export function relay(
  client: Connection,
  target: Connection,
  passed: (direction: Direction, bytes: Buffer) => void,
): Relay {
  let latest: Direction = "out";
  let bytes = 0;
  const carry = ({ stream: from }: Connection, { stream: to }: Connection, direction: Direction) => {
    from.on("data", (chunk: Buffer) => {
      // Core is ending that side already: what comes now is drained.
      if (!to.writable) return;
      latest = direction;
      bytes += chunk.length;
      passed(direction, chunk);
      if (!to.write(chunk)) from.pause();
    });
    to.on("drain", () => from.resume());
    // An RST can look like an end at first: by then it has closed both.
    const ended = () => setImmediate(setImmediate, () => to.end());
    // Who has sent nothing may have ended while the other one was dialled.
    if (from.readableEnded) ended();
    else from.on("end", ended);
  };
  carry(client, target, "in");
  carry(target, client, "out");
  // Somebody else than the target has ended it: a clock, or a fault.
  client.stream.once("finish", () => {
    if (!target.stream.readableEnded) target.end();
  });
  // Not when its socket is closed: a fault may hold what it has sent for longer.
  const over = async () => {
    const reason = await target.closed;
    if (target.torn) client.reset("server");
    // Both have ended: what the client has not read yet is its own affair, and the gate's.
    else if (target.stream.readableEnded && client.stream.readableEnded) return;
    else client.end(reason === "client" ? "server" : reason);
  };
  if (target.stream.closed) void over();
  else target.stream.once("close", over);
  return {
    get latest() {
      return latest;
    },
    get bytes() {
      return bytes;
    },
    hangUp: () => target.stream.end(),
  };
}
