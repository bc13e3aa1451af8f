import { WirelabError } from "./errors.ts";

/** The protocols that a server can speak. */
export type Protocol = "ftp" | "telnet" | "http" | "websocket" | "tcp" | "udp" | "forward";

/** Seen from the server: `in` is what clients send or upload, `out` what they receive or download. */
export type Direction = "in" | "out";

/** One end of a connection: an internet address, or the path of a Unix-domain socket (empty for an unnamed peer). */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** What a reply says: FTP and HTTP have a code, Telnet and TCP a text alone. */
export interface Reply {
  readonly code?: number;
  readonly text: string;
}

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
  | { readonly type: "fault"; readonly fault: string; readonly rule: string }
  | { readonly type: "error"; readonly code: string; readonly message: string };

/** What core says of servers and connections. Bytes are those on the wire. */
export type Lifecycle =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "refused"; readonly peer: Endpoint; readonly reason: RefusalReason }
  | { readonly type: "opened"; readonly peer: Endpoint; readonly secure: boolean; readonly parent?: string }
  | {
      readonly type: "closed";
      readonly reason: CloseReason;
      readonly received: number;
      readonly sent: number;
      readonly ms: number;
    }
  | { readonly type: "stopped" };

/** Where an event comes from. */
export interface Origin {
  /** The server's name in the lab. */
  readonly server: string;
  readonly protocol: Protocol;
  /** The connection's id, where the event is of one. */
  readonly connection?: string;
}

/** An event as observers get it: `seq` counts up by one in the order of events, `at` is Unix time in milliseconds. */
export type WireEvent = (Occurrence | Lifecycle) & Origin & { readonly seq: number; readonly at: number };

/** What an awaited event must be like: a value per field, a pattern for text, or one function of the whole event. */
export type Where<T extends WireEvent["type"]> =
  | { readonly [K in keyof Extract<WireEvent, { type: T }>]?: Extract<WireEvent, { type: T }>[K] | RegExp }
  | ((event: Extract<WireEvent, { type: T }>) => boolean);

/** How much an observer wants to hear. */
export type Detail = "all" | "milestones";

/** The one ordered stream of all that happens in a lab. Iterating gives the events from then on. */
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
   * The next event of a type that fits.
   *
   * @param ms how long to wait, in milliseconds; default 5,000.
   * @throws WirelabError `TIMED_OUT` when none came in time, `STOPPED` when the lab stopped before.
   */
  next<T extends WireEvent["type"]>(
    type: T,
    where?: Where<T>,
    ms?: number,
  ): Promise<Extract<WireEvent, { type: T }>>;
}

/** How many events an iteration keeps for a reader that is slower than the lab; older ones are dropped. */
const ITERATION_BACKLOG = 10_000;

/** The events of one lab, and the one place where they are made. */
export class EventStream implements Events {
  readonly #listeners = new Set<(event: WireEvent) => void>();
  #toAll = 0;
  readonly #onStop = new Set<() => void>();
  #seq = 0;
  #stopped = false;

  get observed(): boolean {
    return this.#toAll > 0;
  }

  /** Makes an event and hands it to everybody. Free while nobody listens. */
  emit(origin: Origin, event: Occurrence | Lifecycle): void {
    if (this.#listeners.size === 0) return;
    this.#seq += 1;
    const made: WireEvent = { seq: this.#seq, at: Date.now(), ...origin, ...event };
    for (const listener of this.#listeners) {
      try {
        listener(made);
      } catch {
        // An observer that fails must not take a client's session with it.
      }
    }
  }

  subscribe(listener: (event: WireEvent) => void, detail: Detail = "all"): Disposable {
    // A function of its own each time: the same listener may be there twice, and each is disposed of alone.
    const own = (event: WireEvent) => {
      if (detail === "all" || !isConversation(event)) listener(event);
    };
    this.#listeners.add(own);
    if (detail === "all") this.#toAll += 1;
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.delete(own) && detail === "all") this.#toAll -= 1;
      },
    };
  }

  next<T extends WireEvent["type"]>(
    type: T,
    where: Where<T> = {},
    ms = 5000,
  ): Promise<Extract<WireEvent, { type: T }>> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        subscription[Symbol.dispose]();
        this.#onStop.delete(stopped);
        clearTimeout(timer);
      };
      const subscription = this.subscribe((event) => {
        if (!isOfType(event, type) || !matches(event, where)) return;
        settle();
        resolve(event);
      });
      const stopped = () => {
        settle();
        reject(new WirelabError("STOPPED", `The lab stopped while a ${type} event was awaited.`));
      };
      this.#onStop.add(stopped);
      const timer = setTimeout(() => {
        settle();
        reject(new WirelabError("TIMED_OUT", `No ${type} event that fits came within ${ms} ms.`));
      }, ms);
      if (this.#stopped) stopped();
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WireEvent, void, undefined> {
    const backlog: WireEvent[] = [];
    let wake = () => {};
    const subscription = this.subscribe((event) => {
      if (backlog.length === ITERATION_BACKLOG) backlog.shift();
      backlog.push(event);
      wake();
    });
    const stopped = () => wake();
    this.#onStop.add(stopped);
    try {
      while (true) {
        const event = backlog.shift();
        if (event) yield event;
        else if (this.#stopped) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      subscription[Symbol.dispose]();
      this.#onStop.delete(stopped);
    }
  }

  /** Ends every iteration and every wait. */
  stop(): void {
    this.#stopped = true;
    for (const stopped of [...this.#onStop]) stopped();
    this.#listeners.clear();
    this.#toAll = 0;
  }
}

/** Commands, replies and frames: what is built only when somebody wants it. */
function isConversation(event: WireEvent): boolean {
  return event.type === "command" || event.type === "reply" || event.type === "frame";
}

function isOfType<T extends WireEvent["type"]>(
  event: WireEvent,
  type: T,
): event is Extract<WireEvent, { type: T }> {
  return event.type === type;
}

function matches<T extends WireEvent["type"]>(
  event: Extract<WireEvent, { type: T }>,
  where: Where<T>,
): boolean {
  if (typeof where === "function") return where(event);
  const fields = new Map<string, unknown>(Object.entries(event));
  return Object.entries(where).every(([field, wanted]) =>
    wanted instanceof RegExp ? wanted.test(String(fields.get(field))) : fields.get(field) === wanted,
  );
}

/** The beginning of some bytes as text for a frame event: 80 characters at most, controls escaped. */
export function previewOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 80)).toString("utf8");
  return JSON.stringify(text).slice(1, -1);
}
