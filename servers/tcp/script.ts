import { once } from "node:events";
import type { WirelabError } from "../../core/errors.ts";
import { previewOf } from "../../core/events/events.ts";
import { MAX_LINE, type Partner } from "../../core/script/player.ts";
import type { Connection } from "../../core/service.ts";

const LF = 0x0a;

/** A TCP client, to a script. */
export class StreamPartner implements Partner {
  readonly id: string;
  readonly transport = "stream";
  readonly signal: AbortSignal;
  readonly #connection: Connection;
  #waiting: Buffer = Buffer.alloc(0);
  #ended: "client" | "others" | undefined;
  #wake = () => {};

  constructor(connection: Connection) {
    this.id = connection.id;
    this.#connection = connection;
    const over = new AbortController();
    this.signal = over.signal;
    const { stream } = connection;
    stream.on("data", (chunk: Buffer) => {
      if (this.#ended) return;
      this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
      if (this.#waiting.length >= MAX_LINE) stream.pause();
      this.#wake();
    });
    // Behind our own FIN, the client's is an answer.
    stream.once("end", () => this.#end(stream.writableEnded ? "others" : "client"));
    connection.closed.then((reason) => {
      this.#end(reason === "client" || reason === "reset" ? "client" : "others");
      over.abort();
    });
  }

  get endedBy(): "client" | "others" {
    return this.#ended ?? "client";
  }

  get over(): boolean {
    return !this.#connection.stream.writable;
  }

  async read(limit: number): Promise<Buffer | undefined> {
    await this.#until(() => this.#waiting.length > 0);
    return this.#take(Math.min(limit, this.#waiting.length));
  }

  async readLine(): Promise<Buffer | undefined> {
    const end = () => this.#waiting.indexOf(LF) + 1;
    await this.#until(() => end() > 0 || this.#waiting.length >= MAX_LINE);
    return this.#take(end() || this.#waiting.length);
  }

  unread(bytes: Buffer): void {
    this.#waiting = Buffer.concat([bytes, this.#waiting]);
  }

  async send(bytes: Buffer, text?: string): Promise<void> {
    const connection = this.#connection;
    const { stream } = connection;
    const began = performance.now();
    // What has no text is none of the replies that faults make others of.
    const reply = text === undefined ? undefined : await connection.amend({ text });
    if (!stream.writable || (text !== undefined && !reply)) return;
    const more = stream.write(reply?.text ?? bytes);
    if (connection.observed) {
      connection.emit(
        reply
          ? { type: "reply", text: reply.text, ms: performance.now() - began }
          : { type: "frame", direction: "out", kind: "data", bytes: bytes.length, preview: previewOf(bytes) },
      );
    }
    if (!more) await once(stream, "drain", { signal: this.signal }).catch(() => {});
  }

  end(how: "fin" | "rst"): void {
    const reason = this.#ended === "client" ? "client" : "server";
    this.#end("others");
    this.#waiting = Buffer.alloc(0);
    if (how === "rst") this.#connection.reset("server");
    else this.#connection.end(reason);
  }

  fail({ code, message }: WirelabError): void {
    this.#connection.emit({ type: "error", code, message });
  }

  #end(by: "client" | "others"): void {
    this.#ended ??= by;
    this.#wake();
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere() && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(count: number): Buffer | undefined {
    const taken = this.#waiting.subarray(0, count);
    this.#waiting = this.#waiting.subarray(count);
    if (!this.#ended && this.#waiting.length < MAX_LINE) this.#connection.stream.resume();
    return count === 0 ? undefined : taken;
  }
}
