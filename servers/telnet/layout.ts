/**
 * Combining marks, the vowels and finals of Korean syllables, joiners, variation selectors, skin tones and what has no width:
 * they belong to the character before.
 */
const JOINS = /^[\p{M}\u1160-\u11ff\p{Emoji_Modifier}\u200b-\u200f\u2060-\u2064\ufeff]/u;

/** Two letters that are shown as a flag. */
const FLAG = /^\p{RI}{2}$/u;

/** Marks that take a column of their own beside their letter, vowels of Hindi for example. */
const SPACING = /\p{Mc}/gu;

/** What may have its columns in two rows, by the terminals that go by characters. */
const SPLIT = /\p{Mc}|\p{RI}/u;

const WIDE =
  /\p{RI}{2}|(?!\p{RI})\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

/** Emoji of several characters: terminals do not agree on their width, so no steps are counted across one. */
const UNSURE = /\u200d|\ufe0f|\p{Emoji_Modifier}/u;

/** What a terminal acts on instead of showing it: ECMA-48 control sequences, colours for example. */
const CONTROL_SEQUENCE = /\x1b\[[0-?]*[ -/]*[@-~]/g;

/** Whether a character goes into the cell of the one before. */
export function joins(character: string, before: string): boolean {
  return JOINS.test(character) || before.endsWith("\u200d") || FLAG.test(before + character);
}

/** The cells that the last line of a text takes on a screen. */
export function cellsOf(text: string): string[] {
  const cells: string[] = [];
  for (const character of text.slice(text.lastIndexOf("\n") + 1).replace(CONTROL_SEQUENCE, "")) {
    const before = cells.at(-1);
    if (before !== undefined && joins(character, before)) cells[cells.length - 1] = before + character;
    else cells.push(character);
  }
  return cells;
}

/** How many columns a cell takes. */
function widthOf(cell: string): number {
  if (cell.length === 1 && cell < "\u0300") return 1;
  // A mark that has nothing to stand on is shown in the prompt's last column.
  const base = WIDE.test(cell) ? 2 : JOINS.test(cell) ? 0 : 1;
  return base + (cell.match(SPACING)?.length ?? 0);
}

/** Where cells stand on a screen of a given width, counted in columns from the first one on; rows wrap at the right margin. */
export class Layout {
  /** As they are shown: with the blank that is before one that does not fit into the last column. */
  readonly #cells: string[] = [];
  readonly #columns: number;
  /** The position behind so many cells. */
  readonly #behind: readonly number[];

  /** @param columns the screen's width; Infinity where it is not known, and nothing wraps. */
  constructor(cells: readonly string[], columns: number) {
    const behind = [0];
    let position = 0;
    for (const cell of cells) {
      const width = widthOf(cell);
      const room = columns - (position % columns);
      // A wide character does not fit into the last column: the terminal leaves there what was there before.
      const gap = width > room && !SPLIT.test(cell) ? room : 0;
      position += gap + width;
      behind.push(position);
      this.#cells.push(" ".repeat(gap) + cell);
    }
    this.#columns = columns;
    this.#behind = behind;
  }

  get end(): number {
    return this.#behind.at(-1) ?? 0;
  }

  /** How many rows below the first one the cursor is, behind so many cells. */
  row(cells: number): number {
    return this.#rowOf(this.#behind[cells] ?? 0);
  }

  /** Moves the cursor from behind `from` cells to behind `to` cells, both shown already. */
  move(from: number, to: number): string {
    const before = this.#behind[from] ?? 0;
    const after = this.#behind[to] ?? 0;
    const rows = this.#rowOf(after) - this.#rowOf(before);
    // Within a row what every terminal understands is enough: backspaces, and the text itself.
    if (rows === 0 && before <= after) return this.#cells.slice(from, to).join("");
    if (rows === 0 && !UNSURE.test(this.#cells.slice(to, from).join(""))) return "\b".repeat(before - after);
    const column = after % this.#columns;
    const vertical = rows === 0 ? "" : `\x1b[${Math.abs(rows)}${rows < 0 ? "A" : "B"}`;
    return `${vertical}\r${column > 0 ? `\x1b[${column}C` : ""}`;
  }

  /** Shows the cells behind the first `from` ones, and ends behind the last one. */
  print(from: number): string {
    const text = this.#cells.slice(from).join("");
    // At the right margin terminals wait with the cursor in the last column; the next row is where it is counted to be.
    return text !== "" && this.end % this.#columns === 0 ? `${text}\r\n` : text;
  }

  /** With the cursor at the end, takes off the screen what another layout has shown behind it. */
  clearRestOf(shown: Layout): string {
    const surplus = shown.end - this.end;
    const unsure = UNSURE.test(shown.#cells.join(""));
    if (surplus <= 0 && !unsure) return "";
    if (unsure || this.#rowOf(shown.end) !== this.#rowOf(this.end)) return "\x1b[J";
    return " ".repeat(surplus) + "\b".repeat(surplus);
  }

  #rowOf(position: number): number {
    return Math.floor(position / this.#columns);
  }
}
