import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Request, Response } from "express";
import { HTTP_PASSWORDS, linesRedacted } from "../../core/capture/redaction.ts";
import type { Engine, Goodbye, Site } from "../../core/service.ts";
import { application } from "./application.ts";
import { cgiSettings } from "./cgi/options.ts";
import { cgi } from "./cgi/serve.ts";
import { Conversation } from "./conversation.ts";
import { cors } from "./cors.ts";
import { serveFiles } from "./files.ts";
import { checkHead, originForm } from "./head.ts";
import type { HttpOptions } from "./index.ts";
import { inspection } from "./inspect/serve.ts";
import { beginsTls, malformed } from "./malformed.ts";
import { mounted } from "./mounted.ts";
import { Pace } from "./pace.ts";
import { Refusal, rawReply, refuse } from "./refusal.ts";
import { patienceOf, settingsOf } from "./settings.ts";
import { serveStubs } from "./stubs/serve.ts";
import type { HttpStubbing } from "./stubs/stub.ts";
import { HttpStubs } from "./stubs/stubs.ts";
import { Tally } from "./tally.ts";
import { targetOf } from "./target.ts";
import type { Turn } from "./turn.ts";
import { handOn } from "./upgrade.ts";
import { visitors } from "./visitor.ts";

/** What clients hear whom core sends away; those whose time is up hear nothing. */
const GOODBYES: Readonly<Partial<Record<Goodbye, Refusal>>> = {
  full: new Refusal(503, "Too many clients are connected: try again in a moment.", { "Retry-After": "1" }),
  plain: new Refusal(400, "This port speaks HTTPS, and this was a plain HTTP request: write https://."),
  certificate: new Refusal(400, "The client's certificate is not accepted."),
};

/** Node's HTTP server as a function of streams, with an Express app behind it. */
export async function httpEngine(site: Site, options: HttpOptions): Promise<Engine<HttpStubbing>> {
  const settings = settingsOf(options);
  const programSettings = options.cgi === undefined ? undefined : await cgiSettings(options.cgi);
  const conversations = new Map<Duplex, Conversation>();
  const pace = new Pace(patienceOf(settings), conversations);
  const tally = new Tally(site);
  const { app, IncomingMessage, ServerResponse } = application();
  const visitor = visitors(site, settings.public);
  const files = serveFiles(settings, visitor);
  const programs = programSettings && cgi(programSettings, settings, site.store.folder, visitor, serve);

  const inspects = settings.inspect === false ? undefined : inspection(settings.inspect, visitor);

  const sharing = options.cors === undefined ? undefined : cors(options.cors);
  const stubs = new HttpStubs(options.stubs);

  if (options.app) {
    app.use(mounted(options.app, app, turnOf));
    app.use((request) => serve(turnOf(request)));
  }

  const server = createServer(
    {
      IncomingMessage,
      ServerResponse,
      insecureHTTPParser: false,
      // Checked by us, so that the refusal says why.
      requireHostHeader: false,
      maxHeaderSize: settings.maxHeaderSize,
      headersTimeout: settings.headersTimeout,
      requestTimeout: settings.requestTimeout,
      keepAliveTimeout: settings.keepAliveTimeout,
      connectionsCheckingInterval: settings.checkingInterval,
    },
    take,
  );
  // No limit beside the head's size: Node would drop what is above its 1,000 silently.
  server.maxHeadersCount = 0;
  // A client that has sent FIN behind its request gets the whole response.
  Object.assign(server, { httpAllowHalfOpen: true });

  server.on("checkContinue", (request, response) => {
    const conversation = conversations.get(request.socket);
    if (!conversation) return;
    conversation.expecting = request;
    continueWhenRead(request, response, () => {
      conversation.expecting = undefined;
    });
    conversation.take(request as Request, response as Response);
  });
  server.on("checkExpectation", take);
  server.on("clientError", (error, socket) => {
    const conversation = conversations.get(socket);
    if (beginsTls(error)) {
      const message = "The client speaks TLS, and this server plain HTTP.";
      conversation?.connection.emit({ type: "error", code: "TLS_UNAVAILABLE", message });
    }
    const refusal = malformed(error, settings.maxHeaderSize);
    if (refusal) conversation?.break(refusal);
  });
  server.on("connect", (_request, socket) => {
    conversations.get(socket)?.break(new Refusal(501, "This server is no proxy: it does not know CONNECT."));
  });
  const upgraded = options.websocket && handOn(server, conversations, options.websocket, site);
  server.on("timeout", (socket) => {
    const conversation = conversations.get(socket);
    if (conversation?.turn) pace.silent(conversation);
    else if (settings.keepAliveTimeout > 0) conversation?.connection.end("idle");
  });
  // The server never listens; this is what starts the clock that its time-outs need.
  server.emit("listening");

  function serve(turn: Turn): Promise<void> {
    return stubs.active ? serveStubs(stubs, turn, unstubbed) : unstubbed(turn);
  }

  function unstubbed(turn: Turn): Promise<void> {
    const { url } = turn.request;
    if (inspects?.claims(url)) return inspects.serve(turn);
    return programs?.claims(url) ? programs.serve(turn) : files(turn);
  }

  function take(request: IncomingMessage, response: ServerResponse): void {
    conversations.get(request.socket)?.take(request as Request, response as Response);
  }

  /** The request's own turn: a connection has one at a time. */
  function turnOf(request: IncomingMessage): Turn {
    const turn = conversations.get(request.socket)?.turn;
    if (!turn) throw new Refusal(500, "The connection of this request is closed.");
    return turn;
  }

  const turns = {
    maxRequests: settings.maxRequestsPerSocket,
    pathOf(turn: Turn) {
      const { url, method } = turn.request;
      try {
        const target = originForm(url, method);
        if (target === "*" || inspects?.claims(target) || programs?.claims(target)) return undefined;
        return (target === url ? turn.target : targetOf(target)).path;
      } catch {
        // The refusal says what is wrong with it.
        return undefined;
      }
    },
    serve(turn: Turn) {
      try {
        checkHead(turn.request);
      } catch (error) {
        // Whoever speaks so may mean what follows otherwise than it would be read.
        turn.response.shouldKeepAlive = false;
        this.refuse(turn, error);
        return;
      }
      sharing?.announce(turn);
      if (sharing?.isPreflight(turn)) {
        sharing.preflight(turn).catch((error) => this.refuse(turn, error));
        return;
      }
      const failed = (error: unknown) => this.refuse(turn, error);
      if (options.app) {
        app(turn.request, turn.response, failed);
        return;
      }
      // There is nothing for Express to route. What it would do first is this.
      turn.request.res = turn.response;
      serve(turn).catch(failed);
    },
    refuse(turn: Turn, error: unknown) {
      refuse(turn, error).catch(() => turn.connection.cut("error"));
    },
  };

  return {
    own: {
      stub: (stub) => stubs.add(stub),
      get unmatched() {
        return stubs.unmatched;
      },
    },
    accept(connection) {
      const { stream } = connection;
      const conversation = new Conversation(connection, turns, site.clock);
      conversations.set(stream, conversation);
      pace.begin();
      connection.closed.then(() => {
        conversations.delete(stream);
        tally.add(connection, conversation.requests);
      });
      server.emit("connection", stream);
    },
    goodbye(reason, connection) {
      const refusal = GOODBYES[reason];
      return refusal ? rawReply(refusal, site.clock.now()) : upgraded?.engine?.goodbye?.(reason, connection);
    },
    redaction: () => linesRedacted(HTTP_PASSWORDS),
    drain() {
      upgraded?.engine?.drain?.();
      for (const conversation of conversations.values()) conversation.drain();
    },
    reset() {
      stubs.reset();
      upgraded?.engine?.reset?.();
    },
    async close() {
      pace.close();
      tally.close();
      server.close();
      await upgraded?.engine?.close?.();
      await programs?.close();
    },
  };
}

/** Tells a client that waits with its body to send it: when somebody begins to read it, and not if it is refused unread. */
function continueWhenRead(request: IncomingMessage, response: ServerResponse, told: () => void): void {
  const read = request._read;
  request._read = (size) => {
    request._read = read;
    if (!response.headersSent) response.writeContinue();
    told();
    request._read(size);
  };
}
