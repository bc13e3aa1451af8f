import { endpointText } from "../core/address.ts";
import { bytesIn } from "../core/capture/record.ts";
import type { RecordedLine } from "../core/capture/recorded.ts";
import { conversationsIn } from "../core/events/conversations.ts";
import { type Direction, previewOf, type WireEvent } from "../core/events/events.ts";
import { replyLines } from "../core/events/reproducible.ts";
import { bytesOf, sentenceOf, transferOf, visible } from "../core/events/sentence.ts";
import { codeWords, verbWords } from "../servers/ftp/words.ts";
import { methodWords, statusWords } from "../servers/http/words.ts";
import { negotiationWords } from "../servers/telnet/words.ts";

export interface LadderOptions {
  /** Columns of the screen. */
  readonly width: number;
  readonly colours: "on" | "off";
}

/** Between the two sides there are at least so many columns, and at most so many. */
const SPAN = { least: 30, most: 64 };

/** What one line of a ladder shows, without its time and name. */
interface Rung {
  readonly mark: "opened" | "closed" | "in" | "out" | "continued" | "note";
  readonly text: string;
  /** What it means, in plain words. */
  readonly words?: string | undefined;
}

/**
 * Draws a recording as people draw protocols: the client left, the server right, an arrow for each thing that was said, and what
 * it means beside it.
 */
export function* ladder(
  recorded: Iterable<RecordedLine>,
  { width, colours }: LadderOptions,
): Generator<string> {
  const lines = [...recorded].filter(isShown);
  const events = lines.filter(isEvent);
  const { names } = conversationsIn(events);
  const urls = new Map(
    events.flatMap((each) => (each.type === "listening" ? [[each.server, each.url] as const] : [])),
  );
  const start = lines[0]?.at ?? 0;
  const nameOf = ({ connection, server }: RecordedLine) => names.get(connection ?? "") ?? server;
  const column = Math.max(0, ...lines.map((line) => nameOf(line).length));
  const longest = Math.max(
    0,
    ...lines.flatMap((line) => rungsOf(line, urls)).map(({ words }) => words?.length ?? 0),
  );
  const room = width - column - "+000.000s    │  │ ".length;
  const span = Math.min(SPAN.most, Math.max(SPAN.least, room - Math.min(longest, Math.floor(room / 3)) - 1));
  const paint: Paint = (code, text) => (colours === "on" && text ? `\u001b[${code}m${text}\u001b[0m` : text);
  yield `${"".padEnd(column + 13)}${paint(1, "client")}${"".padEnd(Math.max(1, span - 8))}${paint(1, "server")}`;
  for (const line of lines) {
    for (const [index, rung] of rungsOf(line, urls).entries()) {
      const time = index === 0 ? `+${((line.at - start) / 1000).toFixed(3)}s` : "";
      const head = `${paint(2, time.padStart(10))} ${paint(36, nameOf(line).padEnd(column))} `;
      yield `${head} ${drawn(rung, span, paint)}`.trimEnd();
    }
  }
}

function isEvent(line: RecordedLine): line is WireEvent {
  return line.type !== "bytes";
}

/** Of bytes, those of which no event tells: what a TCP server sends. */
function isShown(line: RecordedLine): boolean {
  return isEvent(line) || (line.protocol === "tcp" && line.direction === "out");
}

type Paint = (code: number, text: string) => string;

function drawn({ mark, text, words }: Rung, span: number, paint: Paint): string {
  const meaning = words === undefined ? "" : `  ${paint(2, words)}`;
  const shaft = "─".repeat(Math.max(1, span - text.length - 3));
  switch (mark) {
    case "opened":
      return paint(2, `┌─ ${text}`);
    case "closed":
      return paint(2, `└─ ${text}`);
    case "note":
      return `│ ${paint(33, text)}${meaning}`;
    case "in":
      return `│ ${paint(32, text)} ${shaft}► │${meaning}`;
    case "out":
      return `│ ◄${shaft} ${paint(34, text)} │${meaning}`;
    case "continued":
      return `│ ${paint(34, text.padStart(span))} │${meaning}`;
  }
}

/** Most events have one line; replies of several lines as many as they have. */
function rungsOf(event: RecordedLine, urls: ReadonlyMap<string, string>): readonly Rung[] {
  switch (event.type) {
    case "opened": {
      const to = event.parent === undefined ? ` to ${urls.get(event.server) ?? event.server}` : ", for data";
      return [
        {
          mark: "opened",
          text: `${endpointText(event.peer)} connects${to}${event.secure ? " with TLS" : ""}`,
        },
      ];
    }
    case "closed":
      return [
        {
          mark: "closed",
          text: `closed (${event.reason}): ${bytesOf(event.received)} in, ${event.sent} out`,
        },
      ];
    case "command":
      return [
        {
          mark: "in",
          text: visible([event.verb, event.target].filter(Boolean).join(" ")),
          words: wordsOf(event),
        },
      ];
    case "reply": {
      const lines = replyLines(event.code, event.text).map(visible);
      // They keep their left edge, since it may be a table.
      const edge = Math.max(...lines.map((line) => line.length));
      return lines.map((line, index) => ({
        mark: index === 0 ? "out" : "continued",
        text: lines.length === 1 ? line : line.padEnd(edge),
        words: index === lines.length - 1 ? wordsOf(event) : undefined,
      }));
    }
    case "frame":
      return [{ mark: event.direction, text: frameText(event), words: wordsOf(event) }];
    case "bytes": {
      const bytes = bytesIn(event);
      return [{ mark: event.direction, text: `${previewOf(bytes)} (${bytesOf(bytes.length)})` }];
    }
    case "transfer": {
      const amount = `${bytesOf(event.bytes)}${event.complete ? "" : ", incomplete"}`;
      return [{ mark: "note", text: `${transferOf(event)}: ${amount}` }];
    }
    case "listening":
    case "stopped":
      return [{ mark: "note", text: sentenceOf(event) }];
    default:
      // A recording of a later version may have what this one does not know.
      return [{ mark: "note", text: sentenceOf(event) ?? event.type }];
  }
}

function frameText(event: WireEvent & { readonly type: "frame" }): string {
  if (event.kind === "negotiation") return visible(`IAC ${event.preview}`);
  const kind = event.kind === "data" || event.kind === "text" ? "" : `${event.kind} `;
  return visible(`${kind}${event.preview} (${bytesOf(event.bytes)})`);
}

function wordsOf(event: WireEvent): string | undefined {
  if (event.type === "frame") return event.kind === "negotiation" ? negotiated(event) : undefined;
  if (event.type !== "command" && event.type !== "reply") return undefined;
  switch (event.protocol) {
    case "ftp":
      return event.type === "command" ? verbWords(event.verb) : codeIn(event, codeWords);
    case "http":
    case "websocket":
      return event.type === "command" ? methodWords(event.verb) : codeIn(event, statusWords);
    default:
      return undefined;
  }
}

function negotiated(event: { readonly direction: Direction; readonly preview: string }): string | undefined {
  return negotiationWords(event.direction, event.preview);
}

function codeIn(
  reply: { readonly code?: number },
  words: (code: number) => string | undefined,
): string | undefined {
  return reply.code === undefined ? undefined : words(reply.code);
}
