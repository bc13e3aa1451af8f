import { cellsOf, joins, Layout } from "./layout.ts";

/** The most characters (UTF-16 units) that a line holds; a longer one is not taken. */
export const MAX_LINE = 4096;

/** How many lines Cursor Up can bring back. */
const MAX_HISTORY = 50;

/** The longest key sequence that is waited for. */
const MAX_SEQUENCE = 16;

/** What a typed character has brought about; `tooLong` is the end of a line that was longer than {@link MAX_LINE}. */
export type Typed = "line" | "tooLong" | "interrupt" | "end" | "bell" | undefined;

/** Characters that no line holds: controls, and those that turn the direction of the text around them. */
const UNTYPABLE = /^[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]$/u;

/** The line discipline: characters in, lines out, and for a client whose echo we are, what its screen is to be sent. */
export class LineEditor {
  /** The line so far, a string for each place on the screen. */
  #cells: string[] = [];
  #cursor = 0;
  #length = 0;
  #tooLong = false;
  #sequence = "";
  /** What Ctrl-Y brings back, and what of it keys in a row have taken away. */
  #killed = "";
  #killing = "";
  readonly #history: string[] = [];
  #recalled = 0;
  #draft = "";
  /** What the client's screen shows, and behind how many of the line's cells its cursor is. */
  #screen: {
    readonly prompt: readonly string[];
    readonly cells: readonly string[];
    readonly cursor: number;
  } = {
    prompt: [],
    cells: [],
    cursor: 0,
  };

  /** The line so far. */
  get text(): string {
    return this.#cells.join("");
  }

  get beforeCursor(): string {
    return this.#cells.slice(0, this.#cursor).join("");
  }

  /** As if the text were typed. */
  insert(text: string): Typed {
    let event: Typed;
    for (const character of text) event = this.#insert(character) ?? event;
    return event;
  }

  /** Begins a line behind a prompt, which the caller sends. */
  begin(prompt: string): void {
    this.#clear();
    this.#tooLong = false;
    this.#killing = "";
    this.#recalled = this.#history.length;
    this.#screen = { prompt: cellsOf(prompt), cells: [], cursor: 0 };
  }

  /** Lets Cursor Up bring a line back. */
  remember(line: string): void {
    if (line.trim() === "" || line === this.#history.at(-1)) return;
    this.#history.push(line);
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
  }

  /** What was taken away is not to come back: it was typed unseen. */
  forget(): void {
    this.#killed = "";
  }

  /** Takes one character; CR and LF each end the line. */
  type(character: string): Typed {
    if (this.#sequence !== "" && this.#continueSequence(character)) return undefined;
    switch (character) {
      case "\r":
      case "\n":
        return this.#tooLong ? "tooLong" : "line";
      case "\x03":
        return "interrupt";
      case "\x04":
        return this.#length === 0 ? "end" : this.#edit(DELETE);
      case "\x1b":
        this.#sequence = character;
        return undefined;
      default:
        return this.#edit(character);
    }
  }

  /** The client has shown the line itself, as it is now. */
  shown(): void {
    this.#screen = { ...this.#screen, cells: [...this.#cells], cursor: this.#cursor };
  }

  /** What makes the client's screen show the line as it is. `columns` is the screen's width, Infinity if unknown. */
  render(columns: number): string {
    const { prompt, cells, cursor } = this.#screen;
    const was = new Layout([...prompt, ...cells], columns);
    const is = new Layout([...prompt, ...this.#cells], columns);
    const first = prompt.length;
    let same = 0;
    while (same < cells.length && cells[same] === this.#cells[same]) same += 1;
    let out = "";
    let at = cursor;
    if (same < cells.length || same < this.#cells.length) {
      out += was.move(first + at, first + same) + is.print(first + same) + is.clearRestOf(was);
      at = this.#cells.length;
    }
    out += is.move(first + at, first + this.#cursor);
    this.shown();
    return out;
  }

  /** Renders with the cursor behind the line, for what is printed next. */
  leave(columns: number): string {
    this.#cursor = this.#cells.length;
    return this.render(columns);
  }

  /** What takes prompt and line off the client's screen, so that something else can be printed there. */
  erase(columns: number): string {
    const { prompt, cells, cursor } = this.#screen;
    const rows = new Layout([...prompt, ...cells], columns).row(prompt.length + cursor);
    return `${rows > 0 ? `\x1b[${rows}A` : ""}\r\x1b[J`;
  }

  /** The prompt alone is on the client's screen: the next rendering shows the whole line again. */
  reprompted(): void {
    this.#screen = { ...this.#screen, cells: [], cursor: 0 };
  }

  #edit(key: string): Typed {
    if (!KILLS.has(key)) this.#killing = "";
    switch (key) {
      case "\b":
      case "\x7f":
        this.#remove(this.#cursor - 1, this.#cursor);
        return undefined;
      case "\x01":
        this.#cursor = 0;
        return undefined;
      case "\x02":
        this.#cursor = Math.max(0, this.#cursor - 1);
        return undefined;
      case "\x05":
        this.#cursor = this.#cells.length;
        return undefined;
      case "\x06":
        this.#cursor = Math.min(this.#cells.length, this.#cursor + 1);
        return undefined;
      case DELETE:
        this.#remove(this.#cursor, this.#cursor + 1);
        return undefined;
      case WORD_BACK:
        this.#cursor = this.#wordStart(LETTER);
        return undefined;
      case WORD_ON:
        this.#cursor = this.#wordEnd();
        return undefined;
      case "\x0b":
        this.#kill(this.#cursor, this.#cells.length);
        return undefined;
      case "\x0e":
        return this.#recall(this.#recalled + 1);
      case "\x10":
        return this.#recall(this.#recalled - 1);
      case "\x14":
        return this.#transpose();
      case "\x15":
        this.#kill(0, this.#cursor);
        this.#tooLong = false;
        return undefined;
      case "\x17":
        this.#kill(this.#wordStart(/\S/), this.#cursor);
        return undefined;
      case KILL_WORD:
        this.#kill(this.#cursor, this.#wordEnd());
        return undefined;
      case KILL_WORD_BACK:
        this.#kill(this.#wordStart(LETTER), this.#cursor);
        return undefined;
      case "\x19":
        return this.insert(this.#killed);
      case "\t":
        return this.#insert(" ");
      default:
        return UNTYPABLE.test(key) ? undefined : this.#insert(key);
    }
  }

  #insert(character: string): Typed {
    if (this.#length + character.length > MAX_LINE) {
      this.#tooLong = true;
      return "bell";
    }
    this.#length += character.length;
    const before = this.#cells[this.#cursor - 1];
    if (before !== undefined && joins(character, before)) {
      this.#cells[this.#cursor - 1] = before + character;
    } else {
      this.#cells.splice(this.#cursor, 0, character);
      this.#cursor += 1;
    }
    return undefined;
  }

  /** Takes out the cells from `from` to before `to`; what of that is outside the line does not matter. */
  #remove(from: number, to: number): void {
    const start = Math.max(0, from);
    const gone = this.#cells.splice(start, to - start);
    this.#length -= gone.join("").length;
    this.#cursor = Math.min(start, this.#cells.length);
  }

  /** As {@link #remove}, for Ctrl-Y to bring back: of keys in a row all that they have taken away. */
  #kill(from: number, to: number): void {
    const gone = this.#cells.slice(from, to).join("");
    this.#killing = from < this.#cursor ? gone + this.#killing : this.#killing + gone;
    if (this.#killing !== "") this.#killed = this.#killing;
    this.#remove(from, to);
  }

  /** The character before the cursor and the one behind it, or the last two, change places. */
  #transpose(): Typed {
    const at = Math.min(this.#cursor, this.#cells.length - 1);
    const [before, behind] = [this.#cells[at - 1], this.#cells[at]];
    if (before === undefined || behind === undefined) return "bell";
    this.#cells.splice(at - 1, 2, behind, before);
    this.#cursor = at + 1;
    return undefined;
  }

  /** Where the word before the cursor begins. */
  #wordStart(letter: RegExp): number {
    let at = this.#cursor;
    while (at > 0 && !letter.test(this.#cells[at - 1] ?? "")) at -= 1;
    while (at > 0 && letter.test(this.#cells[at - 1] ?? "")) at -= 1;
    return at;
  }

  /** Where the word behind the cursor ends. */
  #wordEnd(): number {
    let at = this.#cursor;
    while (at < this.#cells.length && !LETTER.test(this.#cells[at] ?? "")) at += 1;
    while (LETTER.test(this.#cells[at] ?? "")) at += 1;
    return at;
  }

  /** Brings back a line of the history; behind the last one is what was typed before. */
  #recall(wanted: number): Typed {
    if (wanted < 0 || wanted > this.#history.length) return "bell";
    if (this.#recalled === this.#history.length) this.#draft = this.text;
    this.#recalled = wanted;
    this.#clear();
    this.insert(this.#history[wanted] ?? this.#draft);
    return undefined;
  }

  #clear(): void {
    this.#cells = [];
    this.#cursor = 0;
    this.#length = 0;
  }

  /** Goes on with what a key has sent behind Esc (ECMA-48 §5.4). Answers whether the character was part of it. */
  #continueSequence(character: string): boolean {
    if (UNTYPABLE.test(character) && KEYS[this.#sequence + character] === undefined) {
      // No other key sends a control character within its sequence: the line end behind a lone Esc still ends the line.
      this.#sequence = "";
      return false;
    }
    this.#sequence += character;
    const { length } = this.#sequence;
    const introduced = /^\x1b[[O]/.test(this.#sequence);
    // F1 to F5 of the Linux console: ESC [ [ A to ESC [ [ E.
    if (this.#sequence === "\x1b[[") return true;
    if (introduced && (length === 2 || (character < "@" && length < MAX_SEQUENCE))) return true;
    const key = KEYS[this.#sequence];
    this.#sequence = "";
    if (key !== undefined) this.#edit(key);
    return true;
  }
}

/** A character of a word, for the keys that go by words; Ctrl-W goes by blanks. */
const LETTER = /^[\p{L}\p{N}]/u;

/** Keys that no control character stands for alone: Ctrl-D has a second meaning. The others are Alt-B, F, D and Backspace. */
const DELETE = "\x1b[3~";
const WORD_BACK = "\x1bb";
const WORD_ON = "\x1bf";
const KILL_WORD = "\x1bd";
const KILL_WORD_BACK = "\x1b\x7f";

/** What takes away more than a character. */
const KILLS: ReadonlySet<string> = new Set(["\x0b", "\x15", "\x17", KILL_WORD, KILL_WORD_BACK]);

/** The keys that send a sequence, as those that mean the same. */
const KEYS: Readonly<Record<string, string>> = {
  "\x1b[A": "\x10",
  "\x1bOA": "\x10",
  "\x1b[B": "\x0e",
  "\x1bOB": "\x0e",
  "\x1b[C": "\x06",
  "\x1bOC": "\x06",
  "\x1b[D": "\x02",
  "\x1bOD": "\x02",
  "\x1b[H": "\x01",
  "\x1bOH": "\x01",
  "\x1b[1~": "\x01",
  "\x1b[7~": "\x01",
  "\x1b[F": "\x05",
  "\x1bOF": "\x05",
  "\x1b[4~": "\x05",
  "\x1b[8~": "\x05",
  [DELETE]: DELETE,
  [WORD_BACK]: WORD_BACK,
  "\x1b[1;5D": WORD_BACK,
  "\x1b[1;3D": WORD_BACK,
  "\x1bOd": WORD_BACK,
  [WORD_ON]: WORD_ON,
  "\x1b[1;5C": WORD_ON,
  "\x1b[1;3C": WORD_ON,
  "\x1bOc": WORD_ON,
  [KILL_WORD]: KILL_WORD,
  [KILL_WORD_BACK]: KILL_WORD_BACK,
  "\x1b\b": KILL_WORD_BACK,
};
