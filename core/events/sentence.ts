import { endpointText } from "../address.ts";
import type { EventOf, WireEvent } from "./events.ts";

/** What an event says, in one line for people. */
export function sentenceOf(event: WireEvent): string {
  switch (event.type) {
    case "listening":
      return `listening on ${event.url}`;
    case "refused":
      return `refused ${endpointText(event.peer)}: ${event.reason}`;
    case "opened":
      return `opened ${event.opener === "server" ? "to" : "by"} ${endpointText(event.peer)}${event.secure ? " with TLS" : ""}`;
    case "secured": {
      const { version, cipher, resumed, alpn, serverName, subject } = event;
      const more = [
        cipher,
        ...(resumed ? ["resumed"] : []),
        ...(alpn ? [alpn] : []),
        ...(serverName ? [`for ${serverName}`] : []),
        ...(subject ? [`client ${subject}`] : []),
      ];
      return visible(`secured by ${version} (${more.join(", ")})`);
    }
    case "closed":
      return `closed (${event.reason}) after ${bytesOf(event.received)} in and ${event.sent} out`;
    case "stopped":
      return "stopped";
    case "command":
      return visible(`> ${event.verb}${event.target === undefined ? "" : ` ${event.target}`}`);
    case "reply":
      return visible(`< ${event.code === undefined ? "" : `${event.code} `}${event.text}`);
    case "frame": {
      const mark = event.direction === "in" ? ">" : "<";
      // As RFC 854 and everybody since writes it.
      if (event.kind === "negotiation") return visible(`${mark} IAC ${event.preview}`);
      const kind = event.kind === "data" || event.kind === "text" ? "" : `${event.kind} `;
      const frame = `${mark} ${kind}${event.preview} (${bytesOf(event.bytes)})`;
      if (!event.peer) return visible(frame);
      const peer = endpointText(event.peer);
      return visible(event.direction === "in" ? `${frame} from ${peer}` : `${frame} to ${peer}`);
    }
    case "login":
      return visible(`login of ${event.user} ${event.ok ? "accepted" : "refused"}`);
    case "transfer":
      return `${transferOf(event)}: ${bytesOf(event.bytes)}${event.complete ? "" : ", incomplete"}`;
    case "target":
      return visible(`target ${event.target} is ${event.state}`);
    case "file":
      return visible(`${event.change} on disk: ${event.path}${event.kind === "directory" ? "/" : ""}`);
    case "fault":
      return visible(`fault: ${event.rule}`);
    case "error":
      return visible(`error ${event.code}: ${event.message}`);
  }
}

/** What was transferred, however far it got. */
export function transferOf({ direction, path }: EventOf<"transfer">): string {
  return visible(`${direction === "in" ? "upload" : "download"} of ${path}`);
}

export function bytesOf(count: number): string {
  return `${count} ${count === 1 ? "byte" : "bytes"}`;
}

/** Text that stays on its line and moves no cursor: clients choose names, and a name must not forge a line. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (control) => {
    const known = { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[control];
    return known ?? `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
