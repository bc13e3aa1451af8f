import { WirelabError } from "../../core/errors.ts";
import { completionOf, lastWordIn } from "./completion.ts";
import { LineEditor, MAX_LINE } from "./editor.ts";
import type { Completions } from "./terminal.ts";

/** Input that waits to be read, in characters, above which the client has to wait. */
const MAX_TYPED_AHEAD = 65_536;

/** So many lines or keys are read, or lines gone through as a whole, in one turn of the event loop before other clients have theirs. */
const READ_PER_TURN = 32;

/** Keys that may go through a whole line: Ctrl-C, L, N, P, Y, and all that begin with Esc. */
const LINE_KEYS: ReadonlySet<string> = new Set("\x03\x0c\x0e\x10\x19\x1b");

/** Where a {@link LineReader} shows what it does. */
export interface Screen {
  /** Whether what is typed shall be echoed. */
  readonly characterMode: boolean;
  /** The width, Infinity if unknown. */
  readonly columns: number;
  /** Output backs up: nothing more shall come of input until {@link LineReader.proceed}. */
  readonly congested: boolean;
  send(text: string): void;
  /** It is the user's turn. */
  goAhead(): void;
  /** The user interrupts what runs: no line is being read. */
  interrupt(): void;
  /** There may be room for more input. */
  consumed(): void;
  /** What was typed before a TIMING-MARK has been dealt with. */
  marked(): void;
}

interface ReadOptions {
  readonly hidden: boolean;
  /** It is no command: Cursor Up does not bring it back. */
  readonly untold: boolean;
  readonly keys?: ReadonlySet<string>;
  readonly complete?: (typed: string) => Completions;
}

interface Reading extends ReadOptions {
  readonly prompt: string;
  resolve(line: string | undefined): void;
}

/** Stands for a TIMING-MARK in what was typed: half a surrogate pair, which no text has. */
const MARK = "\ud800";

/** A character, or what a key sends that no character stands for (ECMA-48 §5.4; F1 to F5 of the Linux console). */
const KEY = /^(?:\x1b(?:\[\[[A-E]|[[O][0-?]*[@-~])|.)/su;

/** A key of which the rest may be under way. */
const BEGUN = /^\x1b(?:[[O][0-?]*|\[\[)?$/;

/** How long that rest is waited for, in milliseconds: so much later Esc alone is Esc. */
const KEY_PATIENCE = 50;

/** Makes lines of what is typed, one for each that is asked for; the rest waits. */
export class LineReader {
  readonly #screen: Screen;
  readonly #editor = new LineEditor();
  #typedAhead = "";
  #afterReturn = false;
  #reading: Reading | undefined;
  #key: ((key: string | undefined) => void) | undefined;
  #unfinished: NodeJS.Timeout | undefined;
  #inputEnded = false;
  #over = false;
  #promptOwed = false;
  /** Tab was typed, and it is not known yet what there is: what was typed behind it waits. */
  #completing = false;
  #deferred: string[] = [];
  #deferredLength = 0;
  #readings = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Whether a line is being read: prompt and what is typed are on the screen. */
  get reading(): boolean {
    return this.#reading !== undefined;
  }

  /** Whether a line or a key is awaited: it is the user's turn. */
  get awaited(): boolean {
    return this.reading || this.#key !== undefined;
  }

  /** Whether more input should wait. */
  get full(): boolean {
    return this.#typedAhead.length >= MAX_TYPED_AHEAD;
  }

  /** How many characters of {@link above} wait for the next line to be read. */
  get deferred(): number {
    return this.#deferredLength;
  }

  /** Shows the prompt and reads the next line; undefined when the input has ended. */
  async read(prompt: string, options: ReadOptions): Promise<string | undefined> {
    if (this.#isTurnOver()) await new Promise((resolve) => setImmediate(resolve));
    this.#begin();
    if (this.#exhausted) return undefined;
    return new Promise((resolve) => {
      this.#reading = { prompt, ...options, resolve };
      this.#prompt(prompt);
      this.proceed();
      this.#screen.consumed();
    });
  }

  /** The next key, or undefined when the input has ended. */
  async readKey(): Promise<string | undefined> {
    if (this.#isTurnOver()) await new Promise((resolve) => setImmediate(resolve));
    this.#begin();
    if (this.#exhausted) return undefined;
    return new Promise((resolve) => {
      this.#key = resolve;
      this.proceed();
      this.#screen.consumed();
    });
  }

  /** Characters have come. */
  type(typed: string): void {
    if (typed === "") return;
    // CR LF and CR NUL are one end of a line, also where the network splits them; so are CR and LF alone.
    const text = (this.#afterReturn ? typed.replace(/^[\n\0]/, "") : typed).replace(/\r[\n\0]/g, "\r");
    this.#afterReturn = typed.endsWith("\r");
    const interrupt = this.#reading || this.#key ? -1 : text.lastIndexOf("\x03");
    if (interrupt !== -1) {
      // As on every terminal, an interrupt throws away what was typed ahead.
      this.#typedAhead = this.#typedAhead.replace(/[^\ud800]/gu, "");
      this.hurryMarks();
      this.#screen.interrupt();
    }
    this.#typedAhead += text.slice(interrupt + 1);
    this.proceed();
  }

  /** A TIMING-MARK stands behind what was typed so far. */
  mark(): "waits" | "answered" {
    const idle = this.awaited && !this.#completing && this.#typedAhead === "";
    if (idle) this.#screen.marked();
    else this.#typedAhead += MARK;
    return idle ? "answered" : "waits";
  }

  /** Answers the marks that wait for nothing but the command that runs. */
  hurryMarks(): "waits" | "answered" {
    while (this.#typedAhead.startsWith(MARK)) {
      this.#typedAhead = this.#typedAhead.slice(1);
      this.#screen.marked();
    }
    return this.#typedAhead.includes(MARK) ? "waits" : "answered";
  }

  /**
   * IAC IP has come. In line mode the prompt is owed until {@link settle}: it has to stand behind the answer to the DO
   * TIMING-MARK that follows, because clients throw away all that comes before that.
   */
  interrupt(): void {
    this.#promptOwed = !this.#screen.characterMode;
    this.type("\x03");
  }

  /** All that came together has been typed. */
  settle(): void {
    if (this.#promptOwed) this.#promptBelow();
    this.#promptOwed = false;
  }

  /** Nothing will be typed any more. */
  end(): void {
    this.#inputEnded = true;
    this.proceed();
  }

  /** Ends the input now; what was typed ahead is lost. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#unfinished);
    this.#key?.(undefined);
    this.#key = undefined;
    // What is said next goes below the line, however many rows that has.
    if (this.#screen.characterMode && this.#reading && !this.hidden)
      this.#screen.send(this.#editor.leave(this.#screen.columns));
    this.#finish(undefined);
  }

  /** From now on the echo is ours. What was typed before, the client has shown itself. */
  echoing(): void {
    this.#editor.shown();
  }

  /** Shows lines above the one that is being read, or before the next one is. */
  above(text: string): void {
    const lines = text.endsWith("\n") ? text : `${text}\n`;
    if (!this.#reading) {
      this.#deferred.push(lines);
      this.#deferredLength += lines.length;
      return;
    }
    if (!this.#screen.characterMode) {
      this.#promptBelow(`\n${lines.slice(0, -1)}`);
      return;
    }
    this.#screen.send(`${this.#editor.erase(this.#screen.columns)}${lines}${this.#reading.prompt}`);
    this.#editor.reprompted();
    this.#render();
    this.#screen.goAhead();
  }

  /** Gives the editor what was typed, until a line is complete or output backs up. */
  proceed(): void {
    if (this.#key) this.#takeKey();
    if (!this.#reading || this.#completing) return;
    let taken = 0;
    let edits = 0;
    let bell = "";
    for (const character of this.#typedAhead) {
      if (!this.#reading || this.#screen.congested || edits === READ_PER_TURN) break;
      taken += character.length;
      if (LINE_KEYS.has(character)) edits += 1;
      if (character === MARK) {
        this.#showTyped();
        this.#screen.marked();
        continue;
      }
      if (this.#reading.keys?.has(character)) {
        this.#leaveLine(`^${String.fromCharCode(character.charCodeAt(0) ^ 64)}`);
        this.#finish(character);
        break;
      }
      if (character === "\t" && this.#screen.characterMode && this.#reading.complete) {
        void this.#complete(this.#reading, this.#reading.complete);
        break;
      }
      if (character === "\x0c" && this.#screen.characterMode) {
        this.#screen.send(`\x1b[H\x1b[2J${this.#reading.prompt}`);
        this.#editor.reprompted();
        continue;
      }
      switch (this.#editor.type(character)) {
        case "line":
          this.#accept();
          break;
        case "tooLong":
          this.#leaveLine("");
          this.#screen.send(`That line is longer than ${MAX_LINE} characters, so nothing was done.\n`);
          this.#prompt(this.#reading.prompt);
          break;
        case "interrupt":
          this.#interrupted(this.#reading.prompt);
          break;
        case "end":
          this.#leaveLine("");
          this.stop();
          break;
        case "bell":
          bell = "\x07";
          break;
        default:
      }
    }
    this.#typedAhead = this.#typedAhead.slice(taken);
    if (edits === READ_PER_TURN) setImmediate(() => this.#proceedLater());
    if (!this.#reading) return;
    this.#showTyped();
    if (this.#screen.characterMode) this.#screen.send(bell);
    if (!this.#inputEnded || this.#completing || this.#typedAhead !== "") return;
    // What stands at the end of the input is a line, also without a line end.
    if (this.#editor.text === "") this.#finish(undefined);
    else this.#accept();
  }

  async #complete(reading: Reading, complete: NonNullable<ReadOptions["complete"]>): Promise<void> {
    this.#completing = true;
    const typed = this.#editor.beforeCursor;
    const words = await Promise.resolve(typed)
      .then(complete)
      // Who cannot say what there is has nothing to put there.
      .catch(() => []);
    // A flood of Tabs must not be all that is done: others have their turn behind each.
    await new Promise((resolve) => setImmediate(resolve));
    this.#completing = false;
    if (this.#reading !== reading) return;
    this.#screen.send(this.#put(typed.slice(lastWordIn(typed)), words));
    this.#proceedLater();
  }

  /** Completes a word as far as there is one way, or shows the ways. Answers a bell where there is none. */
  #put(begun: string, words: readonly string[]): "" | "\x07" {
    const completion = completionOf(begun, words);
    if (!completion) return "\x07";
    if ("rest" in completion) this.#editor.insert(completion.rest);
    else this.above(`${completion.ways}\n`);
    return "";
  }

  #proceedLater(): void {
    this.proceed();
    this.#screen.consumed();
  }

  #accept(): void {
    const line = this.#editor.text;
    this.#leaveLine("");
    // In line mode the client's own terminal may have a history; ours would change a line that it cannot show.
    if (this.#screen.characterMode && !this.#reading?.untold) this.#editor.remember(line);
    this.#finish(line);
  }

  /** Whether what is typed is a line that nobody is to see. */
  get hidden(): boolean {
    return this.#reading?.hidden ?? false;
  }

  /** Counts what is read: whether others are to have their turn before the next. */
  #isTurnOver(): boolean {
    this.#readings += 1;
    return this.#readings % READ_PER_TURN === 0;
  }

  /** Shows what has waited for input to be wanted again. */
  #begin(): void {
    if (this.#reading || this.#key) {
      throw new WirelabError(
        "BAD_OPTION",
        "Input is being read already: await it before the next readLine() or readKey().",
      );
    }
    // With nothing but marks left, no prompt will be shown.
    if (this.#inputEnded) this.hurryMarks();
    this.#screen.send(this.#deferred.join(""));
    this.#deferred = [];
    this.#deferredLength = 0;
  }

  get #exhausted(): boolean {
    return this.#over || (this.#inputEnded && this.#typedAhead === "");
  }

  #takeKey(): void {
    this.hurryMarks();
    clearTimeout(this.#unfinished);
    if (BEGUN.test(this.#typedAhead) && !this.#inputEnded)
      this.#unfinished = setTimeout(() => this.#giveKey(), KEY_PATIENCE);
    else this.#giveKey();
  }

  #giveKey(): void {
    const [key] = KEY.exec(this.#typedAhead) ?? [];
    if (key === undefined && !this.#exhausted) return;
    this.#typedAhead = this.#typedAhead.slice(key?.length ?? 0);
    // In line mode a key can only be sent with a line end behind it, which is none of its own.
    if (!this.#screen.characterMode && key !== "\r" && key !== "\n")
      this.#typedAhead = this.#typedAhead.replace(/^[\r\n]/, "");
    const resolve = this.#key;
    this.#key = undefined;
    resolve?.(key === "\n" ? "\r" : key);
  }

  #finish(line: string | undefined): void {
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading?.hidden) this.#editor.forget();
    reading?.resolve(line);
  }

  #interrupted(prompt: string): void {
    this.#leaveLine("^C");
    this.#editor.begin(prompt);
    if (this.#screen.characterMode) this.#prompt(prompt);
    else if (!this.#promptOwed) this.#promptBelow();
  }

  #prompt(prompt: string): void {
    this.#screen.send(prompt);
    this.#editor.begin(prompt);
    this.#screen.goAhead();
  }

  /** Shows prompt and line again for a client in line mode, below some text. */
  #promptBelow(text = ""): void {
    if (!this.#reading) return;
    this.#screen.send(`${text}\n${this.#reading.prompt}${this.#editor.text}`);
    this.#screen.goAhead();
  }

  #showTyped(): void {
    if (this.#screen.characterMode) this.#render();
  }

  #render(): void {
    if (!this.#reading?.hidden) this.#screen.send(this.#editor.render(this.#screen.columns));
  }

  /** The cursor goes to a new line; in line mode the client has done that itself. */
  #leaveLine(mark: string): void {
    if (!this.#screen.characterMode) return;
    const rest = this.#reading?.hidden ? "" : this.#editor.leave(this.#screen.columns);
    this.#screen.send(`${rest}${mark}\n`);
  }
}
