import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits until a stream takes more (`drain`) or has passed everything on (`finish`).
 *
 * @throws the stream's own error, or one that says so when it was closed before.
 */
export function settled(stream: Writable, event: "drain" | "finish"): Promise<void> {
  return new Promise((resolve, reject) => {
    if (event === "finish" && stream.writableFinished) {
      resolve();
      return;
    }
    const forget = () => stream.off(event, done).off("error", failed).off("close", failed);
    const done = () => {
      forget();
      resolve();
    };
    const failed = () => {
      forget();
      reject(stream.errored ?? new Error("The stream was closed."));
    };
    if (stream.destroyed) failed();
    else stream.on(event, done).on("error", failed).on("close", failed);
  });
}

/** How often in a second a narrow transfer moves something. */
const PACE = 20;

/** By how many milliseconds a transfer may be late, and make up for it. */
const LATENESS = 100;

/** Lets so many bytes pass in a second. */
export async function* paced(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  bytesPerSecond: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const piece = Math.max(1, Math.floor(bytesPerSecond / PACE));
  let due = performance.now();
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += piece) {
      const part = chunk.subarray(from, from + piece);
      yield part;
      due = Math.max(due, performance.now() - LATENESS) + (part.length / bytesPerSecond) * 1000;
      await pause(due - performance.now());
    }
  }
}
