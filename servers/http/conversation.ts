import type { IncomingMessage } from "node:http";
import type { Request, Response } from "express";
import type { Clock } from "../../core/clock.ts";
import type { CloseReason } from "../../core/events/events.ts";
import type { Connection } from "../../core/service.ts";
import { type Refusal, rawReply } from "./refusal.ts";
import { Turn } from "./turn.ts";

/** Requests that a client may have sent ahead (pipelining, RFC 9112 §9.3.2) until no more are read from it. */
const MAX_WAITING = 64;

/** What a conversation hands its turns to. */
export interface TurnHandler {
  /** Requests on one connection; 0 for no limit. */
  readonly maxRequests: number;
  /** The file or directory that a request's target names, by its path in the store. */
  pathOf(turn: Turn): string | undefined;
  serve(turn: Turn): void;
  refuse(turn: Turn, refusal: Refusal): void;
}

/**
 * What a client says on one connection, and what it is answered: one request at a time, so that a GET sent right behind a
 * PUT sees what was put, and a flood of requests opens one file at a time.
 */
export class Conversation {
  readonly connection: Connection;
  /** The request whose client waits with its body until it is told to go on (RFC 9110 §10.1.1). */
  expecting: IncomingMessage | undefined;
  readonly #handler: TurnHandler;
  readonly #clock: Clock;
  readonly #waiting: { readonly request: Request; readonly response: Response }[] = [];
  #turn: Turn | undefined;
  /** The request that came last: its body may still be on its way. */
  #latest: Request | undefined;
  #broken: Refusal | undefined;
  #draining = false;
  #requests = 0;

  constructor(connection: Connection, handler: TurnHandler, clock: Clock) {
    this.connection = connection;
    this.#clock = clock;
    this.#handler = handler;
    // Node ends a connection by this after the last response. Core's way waits for the peer, so that no RST eats the response.
    Object.assign(connection.stream, { destroySoon: () => connection.end(this.#reason) });
    connection.closed.then(() => {
      this.#waiting.length = 0;
    });
  }

  /** The request that is being answered. */
  get turn(): Turn | undefined {
    return this.#turn;
  }

  /** The request whose body is on its way; none where the client waits to be told to send it. */
  get incoming(): Request | undefined {
    const latest = this.#latest;
    return latest && !latest.complete && latest !== this.expecting ? latest : undefined;
  }

  /** How many requests there have been. */
  get requests(): number {
    return this.#requests;
  }

  /** Why the server ends the connection. */
  get #reason(): CloseReason {
    return this.#broken?.status === 408 ? "idle" : "server";
  }

  /** Takes a request, for now or for its turn. */
  take(request: Request, response: Response): void {
    const { stream } = this.connection;
    this.#latest = request;
    if (!stream.writable) request.resume();
    else if (this.#turn) {
      this.#waiting.push({ request, response });
      if (this.#waiting.length >= MAX_WAITING) stream.pause();
    } else this.#begin(request, response);
  }

  /** What came in cannot be read as HTTP any more: refuses it behind all that came before, and ends the connection. */
  break(refusal: Refusal): void {
    if (this.#broken || !this.connection.stream.writable) return;
    this.#broken = refusal;
    // What is answered already gets no second answer.
    if (!this.#turn) this.#end(this.#latest?.complete === false ? undefined : refusal);
    else if (this.#waiting.length === 0 && !this.#turn.request.complete) this.#refuse(this.#turn, refusal);
  }

  /** Ends the connection after the response that is under way. */
  drain(): void {
    this.#draining = true;
    if (!this.#turn) this.connection.end("stopped");
    else if (!this.#turn.response.headersSent) this.#turn.response.shouldKeepAlive = false;
  }

  #begin(request: Request, response: Response): void {
    const turn = new Turn(request, response, this.connection, this.#clock);
    this.#turn = turn;
    if (this.connection.observed) turn.begin(this.#handler.pathOf(turn));
    response.on("close", this.#next);
    this.#requests += 1;
    if (this.#draining || this.#requests === this.#handler.maxRequests) response.shouldKeepAlive = false;
    // The body of this very request is what is broken.
    if (this.#broken && this.#waiting.length === 0 && !request.complete) this.#refuse(turn, this.#broken);
    else this.#handler.serve(turn);
  }

  #refuse(turn: Turn, refusal: Refusal): void {
    // An app may be about to use the response: it is told by the end of the connection, as by Node itself.
    if (turn.lent && !turn.response.headersSent) {
      this.#end(refusal);
      return;
    }
    turn.response.shouldKeepAlive = false;
    this.#handler.refuse(turn, refusal);
  }

  readonly #next = (): void => {
    const over = this.#turn;
    this.#turn = undefined;
    over?.over();
    const { stream } = this.connection;
    if (!stream.writable) return;
    if (this.#draining) {
      this.connection.end("stopped");
      return;
    }
    const next = this.#waiting.shift();
    if (next) {
      if (stream.isPaused() && this.#waiting.length < MAX_WAITING / 2) stream.resume();
      this.#begin(next.request, next.response);
    } else if (this.#broken) {
      this.#end(over?.request.complete === false ? undefined : this.#broken);
    }
  };

  #end(lastWords: Refusal | undefined): void {
    const { connection } = this;
    if (lastWords) {
      connection.stream.write(rawReply(lastWords, this.#clock.now()));
      if (connection.observed) {
        connection.emit({ type: "reply", code: lastWords.status, text: lastWords.reason, ms: 0 });
      }
    }
    connection.end(this.#reason);
  }
}
