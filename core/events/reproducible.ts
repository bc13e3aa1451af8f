import { type CloseReason, type EventOf, PREVIEW, type WireEvent } from "./events.ts";
import { bytesOf, sentenceOf, transferOf, visible } from "./sentence.ts";

// What of events is the same in every run of the same conversation. The rest gets names, or is left out.

/** The ends of which the conversation, or a fault's own line, tells: when the kernel does, and by which name, is chance. */
const UNTOLD_ENDS: readonly CloseReason[] = ["client", "reset", "server", "fault"];

/**
 * Says events in lines that are the same in every run. A reply has as many as on the wire; an event has none that depends on
 * when the lab was started, or on how soon the kernel tells of a connection's end.
 *
 * @param urls the servers' URLs, by name.
 * @param remembered all the events that there are: what the server made up is learned from them.
 */
export function reproducibleLines(
  urls: ReadonlyMap<string, string>,
  remembered: Iterable<WireEvent>,
): (event: WireEvent) => readonly string[] {
  const named = namedTexts(urls, remembered);
  return (event) => {
    switch (event.type) {
      case "listening":
      case "stopped":
      case "target":
        return [];
      case "refused":
        return [`refused ${"host" in event.peer ? event.peer.host : "a client"}: ${event.reason}`];
      case "opened":
        return [event.secure ? "opened with TLS" : "opened"];
      case "secured":
        // Whether a session is resumed depends on how soon the ticket of another one came.
        return [visible(`secured by ${event.version}${event.subject ? `, client ${event.subject}` : ""}`)];
      case "closed":
        return UNTOLD_ENDS.includes(event.reason) ? [] : [`closed (${event.reason})`];
      case "command":
        return [
          sentenceOf({ ...event, ...(event.target !== undefined && { target: named(targetOf(event)) }) }),
        ];
      case "reply":
        return replyLines(event.code, named(textOf(event))).map((line) => visible(`< ${line}`.trimEnd()));
      case "transfer":
        // How far one got that was broken off is chance, unless a fault has counted its bytes.
        return [named(`${transferOf(event)}: ${event.complete ? bytesOf(event.bytes) : "incomplete"}`)];
      case "frame": {
        const { peer: _, ...frame } = event;
        return [named(sentenceOf(frame))];
      }
      case "error":
        return [named(sentenceOf(event)).replace(HOST_AND_PORT, "$1:<port>")];
      default:
        return [named(sentenceOf(event))];
    }
  };
}

/**
 * The events in an order that is the same in every run: a data connection is told as a whole behind the reply that announced
 * its transfer. One that carried nothing is not told to have opened: whether it is heard of is chance.
 */
export function inTellingOrder(
  events: readonly WireEvent[],
  announcements: ReadonlyMap<string, number>,
): WireEvent[] {
  const present = new Set(events.map(({ seq }) => seq));
  const behind = new Map<number, WireEvent[]>();
  const told = events.filter((event) => {
    const { connection: id = "" } = event;
    const announcement = announcements.get(id);
    if (announcement === undefined)
      return event.type !== "opened" || event.protocol !== "ftp" || !id.includes(".");
    if (!present.has(announcement)) return true;
    behind.set(announcement, [...(behind.get(announcement) ?? []), event]);
    return false;
  });
  return told.flatMap((event) => [event, ...(behind.get(event.seq) ?? [])]);
}

/**
 * The events with one for those that are cuts of the same stream, told one after another on a connection: where TCP cuts is
 * chance.
 */
export function withoutCuts(events: Iterable<WireEvent>): WireEvent[] {
  const whole: WireEvent[] = [];
  /** Where in `whole` a connection's last event is. */
  const last = new Map<string | undefined, number>();
  for (const event of events) {
    const index = last.get(event.connection) ?? -1;
    const before = whole[index];
    if (isCut(event) && before && isCut(before) && before.direction === event.direction) {
      const preview = `${before.preview}${event.preview}`.slice(0, PREVIEW);
      whole[index] = { ...before, bytes: before.bytes + event.bytes, preview };
      continue;
    }
    last.set(event.connection, whole.length);
    whole.push(isCut(event) ? { ...event, preview: event.preview.slice(0, PREVIEW) } : event);
  }
  return whole;
}

function isCut(event: WireEvent): event is EventOf<"frame"> {
  return event.type === "frame" && event.kind === "data";
}

/** The lines of a reply, with a code as RFC 959 §4.2 frames them. */
export function replyLines(code: number | undefined, text: string): string[] {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const end = lines.length - 1;
  return lines.map((line, index) => {
    const mark = code === undefined ? "" : index === end ? `${code} ` : index === 0 ? `${code}-` : "";
    return `${mark}${line}`;
  });
}

/** An instant or a minute of ISO 8601, with a T or, as in listings, with a space; and an HTTP date (RFC 9110 §5.6.7). */
const TIME =
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g;

/** RFC 3659 §2.3: the value of MDTM, and the fact `modify`. */
const FTP_TIME = /(?<=^|modify=)\d{14}(?:\.\d+)?(?=$|;)/gi;

/** RFC 3659 §7.5.2: the fact `unique`, which the store makes up. */
const UNIQUE = /(?<=unique=)[^;]+(?=;)/gi;

/** What `ls -l` says of time, in front of the name. */
const LS_TIME = /^([-d][-rwx]{9} .*?) [A-Z][a-z]{2} [ \d]\d +(?:\d{4}|\d\d:\d\d) /gm;

/** Four numbers of an address and two of a port, as PORT and the reply to PASV have them (RFC 959 §4.1.2). */
const ADDRESS_AND_PORT = /(\d+,\d+,\d+,\d+),\d+,\d+/;

const HOST_AND_PORT = /(\b\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]|::1):\d{1,5}\b/g;

function textOf({ protocol, code, text }: EventOf<"reply">): string {
  if (protocol !== "ftp") return text.replace(TIME, "<time>");
  if (code === 227) return text.replace(ADDRESS_AND_PORT, "$1,<port>");
  if (code === 229) return text.replace(/\|\d+\|(?=\))/, "|<port>|");
  return text.replace(FTP_TIME, "<time>").replace(UNIQUE, "<unique>").replace(LS_TIME, "$1 <time> ");
}

function targetOf({ protocol, verb, target = "" }: EventOf<"command">): string {
  if (protocol !== "ftp") return target;
  switch (verb) {
    case "PORT":
      return target.replace(ADDRESS_AND_PORT, "$1,<port>");
    case "EPRT":
      // RFC 2428 §2: the first character parts the fields, whatever it is.
      return target.replace(/^(.)(\d+)\1(.*)\1\d+\1/, "$1$2$1$3$1<port>$1");
    case "MFMT":
    case "MDTM":
    case "SITE UTIME":
      return target.replace(/(?<!\S)\d{12,14}(?:\.\d+)?(?!\S)/g, "<time>");
    default:
      return target;
  }
}

/** Gives names to what servers have got or made up: their addresses, and the file names that STOU has chosen. */
function namedTexts(
  urls: ReadonlyMap<string, string>,
  remembered: Iterable<WireEvent>,
): (text: string) => string {
  const names = [...urls].map(([server, url]) => [addressPattern(url), `<${server}>`] as const);
  const targets = new Set<string>();
  for (const event of remembered) {
    if (event.type === "command" && event.protocol === "forward" && event.target !== undefined) {
      if (!targets.has(event.target))
        names.push([addressPattern(`tcp://${event.target}`), `<target${targets.size + 1}>`]);
      targets.add(event.target);
    }
    // RFC 1123 §4.1.2.9 fixes these words.
    const [, unique] =
      (event.type === "reply" && event.code === 150 && /^FILE: (.+)$/.exec(event.text)) || [];
    if (unique !== undefined) names.push([new RegExp(literally(unique), "g"), "<unique>"]);
  }
  return (text) => names.reduce((before, [pattern, name]) => before.replace(pattern, () => name), text);
}

/** What names a server: its URL, or host and port. */
function addressPattern(url: string): RegExp {
  const [, scheme, host, port] = /^(\w+:\/\/)(.+):(\d+)$/.exec(url) ?? [];
  if (!scheme || !host || !port) return new RegExp(literally(url), "g");
  return new RegExp(`(?:${scheme})?(?:${literally(host)}|\\blocalhost):${port}(?!\\d)`, "g");
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
