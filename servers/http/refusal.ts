import { STATUS_CODES } from "node:http";
import type { Response } from "express";
import { codeOf, WirelabError } from "../../core/errors.ts";
import { STORE_STATUS } from "../../core/http-status.ts";
import type { Turn } from "./turn.ts";

/** A request that is answered with an error: what is wrong, and what to do. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The error's code, or the reason phrase written as one (`METHOD_NOT_ALLOWED`). */
  readonly code: string;

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    code?: string,
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.code = code ?? this.reason.toUpperCase().replace(/[^A-Z]+/g, "_");
  }

  /** The same, with another sentence behind its own. */
  adding(sentence: string): Refusal {
    return new Refusal(this.status, `${this.message} ${sentence}`, this.headers, this.code);
  }

  /** The reason phrase of the status. */
  get reason(): string {
    return STATUS_CODES[this.status] ?? "Error";
  }
}

/** Anything that was thrown, as the client may see it: what nobody meant to say stays unsaid. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof WirelabError) {
    const status = STORE_STATUS[error.code];
    if (status) return new Refusal(status, error.message, {}, error.code);
    // Store messages are written for clients; those of other errors may not be.
    if (error.code === "IO") return new Refusal(500, error.message, {}, "IO");
  }
  // http-errors' shape, which Express and its companions throw: what is not to be exposed are the words alone.
  const status = statusIn(error);
  if (error instanceof Error && status !== undefined) {
    const { message } = error;
    const reason = STATUS_CODES[status];
    const exposed = "expose" in error && error.expose === true;
    if (reason && status >= 400 && (exposed || status < 500)) {
      return new Refusal(status, exposed ? message : `${reason}.`, headersIn(error));
    }
  }
  return new Refusal(500, "The server failed at this request; its log says why.");
}

/** By the names that Express goes by. */
function statusIn(error: unknown): number | undefined {
  const { status, statusCode }: { status?: unknown; statusCode?: unknown } = Object(error);
  return [status, statusCode].find((code) => typeof code === "number");
}

/** The header fields that an error asks for: a 416 has a Content-Range. */
function headersIn(error: Error): Record<string, string> {
  const given = "headers" in error && typeof error.headers === "object" ? error.headers : undefined;
  return Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, String(value)]));
}

/** Refuses a request: with a short text, or JSON where the client prefers that. */
export async function refuse(turn: Turn, error: unknown): Promise<void> {
  const { request, response, connection } = turn;
  // What is wrong with a request can show in its head and again in its body: the first word counts.
  if (response.writableEnded || turn.refused) return;
  turn.refused = true;
  const refusal = refusalOf(error);
  if (refusal.status === 500) {
    const message = error instanceof Error ? error.message : String(error);
    connection.emit({ type: "error", code: codeOf(error) ?? "INTERNAL", message });
  }
  if (response.headersSent) {
    // Half a response cannot be taken back; the client must not take it for a whole one.
    connection.cut("error");
    return;
  }
  // What Express would do first, had it seen the request.
  request.res = response;
  const announced = await turn.announce(refusal.status);
  if (announced === "late" && !response.headersSent) connection.cut("error");
  if (announced !== "go") return;
  const shared = response.getHeader("Access-Control-Allow-Origin");
  clearHeaders(response);
  response.set(refusal.headers);
  response.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" }).vary("Accept");
  if (shared !== undefined && shared !== "*") response.vary("Origin");
  if (request.accepts(["text", "json"]) === "json") {
    response.json({ status: refusal.status, code: refusal.code, message: refusal.message });
  } else response.type("txt").send(textOf(refusal));
}

/** Takes back what was said of a response that will not be sent; whom it is for stays. */
export function clearHeaders(response: Response): void {
  for (const name of response.getHeaderNames()) {
    if (name !== "date" && !name.startsWith("access-control-")) response.removeHeader(name);
  }
}

/** The refusal as a whole response, for where there is no request to answer: the connection ends behind it. */
export function rawReply(refusal: Refusal, now: number): string {
  const body = textOf(refusal);
  const headers = {
    Date: new Date(now).toUTCString(),
    Connection: "close",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    "X-Content-Type-Options": "nosniff",
    ...refusal.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n${lines.join("")}\r\n${body}`;
}

/** Control characters of a client's own path would reach its terminal. */
function textOf({ status, reason, message }: Refusal): string {
  return `${status} ${reason}\n${message.replace(/\p{Cc}/gu, "\u{fffd}")}\n`;
}
