import type { Writable } from "node:stream";
import { codeOf } from "../../core/errors.ts";
import { Refusal } from "./refusal.ts";
import type { Turn } from "./turn.ts";

/** How a body is received. */
export interface Receiving {
  /** The file, for observers. */
  readonly path: string;
  /** The longest body, in bytes. */
  readonly maxBody: number;
  /** Called when all has come, before the file is finished; what it throws leaves the old file whole. */
  beforeFinish(): Promise<void>;
}

/**
 * The body of a request, into the store and no faster than it writes. Resolves when the store has finished; rejects, and
 * leaves the old file whole, when the body breaks off, is too long, or cannot be stored.
 */
export function receive(
  turn: Turn,
  file: Writable,
  { path, maxBody, beforeFinish }: Receiving,
): Promise<void> {
  const { request, response } = turn;
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const settle = () => {
      request.off("data", count);
      request.off("end", finish);
      response.off("close", broken);
    };
    const giveUp = (error: unknown) => {
      settle();
      request.unpipe(file);
      // The rest of the body is read and thrown away, so that the refusal can be heard.
      request.resume();
      file.destroy();
      turn.uploaded(path, bytes, "broken");
      reject(error);
    };
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > maxBody) giveUp(tooLong(maxBody));
    };
    const finish = () => {
      beforeFinish().then(() => file.end(), giveUp);
    };
    // The client is gone, or its request was refused for what came in the middle of it.
    const broken = () => giveUp(new Refusal(400, "The body broke off; the file is as it was."));
    file.once("error", giveUp);
    file.once("finish", () => {
      settle();
      turn.uploaded(path, bytes, "complete");
      resolve();
    });
    request.on("data", count);
    request.once("end", finish);
    request.pipe(file, { end: false });
    turn.onceOver(broken);
  });
}

/** @throws Refusal 415 for a packed body (RFC 9110 §8.4): unpacked it would be another file, and packed a wrong one. */
export function checkCoding({ request: { headers } }: Turn): void {
  const coding = headers["content-encoding"] ?? "identity";
  if (coding.toLowerCase() === "identity") return;
  throw new Refusal(415, "A body is stored as it is sent, and so it is to be sent unpacked.", {
    "Accept-Encoding": "identity",
  });
}

/** @throws Refusal 400 for a part of a file, 413 for one that says that it is too long, 415 for a packed one. */
export function checkBody(turn: Turn, maxBody: number): void {
  const { headers } = turn.request;
  checkCoding(turn);
  if (headers["content-range"] !== undefined) {
    throw new Refusal(
      400,
      "A PUT stores a whole file, so that Content-Range has no meaning (RFC 9110, 14.4).",
    );
  }
  if (Number(headers["content-length"] ?? 0) > maxBody) throw tooLong(maxBody);
}

/** What a store says of a file that cannot be written, in the words of a PUT. */
export function notWritable(error: unknown, path: string): unknown {
  if (codeOf(error) !== "NOT_FOUND") return error;
  return new Refusal(409, `${path}: the directory that it would be in does not exist.`, {}, "NOT_FOUND");
}

function tooLong(maxBody: number): Refusal {
  return new Refusal(413, `The body is too long: it may have ${maxBody} bytes.`);
}
