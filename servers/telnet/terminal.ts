import type { KnownAccount } from "../../core/accounts.ts";
import type { CloseReason, Endpoint } from "../../core/events/events.ts";

/** One Telnet client, as a session sees it: lines come in, text goes out, whatever the client's mode is. */
export interface Terminal {
  /** The connection's id, as in events. */
  readonly connection: string;
  readonly peer: Endpoint;
  readonly secure: boolean;
  /** Who has logged in; undefined where nobody is asked (`login`). */
  readonly account: KnownAccount | undefined;
  /** The window's size in characters, undefined while the client has not told it (NAWS, RFC 1073). */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  /**
   * Calls the listener whenever the client tells a size that is another one; {@link Terminal.columns} and
   * {@link Terminal.rows} are that size then. Most clients tell the first one right after the greeting.
   *
   * @returns what ends it, if it is to end before the connection does.
   */
  onResize(listener: () => void): Disposable;
  /** What the client calls its terminal, undefined while it has not told (TERMINAL-TYPE, RFC 1091). */
  readonly type: string | undefined;
  /** What the client tells of its surroundings, if it offers to (NEW-ENVIRON, RFC 1572): `LANG` for example. */
  readonly environment: ReadonlyMap<string, string>;
  /** The Telnet options in force, as they were agreed on: `WILL ECHO` for ours, `DO NAWS` for the client's. */
  readonly options: readonly string[];
  /** Whether the client sends each key at once and leaves the echo to us. Otherwise it sends lines, and echoes itself. */
  readonly characterMode: boolean;
  /**
   * Aborted when the user interrupts (Ctrl-C, IAC IP) what the last line has begun, or when the connection closes. Another
   * one after each line.
   */
  readonly signal: AbortSignal;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<CloseReason>;
  /**
   * The next line, without its end, of at most 4,096 characters and none of them a control ({@link ReadLineOptions.keys}
   * excepted). Undefined when there is no
   * more: the client has closed its side or typed Ctrl-D, or the lab stops.
   *
   * @param prompt what is shown before the line.
   * @throws WirelabError `BAD_OPTION` while the line before is still awaited.
   */
  readLine(prompt?: string, options?: ReadLineOptions): Promise<string | undefined>;
  /**
   * The next key: a character, or what a key like Cursor Up sends. It is not echoed. In line mode it comes when the client
   * sends its line, whose end is not taken for a key of its own, unless it is all that the line has. `\r` is Enter, `\x03`
   * Ctrl-C; Esc alone comes 50 ms late, since it begins other keys. Undefined when there is no more.
   *
   * @throws WirelabError `BAD_OPTION` while a line or a key is awaited already.
   */
  readKey(): Promise<string | undefined>;
  /**
   * Sends text; `\n` ends a line. Observers get it as one reply. While a line is being typed, it goes above that line.
   * Resolves when the client has room for more, or is gone.
   *
   * @param text an iterable is sent piece by piece, as fast as the client reads; scripted replies do not touch it.
   */
  write(text: string | AsyncIterable<string>): Promise<void>;
  /**
   * Sends lines that answer nothing, a message from somebody else for example: above the line that is being typed, or
   * when the next line is read. A client that does not read them is cut off when `maxOutgoing` bytes wait for it.
   */
  notify(text: string): void;
  /** Sends a GMCP message to a client that has asked for that protocol; to others nothing. */
  gmcp(name: string, data?: unknown): void;
}

/** Words that Tab may put where the cursor is. */
export type Completions = readonly string[] | Promise<readonly string[]>;

/** How {@link Terminal.readLine} reads a line. */
export interface ReadLineOptions {
  /**
   * Neither echo the line nor tell it to observers: it is a password. A client in line mode shows it all the same. Default
   * false.
   */
  readonly hidden?: boolean;
  /** Echo the line, but do not tell it to observers as a command: it answers a question. Default as `hidden`. */
  readonly untold?: boolean;
  /**
   * Control characters that do something of their own, `\x1a` for Ctrl-Z: as soon as one comes, it is the line, and what was
   * typed before it is given up. Default: none, and control characters edit the line or are nothing.
   */
  readonly keys?: ReadonlySet<string>;
  /**
   * Answers the words that Tab may complete in character mode, in any order: those that begin with the word before the cursor
   * are chosen, and where one is left, a blank follows it unless it ends with `/`. What is typed meanwhile waits. Default: Tab
   * is a blank.
   *
   * @param typed the line up to the cursor.
   */
  readonly complete?: (typed: string) => Completions;
}

/** What a client of a Telnet server talks to. The connection ends when it resolves. */
export type TelnetSession = (terminal: Terminal) => Promise<void>;
