import type { ErrorRequestHandler } from "express";
import { codeOf, messageOf } from "../core/errors.ts";
import { STORE_STATUS } from "../core/http-status.ts";

/** A request that is not done, and why. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** What the codes of {@link WirelabError} are in HTTP. */
const STATUS: Readonly<Record<string, number>> = {
  ...STORE_STATUS,
  TIMED_OUT: 504,
  STOPPED: 503,
  BAD_OPTION: 400,
  BAD_ACCOUNT: 400,
  BAD_CONTENT: 400,
};

/** Says every error in the one shape there is: `{ "error": { "code", "message" } }`. */
export const refuse: ErrorRequestHandler = (error, request, response, _next) => {
  // Half an answer cannot become another one.
  if (response.headersSent) {
    request.destroy();
    return;
  }
  const { status, code, headers } = asRefusal(error);
  // What of a body was not read is read and thrown away, so that no RST eats the answer.
  request.resume();
  response
    .status(status)
    .set(headers)
    .json({ error: { code, message: messageOf(error) } });
};

function asRefusal(error: unknown): Pick<Refusal, "status" | "code" | "headers"> {
  if (error instanceof Refusal) return error;
  const code = codeOf(error) ?? "INTERNAL";
  // Express's own parsers say in `status` what was wrong with a request.
  const said =
    error instanceof Error && "status" in error && typeof error.status === "number"
      ? error.status
      : undefined;
  if (said !== undefined && STATUS[code] === undefined) {
    return { status: said, code: said === 413 ? "TOO_LARGE" : "BAD_REQUEST", headers: {} };
  }
  return { status: STATUS[code] ?? 500, code, headers: {} };
}
