/** Bytes, as a script writes them down: a text of UTF-8, hexadecimal digits with blanks anywhere, or base64. */
export type ScriptBytes =
  | Uint8Array
  | { readonly text: string }
  | { readonly hex: string }
  | { readonly base64: string };

/** One step of a script. All of it but patterns as `RegExp`, and bytes as such, can stand in a JSON file. */
export type ScriptStep =
  /**
   * The server sends this. In a text, `\n` is {@link Script.lineEnd}; behind an expected pattern, `$1` is what its first group
   * has found, and `$0` the whole of it.
   */
  | { readonly send: string | ScriptBytes }
  /**
   * The client sends this. A text is a line, without its end; so is what a `RegExp` is tried on, or a text `/…/` or `/…/i`,
   * which must fit the whole line. Bytes stand for themselves, and `{ bytes: 4 }` for as many of any kind. Over UDP each of
   * these is a datagram.
   */
  | { readonly expect: string | RegExp | ScriptBytes | { readonly bytes: number } }
  /** Nothing happens for so many milliseconds. */
  | { readonly wait: number }
  /**
   * These steps, so many times; without `times`, for as long as the client begins them again.
   */
  | { readonly repeat: readonly ScriptStep[]; readonly times?: number }
  /** The server closes: in good order, or with a reset. Without it the client is the one to close. Not for UDP. */
  | { readonly end: "fin" | "rst" };

/** A conversation that is kept to the letter, with whoever connects. */
export interface Script {
  readonly steps: readonly ScriptStep[];
  /**
   * What ends a line: `\n` in a text that is sent, and a line that is expected must end so. Default: `\n` is sent as it is, and
   * a client's line may end in LF, in CR LF, or with all that the client sends.
   */
  readonly lineEnd?: "\n" | "\r\n";
  /**
   * `connection`, the default: each connection (over UDP, each peer) begins at the first step. `shared`: there is one
   * conversation, which goes on with the next connection where the last one has left it; one waits for the other.
   */
  readonly progress?: "connection" | "shared";
  /**
   * What the client gets that does something else: `tell`, the default, sends what was expected, what came, and the conversation
   * so far, and closes; `close` and `reset` say nothing. Over UDP, the latter two are the same.
   */
  readonly mismatch?: "tell" | "close" | "reset";
}

/** A script, its steps alone, or the path of a file (JSON, or a module `.js` or `.mjs` whose default export it is). */
export type ScriptSource = Script | readonly ScriptStep[] | string;
