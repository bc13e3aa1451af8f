import { LONGEST } from "../checks.ts";
import { WirelabError } from "../errors.ts";
import { Awaited } from "./awaited.ts";
import { Iteration } from "./iteration.ts";
import { type Recorder, Told } from "./told.ts";

/** The protocols that a server can speak; `file` is none, but has the events of the store. */
export type Protocol = "ftp" | "telnet" | "http" | "websocket" | "tcp" | "udp" | "forward" | "file";

/** Seen from the server: `in` is what clients send or upload, `out` what they receive or download. */
export type Direction = "in" | "out";

/** One end of a connection: an internet address, or the path of a Unix-domain socket (empty for an unnamed peer). */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** What a reply says: FTP and HTTP have a code, Telnet and TCP a text alone. */
export interface Reply {
  readonly code?: number;
  readonly text: string;
}

/** What a frame carries: bytes of a stream (`data`), a message of WebSocket, words of Telnet (`negotiation`), or a `datagram`. */
export type FrameKind = "data" | "text" | "binary" | "ping" | "pong" | "close" | "negotiation" | "datagram";

/** Why a connection was not let in. */
export type RefusalReason = "denied" | "full" | "peer-full" | "stranger" | "fault";

/** Who or what ended a connection: its peer (FIN or RST), the protocol, a clock, or the lab. */
export type CloseReason = "client" | "reset" | "server" | "idle" | "lifetime" | "stopped" | "fault" | "error";

/** What a protocol saw or said: one vocabulary for log, transcript, metrics and assertions. */
export type Occurrence =
  | {
      readonly type: "command";
      readonly verb: string;
      readonly target?: string;
      /** The file or directory that the target names, by its path in the store, where it is one. */
      readonly path?: string;
      /** Set where the command uses, or prepares, a connection of its own for data. */
      readonly data?: true;
    }
  | { readonly type: "reply"; readonly code?: number; readonly text: string; readonly ms: number }
  | {
      readonly type: "frame";
      readonly direction: Direction;
      readonly kind: FrameKind;
      readonly bytes: number;
      readonly preview: string;
      /** Who has sent a datagram, or is sent one: it has no connection to tell. */
      readonly peer?: Endpoint;
    }
  | { readonly type: "login"; readonly user: string; readonly ok: boolean }
  | {
      readonly type: "transfer";
      readonly direction: Direction;
      readonly path: string;
      readonly bytes: number;
      readonly ms: number;
      readonly complete: boolean;
    }
  /** A forwarder's target has become another: by its health, or since somebody has set it. */
  | { readonly type: "target"; readonly target: string; readonly state: "up" | "down" | "drained" }
  | { readonly type: "fault"; readonly fault: string; readonly rule: string }
  | { readonly type: "error"; readonly code: string; readonly message: string };

/** What core says of servers and connections. Bytes are those on the wire. */
export type Lifecycle =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "refused"; readonly peer: Endpoint; readonly reason: RefusalReason }
  | {
      readonly type: "opened";
      readonly peer: Endpoint;
      /** Whether it begins with TLS; what comes of that is told by `secured`, or by an error. */
      readonly secure: boolean;
      readonly parent?: string;
      /** Set where we have opened it: FTP's active mode, forwarding. */
      readonly opener?: "server";
    }
  | {
      /** A TLS handshake has come to its good end. */
      readonly type: "secured";
      /** `TLSv1.3` for example. */
      readonly version: string;
      /** The cipher suite by its name in IANA's registry. */
      readonly cipher: string;
      /** Whether the session is one that began on another connection. */
      readonly resumed: boolean;
      /** The application protocol that client and server agreed on (RFC 7301), if the client asked. */
      readonly alpn?: string;
      /** The name that the client asked for (SNI, RFC 6066 §3), if any. */
      readonly serverName?: string;
      /** Who the client is by its certificate, `CN=ann` for example, if it has shown one. It was found good. */
      readonly subject?: string;
    }
  | {
      readonly type: "closed";
      readonly reason: CloseReason;
      readonly received: number;
      readonly sent: number;
      readonly ms: number;
    }
  | { readonly type: "stopped" }
  /**
   * What others than the lab's servers have done to a file or directory of its folder, where that is watched. The server is
   * `store`.
   */
  | ({ readonly type: "file" } & DiskChange);

/** What stands for a server in the events of the store. */
export const STORE = "store";

/** What became of a file or directory. */
export interface DiskChange {
  readonly change: "added" | "changed" | "removed";
  readonly kind: "file" | "directory";
  /** In the store. */
  readonly path: string;
}

/** Where an event comes from. */
export interface Origin {
  /** The server's name in the lab. */
  readonly server: string;
  readonly protocol: Protocol;
  /** The connection's id, where the event is of one; of datagrams, the id of all that is exchanged with one peer. */
  readonly connection?: string;
}

/** An event as observers get it: `seq` counts up by one in the order of events, `at` is Unix time in milliseconds. */
export type WireEvent = (Occurrence | Lifecycle) & Origin & { readonly seq: number; readonly at: number };

/** An event of one type. */
export type EventOf<T extends WireEvent["type"]> = Extract<WireEvent, { readonly type: T }>;

/** What a wanted event is like: a value per field, a pattern for what a field says, or one function of the whole event. */
export type Where<T extends WireEvent["type"]> =
  | { readonly [K in keyof EventOf<T>]?: EventOf<T>[K] | RegExp }
  | ((event: EventOf<T>) => boolean);

/** How much an observer wants to hear. */
export type Detail = "all" | "milestones";

/** Events one after another; a `for await` that is left lets go of everything. */
export interface EventIteration extends AsyncIterableIterator<WireEvent, undefined, undefined> {
  /** How many events this reader was too slow for: 10,000 are kept for it, and the older ones make room. */
  readonly dropped: number;
}

/** The one ordered stream of all that happens in a lab. */
export interface Events extends AsyncIterable<WireEvent> {
  /** Whether anybody listens to commands, replies and frames: a protocol asks before it builds one of those. */
  readonly observed: boolean;
  /**
   * Calls `listener` at once for every event, until the answer is disposed of. What it throws is its own loss.
   *
   * @param detail `milestones` leaves out commands, replies and frames, so that nobody need build them. Default all.
   */
  subscribe(listener: (event: WireEvent) => void, detail?: Detail): Disposable;
  /**
   * The next event of a type that fits: one that comes from now on. Call it before you do what brings the event about, or
   * look into the transcript first: `lab.transcript.find("login") ?? (await lab.events.next("login"))`. Nobody need await
   * the answer.
   *
   * @param where default: any event of the type.
   * @param ms how long to wait, in milliseconds; `Infinity` for as long as the lab runs. Default 4,000, so that it says what
   *   came instead before the five seconds are up that test runners give a test.
   * @throws WirelabError `TIMED_OUT` with the nearest events that did come, `STOPPED` when the lab stopped before,
   *   `BAD_OPTION` for a time that is none; and whatever a function in `where` throws.
   *
   * @example
   * ```ts
   * import { http, startLab } from "wirelab";
   *
   * await using lab = await startLab({ web: http() });
   * const request = lab.events.next("command", { server: "web", verb: /^(GET|HEAD)$/ });
   * await fetch(`${lab.servers.web.url}/index.html`);
   * console.log((await request).target); // /index.html
   * ```
   */
  next<T extends WireEvent["type"]>(type: T, where?: Where<T>, ms?: number): Promise<EventOf<T>>;
  /** The events from now on, for one reader among many; ends with the lab. */
  [Symbol.asyncIterator](): EventIteration;
}

/** How long an event is waited for, in milliseconds. */
const PATIENCE = 4000;

/** The events of one lab, and the one place where they are made. */
export class EventStream implements Events {
  #recorder: Recorder | undefined;
  /** Another array at each change, so that who comes or goes while an event is told does not disturb the telling. */
  #listeners: readonly ((event: WireEvent) => void)[] = [];
  #toAll = 0;
  readonly #onStop = new Set<() => void>();
  #seq = 0;
  #stopped = false;

  get observed(): boolean {
    return this.#toAll > 0 || this.#recorder !== undefined;
  }

  /** Makes an event and hands it to everybody. Free while nobody listens. */
  emit(origin: Origin, event: Occurrence | Lifecycle): void {
    const listeners = this.#listeners;
    const recorder = this.#recorder;
    if (listeners.length === 0 && !recorder) return;
    this.#seq += 1;
    const told = new Told(this.#seq, origin, event);
    recorder?.record(told);
    if (listeners.length === 0) return;
    const { made } = told;
    for (const listener of listeners) {
      try {
        listener(made);
      } catch {
        // An observer that fails must not take a client's session with it.
      }
    }
  }

  /** Has everything remembered from now on. */
  recordTo(recorder: Recorder): void {
    this.#recorder = recorder;
  }

  subscribe(listener: (event: WireEvent) => void, detail: Detail = "all"): Disposable {
    // After the end nothing comes, and nobody need build events.
    if (this.#stopped) return { [Symbol.dispose]() {} };
    let gone = false;
    // A function of its own each time: the same listener may be there twice, and each is disposed of alone.
    const own = (event: WireEvent) => {
      if (!gone && (detail === "all" || !isConversation(event))) listener(event);
    };
    this.#listeners = [...this.#listeners, own];
    if (detail === "all") this.#toAll += 1;
    return {
      [Symbol.dispose]: () => {
        if (gone) return;
        gone = true;
        this.#listeners = this.#listeners.filter((each) => each !== own);
        if (detail === "all") this.#toAll -= 1;
      },
    };
  }

  next<T extends WireEvent["type"]>(
    type: T,
    where: Where<T> = {},
    ms: number = PATIENCE,
  ): Promise<EventOf<T>> {
    const awaited = new Awaited(type, where);
    const coming = new Promise<EventOf<T>>((resolve, reject) => {
      if (!(ms >= 0)) throw new WirelabError("BAD_OPTION", `next() waits for 0 or more ms, not for ${ms}.`);
      if (this.#stopped)
        throw new WirelabError("STOPPED", `The lab has stopped: no ${awaited} comes any more.`);
      const settle = () => {
        subscription[Symbol.dispose]();
        this.#onStop.delete(stopped);
        clearTimeout(timer);
      };
      const subscription = this.subscribe((event) => {
        try {
          if (!awaited.isFor(event)) return;
          settle();
          resolve(event);
        } catch (error) {
          settle();
          reject(error);
        }
      });
      const stopped = () => {
        settle();
        reject(new WirelabError("STOPPED", `No ${awaited} came before the lab stopped${awaited.instead()}`));
      };
      this.#onStop.add(stopped);
      const timer = setTimeout(
        () => {
          settle();
          reject(new WirelabError("TIMED_OUT", `No ${awaited} came within ${ms} ms${awaited.instead()}`));
        },
        Math.min(ms, LONGEST),
      );
    });
    // Whoever failed before awaiting it has an error to show already.
    coming.catch(() => {});
    return coming;
  }

  [Symbol.asyncIterator](): EventIteration {
    const iteration = new Iteration(() => {
      subscription[Symbol.dispose]();
      this.#onStop.delete(end);
    });
    const end = () => iteration.end();
    const subscription = this.subscribe((event) => iteration.offer(event));
    this.#onStop.add(end);
    if (this.#stopped) end();
    return iteration;
  }

  /** Ends every iteration and every wait. */
  stop(): void {
    this.#stopped = true;
    for (const stopped of [...this.#onStop]) stopped();
    this.#listeners = [];
    this.#toAll = 0;
    this.#recorder = undefined;
  }
}

/** Commands, replies and frames: what is built only when somebody wants it. */
function isConversation(event: WireEvent): boolean {
  return event.type === "command" || event.type === "reply" || event.type === "frame";
}

/** How much of a frame observers get, in characters. */
export const PREVIEW = 80;

/** The beginning of some bytes as text for a frame event: 80 characters, and more where controls are escaped. */
export function previewOf(bytes: Uint8Array): string {
  // A character has four bytes at most.
  const some = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4 * PREVIEW));
  return JSON.stringify(some.toString("utf8").slice(0, PREVIEW)).slice(1, -1);
}
