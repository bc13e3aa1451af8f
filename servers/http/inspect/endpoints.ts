import { isUtf8 } from "node:buffer";
import { STATUS_CODES } from "node:http";
import { promisify } from "node:util";
import { brotliCompress, deflate, gzip } from "node:zlib";
import etag from "etag";
import { MemoryContent } from "../content.ts";
import { Refusal } from "../refusal.ts";
import { respond } from "../respond.ts";
import { bodyOf, json, pause, send, whole } from "../send.ts";
import type { Turn } from "../turn.ts";
import { CHALLENGE, type Visitors } from "../visitor.ts";

/** The most that endpoints make and take, in bytes, milliseconds and pieces. */
const MAX = {
  body: 1_048_576,
  bytes: 100_000_000,
  range: 1_048_576,
  ms: 60_000,
  pieces: 10_000,
  redirects: 100,
};

/** What was asked of an endpoint. */
interface Question {
  readonly turn: Turn;
  /** What stands behind the endpoint's name in the path. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
  /** The path of all endpoints, with a slash at its end. */
  readonly prefix: string;
  readonly visitors: Visitors;
}

/** Something to try a client on. */
interface Endpoint {
  /** How it is asked for, and what it does: for people. */
  readonly use: string;
  /** Default: GET and HEAD. */
  readonly methods?: "any";
  answer(question: Question): Promise<void>;
}

export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
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
  status: {
    use: "status/CODE: that status, 200 to 599",
    methods: "any",
    async answer({ turn, rest, prefix }) {
      const status = whole(rest[0], "A status", { min: 200, max: 599 });
      turn.request.resume();
      const headers: Record<string, string> = { "Content-Type": "text/plain; charset=utf-8" };
      if (status > 300 && status < 309 && status !== 304) headers.Location = `${prefix}echo`;
      if (status === 401) Object.assign(headers, CHALLENGE);
      if (status === 405) headers.Allow = "GET, HEAD";
      const body =
        status === 204 || status === 304 || status === 205 ? "" : `${status} ${STATUS_CODES[status] ?? ""}\n`;
      await send(turn, { status, headers, body });
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
  bytes: {
    use: "bytes/N?seed=S: so many bytes, the same ones for the same seed (default 0)",
    async answer({ turn, rest, query }) {
      const length = whole(rest[0], "A number of bytes", { max: MAX.bytes });
      const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(length) };
      await send(turn, { headers, body: seeded(length, seedIn(query)) });
    },
  },
  range: {
    use: "range/N?seed=S: as bytes, and parts of them for a Range, with an ETag",
    async answer({ turn, rest, query }) {
      const length = whole(rest[0], "A number of bytes", { max: MAX.range });
      const chunks: Uint8Array[] = [];
      for await (const chunk of seeded(length, seedIn(query))) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      await respond(turn, new MemoryContent(bytes, "application/octet-stream", etag(bytes)));
    },
  },
  drip: {
    use: "drip?bytes=N&ms=MS: so many bytes (default 10), spread over so many milliseconds (default 1,000)",
    async answer({ turn, query }) {
      const count = whole(query.get("bytes") ?? "10", "bytes", { min: 1, max: MAX.pieces });
      const ms = whole(query.get("ms") ?? "1000", "ms", { max: MAX.ms });
      const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(count) };
      await send(turn, { headers, body: spread(turn, count, ms, () => "*") });
    },
  },
  stream: {
    use: "stream/N: so many lines of JSON, in chunks",
    async answer({ turn, rest }) {
      const count = whole(rest[0], "A number of lines", { max: MAX.pieces });
      const headers = { "Content-Type": "application/x-ndjson; charset=utf-8" };
      await send(turn, { headers, body: spread(turn, count, 0, (id) => `${JSON.stringify({ id })}\n`) });
    },
  },
  chunked: {
    use: "chunked: a body in three chunks, without a length",
    async answer({ turn }) {
      const headers = { "Content-Type": "text/plain; charset=utf-8" };
      await send(turn, { headers, body: spread(turn, 3, 0, (id) => `chunk ${id + 1}\n`) });
    },
  },
  trailers: {
    use: "trailers: a field behind the body, X-Bytes",
    async answer({ turn }) {
      const { request, response } = turn;
      // They go behind the last chunk, and only HTTP/1.1 has chunks.
      const chunked = request.httpVersion === "1.1" && request.method === "GET";
      const headers = { "Content-Type": "text/plain; charset=utf-8", ...(chunked && { Trailer: "X-Bytes" }) };
      async function* body(): AsyncGenerator<string> {
        yield "Look behind me.\n";
        response.addTrailers({ "X-Bytes": "16" });
      }
      await send(turn, { headers, body: body() });
    },
  },
  sse: {
    use: "sse?count=N&ms=MS: so many server-sent events (default 5), so many milliseconds apart (default 100)",
    async answer({ turn, query }) {
      const count = whole(query.get("count") ?? "5", "count", { max: MAX.pieces });
      const ms = whole(query.get("ms") ?? "100", "ms", { max: MAX.ms });
      const headers = { "Content-Type": "text/event-stream; charset=utf-8" };
      const event = (id: number) => `id: ${id}\nevent: count\ndata: ${JSON.stringify({ id })}\n\n`;
      await send(turn, { headers, body: spread(turn, count, ms * count, event) });
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
  cookies: {
    use: "cookies: those that came; cookies/set?NAME=VALUE and cookies/delete?NAME change them",
    async answer({ turn, rest: [change], query, prefix }) {
      const { request, response } = turn;
      if (change === undefined) return send(turn, json({ cookies: cookiesIn(request.headers.cookie) }));
      if (change !== "set" && change !== "delete") throw unknown(`cookies/${change}`);
      const cookies = [...query].map(([name, value]) => {
        if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new Refusal(400, `"${name}" is no name of a cookie.`);
        const expiry = change === "delete" ? "; Max-Age=0" : "";
        return `${name}=${change === "set" ? encodeURIComponent(value) : ""}; Path=/${expiry}`;
      });
      if ((await turn.announce(302)) !== "go") return;
      response.set({ "Set-Cookie": cookies, Location: `${prefix}cookies`, "Content-Length": "0" }).end();
    },
  },
  cache: {
    use: "cache/SECONDS: something to keep so long (default: to ask for anew), with ETag and Last-Modified",
    async answer({ turn, rest }) {
      const seconds = whole(rest[0] ?? "0", "A number of seconds", { max: 31_536_000 });
      const { request } = turn;
      const tag = '"wirelab"';
      const fresh =
        request.headers["if-none-match"] === tag || request.headers["if-modified-since"] === CACHED;
      const headers = {
        ETag: tag,
        "Last-Modified": CACHED,
        "Cache-Control": seconds === 0 ? "no-cache" : `max-age=${seconds}`,
      };
      if (fresh) return send(turn, { status: 304, headers });
      const { headers: type, ...reply } = json({ cached: seconds });
      await send(turn, { ...reply, headers: { ...type, ...headers } });
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
  gzip: {
    use: "gzip: packed, whether it is accepted or not",
    answer: packed("gzip", promisify<Buffer, Buffer>(gzip)),
  },
  deflate: { use: "deflate: the same", answer: packed("deflate", promisify<Buffer, Buffer>(deflate)) },
  brotli: { use: "brotli: the same", answer: packed("br", promisify<Buffer, Buffer>(brotliCompress)) },
};

const CACHED = new Date(0).toUTCString();

export function unknown(name: string): Refusal {
  return new Refusal(404, `There is no endpoint ${JSON.stringify(name)}.`, {}, "NOT_FOUND");
}

function packed(encoding: string, pack: (bytes: Buffer) => Promise<Buffer>): Endpoint["answer"] {
  return async ({ turn }) => {
    const { headers } = turn.request;
    const { headers: type, body } = json({ encoding, accepted: headers["accept-encoding"] ?? "" });
    await send(turn, {
      headers: { ...type, "Content-Encoding": encoding },
      body: await pack(Buffer.from(String(body))),
    });
  };
}

/** So many pieces within so many milliseconds, the first at once. */
async function* spread(
  turn: Turn,
  count: number,
  ms: number,
  piece: (index: number) => string,
): AsyncGenerator<string> {
  for (let index = 0; index < count; index += 1) {
    if (index > 0 && ms > 0) await pause(turn, ms / count);
    yield piece(index);
  }
}

/** Bytes that look like noise and are the same for the same seed, however many are asked for. */
async function* seeded(length: number, seed: number): AsyncGenerator<Uint8Array> {
  // Marsaglia's xorshift; a state of 0 would stay 0.
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  for (let left = length; left > 0; left -= 65_536) {
    const chunk = new Uint8Array(Math.min(left, 65_536));
    for (let index = 0; index < chunk.length; index += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      chunk[index] = state;
    }
    yield chunk;
  }
}

function seedIn(query: URLSearchParams): number {
  return whole(query.get("seed") ?? "0", "A seed", { max: 999_999_999 });
}

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
