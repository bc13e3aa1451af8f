import type { DevicePaging } from "./device.ts";
import type { Terminal } from "./terminal.ts";

/** The window of a client that does not tell its own. */
const DEFAULT_ROWS = 24;

/** Shows long texts a page at a time: Space is the next page, Enter the next line, any other key the end. */
export class Pager {
  /** The lines of a page, where the client has said so; 0 for no paging. */
  rows: number | undefined;
  readonly #terminal: Terminal;
  readonly #paging: DevicePaging | undefined;

  /** @param paging none for a device that does not page by itself. */
  constructor(terminal: Terminal, paging: DevicePaging | undefined) {
    this.#terminal = terminal;
    this.#paging = paging;
    if (!paging) this.rows = 0;
  }

  /** @param text ends with a line end. */
  async show(text: string): Promise<void> {
    const { prompt = "--More--", erase = `\r${" ".repeat(prompt.length)}\r` } = this.#paging ?? {};
    const rows = this.rows ?? this.#paging?.rows ?? this.#terminal.rows ?? DEFAULT_ROWS;
    const lines = text.split(/(?<=\n)/);
    const page = rows > 1 ? rows - 1 : lines.length;
    let next = page;
    await this.#terminal.write(lines.slice(0, page).join(""));
    while (next < lines.length) {
      await this.#terminal.write(prompt);
      const key = await this.#terminal.readKey();
      await this.#terminal.write(erase);
      const more = key === " " ? page : key === "\r" ? 1 : 0;
      if (more === 0) return;
      await this.#terminal.write(lines.slice(next, next + more).join(""));
      next += more;
    }
  }
}
