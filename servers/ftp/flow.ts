import type { Readable, Writable } from "node:stream";
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

/**
 * Writes a chunk, or several at once, and waits until they have been passed on.
 *
 * @param closed resolves when the connection is closed: what shapes its bytes may hold some back for ever.
 * @throws the stream's own error, or one that says so when it was closed before.
 */
export function writerTo(
  stream: Writable,
  closed: Promise<unknown>,
): (...chunks: readonly Uint8Array[]) => Promise<void> {
  let lose = (_error: Error) => {};
  closed.then(() => lose(stream.errored ?? new Error("The connection was closed.")));
  return (...chunks) =>
    new Promise((resolve, reject) => {
      lose = reject;
      const last = chunks.length - 1;
      if (last > 0) stream.cork();
      for (const chunk of chunks.slice(0, last)) stream.write(chunk);
      stream.write(chunks[last] ?? Buffer.alloc(0), (error) => {
        if (error) reject(error);
        else resolve();
      });
      if (last > 0) stream.uncork();
    });
}

/** Chunks in groups of so many bytes, or a little more, for the system to take at once. */
export function* grouped(
  chunks: Iterable<Uint8Array>,
  size: number,
): Generator<readonly Uint8Array[], void, undefined> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    group.push(chunk);
    bytes += chunk.length;
    if (bytes < size) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/**
 * Writes what comes into a sink until its end, which is left open: as `for await` would do it, at a fraction of the cost.
 *
 * @param passed is told the length of every chunk.
 * @throws the error of either stream, or one that says which was closed before the end.
 */
export function poured(from: Readable, sink: Writable, passed: (bytes: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void) => () => {
      from.off("data", take).off("end", ended).off("error", lost).off("close", lost).pause();
      sink.off("drain", drained).off("error", refused).off("close", refused);
      settled();
    };
    const take = (chunk: Buffer) => {
      passed(chunk.length);
      if (!sink.write(chunk)) from.pause();
    };
    const drained = () => from.resume();
    const ended = settle(resolve);
    const lost = settle(() => reject(from.errored ?? new Error("The stream was closed before its end.")));
    const refused = settle(() => reject(sink.errored ?? new Error("The sink was closed.")));
    if (from.readableEnded) resolve();
    else if (from.destroyed) lost();
    else if (sink.destroyed) refused();
    else {
      sink.on("drain", drained).on("error", refused).on("close", refused);
      from.on("end", ended).on("error", lost).on("close", lost).on("data", take);
      from.resume();
    }
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
