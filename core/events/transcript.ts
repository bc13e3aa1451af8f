import { pcapng } from "../capture/pcapng.ts";
import { spoken } from "../capture/spoken.ts";
import { WirelabError } from "../errors.ts";
import { isLike } from "./awaited.ts";
import { conversationsIn } from "./conversations.ts";
import { type EventOf, type EventStream, STORE, type Where, type WireEvent } from "./events.ts";
import { Recording } from "./recording.ts";
import { inTellingOrder, reproducibleLines, withoutCuts } from "./reproducible.ts";

/**
 * What is remembered of a lab's events, or a part of it. It is a view: what comes later is seen through it as well. Iterating
 * gives the events that there are now.
 *
 * Connections have names that stay the same from run to run: `files#1` is the first one of the server `files` that the
 * transcript tells of, `files#1.data1` the first data connection that it used.
 */
export interface TranscriptView extends Iterable<WireEvent> {
  /** How many events of the lab had to make room for later ones. Names of connections count from what is left. */
  readonly dropped: number;
  /**
   * The part of one server.
   *
   * @throws WirelabError `BAD_OPTION` where the lab has no such server.
   */
  of(server: string): TranscriptView;
  /** The part of one connection, by its name or its id, and of its data connections. */
  connection(name: string): TranscriptView;
  /** What came after a mark, or after the event with that `seq`. Connections are counted anew from there. */
  since(mark: number): TranscriptView;
  /** A mark behind the last event, for {@link TranscriptView.since}. */
  mark(): number;
  /** The same events, one connection after another: where several speak at once, that is the same in every run. */
  byConnection(): TranscriptView;
  /** The first event of a type that fits. {@link Events.next} waits for one that has not come yet. */
  find<T extends WireEvent["type"]>(type: T, where?: Where<T>): EventOf<T> | undefined;
  /** The last event of a type that fits. */
  last<T extends WireEvent["type"]>(type: T, where?: Where<T>): EventOf<T> | undefined;
  /** The verbs of all commands: FTP's, HTTP's methods, the first words of a Telnet shell's lines. */
  verbs(): string[];
  /**
   * A capture of these connections that Wireshark and tshark read (pcapng): packets made around what has passed, inside TLS
   * where there was some, with passwords masked. Servers are shown at their protocols' own ports (FTP at 21, Telnet at 23, HTTP
   * and WebSocket at 80), since that is how they are told apart there.
   *
   * A lab that remembers no bytes (see {@link LabOptions.capture}) makes it out of events: commands, replies and frames, without
   * headers and files.
   *
   * @example
   * ```ts
   * import { writeFileSync } from "node:fs";
   * import { tmpdir } from "node:os";
   * import { join } from "node:path";
   * import { http, startLab } from "wirelab";
   *
   * await using lab = await startLab({ web: http() }, { capture: 1_000_000 });
   * await fetch(lab.servers.web.url);
   * writeFileSync(join(tmpdir(), "lab.pcapng"), lab.transcript.of("web").toPcapng());
   * ```
   */
  toPcapng(): Uint8Array;
  /**
   * A line per event, as a protocol's own documents write it, and the same in every run: `files#1 > STOR /in/a.csv`. What
   * depends on the run is left out, or has a name: `<files>` is the server's address.
   */
  toString(): string;
}

/**
 * What is remembered of a lab: its last 10,000 events (or as many as the lab was told), oldest first out, with 16 million
 * characters of text at most.
 *
 * @example
 * ```ts
 * import { http, startLab } from "wirelab";
 *
 * await using lab = await startLab({ web: http() });
 * await fetch(`${lab.servers.web.url}/nothing`);
 * console.log(lab.transcript.of("web").verbs()); // [ 'GET' ]
 * console.log(String(lab.transcript).includes("web#1 < 404 Not Found")); // true
 * ```
 */
export interface Transcript extends TranscriptView {
  /** Forgets everything, what it dropped included. */
  clear(): void;
}

/** How many events a transcript remembers, if it is not told. */
const TRANSCRIPT_CAPACITY = 10_000;

/**
 * Room for the last `capacity` events, and for `bytes` of what passes on the wire.
 *
 * @throws WirelabError `BAD_OPTION` where one of them is no whole number.
 */
export function recordingFor(capacity = TRANSCRIPT_CAPACITY, bytes = 0): Recording {
  for (const [option, number, what] of [
    ["transcript", capacity, "events"],
    ["capture", bytes, "bytes"],
  ] as const) {
    if (Number.isSafeInteger(number) && number >= 0) continue;
    throw new WirelabError("BAD_OPTION", `${option}: ${number} is no number of ${what}; write 0 or more.`);
  }
  return new Recording(capacity, bytes);
}

/** Remembers events in the recording, as many as it has room for; where it has none, nobody observes. */
export function transcriptOf(events: EventStream, recording: Recording): Transcript {
  if (recording.capacity > 0) events.recordTo(recording);
  return Object.assign(new View(recording, { after: 0, keeps: [], order: "time" }), {
    clear: () => recording.clear(),
  });
}

/** What a view shows of the events that are remembered. */
interface Selection {
  /** Those with a higher `seq`. */
  readonly after: number;
  readonly keeps: readonly Keep[];
  readonly order: "time" | "connection";
}

/** @param name of the event's connection, or of its server where it has none. */
type Keep = (event: WireEvent, name: string) => boolean;

class View implements TranscriptView {
  readonly #recording: Recording;
  readonly #selection: Selection;

  constructor(recording: Recording, selection: Selection) {
    this.#recording = recording;
    this.#selection = selection;
  }

  get dropped(): number {
    return this.#recording.droppedSince(this.#selection.after);
  }

  of(server: string): TranscriptView {
    const { urls } = this.#recording;
    if (urls.size > 0 && !urls.has(server) && server !== STORE) {
      const known = [...urls.keys()].join(", ");
      throw new WirelabError("BAD_OPTION", `This lab has no server "${server}"; it has ${known}.`);
    }
    return this.#only((event) => event.server === server);
  }

  connection(wanted: string): TranscriptView {
    const isIt = (name: string) => name === wanted || name.startsWith(`${wanted}.`);
    return this.#only((event, name) => isIt(name) || isIt(event.connection ?? ""));
  }

  since(mark: number): TranscriptView {
    return new View(this.#recording, { ...this.#selection, after: mark });
  }

  mark(): number {
    return this.#recording.newest;
  }

  byConnection(): TranscriptView {
    return new View(this.#recording, { ...this.#selection, order: "connection" });
  }

  find<T extends WireEvent["type"]>(type: T, where: Where<T> = {}): EventOf<T> | undefined {
    return [...this].find((event): event is EventOf<T> => isLike(event, type, where));
  }

  last<T extends WireEvent["type"]>(type: T, where: Where<T> = {}): EventOf<T> | undefined {
    return [...this].findLast((event): event is EventOf<T> => isLike(event, type, where));
  }

  verbs(): string[] {
    return [...this].flatMap((event) => (event.type === "command" ? [event.verb] : []));
  }

  toString(): string {
    const { urls } = this.#recording;
    const { events, nameOf, announcements } = this.#shown();
    const linesOf = reproducibleLines(urls, this.#recording.since(0));
    const lines = withoutCuts(this.#ordered(inTellingOrder(events, announcements), nameOf)).flatMap((event) =>
      linesOf(event).map((line) => `${nameOf(event)} ${line}`),
    );
    return (this.dropped > 0 ? [`(${this.dropped} earlier events were dropped)`, ...lines] : lines).join(
      "\n",
    );
  }

  toPcapng(): Uint8Array {
    const { passages, urls } = this.#recording;
    const { events } = this.#shown();
    if (passages.limit === 0) return pcapng(spoken(events, urls));
    const shown = new Set(events.map(({ connection }) => connection));
    return pcapng(passages.since(this.#selection.after, (id) => shown.has(id)));
  }

  [Symbol.iterator](): ArrayIterator<WireEvent> {
    const { events, nameOf } = this.#shown();
    return this.#ordered(events, nameOf).values();
  }

  #only(keep: Keep): TranscriptView {
    return new View(this.#recording, { ...this.#selection, keeps: [...this.#selection.keeps, keep] });
  }

  #shown() {
    const { after, keeps } = this.#selection;
    const all = this.#recording.since(after);
    const { names, announcements } = conversationsIn(all);
    const nameOf = ({ connection, server }: WireEvent) => names.get(connection ?? "") ?? server;
    const events = all.filter((event) => keeps.every((keep) => keep(event, nameOf(event))));
    return { events, nameOf, announcements };
  }

  #ordered(events: readonly WireEvent[], nameOf: (event: WireEvent) => string): readonly WireEvent[] {
    if (this.#selection.order === "time") return events;
    return events.toSorted((one, other) => BY_NAME.compare(nameOf(one), nameOf(other)));
  }
}

/** `files#2` comes before `files#10`. */
const BY_NAME = new Intl.Collator("en", { numeric: true });
