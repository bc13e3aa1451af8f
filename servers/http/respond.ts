import { pipeline } from "node:stream/promises";
import { codeOf, WirelabError } from "../../core/errors.ts";
import { checkConditions, isFresh, rangeApplies } from "./conditions.ts";
import type { Content } from "./content.ts";
import { contentRange, multipart, type Range, rangesOf } from "./ranges.ts";
import { Refusal } from "./refusal.ts";
import type { Turn } from "./turn.ts";

/**
 * Answers a GET or HEAD with a content, with a part of it, or with the news that the client has it already.
 *
 * @param path the file that it is, for observers; left out for what is no file.
 */
export async function respond(turn: Turn, content: Content, path?: string): Promise<void> {
  const { request, response } = turn;
  try {
    // Beside what else decides; where nothing does, it goes out with the head.
    if (content.negotiable && response.hasHeader("Vary")) response.vary("Accept-Encoding");
    checkConditions(request, content);
    if (isFresh(request, content)) {
      if ((await turn.announce(304)) !== "go") return;
      const headers: string[] = [];
      addValidators(headers, content, turn);
      response.writeHead(304, headers).end();
      return;
    }
    const asked = request.headers.range !== undefined && rangeApplies(request, content, turn.clock.now());
    const ranges = asked ? rangesOf(request, content.size) : undefined;
    if (ranges === "unsatisfiable") {
      throw new Refusal(416, `The file has ${content.size} bytes, and none of them is in the range.`, {
        "Content-Range": `bytes */${content.size}`,
      });
    }
    const part = ranges ? partial(content, ranges, turn) : whole(content, turn);
    const announced = turn.announce(part.code);
    if ((typeof announced === "string" ? announced : await announced) !== "go") return;
    response.writeHead(part.code, part.headers);
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    if (path !== undefined) turn.downloads({ path, length: part.length });
    if (typeof part.body === "string") response.end(part.body, "latin1");
    else if (part.body instanceof Uint8Array) response.end(part.body);
    else await stream(turn, part.body, part.length);
  } finally {
    if (content.close) await content.close();
  }
}

/** What is sent of a content. */
interface Part {
  readonly code: 200 | 206;
  readonly headers: string[];
  readonly length: number;
  readonly body: AsyncIterable<Uint8Array> | Uint8Array | string;
}

function whole(content: Content, turn: Turn): Part {
  const { type, size } = content;
  return {
    code: 200,
    headers: headersOf(content, turn, type, size),
    length: size,
    body: content.body ?? content.part({ start: 0, end: size - 1 }),
  };
}

function partial(content: Content, ranges: readonly Range[], turn: Turn): Part {
  const { type, size, bytes } = content;
  const [range] = ranges;
  if (range && ranges.length === 1) {
    const length = range.end - range.start + 1;
    const headers = headersOf(content, turn, type, length);
    headers.push("Content-Range", contentRange(range, size));
    const body = bytes?.subarray(range.start, range.end + 1) ?? content.part(range);
    return { code: 206, headers, length, body };
  }
  const parts = multipart(ranges, type, size);
  const { length } = parts;
  const body = parts.body((wanted) => content.part(wanted));
  return { code: 206, headers: headersOf(content, turn, parts.type, length), length, body };
}

/** Names and values in turn, as Node takes them fastest. */
function headersOf(content: Content, turn: Turn, type: string, length: number): string[] {
  const { encoding } = content;
  const headers = [
    "Content-Type",
    type,
    "Content-Length",
    String(length),
    encoding ? "Content-Encoding" : "Accept-Ranges",
    encoding ?? "bytes",
    "X-Content-Type-Options",
    "nosniff",
  ];
  addValidators(headers, content, turn);
  return headers;
}

function addValidators(headers: string[], content: Content, turn: Turn): void {
  const { etag, negotiable } = content;
  const lastModified = lastModifiedOf(content, turn);
  // What is cached is asked for again each time: another protocol may have changed the file.
  headers.push("ETag", etag, "Cache-Control", "no-cache");
  if (lastModified !== undefined) headers.push("Last-Modified", lastModified);
  if (negotiable && !turn.response.hasHeader("Vary")) headers.push("Vary", "Accept-Encoding");
}

/** What is said of the time of a content; one in the future is said to be now (RFC 9110 §8.8.2.1). */
function lastModifiedOf({ modified, lastModified }: Content, { clock }: Turn): string | undefined {
  const now = clock.now();
  return modified && modified.getTime() > now ? new Date(now).toUTCString() : lastModified;
}

/** Sends chunk by chunk, as fast as the client reads. */
async function stream({ response }: Turn, chunks: AsyncIterable<Uint8Array>, length: number): Promise<void> {
  try {
    await pipeline(exactly(length, chunks), response);
  } catch (error) {
    // The client has gone: that is its good right.
    if (codeOf(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

/** What is shorter or longer than was promised must break off: the client cannot find the end of it. */
async function* exactly(length: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of chunks) {
    sent += chunk.length;
    if (sent > length) break;
    yield chunk;
  }
  if (sent !== length) throw new WirelabError("IO", "The file changed while it was sent.");
}
