import { bytesIn } from "../../core/capture/record.ts";
import type { RecordedLine } from "../../core/capture/recorded.ts";
import { conversationsIn } from "../../core/events/conversations.ts";
import type { CloseReason, Protocol, WireEvent } from "../../core/events/events.ts";
import { replyLines } from "../../core/events/reproducible.ts";
import { type Expectation, exactly, ftpLine, typed } from "./expectation.ts";

/** What comes next in a conversation: something that the server sends, or that the client is to send. */
type Step = { readonly send: Buffer } | { readonly expect: Expectation };

/** A recorded conversation, to be had again. */
export interface Conversation {
  /** As a transcript names it: `files#1`. */
  readonly name: string;
  readonly steps: readonly Step[];
  /** Who ended it. */
  readonly ended: "client" | "server";
}

/** A recorded server. */
export interface RecordedServer {
  readonly name: string;
  readonly protocol: Protocol;
  readonly conversations: readonly Conversation[];
}

/** The protocols whose conversations a recording holds whole. */
export const REPLAYED: readonly Protocol[] = ["tcp", "telnet", "ftp"];

/** The servers of a recording that can be replayed, and their conversations in the order in which they began. */
export function serversIn(recorded: readonly RecordedLine[]): RecordedServer[] {
  const events = recorded.filter((line): line is WireEvent => line.type !== "bytes");
  const { names } = conversationsIn(events);
  const servers = new Map<string, { protocol: Protocol; ids: Set<string> }>();
  for (const { server, protocol, connection } of recorded) {
    if (!REPLAYED.includes(protocol)) continue;
    const known = servers.get(server) ?? { protocol, ids: new Set() };
    servers.set(server, known);
    // FTP's data connections are not replayed.
    if (connection !== undefined && !connection.includes(".")) known.ids.add(connection);
  }
  return [...servers].map(([name, { protocol, ids }]) => ({
    name,
    protocol,
    conversations: [...ids].map((id) => {
      const own = recorded.filter(({ connection }) => connection === id);
      return { name: names.get(id) ?? id, steps: [...stepsOf(own)], ended: whoEnded(own) };
    }),
  }));
}

function whoEnded(own: readonly RecordedLine[]): "client" | "server" {
  // A client that has said QUIT waits for the server to close (RFC 959 §4.1.1), though it is the one that wished to end.
  const last = own.findLast(({ type }) => type === "reply" || type === "command");
  if (last?.protocol === "ftp" && last.type === "reply" && (last.code === 221 || last.code === 421))
    return "server";
  const reason = own.findLast((line) => line.type === "closed")?.reason;
  const byClient: readonly (CloseReason | undefined)[] = ["client", "reset", undefined];
  return byClient.includes(reason) ? "client" : "server";
}

function* stepsOf(own: readonly RecordedLine[]): Generator<Step> {
  for (const line of own) {
    if (line.protocol === "ftp") {
      if (line.type === "command") yield { expect: ftpLine(line.verb, line.target) };
      if (line.type === "reply") {
        const lines = replyLines(line.code, line.text).map((each) => `${each}\r\n`);
        yield { send: Buffer.from(lines.join("")) };
      }
    } else if (line.type === "bytes") {
      const bytes = bytesIn(line);
      if (line.direction === "out") yield { send: bytes };
      else yield { expect: line.protocol === "telnet" ? typed(bytes) : exactly(bytes) };
    }
  }
}
