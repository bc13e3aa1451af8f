import { inspect } from "node:util";
import type { Lab } from "../core/lab.ts";
import { resolvePath } from "../core/path.ts";
import type { Server } from "../core/server.ts";
import {
  COMMAND,
  type CommandLike,
  type Happening,
  happenings,
  type Kind,
  REFUSAL,
  type RefusalLike,
  TRANSFER,
  type TransferLike,
} from "./happenings.ts";
import { indented, report } from "./report.ts";
import { differences, search, type Wanted } from "./search.ts";
import { type Content, judge } from "./stored.ts";
import { type Subject, subjectOf } from "./subject.ts";

/** What a matcher answers: vitest, Jest and Playwright understand it. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

/** How many happenings a message lists. */
const LISTED = 5;

/**
 * Matchers for a lab, or for one server of it, in the form that `expect.extend()` takes in vitest, Jest and Playwright. They
 * judge what has happened by now; what is still to come is awaited with `lab.events.next()`. Each throws a WirelabError
 * `BAD_OPTION` for what is no lab, for a lab without a transcript, and for a field or server that there is not.
 * {@link LabMatchers} tells what each is for.
 */
export const labMatchers = {
  toHaveCommand(received: Lab | Server, command: string | CommandLike): MatcherResult {
    const wanted = typeof command === "string" ? { verb: command } : { ...command };
    return judged("toHaveCommand", [command], COMMAND, received, wanted);
  },

  toHaveTransferred(received: Lab | Server, transfer: string | TransferLike): MatcherResult {
    const wanted = typeof transfer === "string" ? { path: transfer } : transfer;
    return judged("toHaveTransferred", [transfer], TRANSFER, received, { complete: true, ...wanted });
  },

  toHaveRefused(received: Lab | Server, refusal: number | string | RefusalLike = {}): MatcherResult {
    const wanted =
      typeof refusal === "number"
        ? { code: refusal }
        : typeof refusal === "string"
          ? { verb: refusal }
          : { ...refusal };
    return judged("toHaveRefused", [refusal], REFUSAL, received, wanted);
  },

  async toHaveStored(received: Lab | Server, path: string, content?: Content): Promise<MatcherResult> {
    const subject = subjectOf(received);
    const { pass, why, ...contents } = await judge(subject.lab.store, path, content);
    const call = callText(subject, "toHaveStored", content === undefined ? [path] : [path, content]);
    return {
      pass,
      ...contents,
      message() {
        if (pass) return report(subject.lab, `${call}: it is stored.`);
        const uploads = happenings(TRANSFER, subject);
        const wanted = { direction: "in", path: resolvePath(path) };
        const upload = search(TRANSFER, uploads, wanted);
        return report(subject.lab, `${call}: it is not stored so.`, [
          ...why,
          ...listed(upload.fitting.slice(-1), "Its last upload"),
          ...(upload.nearest ? nearestText(upload.nearest, wanted) : []),
        ]);
      },
    };
  },
};

/** The matchers as an assertion has them; `R` is what a synchronous one gives. */
export interface LabMatchers<R = void> {
  /** That a command came: a verb, or as much of a command as matters. */
  toHaveCommand(command: string | CommandLike): R;
  /** That a file was transferred to its end, in either direction: its path, or as much of a transfer as matters. */
  toHaveTransferred(transfer: string | TransferLike): R;
  /**
   * That anything was refused: a command, by a reply of 400 or more (of FTP or HTTP), or a connection, by the gate or by a
   * fault. Told by a code, a verb, or as much of it as matters; without either, anything.
   */
  toHaveRefused(refusal?: number | string | RefusalLike): R;
  /** That a file is stored: its path, and its content where that matters. To be awaited. */
  toHaveStored(path: string, content?: Content): Promise<R>;
}

function judged(
  matcher: keyof typeof labMatchers,
  given: readonly unknown[],
  kind: Kind,
  received: Lab | Server,
  wanted: Wanted,
): MatcherResult {
  const subject = subjectOf(received);
  // Throws: a server that there is not would never be found, and its negation always hold.
  if (typeof wanted.server === "string") subject.lab.transcript.of(wanted.server);
  const { fitting, nearest } = search(kind, happenings(kind, subject), wanted);
  const { times } = wanted;
  const count = fitting.length;
  const pass = times === undefined ? count > 0 : count === times;
  return {
    pass,
    message() {
      const call = callText(subject, matcher, given);
      const came = count === 1 ? `1 such ${kind.one}` : `${count || "no"} such ${kind.one}s`;
      return report(subject.lab, `${call}: there ${count === 1 ? "was" : "were"} ${came}.`, [
        ...listed(fitting, "Such"),
        ...(nearest ? nearestText(nearest, wanted) : []),
        ...(count === 0 && !nearest ? [`There was no ${kind.one} at all.`] : []),
        ...forgotten(subject.lab),
      ]);
    },
  };
}

function callText({ server }: Subject, matcher: string, given: readonly unknown[]): string {
  const texts = given.map((one) =>
    inspect(one, { breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 20 }),
  );
  return `expect(${server === undefined ? "lab" : `lab.servers.${server}`}).${matcher}(${texts.join(", ")})`;
}

function listed(happened: readonly Happening[], what: string): string[] {
  if (happened.length === 0) return [];
  const more = happened.length > LISTED ? [`and ${happened.length - LISTED} more`] : [];
  return [`${what}:`, ...indented([...happened.slice(0, LISTED).map(({ line }) => line), ...more])];
}

function nearestText(nearest: Happening, wanted: Wanted): string[] {
  return [
    "The nearest that did happen:",
    ...indented([nearest.line, ...indented(differences(nearest, wanted))]),
  ];
}

/** Where the transcript is a ring that has gone round, what is missing may have been in it. */
function forgotten({ transcript: { dropped } }: Lab): string[] {
  return dropped === 0 ? [] : [`The transcript has forgotten ${dropped} earlier events.`];
}
