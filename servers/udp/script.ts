import type { WirelabError } from "../../core/errors.ts";
import type { Partner, Player } from "../../core/script/player.ts";
import type { Datagram } from "../../core/service.ts";

/** How many bytes of datagrams may wait to be expected, all together; each counts for {@link OVERHEAD} more. */
const MAX_WAITING = 16 * 1024 * 1024;
const OVERHEAD = 512;

/** What waits in all queues of a server. */
export interface Backlog {
  bytes: number;
}

/** A UDP client, or all of them, to a script. */
export class DatagramPartner implements Partner {
  readonly transport = "datagrams";
  readonly endedBy = "others";
  readonly signal: AbortSignal;
  readonly #backlog: Backlog;
  readonly #waiting: Datagram[] = [];
  /** The last one that was read, whose sender answers go to. */
  #latest: Datagram | undefined;
  #wake = () => {};
  #playing = false;

  constructor(signal: AbortSignal, backlog: Backlog) {
    this.signal = signal;
    this.#backlog = backlog;
  }

  get over(): boolean {
    return this.signal.aborted;
  }

  get id(): string {
    return (this.#waiting[0] ?? this.#latest)?.flow.id ?? "nobody";
  }

  /** Takes a datagram, and begins to play where nobody does. */
  async take(datagram: Datagram, player: Player): Promise<void> {
    const cost = datagram.bytes.length + OVERHEAD;
    if (this.#backlog.bytes + cost > MAX_WAITING) {
      const message = `${MAX_WAITING} bytes wait for the script already: a datagram of ${datagram.bytes.length} is dropped.`;
      datagram.flow.emit({ type: "error", code: "OVERFLOW", message });
      return;
    }
    this.#backlog.bytes += cost;
    this.#waiting.push(datagram);
    this.#wake();
    if (this.#playing) return;
    this.#playing = true;
    while (this.#waiting.length > 0 && !this.signal.aborted) await player.play(this);
    this.#playing = false;
  }

  async read(): Promise<Buffer | undefined> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#latest = this.#waiting.shift();
    if (this.#latest) this.#backlog.bytes -= this.#latest.bytes.length + OVERHEAD;
    return this.#latest?.bytes;
  }

  readLine(): Promise<Buffer | undefined> {
    return this.read();
  }

  unread(): void {
    if (!this.#latest) return;
    this.#backlog.bytes += this.#latest.bytes.length + OVERHEAD;
    this.#waiting.unshift(this.#latest);
  }

  async send(bytes: Buffer): Promise<void> {
    this.#latest?.answer(bytes);
  }

  /** There is nothing to close. */
  end(): void {}

  fail({ code, message }: WirelabError): void {
    this.#latest?.flow.emit({ type: "error", code, message });
  }
}
