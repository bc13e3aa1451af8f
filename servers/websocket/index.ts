import type { ListenOptions, Service } from "../../core/service.ts";
import type { WebSocketHandler } from "./session.ts";
import { settingsOf } from "./settings.ts";

export type {
  WebSocketClosing,
  WebSocketHandler,
  WebSocketMessage,
  WebSocketSession,
} from "./session.ts";

/**
 * What a path does with its clients:
 *
 * - `receipt` parses a text message as JSON and answers `Text message received: <the JSON>`, or what is wrong with it; a
 *   binary message it answers with `Binary message received: N bytes`;
 * - `echo` sends each message back as it came;
 * - `chat` is the lab's chat rooms, where Telnet's users are too: see docs/websocket.md.
 */
export const WEBSOCKET_BEHAVIOURS = ["receipt", "echo", "chat"] as const;

/** One of {@link WEBSOCKET_BEHAVIOURS}. */
export type WebSocketBehaviour = (typeof WEBSOCKET_BEHAVIOURS)[number];

/** What {@link websocket} can be told. */
export interface WebSocketOptions extends ListenOptions {
  /** Serves every path that `routes` does not name. Default: none, and then `/`, `/echo` and `/chat` are there. */
  readonly handler?: WebSocketHandler;
  /**
   * What is served by path, `/feed` for example: a function, or the name of a behaviour. Default: `/` is `receipt`, `/echo` is
   * `echo` and `/chat` is `chat`; of these the ones that are not named stay. Other paths are refused with 404.
   */
  readonly routes?: Readonly<Record<string, WebSocketHandler | WebSocketBehaviour>>;
  /**
   * The subprotocols that are spoken (RFC 6455 §1.9): the first one of the client's that is among them is agreed on, or none.
   * Default: the client's first, whatever it is.
   */
  readonly subprotocols?: readonly string[];
  /**
   * The origins whose pages may connect, as `http://127.0.0.1:3000`; others are refused with 403. Who sends no Origin is no
   * page, and may. Default: every origin.
   */
  readonly origins?: readonly string[];
  /**
   * Whether messages are deflated for clients that offer it (RFC 7692). Default `off`, as ws recommends: it costs time, and
   * some 240 kB of memory for each client that uses it.
   */
  readonly compression?: "on" | "off";
  /** The longest message, in bytes, inflated; a longer one is answered with close code 1009. Default 16,777,216, 16 MiB. */
  readonly maxPayload?: number;
  /**
   * How many frames a message may have, and in how many pieces a frame may arrive; 1008 above that. Default 65,536.
   */
  readonly maxFragments?: number;
  /**
   * How many bytes may wait for a client that does not read, or from one for a handler that does not. Above that no more is
   * read from the client; one in a chat, to whom others go on talking, is closed with 1008. Default 1,048,576.
   */
  readonly maxBuffered?: number;
  /**
   * Milliseconds between pings. A client from whom nothing has come between two of them is cut off. Default 30,000; 0 for no
   * pings.
   */
  readonly pingInterval?: number;
  /** Milliseconds that a client has for its opening handshake; 408 after that. Default 10,000. */
  readonly handshakeTimeout?: number;
  /** How long the handshake's target and headers may be together, in bytes; 431 above that. Default 16,384. */
  readonly maxHeaderSize?: number;
}

/**
 * A WebSocket server (RFC 6455): without options it is the one of every tutorial, which tells what it has received.
 *
 * @throws WirelabError `BAD_OPTION` for a limit that is no whole number, a route that does not begin with a slash or names no
 *   behaviour, a subprotocol that is no token, or an origin that is none.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { startLab, websocket } from "wirelab";
 * import { WebSocket } from "ws";
 *
 * await using lab = await startLab({ live: websocket() });
 * const client = new WebSocket(lab.servers.live.url);
 * await once(client, "open");
 * client.send(JSON.stringify({ hello: "world" }));
 * const [answer] = await once(client, "message");
 * console.log(`${answer}`); // Text message received: {"hello":"world"}
 * client.close();
 * ```
 */
export function websocket(options: WebSocketOptions = {}): Service {
  const settings = settingsOf(options);
  return {
    protocol: "websocket",
    listen: options,
    alpn: ["http/1.1"],
    open: async (site) => (await import("./engine.ts")).webSocketEngine(site, settings),
  };
}
