import { promisify } from "node:util";
import { brotliCompress, deflate, gzip } from "node:zlib";
import etag from "etag";
import { MemoryContent } from "../content.ts";
import { respond } from "../respond.ts";
import { json, send, whole } from "../send.ts";
import { type Endpoint, MAX, spread } from "./endpoint.ts";

/** How bodies come: in parts, in pieces, slowly, packed. */
export const BODIES: Readonly<Record<string, Endpoint>> = {
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
  gzip: {
    use: "gzip: packed, whether it is accepted or not",
    answer: packed("gzip", promisify<Buffer, Buffer>(gzip)),
  },
  deflate: { use: "deflate: the same", answer: packed("deflate", promisify<Buffer, Buffer>(deflate)) },
  brotli: { use: "brotli: the same", answer: packed("br", promisify<Buffer, Buffer>(brotliCompress)) },
};

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
