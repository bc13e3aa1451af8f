import { createServer, type IncomingMessage, type Server } from "node:http";
import { type Duplex, Writable } from "node:stream";
import { type RawData, type ServerOptions, WebSocket, WebSocketServer } from "ws";
import { HTTP_PASSWORDS, linesRedacted } from "../../core/capture/redaction.ts";
import { codeOf } from "../../core/errors.ts";
import type { Connection, Engine, Goodbye, Site } from "../../core/service.ts";
import { serverOf } from "./behaviours.ts";
import { CHAT_SUBPROTOCOLS } from "./chat.ts";
import {
  locationOf,
  malformed,
  offeredIn,
  type Refusal,
  reasonOf,
  refusalOf,
  responseOf,
  withoutGaps,
} from "./handshake.ts";
import { type Carrier, Link } from "./link.ts";
import type { Route, Settings } from "./settings.ts";

/** How often time-outs are looked at, at least, in milliseconds: a slow client is gone within time-out and this. */
const CHECKING_INTERVAL = 2000;

/** What a path may begin with where the connection began with a server of HTTP. */
const MOUNT = /^\/ws(?=\/|$)/;

/** What is answered to an opening handshake that is one. */
const SWITCHING = { code: 101, text: reasonOf(101) } as const;

/** What clients hear whom core sends away before they have shaken hands. */
const GOODBYES: Readonly<Record<Exclude<Goodbye, "idle" | "lifetime">, Refusal>> = {
  full: { status: 503, message: "Too many clients are connected: try again in a moment." },
  plain: { status: 400, message: "This port speaks TLS, and that was a plain request: write wss://." },
  certificate: { status: 400, message: "The client's certificate is not accepted." },
};

const STOPPING = "The server is stopping.";

const TIME_IS_UP = {
  idle: "Nothing was said for too long.",
  lifetime: "This connection has lasted as long as it may.",
} as const;

/** ws's WebSocket with a link, which it tells of what comes in. */
class LinkedSocket extends WebSocket implements Carrier {
  link: Link | undefined;

  /**
   * ws calls this to answer a close frame, with that one's code and reason or, where it had none, with nothing; and with a
   * code alone when what came in is no WebSocket protocol.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== undefined && reason === undefined) this.link?.broken(code);
    else this.link?.concluded(code ?? 1005, Buffer.from(reason ?? ""));
  }

  sendClose(code?: number, reason?: string | Buffer): void {
    super.close(code, reason);
  }
}

/** ws as a function of streams, behind Node's HTTP server, which reads the opening handshakes. */
export function webSocketEngine(site: Site, settings: Settings): Engine {
  const { clock } = site;
  /** Those that have not shaken hands yet. */
  const connections = new Map<Duplex, Connection>();
  const links = new Map<Connection, Link>();
  const subprotocols = new WeakMap<IncomingMessage, string>();
  let server: Server | undefined;
  let beats: NodeJS.Timeout | undefined;
  /** When clients were pinged last. */
  let beaten = 0;

  const options: ServerOptions<typeof LinkedSocket> = {
    noServer: true,
    clientTracking: false,
    WebSocket: LinkedSocket,
    maxPayload: settings.maxPayload,
    maxFragments: settings.maxFragments,
    maxBufferedChunks: settings.maxFragments,
    // The link answers pings, so that rules can, and a flood of them is held up.
    autoPong: false,
    perMessageDeflate: settings.compression === "on" && { zlibDeflateOptions: { level: 3, memLevel: 7 } },
    handleProtocols: (_offered, request) => subprotocols.get(request) ?? false,
  };
  const sockets = new WebSocketServer(options);
  // Without a listener ws would send its own refusals.
  sockets.on("wsClientError", () => {});

  /** @param head what has come in behind an Upgrade; undefined for a request without one. */
  async function shakeHands(
    connection: Connection,
    request: IncomingMessage,
    head: Buffer | undefined,
    mount: RegExp | undefined,
  ): Promise<void> {
    const { stream } = connection;
    const began = performance.now();
    if (connection.observed) {
      connection.emit({ type: "command", verb: request.method ?? "", target: request.url ?? "" });
    }
    const location = locationOf(request);
    const route = location && routeFor(location.pathname, mount);
    const refusal = refusalOf(request, settings, route ? (head ? "upgrade" : "plain") : "unknown");
    const reply = refusal ? { code: refusal.status, text: reasonOf(refusal.status) } : SWITCHING;
    const amended = await connection.amend(reply);
    if (!stream.writable) return;
    if (!amended) {
      // Never answered: the client is to give up by itself, and may have done so while the rule waited.
      if (stream.readableEnded) connection.end("client");
      else stream.resume().once("end", () => connection.end("client"));
      return;
    }
    const { code = 500, text } = amended;
    if (amended !== reply) refuse(connection, { status: code, message: text });
    else if (refusal) refuse(connection, refusal, request);
    else if (head && location && route) open(connection, request, head, location, route);
    if (connection.observed) {
      connection.emit({ type: "reply", code, text, ms: performance.now() - began });
    }
  }

  function open(
    connection: Connection,
    request: IncomingMessage,
    head: Buffer,
    location: URL,
    route: Route,
  ): void {
    const { stream } = connection;
    const { headers } = request;
    const agreed = subprotocolFor(route, offeredIn(request));
    if (agreed !== undefined) subprotocols.set(request, agreed);
    const asked = { location, headers };
    withoutGaps(request);
    const linked = (socket: LinkedSocket) => {
      const link = new Link(connection, socket, settings.maxBuffered, serverOf(route, asked, settings, site));
      socket.link = link;
      if (socket.extensions !== "") keepFromReadingOn(socket);
      socket.on("message", onMessage);
      socket.on("ping", onPing);
      socket.on("pong", onPong);
      socket.on("error", onError);
      attend(link);
    };
    sockets.handleUpgrade(request, stream, head, linked);
    if (links.has(connection) || !stream.writable) return;
    // An extension that cannot be had as it was offered is declined (RFC 7692 §7.1), and no reason to part.
    delete headers["sec-websocket-extensions"];
    sockets.handleUpgrade(request, stream, head, linked);
  }

  function attend(link: Link): void {
    const { connection } = link;
    const { stream } = connection;
    // ws ends the stream when both sides have closed. Core's way waits for the peer's FIN, and tells why it ended.
    Object.assign(stream, {
      end() {
        Reflect.deleteProperty(stream, "end");
        connection.end(link.reason);
        return stream.end();
      },
    });
    links.set(connection, link);
    // It has shaken hands while the others were told.
    if (site.signal.aborted) link.close(1001, STOPPING, "stopped");
    const { pingInterval } = settings;
    if (pingInterval > 0) {
      beats ??= setInterval(() => {
        const now = performance.now();
        // A process that stood still, at a breakpoint for example, has heard nobody.
        const judgement = now - beaten > 1.5 * pingInterval ? "suspended" : "due";
        beaten = now;
        for (const each of links.values()) each.beat(pingInterval, judgement);
      }, pingInterval);
    }
    connection.closed.then(() => {
      // A Wire may still have what nobody can answer.
      stream.destroy();
      links.delete(connection);
      if (links.size > 0) return;
      clearInterval(beats);
      beats = undefined;
    });
  }

  function refuse(connection: Connection, refusal: Refusal, request?: IncomingMessage): void {
    const known = refusal.status === 426 ? [...settings.routes.keys()] : [];
    connection.stream.write(responseOf(refusal, clock.now(), { method: request?.method, known }));
    connection.end("server");
  }

  function routeFor(path: string, mount: RegExp | undefined): Route | undefined {
    const { routes, handler } = settings;
    const plain = path.replace(/(?<=.)\/$/, "");
    const below = mount ? routes.get(plain.replace(mount, "") || "/") : undefined;
    return routes.get(plain) ?? below ?? handler;
  }

  function subprotocolFor(route: Route, offered: readonly string[]): string | undefined {
    const ofChat = route === "chat" ? offered.find((name) => CHAT_SUBPROTOCOLS.includes(name)) : undefined;
    if (ofChat !== undefined || !settings.subprotocols) return ofChat ?? offered[0];
    return offered.find((name) => settings.subprotocols?.includes(name));
  }

  function handshakes(): Server {
    const { handshakeTimeout, maxHeaderSize } = settings;
    const http = createServer({
      insecureHTTPParser: false,
      // Checked by us, so that the refusal says why.
      requireHostHeader: false,
      maxHeaderSize,
      headersTimeout: handshakeTimeout,
      requestTimeout: handshakeTimeout,
      connectionsCheckingInterval: Math.max(
        10,
        Math.min(CHECKING_INTERVAL, Math.floor(handshakeTimeout / 4)),
      ),
    });
    const begin = (request: IncomingMessage, stream: Duplex, head?: Buffer) => {
      const connection = connections.get(stream);
      // One request for each connection.
      if (connections.delete(stream) && connection) void shakeHands(connection, request, head, undefined);
    };
    http.on("request", (request) => begin(request, request.socket));
    http.on("upgrade", begin);
    http.on("connect", (request, stream) => begin(request, stream));
    http.on("clientError", (error, stream) => {
      const connection = connections.get(stream);
      const refusal = malformed(error);
      if (!connection || !refusal || !stream.writable) return;
      connections.delete(stream);
      refuse(connection, refusal);
      if (connection.observed) {
        connection.emit({ type: "reply", code: refusal.status, text: reasonOf(refusal.status), ms: 0 });
      }
    });
    // It never listens; this is what starts the clock that its time-outs need.
    http.emit("listening");
    return http;
  }

  return {
    accept(connection) {
      const { stream } = connection;
      connections.set(stream, connection);
      connection.closed.then(() => connections.delete(stream));
      server ??= handshakes();
      server.emit("connection", stream);
    },
    upgrade(connection, request, head) {
      void shakeHands(connection, request, head, MOUNT);
    },
    goodbye(reason, connection) {
      if (reason === "idle" || reason === "lifetime") {
        if (connection) links.get(connection)?.close(1001, TIME_IS_UP[reason], reason);
        return undefined;
      }
      return responseOf(GOODBYES[reason], clock.now());
    },
    redaction: () => linesRedacted(HTTP_PASSWORDS),
    drain() {
      for (const connection of connections.values()) connection.end("stopped");
      for (const link of links.values()) link.close(1001, STOPPING, "stopped");
    },
    close() {
      server?.close();
      clearInterval(beats);
    },
  };
}

/**
 * A receiver of ws 8.23 that has failed reads on in what has come in while it was inflating, finds its state broken, and throws
 * where nobody catches: six lines of a client would end the process. What is behind an error is none of its business.
 */
function keepFromReadingOn(socket: LinkedSocket): void {
  const receiver: unknown = Reflect.get(socket, "_receiver");
  if (!(receiver instanceof Writable)) return;
  const write = receiver._write;
  receiver._write = (chunk, encoding, done) => {
    if (receiver.errored) done();
    else write.call(receiver, chunk, encoding, done);
  };
}

// Called on sockets of ours alone, and with Buffers, which is what ws makes of messages by default.

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  (this as LinkedSocket).link?.received(data as Buffer, isBinary ? "binary" : "text");
}

function onPing(this: WebSocket, data: Buffer): void {
  (this as LinkedSocket).link?.pinged(data);
}

function onPong(this: WebSocket, data: Buffer): void {
  (this as LinkedSocket).link?.ponged(data);
}

/** ws's errors have a code. */
function onError(this: WebSocket, error: Error): void {
  (this as LinkedSocket).link?.failed(codeOf(error) ?? "IO", error.message);
}
