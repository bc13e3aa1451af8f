import type { Writable } from "node:stream";
import type { Events, Protocol } from "../events/events.ts";
import type { Passage } from "./passage.ts";
import { PcapngWriter } from "./pcapng.ts";

/** Where a lab is recorded to while it happens. The streams stay open when the lab stops: they are their owner's to end. */
export interface RecordOptions {
  /**
   * Every event as a line of JSON (NDJSON), in order, behind a first line that says what the file is. Between them stand lines of
   * the type `bytes`, with what passed on connections of TCP, UDP and Telnet, so that they can be replayed. No passwords.
   */
  readonly events?: Writable;
  /**
   * All that passes, inside TLS where there is some, as synthesised packets that Wireshark reads (pcapng). Passwords of FTP,
   * HTTP and Telnet's login are masked.
   */
  readonly packets?: Writable;
}

/** The first line of a recording. */
interface RecordingHead {
  readonly type: "recording";
  /** Counts up when older readers would misread what is written. */
  readonly format: 1;
  /** Unix time in milliseconds. */
  readonly at: number;
}

/** A line of a recording with bytes that passed. */
export interface RecordedBytes {
  readonly type: "bytes";
  readonly at: number;
  readonly server: string;
  readonly protocol: Protocol;
  readonly connection: string;
  readonly direction: "in" | "out";
  /** The bytes, where they are UTF-8. */
  readonly text?: string;
  /** The bytes otherwise. */
  readonly base64?: string;
}

/** How many bytes wait for a stream that is slow; beyond that, what comes is left out, and told. */
const BACKLOG = 16 * 1024 * 1024;

/** Writes every event to the stream from now on. The answer takes the passages of the same lab. */
export function recordEvents(events: Events, stream: Writable): (passage: Passage) => void {
  const line = bounded(stream);
  const write = (content: object) =>
    line(
      `${JSON.stringify(content)}\n`,
      (missing) => `${JSON.stringify({ type: "missing", lines: missing })}\n`,
    );
  const head: RecordingHead = { type: "recording", format: 1, at: Date.now() };
  write(head);
  events.subscribe(write);
  return (passage) => {
    if (passage.kind !== "bytes") return;
    const { origin, direction, bytes, at } = passage;
    const recorded: RecordedBytes = {
      type: "bytes",
      at: Math.floor(at),
      ...origin,
      direction,
      ...written(bytes),
    };
    write(recorded);
  };
}

/** Takes passages to a stream, as a capture that Wireshark reads. */
export function recordPackets(stream: Writable): (passage: Passage) => void {
  const writer = new PcapngWriter();
  const write = bounded(stream);
  write(writer.header());
  return (passage) => write(writer.blocks(passage));
}

/** Writes as long as the stream keeps up; what had to be left out can be told when it has caught up. */
function bounded(stream: Writable): (piece: string | Buffer, confess?: (missing: number) => string) => void {
  let missing = 0;
  return (piece, confess) => {
    if (!stream.writable || stream.writableLength > BACKLOG) {
      missing += 1;
      return;
    }
    if (missing > 0 && confess) stream.write(confess(missing));
    missing = 0;
    stream.write(piece);
  };
}

/** As text where that gives the same bytes again, since people read it. */
function written(bytes: Uint8Array): { readonly text: string } | { readonly base64: string } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString("utf8");
  return Buffer.from(text).equals(buffer) ? { text } : { base64: buffer.toString("base64") };
}

/** The bytes of a line of a recording. */
export function bytesIn({ text, base64 }: Pick<RecordedBytes, "text" | "base64">): Buffer {
  return text === undefined ? Buffer.from(base64 ?? "", "base64") : Buffer.from(text);
}
