import { STATUS_CODES } from "node:http";
import { checkConditions, isFresh, type Validators } from "../conditions.ts";
import { json, pause, send, whole } from "../send.ts";
import { CHALLENGE } from "../visitor.ts";
import { type Endpoint, MAX } from "./endpoint.ts";

/** What clients make of a status and what goes with it. */
export const REPLIES: Readonly<Record<string, Endpoint>> = {
  status: {
    use: "status/CODE: that status, 200 to 599",
    methods: "any",
    async answer({ turn, rest, prefix }) {
      const status = whole(rest[0], "A status", { min: 200, max: 599 });
      turn.request.resume();
      const headers: Record<string, string> = { "Content-Type": "text/plain; charset=utf-8" };
      if (status > 300 && status < 309 && status !== 304) headers.Location = `${prefix}echo`;
      if (status === 401) Object.assign(headers, CHALLENGE);
      if (status === 407) headers["Proxy-Authenticate"] = CHALLENGE["WWW-Authenticate"];
      if (status === 426) Object.assign(headers, { Upgrade: "h2c", Connection: "Upgrade, close" });
      if (status === 405) headers.Allow = "GET, HEAD";
      const body =
        status === 204 || status === 304 || status === 205 ? "" : `${status} ${STATUS_CODES[status] ?? ""}\n`;
      await send(turn, { status, headers, body });
    },
  },
  redirect: {
    use: "redirect/N: so many redirections, one after another",
    async answer({ turn, rest, prefix }) {
      const left = whole(rest[0], "A number of redirections", { max: MAX.redirects });
      if (left === 0) return send(turn, json({ redirected: true }));
      await send(turn, { status: 302, headers: { Location: `${prefix}redirect/${left - 1}` } });
    },
  },
  cache: {
    use: "cache/SECONDS: something to keep so long (default: to ask for anew), with ETag and Last-Modified",
    async answer({ turn, rest }) {
      const seconds = whole(rest[0] ?? "0", "A number of seconds", { max: 31_536_000 });
      const headers = {
        ETag: CACHED.etag,
        "Last-Modified": CACHED.modified.toUTCString(),
        "Cache-Control": seconds === 0 ? "no-cache" : `max-age=${seconds}`,
      };
      checkConditions(turn.request, CACHED);
      if (isFresh(turn.request, CACHED)) return send(turn, { status: 304, headers });
      const { headers: type, ...reply } = json({ cached: seconds });
      await send(turn, { ...reply, headers: { ...type, ...headers } });
    },
  },
  delay: {
    use: "delay/MS: answers after so many milliseconds, 60,000 at most",
    methods: "any",
    async answer({ turn, rest }) {
      const ms = whole(rest[0], "A delay", { max: MAX.ms });
      turn.request.resume();
      await pause(turn, ms).catch(() => {});
      await send(turn, json({ delay: ms }));
    },
  },
};

const CACHED: Required<Validators> = { etag: '"wirelab"', modified: new Date(0) };
