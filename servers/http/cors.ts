import { WirelabError } from "../../core/errors.ts";
import { send } from "./send.ts";
import type { Turn } from "./turn.ts";

/** What pages of other origins may read of a response, beside what they always may: what ranges and uploads need. */
const EXPOSED = "Accept-Ranges, Allow, Content-Encoding, Content-Length, Content-Range, ETag, Link, Location";
const METHODS = "GET, HEAD, OPTIONS, PUT, POST, DELETE, PATCH";

/** What is allowed to pages of other origins (the Fetch standard's CORS protocol). */
export interface Cors {
  /** Says so with the response to come. */
  announce(turn: Turn): void;
  /** Answers a browser's question before the request itself. */
  isPreflight(turn: Turn): boolean;
  preflight(turn: Turn): Promise<void>;
}

/** @throws WirelabError `BAD_OPTION` for what is no origin. */
export function cors(origins: "*" | readonly string[]): Cors {
  if (origins !== "*" && !Array.isArray(origins)) {
    throw new WirelabError("BAD_OPTION", `http's cors is ${origins}; write "*", or a list of origins.`);
  }
  const known = origins === "*" ? undefined : new Set(origins.map(checked));
  const allows = (origin: string | undefined) => origin !== undefined && (!known || known.has(origin));
  return {
    announce({ request, response }) {
      const { origin } = request.headers;
      if (!known) response.setHeader("Access-Control-Allow-Origin", "*");
      else {
        response.vary("Origin");
        if (origin === undefined || !known.has(origin)) return;
        response.setHeader("Access-Control-Allow-Origin", origin);
        response.setHeader("Access-Control-Allow-Credentials", "true");
      }
      response.setHeader("Access-Control-Expose-Headers", EXPOSED);
    },
    isPreflight: ({ request: { method, headers } }) =>
      method === "OPTIONS" &&
      headers["access-control-request-method"] !== undefined &&
      allows(headers.origin),
    async preflight(turn) {
      const wanted = turn.request.headers["access-control-request-headers"];
      turn.response.vary("Access-Control-Request-Headers");
      await send(turn, {
        status: 204,
        headers: {
          Allow: METHODS,
          "Access-Control-Allow-Methods": METHODS,
          "Access-Control-Max-Age": "600",
          ...(wanted !== undefined && { "Access-Control-Allow-Headers": wanted }),
        },
      });
    },
  };
}

function checked(origin: string): string {
  if (/^https?:\/\/[^/?#@\s]+$/.test(origin)) return origin.toLowerCase();
  throw new WirelabError(
    "BAD_OPTION",
    `http's cors has "${origin}"; an origin is written http://127.0.0.1:3000, without a slash at its end.`,
  );
}
