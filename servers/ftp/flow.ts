import type { Writable } from "node:stream";

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
