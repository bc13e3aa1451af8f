import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Request, Response } from "express";
import type { Clock } from "../../core/clock.ts";
import type { Direction, Reply } from "../../core/events/events.ts";
import type { Connection } from "../../core/service.ts";
import { clearHeaders } from "./refusal.ts";
import { type Target, targetOf } from "./target.ts";

/** A body that is left unread may be this long, in bytes, for the connection to live on: it is read and thrown away. */
const MAX_UNREAD = 64 * 1024;

/** A download up to this length, in bytes, is one write. */
const MAX_UNCOUNTED = 16 * 1024;

/** A file on its way to the client. */
export interface Download {
  readonly path: string;
  /** Bytes that the client is to get. */
  readonly length: number;
}

/** What became of a reply that was announced. */
type Outcome = "go" | "scripted" | "late";

/** One request and its response. A connection has one turn at a time. */
export class Turn {
  readonly request: Request;
  readonly response: Response;
  readonly connection: Connection;
  #target: { readonly url: string; readonly target: Target } | undefined;
  /** Whether it is being refused. */
  refused = false;
  /** Whether an app of somebody's own has it, which nobody else answers for. */
  lent = false;
  /** The lab's. */
  readonly clock: Clock;
  readonly #began = performance.now();
  #announced = false;
  #download: (Download & { readonly before: number }) | undefined;

  constructor(request: Request, response: Response, connection: Connection, clock: Clock) {
    this.request = request;
    this.response = response;
    this.connection = connection;
    this.clock = clock;
    // Node says what time it is by the machine's clock.
    if (!clock.running) response.setHeader("Date", new Date(clock.now()).toUTCString());
  }

  /**
   * What the request asks for now: a program may send it on.
   *
   * @throws as {@link targetOf}.
   */
  get target(): Target {
    const { url } = this.request;
    if (this.#target?.url !== url) this.#target = { url, target: targetOf(url) };
    return this.#target.target;
  }

  /**
   * Tells of the request.
   *
   * @param path what its target names in the store, where it names anything there.
   */
  begin(path: string | undefined): void {
    const { method, url } = this.request;
    const target = withoutPassword(url);
    // A path that was taken for an authority still has what the target has lost.
    const named = path !== undefined && !(target !== url && url.startsWith("/"));
    this.connection.emit(
      named ? { type: "command", verb: method, target, path } : { type: "command", verb: method, target },
    );
  }

  /**
   * Every reply passes through here before its head is written. Sets the status, unless another reply was scripted: that
   * one is sent, or none at all.
   *
   * @returns `go` where the caller is to send its reply; otherwise it is to leave the response alone, because another reply
   *   was scripted, or somebody else replied before (`late`).
   */
  announce(code: number): Outcome | Promise<Outcome> {
    if (this.#announced || this.connection.stream.destroyed) return "late";
    this.#announced = true;
    const reply = { code, text: STATUS_CODES[code] ?? "" };
    if (this.connection.ruled) return this.#amended(reply);
    this.#say(code, reply.text);
    return "go";
  }

  async #amended(reply: Reply & { readonly code: number }): Promise<Outcome> {
    const amended = await this.connection.amend(reply);
    if (amended === reply) {
      this.#say(reply.code, reply.text);
      return "go";
    }
    if (amended) this.#script(amended.code ?? reply.code, amended.text);
    return "scripted";
  }

  /**
   * For a reply that nobody announces, because somebody's own app makes it: whether another one is sent in its place. What its
   * code will be is not known, so that rules for a code let it pass; 200 is assumed.
   */
  async isScripted(): Promise<boolean> {
    const reply = { code: 200, text: STATUS_CODES[200] ?? "" };
    const amended = this.connection.observed ? await this.connection.amend(reply) : reply;
    // Its body may have broken off meanwhile, and been refused.
    if (this.#announced) return true;
    if (amended === reply || this.connection.stream.destroyed) return false;
    this.#announced = true;
    if (amended) this.#script(amended.code ?? reply.code, amended.text);
    return true;
  }

  /** The file whose bytes are what is sent: observers are told how it went. */
  downloads(download: Download): void {
    const { path, length } = download;
    // Counting costs time; what fits into one write went out whole or, for all that is known, not at all.
    const before = length > MAX_UNCOUNTED ? this.request.socket.bytesWritten : Number.POSITIVE_INFINITY;
    this.#download = { path, length, before };
  }

  /** Tells of a file that came in. */
  uploaded(path: string, bytes: number, outcome: "complete" | "broken"): void {
    this.#transferred("in", path, bytes, outcome === "complete");
  }

  /** Calls when the response is over, whole or not: at once where it is, for whoever had to wait for something else first. */
  onceOver(call: () => void): void {
    if (this.response.closed) call();
    else this.response.once("close", call);
  }

  /** The response is sent, or will never be: tells what was not told yet. */
  over(): void {
    const { response, connection } = this;
    // A listener of somebody's own announces nothing.
    if (response.headersSent && !this.#announced) {
      this.#tell(response.statusCode, response.statusMessage);
    }
    const download = this.#download;
    if (!download) return;
    const complete = response.writableFinished && !connection.stream.destroyed;
    const bytes = complete ? download.length : this.#sentOf(download);
    this.#transferred("out", download.path, bytes, complete);
  }

  #sentOf({ length, before }: Download & { readonly before: number }): number {
    const written = this.request.socket.bytesWritten - before;
    return Number.isFinite(written) ? Math.max(0, Math.min(length, written)) : 0;
  }

  #script(code: number, text: string): void {
    const { response } = this;
    clearHeaders(response);
    this.#say(code, text);
    response.statusMessage = text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?");
    response.type("txt").end(`${text}\n`);
  }

  #say(code: number, text: string): void {
    this.response.statusCode = code;
    if (!this.request.complete && !isShort(this.request)) this.response.shouldKeepAlive = false;
    this.#tell(code, text);
  }

  #tell(code: number, text: string): void {
    const { connection, response } = this;
    if (!connection.observed) return;
    const ms = performance.now() - this.#began;
    if (!connection.followsReplies || response.headersSent) {
      connection.emit({ type: "reply", code, text, ms });
      return;
    }
    // A fault waits for the head: it goes out alone, so that something stands between it and the body.
    const { writeHead } = response;
    response.writeHead = (...head: unknown[]) => {
      response.writeHead = writeHead;
      Reflect.apply(writeHead, response, head);
      response.flushHeaders();
      connection.emit({ type: "reply", code, text, ms });
      return response;
    };
  }

  #transferred(direction: Direction, path: string, bytes: number, complete: boolean): void {
    const ms = performance.now() - this.#began;
    this.connection.emit({ type: "transfer", direction, path, bytes, ms, complete });
  }
}

/** Whether what the client still sends of its request is little enough to wait for. */
function isShort({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) <= MAX_UNREAD;
}

/** A target in absolute form may name a user and a password. */
function withoutPassword(target: string): string {
  if (!target.includes("@")) return target;
  return target.replace(/^([^/?#]*\/\/)[^/?#]*@/, "$1");
}
