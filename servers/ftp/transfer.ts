import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { WirelabError } from "../../core/errors.ts";
import type { Direction } from "../../core/events/events.ts";
import type { Connection, Site } from "../../core/service.ts";
import type { ByteRange, Reading } from "../../core/store/store.ts";
import { toLocal } from "./ascii.ts";
import type { DataRoute } from "./data.ts";
import { deflated, inflated } from "./deflate.ts";
import { grouped, paced, poured, settled, writerTo } from "./flow.ts";
import { type FtpReply, refusal, reply } from "./reply.ts";

/** What a data connection is opened for. */
export interface Cargo {
  readonly direction: Direction;
  /** The file's path in the store, for transfer events; listings have none. */
  readonly path?: string;
  /** The text behind 150, and behind 226. */
  readonly opening: string;
  readonly done: string;
  /** Moves all of it, and throws where that fails. An error of the store is a WirelabError, others are the connection's. */
  move(data: Connection, transfer: Transfer): Promise<void>;
  /** No data connection came about: lets go of the file. */
  release(): void | Promise<void>;
}

/** What a transfer must heed. */
export interface Terms {
  /** Makes a data connection private, where that is wanted. */
  readonly protect?: ((data: Connection) => Promise<void>) | undefined;
  /** How many bytes may pass in a second, where that is limited. */
  readonly bytesPerSecond?: number | undefined;
}

const ABORTED: FtpReply = { code: 426, text: "Transfer aborted; data connection closed." };
const LOST: FtpReply = { code: 426, text: "Data connection lost; transfer aborted." };
/** The data connection is there, and is not as secure as it has to be (RFC 4217 §9). */
const UNPROTECTED: FtpReply = { code: 522, text: "The TLS handshake of the data connection has failed." };
const UNOPENED: FtpReply = { code: 425, text: "Cannot open the data connection." };

/** One use of a data connection, from before it is there until the final reply is known. */
export class Transfer {
  readonly cargo: Cargo;
  readonly terms: Terms;
  /** Bytes so far, as TYPE has them; MODE Z may have made fewer of them. */
  bytes = 0;
  /** The command has had its final reply: a fault made one of the 150. */
  answered = false;
  readonly #route: DataRoute;
  readonly #site: Site;
  readonly #control: Connection;
  #data: Connection | undefined;
  #aborted = false;
  #over = false;
  #cancel = () => {};

  constructor(cargo: Cargo, route: DataRoute, site: Site, control: Connection, terms: Terms = {}) {
    this.cargo = cargo;
    this.#route = route;
    this.#site = site;
    this.#control = control;
    this.terms = terms;
  }

  /** Everything is moved, or it failed: nothing can be aborted any more. */
  get over(): boolean {
    return this.#over;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Gives up at once: the data connection is closed, a file that is being stored stays as it was. */
  abort(): void {
    if (this.#over) return;
    this.#aborted = true;
    this.#cancel();
    if (this.#route.kind === "passive") this.#route.port.close();
    this.#data?.cut("server");
  }

  /** Ends what has been answered before it began. */
  cutShort(): void {
    this.answered = true;
    this.abort();
  }

  /** From here on an abort comes too late, as the store begins to keep the file. */
  commit(): void {
    if (this.#aborted) throw new Error("aborted");
    this.#over = true;
  }

  /**
   * Opens the data connection and moves the cargo.
   *
   * @param announce sends the 150: to a passive client before it must have connected, for some wait for it; to an active
   *   one when its port has answered, so that 425 comes alone.
   * @returns the final reply.
   */
  async run(announce: (opening: FtpReply) => Promise<void>): Promise<FtpReply> {
    const started = performance.now();
    const { cargo } = this;
    let complete = false;
    try {
      const data = await this.#open(announce);
      if (!data) {
        await cargo.release();
        return this.#aborted ? ABORTED : UNOPENED;
      }
      if (!(await this.#protected(data))) {
        await cargo.release();
        return this.#aborted ? ABORTED : UNPROTECTED;
      }
      await cargo.move(data, this);
      complete = true;
      return reply(226, cargo.done);
    } catch (error) {
      if (this.#aborted) return ABORTED;
      return error instanceof WirelabError ? refusal(error) : LOST;
    } finally {
      this.#over = true;
      if (!complete) this.#data?.cut("server");
      if (this.#route.kind === "passive") this.#route.port.close();
      if (cargo.path !== undefined && this.#data) {
        this.#control.emit({
          type: "transfer",
          direction: cargo.direction,
          path: cargo.path,
          bytes: this.bytes,
          ms: performance.now() - started,
          complete,
        });
      }
    }
  }

  async #open(announce: (opening: FtpReply) => Promise<void>): Promise<Connection | undefined> {
    const opening = reply(150, this.cargo.opening);
    try {
      if (this.#route.kind === "active") {
        this.#data = await this.#dial();
        await announce(opening);
      } else {
        await announce(opening);
        this.#data = await this.#route.port.connection();
      }
    } catch {
      return undefined;
    }
    return this.#aborted ? undefined : this.#data;
  }

  /** Makes the data connection private, if it is to be. */
  async #protected(data: Connection): Promise<boolean> {
    try {
      await this.terms.protect?.(data);
      return !this.#aborted;
    } catch {
      return false;
    }
  }

  async #dial(): Promise<Connection> {
    if (this.#route.kind !== "active") throw new Error("nothing to dial");
    const dialling = this.#site.dial(this.#control, this.#route.to);
    const cancelled = new Promise<never>((_, reject) => {
      this.#cancel = () => {
        // Nobody waits for it any more, and whoever answers is hung up on.
        dialling.then(
          (data) => data.cut("server"),
          () => {},
        );
        reject(new Error("aborted"));
      };
    });
    if (this.#aborted) this.#cancel();
    return Promise.race([dialling, cancelled]);
  }
}

/** How a session has its data: what OPTS, MODE and TYPE say when a transfer begins. */
interface Form {
  readonly type: "A" | "I";
  readonly mode: "S" | "Z";
  readonly level: number;
}

/** How many bytes of what is in memory are given to the system at once: enough for each of its calls to be worth it. */
const AT_ONCE = 512 * 1024;

/** Sends all chunks, as fast as the client takes them, then FIN. A chunk is not asked for before those in front of it are gone. */
export async function send(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  data: Connection,
  transfer: Transfer,
  { mode, level }: Pick<Form, "mode" | "level">,
): Promise<void> {
  const { stream } = data;
  const write = writerTo(stream, data.closed);
  if (Symbol.iterator in chunks && mode === "S" && transfer.terms.bytesPerSecond === undefined) {
    for (const group of grouped(chunks, AT_ONCE)) {
      for (const { length } of group) transfer.bytes += length;
      await write(...group);
    }
  } else {
    const outgoing = counted(chunks, transfer);
    for await (const chunk of mode === "Z" ? deflated(outgoing, level) : outgoing) await write(chunk);
  }
  data.end();
  await settled(stream, "finish");
}

/** What a torn upload does to what is there. */
export interface Stake {
  /** Whether there is a file that would be lost; asked when all has come, and where it matters. */
  replaces(): Promise<boolean>;
  /** What has come is kept, for the client to go on from; asked with its bytes. */
  keeps(bytes: number): boolean;
}

/**
 * How long the end of an upload waits for the end of its control connection, in milliseconds, where a file would be lost.
 * A client that died has closed both, and its end of this one looks like the end of the file; how far they come apart is up
 * to the client's machine.
 */
const LAST_WORDS_MS = 5;

/** Clients read their files by no less. What is smaller, unless it is nothing, has come whole and waits for nobody. */
const SMALLEST_PIECE = 4096;

/**
 * Stores what comes until FIN. On any failure the sink is destroyed, which leaves the old file whole; or what has come is
 * kept, where `stake` says so.
 */
export async function receive(
  data: Connection,
  sink: Writable,
  transfer: Transfer,
  { type, mode }: Pick<Form, "type" | "mode">,
  stake: Stake,
): Promise<void> {
  // Its failure is found where the next write waits; an error without a listener would end the process.
  sink.on("error", () => {});
  let stored = 0;
  try {
    const { stream } = data;
    if (type === "I" && mode === "S" && transfer.terms.bytesPerSecond === undefined) {
      await poured(stream, sink, (bytes) => {
        transfer.bytes += bytes;
        stored += bytes;
      });
    } else {
      const coming = stream.iterator({ destroyOnReturn: false });
      const incoming = counted(mode === "Z" ? inflated(coming) : coming, transfer);
      for await (const chunk of type === "A" ? toLocal(incoming) : incoming) {
        stored += chunk.length;
        if (!sink.write(chunk)) await settled(sink, "drain");
      }
    }
    if ((stored === 0 || stored >= SMALLEST_PIECE) && (await stake.replaces())) await delay(LAST_WORDS_MS);
    // Whatever has come of the connections' ends is heard first, a FIN in this turn, an RST in the next.
    for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
    if (data.torn) throw new Error("The data connection was reset.");
    transfer.commit();
    sink.end();
    await settled(sink, "finish");
  } catch (error) {
    if (!sink.destroyed && !sink.writableEnded && stake.keeps(stored)) {
      sink.end();
      await settled(sink, "finish").catch(() => {});
    }
    sink.destroy();
    throw error;
  }
  data.end();
}

/** Counts what passes, at the pace that it has to keep. */
async function* counted(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, transfer: Transfer) {
  const { bytesPerSecond } = transfer.terms;
  for await (const chunk of bytesPerSecond === undefined ? chunks : paced(chunks, bytesPerSecond)) {
    // A chunk that has come may take a narrow transfer minutes.
    if (transfer.aborted) throw new Error("aborted");
    transfer.bytes += chunk.length;
    yield chunk;
  }
}

/** What is read, without a copy where it is in memory. */
export function contentOf(
  reading: Reading,
  range: ByteRange = {},
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  return reading.slices?.(range) ?? reading.stream(range);
}

/** As {@link contentOf}, to be sent as it is: a socket is done with what it has written, and so the memory can be used again. */
export function contentFor(
  { stream }: Connection,
  reading: Reading,
  range: ByteRange,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  return (stream instanceof Socket && reading.borrowed?.(range)) || contentOf(reading, range);
}

/** Bytes in pieces that show progress, and that a slow client's socket need not hold all at once. */
export function* pieces(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const size = 256 * 1024;
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}
