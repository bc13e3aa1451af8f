import type { IncomingMessage } from "node:http";
import type { Conversation } from "./conversation.ts";
import { Refusal } from "./refusal.ts";

/** How much of a body has to come in within the time-out, in bytes, where it has so much. */
const LEAST = 4096;

/** How far a body had come when it was last fast enough. */
interface Progress {
  readonly conversation: Conversation;
  since: number;
  received: number;
}

/** Ends clients that are slow with their bodies. One clock for all, which runs only while a body is on its way. */
export class BodyClock {
  readonly #timeout: number;
  readonly #bodies = new Map<IncomingMessage, Progress>();
  #clock: NodeJS.Timeout | undefined;

  /** @param timeout in milliseconds; 0 for none. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** From now on the client owes the server a body, if the request has one. */
  watch(request: IncomingMessage, conversation: Conversation): void {
    const { headers } = request;
    const length = headers["content-length"];
    if (this.#timeout === 0 || (headers["transfer-encoding"] === undefined && !(Number(length) > 0))) return;
    const { bytesRead } = request.socket;
    this.#bodies.set(request, { conversation, since: performance.now(), received: bytesRead });
    this.#clock ??= setInterval(() => this.#look(), Math.min(1000, this.#timeout / 4));
  }

  /** Stops, whatever may still be on its way. */
  close(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#bodies.clear();
  }

  #look(): void {
    const now = performance.now();
    for (const [request, progress] of this.#bodies) {
      const { bytesRead, destroyed } = request.socket;
      if (request.complete || destroyed) this.#bodies.delete(request);
      else if (bytesRead - progress.received >= LEAST || !isAwaited(request, progress.conversation)) {
        progress.since = now;
        progress.received = bytesRead;
      } else if (now - progress.since >= this.#timeout) {
        this.#bodies.delete(request);
        progress.conversation.break(new Refusal(408, "The body came in too slowly."));
      }
    }
    if (this.#bodies.size === 0) this.close();
  }
}

/** Whether it is the client who is slow: not where nobody here reads, or a rule holds back what came. */
function isAwaited(request: IncomingMessage, { connection }: Conversation): boolean {
  const isFull = request.readableLength >= request.readableHighWaterMark;
  return !isFull && !connection.stream.isPaused() && !connection.held;
}
