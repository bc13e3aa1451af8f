import { connect, type Socket } from "node:net";
import type { Lab } from "../../index.ts";

export const [IAC, SB, SE, WILL, WONT, DO, DONT] = [255, 250, 240, 251, 252, 253, 254];
export const [BINARY, ECHO, SGA, STATUS, TIMING_MARK, TTYPE, NAWS] = [0, 1, 3, 5, 6, 24, 31];

/** What the server sends first, before any text. */
export const OFFERS = Buffer.from([IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, TTYPE, IAC, DO, NAWS]);

/** A client that negotiates nothing by itself: it sends bytes, and waits for bytes (latin1 strings, one character a byte). */
export class RawClient {
  readonly socket: Socket;
  ended = false;
  #pieces: string[] = [];
  #wake = () => {};

  constructor(target: { readonly host: string; readonly port: number }) {
    this.socket = connect({ ...target, allowHalfOpen: true });
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text: string) => {
      this.#pieces.push(text);
      this.#wake();
    });
    for (const event of ["end", "error", "close"]) {
      this.socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
  }

  /** Text goes as UTF-8. */
  send(...parts: (string | readonly number[])[]): this {
    const bytes = parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part)));
    this.socket.write(Buffer.concat(bytes));
    return this;
  }

  /** All that has come and was not read. */
  get unread(): string {
    if (this.#pieces.length > 1) this.#pieces = [this.#pieces.join("")];
    return this.#pieces[0] ?? "";
  }

  set unread(text: string) {
    this.#pieces = [text];
  }

  /** What came up to a text, and the text. */
  async read(until: string): Promise<string> {
    const deadline = Date.now() + 15_000;
    // What has been searched is not searched again: answers may have megabytes.
    let recent = this.unread;
    while (!recent.includes(until)) {
      if (this.ended || Date.now() > deadline) {
        throw new Error(
          `${JSON.stringify(until)} did not come, but ${JSON.stringify(this.unread.slice(-500))}`,
        );
      }
      const before = this.#pieces.length;
      await this.#more();
      recent = recent.slice(-until.length) + this.#pieces.slice(before).join("");
    }
    const text = this.unread;
    const end = text.indexOf(until) + until.length;
    this.unread = text.slice(end);
    return text.slice(0, end);
  }

  /** All until the server ends its side; then ours is ended too. */
  async rest(): Promise<string> {
    while (!this.ended) await this.#more();
    this.socket.end();
    const text = this.unread;
    this.unread = "";
    return text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** A client that has read the greeting up to its prompt, and its nick. */
export async function arrived(lab: Lab, name = "shell"): Promise<RawClient & { nick: string }> {
  const server = lab.servers[name];
  if (!server) throw new Error(`no server ${name}`);
  const client = new RawClient(server);
  const [, nick = ""] = /You are (\w+)/.exec(await client.read("> ")) ?? [];
  return Object.assign(client, { nick });
}

/** The same in character mode, in a window so wide that nothing wraps. */
export async function typist(lab: Lab): Promise<RawClient & { nick: string }> {
  const client = await arrived(lab);
  return client.send([IAC, DO, ECHO, IAC, DO, SGA]) as RawClient & { nick: string };
}
