import type { IncomingHttpHeaders } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { codeOf, messageOf, WirelabError } from "../../core/errors.ts";
import type { Endpoint } from "../../core/events/events.ts";
import { type Closing, isCloseCode, type Kind, type Link, type LinkUser } from "./link.ts";

/** A message: of text, or a Buffer of bytes. */
export type WebSocketMessage = string | Buffer;

/** How a WebSocket has ended. */
export type WebSocketClosing = Closing;

/**
 * Serves one client. When it is done, the client is closed with 1000, normal closure; when it throws, with 1011, and
 * observers are told of the error.
 */
export type WebSocketHandler = (socket: WebSocketSession) => unknown;

/**
 * One client, as a handler sees it. Its messages are iterated, each once, until a close frame has come or was sent.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { startLab, websocket } from "wirelab";
 * import { WebSocket } from "ws";
 *
 * await using lab = await startLab({
 *   live: websocket({
 *     handler: async (socket) => {
 *       for await (const message of socket) await socket.send(`${message}`.toUpperCase());
 *     },
 *   }),
 * });
 * const client = new WebSocket(`${lab.servers.live.url}/any/path`);
 * await once(client, "open");
 * client.send("hello");
 * console.log(`${(await once(client, "message"))[0]}`); // HELLO
 * client.close();
 * ```
 */
export interface WebSocketSession extends AsyncIterable<WebSocketMessage> {
  /** The connection's id in the lab. */
  readonly connection: string;
  readonly peer: Endpoint;
  /** Whether it is spoken over TLS (`wss`). */
  readonly secure: boolean;
  /** What the client has asked for, without the query: `/feed`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The headers of the opening handshake, by lower-case name. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The subprotocol that was agreed on, or an empty text. */
  readonly subprotocol: string;
  /** Aborted as soon as nothing can be sent any more. */
  readonly signal: AbortSignal;
  /** Resolves when the connection is closed, however it came to that. */
  readonly closed: Promise<WebSocketClosing>;
  /** The next message, or undefined when there will be none. */
  receive(): Promise<WebSocketMessage | undefined>;
  /**
   * Sends a text message, or a binary one.
   *
   * @returns when there is room for more: wait for it, and a client that does not read costs no memory. Sending to one who is
   *   gone is harmless.
   */
  send(message: string | Uint8Array): Promise<void>;
  /**
   * Begins the closing handshake. Harmless when called again.
   *
   * @param code default 1000, normal closure.
   * @param reason for programmers; cut to 123 bytes. Default none.
   * @throws WirelabError `BAD_OPTION` for a code that may not be sent: RFC 6455 §7.4 leaves 1000 to 1003, 1007 to 1014 and
   *   3000 to 4999.
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection by RST and without a close frame, as a machine that has crashed: clients tell of 1006. */
  reset(): void;
}

/** What a client has asked for. */
export interface Asked {
  readonly location: URL;
  readonly headers: IncomingHttpHeaders;
}

/** So many messages wait for a handler, or so many bytes as the option says; then no more are read. */
const MAX_WAITING = 256;

/** So many bytes, and messages, are sent by a handler before others have their turn. */
const MAX_UNTURNED = 65_536;

/** Serves a client by a handler. */
export class Session implements WebSocketSession, LinkUser {
  readonly connection: string;
  readonly peer: Endpoint;
  readonly secure: boolean;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly subprotocol: string;
  readonly closed: Promise<WebSocketClosing>;
  readonly link: Link;
  readonly #maxBuffered: number;
  readonly #over = new AbortController();
  #messages: WebSocketMessage[] = [];
  #bytes = 0;
  /** Bytes, and messages, that were sent since others had their turn. */
  #unturned = 0;
  #release: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(
    link: Link,
    { location, headers }: Asked,
    maxBuffered: number,
    handler: (session: Session) => unknown,
  ) {
    const { connection } = link;
    this.connection = connection.id;
    this.peer = connection.peer;
    this.secure = connection.secure;
    this.path = location.pathname;
    this.query = location.searchParams;
    this.headers = headers;
    this.subprotocol = link.subprotocol;
    this.closed = connection.closed.then(() => link.closing);
    this.link = link;
    this.#maxBuffered = maxBuffered;
    // When the link knows of it.
    queueMicrotask(() => this.#run(handler));
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  async receive(): Promise<WebSocketMessage | undefined> {
    while (this.#messages.length === 0 && !this.#over.signal.aborted) {
      await new Promise<void>((resolve) => {
        const others = this.#wake;
        this.#wake = () => {
          others?.();
          resolve();
        };
      });
    }
    const message = this.#messages.shift();
    this.#bytes -= message?.length ?? 0;
    if (this.#messages.length < MAX_WAITING / 2 && this.#bytes <= this.#maxBuffered / 2) {
      this.#release?.();
      this.#release = undefined;
    }
    return message;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WebSocketMessage> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive())
      yield message;
  }

  async send(message: string | Uint8Array): Promise<void> {
    const sent = this.link.congested ? this.#left(message) : this.#send(message);
    this.#unturned += message.length + 1;
    await sent;
    // Nobody else would be served by a process that only ever sends.
    if (this.#unturned > MAX_UNTURNED) {
      this.#unturned = 0;
      await turn();
    }
  }

  close(code = 1000, reason = ""): void {
    if (!isCloseCode(code))
      throw new WirelabError("BAD_OPTION", `${code} is no code that a WebSocket closes with.`);
    this.link.close(code, reason, "server");
  }

  reset(): void {
    this.link.connection.reset("server");
  }

  #send(message: string | Uint8Array, done?: () => void): void {
    if (typeof message === "string") this.link.send(message, "text", done);
    else {
      const { buffer, byteOffset, byteLength } = message;
      this.link.send(Buffer.from(buffer, byteOffset, byteLength), "binary", done);
    }
  }

  /** Sends, and waits until it has left. */
  #left(message: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#send(message, resolve));
  }

  message(_link: Link, data: Buffer, kind: Kind): void {
    const message = kind === "text" ? data.toString() : data;
    this.#messages.push(message);
    this.#bytes += message.length;
    const full = this.#messages.length >= MAX_WAITING || this.#bytes > this.#maxBuffered;
    if (full) this.#release ??= this.link.hold();
    this.#woken();
  }

  ended(): void {
    // What the client has sent before it closed is still to be read; what we end, is over.
    if (this.link.reason !== "client") this.#messages = [];
    this.#over.abort();
    this.#woken();
  }

  async #run(handler: (session: Session) => unknown): Promise<void> {
    try {
      await handler(this);
      this.link.close(1000, "", "server");
    } catch (error) {
      const code = codeOf(error) ?? "HANDLER";
      this.link.connection.emit({ type: "error", code, message: messageOf(error) });
      // Messages of ours are written for clients; those of other errors may not be.
      const why = error instanceof WirelabError ? error.message : "The server has failed.";
      this.link.close(1011, why, "error");
    }
  }

  #woken(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
