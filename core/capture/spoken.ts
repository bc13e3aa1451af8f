import type { Direction, Endpoint, WireEvent } from "../events/events.ts";
import { replyLines } from "../events/reproducible.ts";
import type { Passage } from "./passage.ts";

/**
 * Passages made of events, where bytes were not remembered: what the protocols have told of commands, replies and frames.
 * Headers and contents of files are not among it.
 *
 * @param urls the servers' URLs, by name.
 */
export function* spoken(events: Iterable<WireEvent>, urls: ReadonlyMap<string, string>): Generator<Passage> {
  for (const event of events) {
    const { server, protocol, connection, at } = event;
    if (connection === undefined) continue;
    const origin = { server, protocol, connection };
    if (event.type === "opened") {
      const local = endpointIn(urls.get(server) ?? "");
      yield { kind: "opened", origin, at, peer: event.peer, local, opener: event.opener ?? "peer" };
    } else if (event.type === "closed") {
      const by = event.reason === "client" || event.reason === "reset" ? "peer" : "server";
      yield { kind: "closed", origin, at, by, how: event.reason === "reset" ? "reset" : "fin" };
    } else {
      const said = wordsOf(event);
      if (said) yield { kind: "bytes", origin, at, direction: said.direction, bytes: Buffer.from(said.text) };
    }
  }
}

function wordsOf(event: WireEvent): { readonly direction: Direction; readonly text: string } | undefined {
  switch (event.type) {
    case "command": {
      const words = event.target === undefined ? event.verb : `${event.verb} ${event.target}`;
      const text = event.protocol === "http" ? `${words} HTTP/1.1\r\n\r\n` : `${words}\r\n`;
      return { direction: "in", text };
    }
    case "reply":
      return {
        direction: "out",
        text:
          event.protocol === "http"
            ? `HTTP/1.1 ${event.code} ${event.text}\r\n\r\n`
            : replyLines(event.code, event.text)
                .map((line) => `${line}\r\n`)
                .join(""),
      };
    case "frame":
      return event.kind === "negotiation"
        ? undefined
        : { direction: event.direction, text: unescaped(event.preview) };
    default:
      return undefined;
  }
}

/** What a preview was before its controls were escaped; cut off within an escape, it is left as it is. */
function unescaped(preview: string): string {
  try {
    return JSON.parse(`"${preview}"`);
  } catch {
    return preview;
  }
}

function endpointIn(url: string): Endpoint {
  const [, v6, host = v6, port] = /^\w+:\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d+)/.exec(url) ?? [];
  return host === undefined ? { path: url } : { host, port: Number(port) };
}
