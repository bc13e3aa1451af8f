import type { RecordedLine } from "../../core/capture/recorded.ts";
import type { ListenOptions, Service } from "../../core/service.ts";

/** Where a client first left a recorded conversation. */
export interface Difference {
  /** The conversation, as a transcript names it: `files#1`. */
  readonly conversation: string;
  /** Which step of it, from 1. */
  readonly step: number;
  readonly expected: string;
  readonly came: string;
  /** All of it in a sentence. */
  readonly message: string;
}

/** What a running replay tells. */
export interface Replaying {
  /** The first difference of each client that left the conversation, in the order in which they did. */
  differences(): readonly Difference[];
  /** How many conversations have been followed to their end. */
  followed(): number;
  /** How many there are in the recording. */
  readonly conversations: number;
}

/** What {@link replay} can be told. */
export interface ReplayOptions extends ListenOptions {
  /** Which of the recorded servers. Default: the only one. */
  readonly server?: string;
}

/**
 * A server that says what a recorded one has said, to clients that say what the recorded ones have said: of TCP, Telnet, and
 * FTP's control connection. The first client is held against the first conversation, and so on; behind the last one it begins
 * anew. A client that says something else is told to observers (an `error` event `MISMATCH`) and its connection is closed.
 *
 * Passwords are not in a recording, so any will do; so will the ports that an FTP client offers. Telnet's negotiation may come
 * at any time.
 *
 * @param recorded what {@link readRecording} gives.
 * @throws WirelabError When it starts, `BAD_OPTION`: where the recording has no such server, or none that can be replayed.
 *
 * @example
 * ```ts
 * import { connect } from "node:net";
 * import { PassThrough } from "node:stream";
 * import { text } from "node:stream/consumers";
 * import { type RecordedLine, readRecording, replay, startLab, tcp } from "wirelab";
 *
 * const events = new PassThrough();
 * const said = async ({ host, port }: { host: string; port: number }) => text(connect(port, host).end("hi"));
 * {
 *   await using lab = await startLab({ greeter: tcp() }, { record: { events } });
 *   await said(lab.servers.greeter);
 * }
 * events.end();
 * const recorded: RecordedLine[] = [];
 * for await (const line of readRecording(events)) recorded.push(line);
 * await using lab = await startLab({ again: replay(recorded) });
 * console.log(await said(lab.servers.again)); // Hello, world!
 * console.log(lab.servers.again.differences().length); // 0
 * ```
 */
export function replay(recorded: readonly RecordedLine[], options: ReplayOptions = {}): Service<Replaying> {
  const { server, ...listen } = options;
  return {
    protocol: recorded.find((line) => server === undefined || line.server === server)?.protocol ?? "tcp",
    listen,
    open: async () => (await import("./engine.ts")).replayEngine(recorded, server),
  };
}
