import { types } from "node:util";

/** What went wrong, as a word that stays the same from release to release; the message beside it is for people. */
export type ErrorCode =
  // the store: each protocol says these in its own words (FTP 550 or 552, HTTP 404, 403, 409 or 507)
  | "NOT_FOUND"
  | "FORBIDDEN"
  | "EXISTS"
  | "IS_DIRECTORY"
  | "NOT_DIRECTORY"
  | "NOT_EMPTY"
  | "BAD_PATH"
  | "QUOTA"
  | "BAD_CONTENT"
  | "IO"
  // addresses and connections
  | "ADDRESS_IN_USE"
  | "ADDRESS_DENIED"
  | "ADDRESS_UNAVAILABLE"
  | "BAD_ADDRESS"
  | "UNREACHABLE"
  | "TLS_UNAVAILABLE"
  | "TLS_FAILED"
  // options, waiting and the rest
  | "BAD_OPTION"
  | "BAD_ACCOUNT"
  | "MISMATCH"
  | "NICK_TAKEN"
  | "ROOM_FULL"
  | "TIMED_OUT"
  | "STOPPED";

/**
 * Every error that wirelab makes on purpose: a stable {@link ErrorCode} and a full sentence that says what to do.
 *
 * @example
 * ```ts
 * import { startLab, tcp, WirelabError } from "wirelab";
 *
 * await using lab = await startLab({ one: tcp() });
 * try {
 *   await startLab({ two: tcp({ port: lab.servers.one.port }) });
 * } catch (error) {
 *   if (!(error instanceof WirelabError) || error.code !== "ADDRESS_IN_USE") throw error;
 * }
 * ```
 */
export class WirelabError extends Error {
  override readonly name = "WirelabError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

// Not by instanceof, which is false for Node's errors in a test runner that gives tests a context of their own.
const { isNativeError } = types;

/** The code of an error, ours or Node's (`ENOENT`), or undefined where it has none. */
export function codeOf(error: unknown): string | undefined {
  return isNativeError(error) && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return isNativeError(error) ? error.message : String(error);
}
