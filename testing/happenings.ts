import { conversationsIn } from "../core/events/conversations.ts";
import type { EventOf, RefusalReason, WireEvent } from "../core/events/events.ts";
import { sentenceOf } from "../core/events/sentence.ts";
import type { Subject } from "./subject.ts";

/** A text as it must be: whole, with `*` for anything, or as a pattern that is somewhere in it. */
export type Text = string | RegExp;

/** What every kind of happening can be told by. What is left out may be anything. */
interface HappeningLike {
  /** The server's name in the lab. */
  readonly server?: string;
  /** The connection's name in the transcript, `files#1`, or its id, `c7`. */
  readonly connection?: string;
  /** How often it must have happened, exactly. Default: once or more. */
  readonly times?: number;
}

/** A command as it must be. */
export interface CommandLike extends HappeningLike {
  /** An FTP verb, an HTTP method, a Telnet shell command; whatever its case. */
  readonly verb?: Text;
  /** What the command is about, as it was sent, or the path in the store that it names. */
  readonly target?: Text;
}

/** A transfer of a file as it must be. */
export interface TransferLike extends HappeningLike {
  /** The file's path in the store. */
  readonly path?: Text;
  /** `in` for what clients upload, `out` for what they download. Default: either. */
  readonly direction?: "in" | "out";
  readonly bytes?: number;
  /** Whether it came to its end. Default true. */
  readonly complete?: boolean;
}

/**
 * A refusal as it must be: a command that was answered with a code of 400 or more (FTP and HTTP), told by verb, target,
 * code or text; or a connection that was not let in, told by reason or peer.
 */
export interface RefusalLike extends HappeningLike {
  readonly verb?: Text;
  readonly target?: Text;
  readonly code?: number;
  /** What the reply says behind its code. */
  readonly text?: Text;
  /** Why the connection was not let in. */
  readonly reason?: RefusalReason;
  /** The address of who was not let in. */
  readonly peer?: Text;
}

/** What something is told by. A list is of values any of which will do. */
type Fields = Readonly<Record<string, unknown>>;

/** Something that happened. */
export interface Happening {
  /** In words, as the transcript has it. */
  readonly line: string;
  readonly fields: Fields;
}

/** A kind of happening: what it is called, what it is told by, and which events are one. */
export interface Kind {
  readonly one: string;
  readonly fields: readonly string[];
  readonly among: (events: readonly WireEvent[]) => (readonly [WireEvent, Fields])[];
}

const EVERYWHERE = ["server", "connection", "times"];

export const COMMAND: Kind = {
  one: "command",
  fields: [...EVERYWHERE, "verb", "target"],
  among: (events) =>
    events.flatMap((event) => (event.type === "command" ? [[event, commandFields(event)] as const] : [])),
};

export const TRANSFER: Kind = {
  one: "transfer",
  fields: [...EVERYWHERE, "path", "direction", "bytes", "complete"],
  among: (events) =>
    events.flatMap((event) => (event.type === "transfer" ? [[event, { ...event }] as const] : [])),
};

export const REFUSAL: Kind = {
  one: "refusal",
  fields: [...EVERYWHERE, "verb", "target", "code", "text", "reason", "peer"],
  among(events) {
    const found: [WireEvent, Fields][] = [];
    const asked = new Map<string | undefined, Fields>();
    for (const event of events) {
      if (event.type === "command") asked.set(event.connection, commandFields(event));
      else if (event.type === "refused") {
        const peer = "host" in event.peer ? event.peer.host : event.peer.path;
        found.push([event, { ...event, peer }]);
      } else if (event.type === "reply" && event.code !== undefined && event.code >= 400) {
        found.push([event, { ...asked.get(event.connection), ...event }]);
      }
    }
    return found;
  },
};

function commandFields({ server, verb, target, path }: EventOf<"command">): Fields {
  return { server, verb, target: [...new Set([target, path])].filter((name) => name !== undefined) };
}

/** What happened of a kind, in the part of the lab that the subject is. */
export function happenings(kind: Kind, { lab, server }: Subject): Happening[] {
  const events = [...lab.transcript];
  const { names } = conversationsIn(events);
  return kind.among(events).flatMap(([event, fields]) => {
    if (server !== undefined && event.server !== server) return [];
    const { connection } = event;
    const name = connection === undefined ? event.server : (names.get(connection) ?? connection);
    return [{ line: `${name} ${sentenceOf(event)}`, fields: { ...fields, connection: [name, connection] } }];
  });
}
