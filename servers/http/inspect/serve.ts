import { Refusal } from "../refusal.ts";
import { json, send } from "../send.ts";
import { leadsBelow } from "../target.ts";
import type { Turn } from "../turn.ts";
import type { Visitors } from "../visitor.ts";
import { BODIES } from "./bodies.ts";
import { type Endpoint, unknown } from "./endpoint.ts";
import { REPLIES } from "./replies.ts";
import { REQUESTS } from "./requests.ts";

/** Answers that clients are tried on. */
export interface Inspection {
  claims(url: string): boolean;
  serve(turn: Turn): Promise<void>;
}

const ALLOWED = "GET, HEAD, OPTIONS";

/** @param prefix the path of all endpoints, with a slash at both ends. */
export function inspection(prefix: string, visitors: Visitors): Inspection {
  const index: Endpoint = {
    use: "a list of all of these",
    answer: ({ turn }) =>
      send(turn, json({ endpoints: [...endpoints.values()].map(({ use }) => prefix + use) })),
  };
  const endpoints = new Map<string, Endpoint>(Object.entries({ ...REQUESTS, ...REPLIES, ...BODIES }));
  return {
    claims: (url) => leadsBelow(url, prefix),
    async serve(turn) {
      const { request } = turn;
      const { path, query } = turn.target;
      const [name = "", ...rest] = path.slice(prefix.length).split("/");
      const endpoint = name === "" ? index : endpoints.get(name);
      if (!endpoint) throw unknown(name);
      const { method } = request;
      if (method === "TRACE" || (endpoint.methods !== "any" && method !== "GET" && method !== "HEAD")) {
        if (method === "OPTIONS") return send(turn, { headers: { Allow: ALLOWED } });
        throw new Refusal(405, `${method} has no meaning here.`, { Allow: ALLOWED });
      }
      await endpoint.answer({ turn, rest, query: new URLSearchParams(query), prefix, visitors });
    },
  };
}
