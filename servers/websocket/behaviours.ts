import { messageOf } from "../../core/errors.ts";
import type { Site } from "../../core/service.ts";
import { chat } from "./chat.ts";
import type { Link, LinkUser } from "./link.ts";
import { type Asked, Session } from "./session.ts";
import type { Route, Settings } from "./settings.ts";

const RECEIPT: LinkUser = {
  message(link, data, kind) {
    link.send(
      kind === "text" ? receiptOf(`${data}`) : `Binary message received: ${data.length} bytes`,
      "text",
    );
  },
};

const ECHO: LinkUser = {
  message: (link, data, kind) => link.send(data, kind),
};

/** What serves a new client: one for all, where nothing need be known of it. */
export function serverOf(route: Route, asked: Asked, { maxBuffered }: Settings, site: Site) {
  return (link: Link): LinkUser => {
    switch (route) {
      case "receipt":
        return RECEIPT;
      case "echo":
        return ECHO;
      case "chat":
        return new Session(link, asked, maxBuffered, chat(site));
      default:
        return new Session(link, asked, maxBuffered, route);
    }
  };
}

function receiptOf(text: string): string {
  try {
    return `Text message received: ${JSON.stringify(JSON.parse(text))}`;
  } catch (error) {
    return `Text message received, but it is no JSON: ${messageOf(error)}`;
  }
}
