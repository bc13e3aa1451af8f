import { isUtf8 } from "node:buffer";
import { Refusal } from "../refusal.ts";
import { bodyOf, json, send } from "../send.ts";
import { CHALLENGE } from "../visitor.ts";
import { type Endpoint, MAX, unknown } from "./endpoint.ts";

/** What clients send, as the server understands it. */
export const REQUESTS: Readonly<Record<string, Endpoint>> = {
  echo: {
    use: "echo: the request as the server saw it",
    methods: "any",
    async answer({ turn, query }) {
      const { request } = turn;
      const body = await bodyOf(turn, MAX.body);
      await send(turn, {
        ...json({
          method: request.method,
          url: request.url,
          httpVersion: request.httpVersion,
          query: Object.fromEntries(
            [...new Set(query.keys())].map((name) => [name, oneOrAll(query.getAll(name))]),
          ),
          headers: request.headers,
          bytes: body.length,
          ...(isUtf8(body) ? { body: body.toString() } : { base64: body.toString("base64") }),
          ...jsonIn(body, request.headers["content-type"]),
        }),
      });
    },
  },
  cookies: {
    use: "cookies: those that came; cookies/set?NAME=VALUE and cookies/delete?NAME change them",
    async answer({ turn, rest: [change], query, prefix }) {
      const { request, response } = turn;
      if (change === undefined) return send(turn, json({ cookies: cookiesIn(request.headers.cookie) }));
      if (change !== "set" && change !== "delete") throw unknown(`cookies/${change}`);
      // One of each name (RFC 6265 §4.1.1): the last.
      const cookies = [...new Map(query)].map(([name, value]) => {
        if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new Refusal(400, `"${name}" is no name of a cookie.`);
        const expiry = change === "delete" ? "; Max-Age=0" : "";
        return `${name}=${change === "set" ? encodeURIComponent(value) : ""}; Path=/${expiry}`;
      });
      if ((await turn.announce(302)) !== "go") return;
      response.set({ "Set-Cookie": cookies, Location: `${prefix}cookies`, "Content-Length": "0" }).end();
    },
  },
  "basic-auth": {
    use: "basic-auth: asks for an account of the lab",
    async answer({ turn, visitors }) {
      const { user } = visitors.of(turn);
      if (user === undefined) throw new Refusal(401, "Log in as somebody whom the lab knows.", CHALLENGE);
      await send(turn, json({ user }));
    },
  },
};

function oneOrAll(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? (values[0] ?? "") : values;
}

function jsonIn(body: Buffer, type = ""): { readonly json?: unknown } {
  if (!/^application\/(?:[^;]*\+)?json\b/i.test(type)) return {};
  try {
    return { json: JSON.parse(body.toString()) };
  } catch {
    return {};
  }
}

function cookiesIn(header = ""): Record<string, string> {
  const pairs = header.split(";").flatMap((pair): [string, string][] => {
    const [, name, value = ""] = /^\s*([^=\s]+)=(.*?)\s*$/.exec(pair) ?? [];
    return name === undefined ? [] : [[name, decoded(value)]];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
