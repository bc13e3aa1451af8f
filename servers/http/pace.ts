import type { Request } from "express";
import type { Conversation } from "./conversation.ts";
import { Refusal } from "./refusal.ts";

/** How much of a body has to come in within the time-out, in bytes, where it has so much. */
const LEAST = 4096;

/** In how many looks at most a client is found to take nothing, and what is between two of them at least, in milliseconds. */
const LOOKS = 8;
const SHORTEST = 500;

/** How slow clients may be, in milliseconds; 0 for no limit. */
export interface Patience {
  /** For each 4,096 bytes of a body, and to take something of a response. */
  readonly body: number;
  /** From the end of a response to the end of the next request's head. */
  readonly idle: number;
}

/** What a client is waited for, since when, and how much had come by then; of a response, when it was last silent. */
interface Wait {
  /** A body, or the end of a response, or the head of a request: its number. */
  readonly of: object | number;
  since: number;
  received: number;
}

/** Ends clients that are slow. One clock for all, which runs while there are any; a request costs nothing by it. */
export class Pace {
  readonly #patience: Patience;
  readonly #conversations: ReadonlyMap<unknown, Conversation>;
  readonly #waits = new WeakMap<Conversation, Wait>();
  readonly #period: number;
  readonly #part: number;
  #clock: NodeJS.Timeout | undefined;

  constructor(patience: Patience, conversations: ReadonlyMap<unknown, Conversation>) {
    this.#patience = patience;
    this.#conversations = conversations;
    const looks = Math.min(LOOKS, Math.floor(patience.body / SHORTEST));
    this.#part = patience.body / Math.max(looks, 1);
    const limits = [patience.body, patience.idle].filter((limit) => limit > 0);
    this.#period = Math.min(1000, ...limits.map((limit) => limit / 4));
  }

  /** There is somebody to attend to. */
  begin(): void {
    this.#clock ??= setInterval(() => this.#look(), this.#period);
  }

  /** Stops, whoever may still be there. */
  close(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  /** A socket took nothing for one part of the time that a client has for it. */
  silent(conversation: Conversation): void {
    const { connection, turn } = conversation;
    const wait = this.#waits.get(conversation);
    if (!wait || !turn || wait.of !== turn.request.res) return;
    if (connection.stream.writableLength === 0 || connection.held) {
      this.#waits.delete(conversation);
      return;
    }
    const now = performance.now();
    const part = this.#part;
    // Where the last one is longer ago, something was taken between the two.
    if (now - wait.received > part * 1.5) wait.since = now - part;
    wait.received = now;
    // By RST: behind a FIN the system would go on holding what nobody takes.
    if (now - wait.since >= this.#patience.body - part / 2) connection.reset("idle");
    else turn.request.socket.setTimeout(part);
  }

  #look(): void {
    const now = performance.now();
    for (const conversation of this.#conversations.values()) {
      const { incoming, turn } = conversation;
      if (incoming) this.#attendBody(conversation, incoming, now);
      else if (turn) this.#attendResponse(conversation, turn.request);
      else this.#attendIdle(conversation, now);
    }
    if (this.#conversations.size === 0) this.close();
  }

  #attendBody(conversation: Conversation, body: Request, now: number): void {
    if (this.#patience.body === 0) return;
    const { bytesRead } = body.socket;
    const wait = this.#waitFor(conversation, body, now, bytesRead);
    if (bytesRead - wait.received >= LEAST || !isAwaited(body, conversation)) {
      wait.since = now;
      wait.received = bytesRead;
    } else if (now - wait.since >= this.#patience.body) {
      conversation.break(new Refusal(408, "The body came in too slowly."));
    }
  }

  /**
   * Node's own clock counts how long a socket takes nothing: it is wound up where there is something to take. It takes the
   * first part of a piece that goes for news when it looks next, so that it has to look several times.
   */
  #attendResponse(conversation: Conversation, { socket, res }: Request): void {
    const { body } = this.#patience;
    if (body === 0 || !res || conversation.connection.stream.writableLength === 0) return;
    if (this.#waits.get(conversation)?.of === res) return;
    this.#waitFor(conversation, res, 0, Number.NEGATIVE_INFINITY);
    socket.setTimeout(this.#part);
  }

  #attendIdle(conversation: Conversation, now: number): void {
    const { idle } = this.#patience;
    const { requests, connection } = conversation;
    // Whoever has said nothing yet is Node's to end.
    if (idle === 0 || requests === 0) return;
    const wait = this.#waitFor(conversation, requests, now, 0);
    if (now - wait.since >= idle) connection.end("idle");
  }

  #waitFor(conversation: Conversation, of: object | number, since: number, received: number): Wait {
    const known = this.#waits.get(conversation);
    if (known?.of === of) return known;
    const wait = { of, since, received };
    this.#waits.set(conversation, wait);
    return wait;
  }
}

/** Whether it is the client who is slow: not where nobody here reads, or a rule holds back what came. */
function isAwaited(request: Request, { connection }: Conversation): boolean {
  const isFull = request.readableLength >= request.readableHighWaterMark;
  return !isFull && !connection.stream.isPaused() && !connection.held;
}
