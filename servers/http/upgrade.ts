import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Engine, Service, Site } from "../../core/service.ts";
import type { Conversation } from "./conversation.ts";
import { Refusal } from "./refusal.ts";

/** Who has the connections that were handed on; undefined as long as there was none. */
export interface Upgraded {
  readonly engine: Engine | undefined;
}

/**
 * Hands the connections of those on who ask for a WebSocket. Its service is opened for the first of them: who wants none loads
 * none. Other wishes are not heard, as RFC 9110 §7.8 allows: the request is served as if it had none.
 */
export function handOn(
  server: Server,
  conversations: Map<Duplex, Conversation>,
  service: Service,
  site: Site,
): Upgraded {
  const upgraded: { engine: Engine | undefined } = { engine: undefined };
  let opening: Promise<void> | undefined;

  async function open(): Promise<void> {
    const engine = await service.open(site);
    if ("accept" in engine) upgraded.engine = engine;
  }

  async function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    opening ??= open();
    await opening;
    const conversation = conversations.get(stream);
    conversations.delete(stream);
    if (conversation) upgraded.engine?.upgrade?.(conversation.connection, request, head);
  }

  server.on("upgrade", (request, stream, head) => {
    const conversation = conversations.get(stream);
    if (conversation?.turn) {
      conversation.break(new Refusal(400, "An upgrade waits for the responses to what was asked before."));
    } else if (request.headers.upgrade?.toLowerCase() === "websocket") {
      upgrade(request, stream, head).catch(() => conversation?.connection.cut("error"));
    } else {
      // Node has let go of the connection: it gets it back, with the same request in front.
      stream.unshift(Buffer.concat([Buffer.from(withoutWish(request), "latin1"), head]));
      server.emit("connection", stream);
    }
  });
  return upgraded;
}

/** The request's head as it came, but for the Upgrade header. */
function withoutWish({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const fields = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && name.toLowerCase() !== "upgrade" ? [`${name}: ${rawHeaders[index + 1]}\r\n`] : [],
  );
  return `${method} ${url} HTTP/${httpVersion}\r\n${fields.join("")}\r\n`;
}
