import { setImmediate as immediate, setTimeout as pause } from "node:timers/promises";
import { codeOf, type WirelabError } from "../errors.ts";
import { bytesOf, told } from "./bytes.ts";
import { Course } from "./course.ts";
import { filled, patternOf } from "./pattern.ts";
import type { Results } from "./results.ts";
import type { Script, ScriptStep } from "./steps.ts";

type Expected = Extract<ScriptStep, { readonly expect: unknown }>["expect"];

/** How many bytes may wait to be expected, and how long a line may be: the end of a longer one is not waited for. */
export const MAX_LINE = 65_536;

/** Who is at the other end, to a script. What came and was not expected yet waits, within bounds. */
export interface Partner {
  /** The connection, or all that is exchanged with one peer. */
  readonly id: string;
  /** `datagrams`: what is read comes whole, or not at all. */
  readonly transport: "stream" | "datagrams";
  /** Aborted when nothing is to be waited for any more. */
  readonly signal: AbortSignal;
  /** So many bytes at most, and one at least; undefined where no more come. */
  read(limit: number): Promise<Buffer | undefined>;
  /** A line with its end, or all that is left, or the beginning of a line that is too long; undefined where no more come. */
  readLine(): Promise<Buffer | undefined>;
  /** Puts back what was read, in front of what is to be read. */
  unread(bytes: Buffer): void;
  /** @param text what the bytes are, where the script has them as text. */
  send(bytes: Buffer, text?: string): Promise<void>;
  end(how: "fin" | "rst"): void;
  /** Whether nothing can be sent any more. */
  readonly over: boolean;
  /** Who has ended it, where no more comes: somebody other than the client is no mismatch. */
  readonly endedBy: "client" | "others";
  /** Tells observers. */
  fail(mismatch: WirelabError): void;
}

/** What came where something was expected. */
type Outcome =
  | { readonly kind: "fits"; readonly told: string; readonly found?: readonly string[] }
  | { readonly kind: "other"; readonly bytes: Buffer; readonly came: string }
  | { readonly kind: "ended"; readonly bytes: Buffer };

/** What would be sent to a client that is gone is skipped, so many steps long, to see whether it was expected to say something. */
const MAX_SKIPPED = 10_000;

const ENDED = "the client has ended its side";

/** Plays one script with all clients of a server. */
export class Player {
  readonly #script: Script;
  readonly #results: Results;
  #shared: Course;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(script: Script, results: Results) {
    this.#script = script;
    this.#results = results;
    this.#shared = new Course(script.steps);
  }

  /** Plays with a client until that one, or the script, has come to its end. */
  play(partner: Partner): Promise<void> {
    if (this.#script.progress !== "shared") return this.#play(partner, new Course(this.#script.steps));
    const turn = this.#turn.then(() => this.#play(partner, this.#shared));
    this.#turn = turn;
    return turn;
  }

  /** Begins anew, with clients that come from now on. */
  reset(): void {
    this.#shared = new Course(this.#script.steps);
    this.#turn = Promise.resolve();
    this.#results.reset();
  }

  async #play(partner: Partner, course: Course): Promise<void> {
    const wasOver = course.place === undefined;
    try {
      if ((await this.#proceed(partner, course)) === "left") {
        partner.end("fin");
        return;
      }
      if (!wasOver) this.#results.finish();
    } catch (error) {
      // Anything else is a wait that was broken off.
      if (codeOf(error) === "MISMATCH") await this.#report(partner, error as WirelabError);
      return;
    }
    if (partner.transport === "datagrams") {
      if (wasOver) await this.#watch(partner, course);
    } else {
      // Nobody waits for this: where progress is shared, others have their turn.
      void this.#watch(partner, course);
    }
  }

  /** What a client sends behind the end of the script is no part of it. */
  async #watch(partner: Partner, { conversation }: Course): Promise<void> {
    const surplus = await partner.read(1024);
    if (!surplus) partner.end("fin");
    else
      await this.#report(partner, conversation.mismatch("The end", "nothing more", `${told(surplus)} came`));
  }

  async #report(partner: Partner, mismatch: WirelabError): Promise<void> {
    this.#results.add(partner.id, mismatch);
    partner.fail(mismatch);
    const { mismatch: manner = "tell" } = this.#script;
    if (manner === "tell") await partner.send(Buffer.from(`${mismatch.message}\n`));
    partner.end(manner === "reset" ? "rst" : "fin");
  }

  /**
   * Takes step after step: until the script is over, or until this client has left it, which is no mismatch where another may
   * go on.
   */
  async #proceed(partner: Partner, course: Course): Promise<"over" | "left"> {
    /** What could have come to stay in the repeats that the client has left, and what came instead. */
    let left: { readonly expected: readonly string[]; readonly came: string } | undefined;
    let skipped = 0;
    for (let { place } = course; place; { place } = course) {
      const { step, name, begins } = place;
      if (!("expect" in step)) {
        left = undefined;
        if (partner.over) {
          skipped += 1;
          if (partner.endedBy === "others" || skipped > MAX_SKIPPED) return "left";
          course.advance();
          continue;
        }
        await this.#act(step, partner, course);
        // A script that says much keeps nobody else waiting.
        await immediate();
        course.advance();
        if (!("end" in step)) continue;
        return course.place ? "left" : "over";
      }
      const wanted = expectedText(step.expect);
      this.#results.wait(partner.id, name, wanted);
      const outcome = await this.#expect(step.expect, partner);
      if (outcome.kind === "fits") {
        course.conversation.remember(">", outcome.told);
        course.found = outcome.found;
        course.advance();
        left = undefined;
        continue;
      }
      if (outcome.kind === "ended") {
        const isShared = this.#script.progress === "shared" && outcome.bytes.length === 0;
        if (partner.endedBy === "others" || isShared) return "left";
      }
      const expected = [...(left?.expected ?? []), wanted];
      if (!begins)
        throw course.conversation.mismatch(`Step ${name}`, expected.join(" or "), cameText(outcome));
      left = { expected, came: cameText(outcome) };
      partner.unread(outcome.bytes);
      course.advance("leave");
      if (outcome.kind === "ended" && !course.place) return "over";
    }
    if (!left) return "over";
    throw course.conversation.mismatch("The end", [...left.expected, "the end"].join(" or "), left.came);
  }

  async #act(
    step: Exclude<ScriptStep, { readonly expect: unknown } | { readonly repeat: unknown }>,
    partner: Partner,
    { conversation, found }: Course,
  ): Promise<void> {
    if ("wait" in step) await pause(step.wait, undefined, { signal: partner.signal });
    else if ("end" in step) partner.end(step.end);
    else if (typeof step.send === "string") {
      const { lineEnd = "\n" } = this.#script;
      const text = (found ? filled(step.send, found) : step.send).replaceAll("\n", lineEnd);
      conversation.remember("<", told(Buffer.from(text)));
      await partner.send(Buffer.from(text), text);
    } else {
      const bytes = bytesOf(step.send);
      conversation.remember("<", told(bytes));
      await partner.send(bytes);
    }
  }

  async #expect(expected: Expected, partner: Partner): Promise<Outcome> {
    if (typeof expected === "string" || expected instanceof RegExp)
      return this.#expectLine(expected, partner);
    const wanted = "bytes" in expected ? undefined : bytesOf(expected);
    const count = "bytes" in expected ? expected.bytes : (wanted?.length ?? 0);
    const pieces: Buffer[] = [];
    let got = 0;
    const sofar = () => Buffer.concat(pieces);
    while (got < count) {
      const piece = await partner.read(count - got);
      if (!piece) return { kind: "ended", bytes: sofar() };
      pieces.push(piece);
      const isAsWanted =
        wanted?.subarray(got, got + piece.length).equals(piece) ?? got + piece.length <= count;
      got += piece.length;
      const isCut = partner.transport === "datagrams" && got < count;
      if (!isAsWanted || isCut) return { kind: "other", bytes: sofar(), came: told(sofar()) };
    }
    return { kind: "fits", told: told(sofar()) };
  }

  async #expectLine(expected: string | RegExp, partner: Partner): Promise<Outcome> {
    const line = await partner.readLine();
    if (!line) return { kind: "ended", bytes: Buffer.alloc(0) };
    const text = line.toString();
    // A pattern would find something in the beginning, and take it for the whole.
    const isCut = partner.transport === "stream" && line.length >= MAX_LINE && !text.endsWith("\n");
    if (isCut) return { kind: "other", bytes: line, came: `${told(line)} without a line's end` };
    const { lineEnd } = this.#script;
    const content = lineEnd === undefined ? text.replace(/\r?\n$/, "") : withoutEnd(text, lineEnd);
    const pattern = typeof expected === "string" ? patternOf(expected) : unhurried(expected);
    const found =
      content === undefined ? undefined : pattern ? pattern.exec(content) : content === expected && [];
    if (!found) return { kind: "other", bytes: line, came: told(line) };
    return { kind: "fits", told: told(line), ...(pattern && { found: found.map((group) => group ?? "") }) };
  }
}

/** The pattern without the flags by which it would go on where it has found something before. */
function unhurried({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags.replaceAll(/[gy]/g, ""));
}

/** The line without its end, where it has that one. */
function withoutEnd(line: string, lineEnd: string): string | undefined {
  return line.endsWith(lineEnd) && !(lineEnd === "\n" && line.endsWith("\r\n"))
    ? line.slice(0, -lineEnd.length)
    : undefined;
}

function expectedText(expected: Expected): string {
  if (typeof expected === "string") return JSON.stringify(expected);
  if (expected instanceof RegExp) return String(expected);
  return "bytes" in expected ? `${expected.bytes} bytes` : told(bytesOf(expected));
}

function cameText(outcome: Exclude<Outcome, { readonly kind: "fits" }>): string {
  if (outcome.kind === "other") return `${outcome.came} came`;
  return outcome.bytes.length === 0 ? ENDED : `${told(outcome.bytes)} came, and then ${ENDED}`;
}
