import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { codeOf } from "../../core/errors.ts";
import { Refusal } from "./refusal.ts";
import type { Turn } from "./turn.ts";

/** A response as an endpoint describes it. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Default: none. Chunks go out as they are made. */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** Sends a reply; one in chunks as fast as they come and the client reads, until he leaves. */
export async function send(turn: Turn, { status = 200, headers = {}, body = "" }: Reply): Promise<void> {
  const { request, response } = turn;
  if ((await turn.announce(status)) !== "go") return;
  response.set({ "Cache-Control": "no-store", ...headers });
  if (typeof body === "string" || body instanceof Uint8Array) {
    // RFC 9110 §8.6, RFC 9112 §6.2.
    const measured = status !== 204 && status !== 304 && !response.hasHeader("Transfer-Encoding");
    if (measured) response.set("Content-Length", String(Buffer.byteLength(body)));
    else if (status === 204) response.removeHeader("Content-Length");
    // As bytes: joined to a text, Node would write the head in UTF-8, too, and header fields have a byte for each character.
    response.end(typeof body === "string" ? Buffer.from(body) : body);
    return;
  }
  response.flushHeaders();
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  try {
    await pipeline(body, response);
  } catch (error) {
    // The client has gone: that is its good right.
    if (codeOf(error) !== "ERR_STREAM_PREMATURE_CLOSE" && codeOf(error) !== "ABORT_ERR") throw error;
  }
}

export function json(value: unknown): Pick<Reply, "headers" | "body"> {
  return {
    headers: { "Content-Type": "application/json; charset=utf-8" },
    body: `${JSON.stringify(value, undefined, 2)}\n`,
  };
}

/** Waits, and no longer than the client does. */
export async function pause(turn: Turn, ms: number): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  turn.onceOver(leave);
  try {
    await wait(ms, undefined, { signal: gone.signal });
  } finally {
    turn.response.off("close", leave);
  }
}

/**
 * The whole body of a request.
 *
 * @throws Refusal 413 for one of more than `max` bytes.
 */
export async function bodyOf(turn: Turn, max: number): Promise<Buffer> {
  const { request } = turn;
  const tooLong = () => {
    request.resume();
    return new Refusal(413, `The body is too long: it may have ${max} bytes here.`);
  };
  const { "content-length": announced, "transfer-encoding": coding } = request.headers;
  // Nor has a request that a program has sent on: what came with it has been read.
  if (announced === undefined && coding === undefined) return Buffer.alloc(0);
  if (Number(announced ?? 0) > max) throw tooLong();
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > max) reject(tooLong());
      else chunks.push(chunk);
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    turn.onceOver(() => reject(new Refusal(400, "The body broke off.")));
  });
}

/** @throws Refusal 400 for what is no whole number between `min` and `max`. */
export function whole(
  text: string | undefined,
  what: string,
  { min = 0, max }: { min?: number; max: number },
): number {
  const number = /^\d{1,9}$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new Refusal(400, `${what} is a whole number between ${min} and ${max}.`);
}
