import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Engine } from "../../core/service.ts";
import type { Conversation } from "./conversation.ts";
import { Refusal } from "./refusal.ts";

/**
 * Hands the connections of those on who ask for a WebSocket. Other wishes are not heard, as RFC 9110 §7.8 allows: the request
 * is served as if it had none.
 */
export function handOn(server: Server, conversations: Map<Duplex, Conversation>, sockets: Engine): void {
  server.on("upgrade", (request, stream, head) => {
    const conversation = conversations.get(stream);
    if (!conversation) return;
    if (conversation.turn) {
      conversation.break(new Refusal(400, "An upgrade waits for the responses to what was asked before."));
    } else if (request.headers.upgrade?.toLowerCase() === "websocket") {
      conversations.delete(stream);
      sockets.upgrade?.(conversation.connection, request, head);
    } else {
      // Node has let go of the connection: it gets it back, with the same request in front.
      stream.unshift(Buffer.concat([Buffer.from(withoutWish(request), "latin1"), head]));
      server.emit("connection", stream);
    }
  });
}

/** The request's head as it came, but for the Upgrade header. */
function withoutWish({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const fields = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && name.toLowerCase() !== "upgrade" ? [`${name}: ${rawHeaders[index + 1]}\r\n`] : [],
  );
  return `${method} ${url} HTTP/${httpVersion}\r\n${fields.join("")}\r\n`;
}
