const WIDE = /[\u1100-\u115f\u3041-\u9fff\uac00-\ud7a3\ufe10-\ufe19]|(?!\p{RI})\p{Emoji_Presentation}/u;

/** A terminal as the documents describe it, small: text with wrapping, CR, LF, BS, and the control sequences A B C J K. */
export class ScreenModel {
  readonly #columns: number;
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** Behind the last column the cursor waits for the next character before it goes to the next row (VT100's autowrap). */
  #pending = false;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The rows as text, without what is empty at their ends. */
  get text(): string {
    return this.#rows
      .map((row) =>
        Array.from(row, (cell) => cell ?? " ")
          .join("")
          .trimEnd(),
      )
      .join("\n")
      .trimEnd();
  }

  /** Row and column, both from 0. */
  get cursor(): readonly [number, number] {
    return [this.#row, this.#column];
  }

  show(output: string): this {
    for (const [token] of output.matchAll(/\x1b\[([\d;]*)([A-Za-z])|./gsu)) this.#act(token);
    return this;
  }

  #act(token: string): void {
    if (token.startsWith("\x1b")) {
      this.#sequence(Number(token.slice(2, -1) || 0), token.slice(-1));
    } else if (token === "\r") {
      this.#to(this.#row, 0);
    } else if (token === "\n") {
      this.#to(this.#row + 1, this.#column);
    } else if (token === "\b") {
      this.#to(this.#row, Math.max(0, this.#column - 1));
    } else if (token === "\x07" || token === "\0") {
      // Heard, or nothing at all.
    } else if (/[\p{Mn}\p{Me}\u1160-\u11ff\u200b]/u.test(token)) {
      const row = this.#rows[this.#row]!;
      const at = this.#pending ? this.#column : this.#column - 1;
      const base = row[at] === "" ? at - 1 : at;
      row[base] = (row[base] ?? " ") + token;
    } else {
      this.#put(token, WIDE.test(token) ? 2 : 1);
    }
  }

  #sequence(count: number, final: string): void {
    const by = Math.max(1, count);
    if (final === "A") this.#to(Math.max(0, this.#row - by), this.#column);
    else if (final === "B") this.#to(Math.min(this.#rows.length - 1, this.#row + by), this.#column);
    else if (final === "C") this.#to(this.#row, Math.min(this.#columns - 1, this.#column + by));
    else if (final === "J" && count === 0) {
      this.#rows[this.#row]!.length = Math.min(this.#rows[this.#row]!.length, this.#column);
      this.#rows.length = this.#row + 1;
    } else throw new Error(`a sequence that the model does not know: ${final}`);
  }

  #put(cell: string, width: 1 | 2): void {
    if (this.#pending || this.#column + width > this.#columns) this.#to(this.#row + 1, 0);
    const row = this.#rows[this.#row]!;
    row[this.#column] = cell;
    if (width === 2) row[this.#column + 1] = "";
    const after = this.#column + width;
    this.#pending = after >= this.#columns;
    this.#column = this.#pending ? this.#columns - 1 : after;
  }

  #to(row: number, column: number): void {
    while (this.#rows.length <= row) this.#rows.push([]);
    this.#row = row;
    this.#column = column;
    this.#pending = false;
  }
}
