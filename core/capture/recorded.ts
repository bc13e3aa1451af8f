import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { codeOf, messageOf, WirelabError } from "../errors.ts";
import type { WireEvent } from "../events/events.ts";
import type { RecordedBytes } from "./record.ts";

/** A line of a recording: an event, or bytes that passed. */
export type RecordedLine = WireEvent | RecordedBytes;

/** The longest line of a recording, in characters. */
const LONGEST = 128 * 1024 * 1024;

/** What every line of it has. */
const COMMON = { type: "string", server: "string", protocol: "string", at: "number" } as const;

/**
 * Reads a recording that {@link RecordOptions.events} has written, line by line. Where it breaks off in its last line, since
 * its process was killed or is still at it, that line is left out.
 *
 * @param source a file's path, or the content as it comes.
 * @throws WirelabError `BAD_CONTENT` that names the line, where it is none; `NOT_FOUND` or `IO` where it cannot be read.
 *
 * @example
 * ```ts
 * import { PassThrough } from "node:stream";
 * import { readRecording, startLab, tcp } from "wirelab";
 *
 * const events = new PassThrough();
 * const lab = await startLab({ one: tcp() }, { record: { events } });
 * await lab.stop();
 * events.end();
 * const types = [];
 * for await (const { type } of readRecording(events)) types.push(type);
 * console.log(types.join()); // listening,stopped
 * ```
 */
export async function* readRecording(source: string | Readable): AsyncGenerator<RecordedLine> {
  const name = typeof source === "string" ? source : "the recording";
  const input = typeof source === "string" ? createReadStream(source) : source;
  const refused = (line: number) =>
    new WirelabError(
      "BAD_CONTENT",
      `${name}, line ${line}: this is no line of a recording. wirelab --record FILE writes one.`,
    );
  let number = 0;
  let torn = 0;
  for await (const line of linesOf(input, name)) {
    number += 1;
    if (torn > 0) throw refused(torn);
    if (line.trim() === "") continue;
    const read = parsed(line);
    if (read === undefined && number > 1 && line.startsWith("{")) {
      torn = number;
      continue;
    }
    if (isOfType(read, "recording") && number === 1) continue;
    // A place where the disk was too slow.
    if (isOfType(read, "missing")) continue;
    if (!isRecorded(read)) throw refused(number);
    yield read;
  }
  if (number === 0) throw new WirelabError("BAD_CONTENT", `${name} is empty: there is no recording in it.`);
}

/** All lines of a recording, as {@link readRecording} reads them. */
export async function wholeRecording(source: string | Readable): Promise<RecordedLine[]> {
  const recorded: RecordedLine[] = [];
  for await (const line of readRecording(source)) recorded.push(line);
  return recorded;
}

async function* linesOf(input: Readable, name: string): AsyncGenerator<string> {
  let failure: Error | undefined;
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  input.once("error", (error: Error) => {
    failure = error;
    lines.close();
  });
  try {
    yield* lines;
  } catch (error) {
    failure ??= error as Error;
  }
  if (!failure) return;
  const [code, why] =
    codeOf(failure) === "ENOENT"
      ? (["NOT_FOUND", "there is no such file."] as const)
      : (["IO", `it cannot be read: ${messageOf(failure)}.`] as const);
  throw new WirelabError(code, `${name}: ${why}`, { cause: failure });
}

function parsed(line: string): unknown {
  if (line.length > LONGEST) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isOfType(read: unknown, type: string): boolean {
  return typeof read === "object" && read !== null && "type" in read && read.type === type;
}

function isRecorded(read: unknown): read is RecordedLine {
  if (typeof read !== "object" || read === null) return false;
  const fields = read as Readonly<Record<string, unknown>>;
  return Object.entries(COMMON).every(([field, type]) => typeof fields[field] === type);
}
