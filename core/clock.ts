import { WirelabError } from "./errors.ts";

/** A moment, as people and programs write it: a date, Unix milliseconds, or ISO 8601 text. */
export type Moment = Date | number | string;

/**
 * What time it is in a lab, for all that servers say of time: listings, modification times, HTTP dates. It runs with the
 * machine's clock until it is set.
 */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Whether it runs with the machine's, or stands still. */
  readonly running: boolean;
  /**
   * Stops the clock at a moment; {@link Clock.advance} moves it on.
   *
   * @throws WirelabError `BAD_OPTION` where it is no moment.
   */
  set(moment: Moment): void;
  /** Moves the clock by so many milliseconds; one that was running stops. */
  advance(ms: number): void;
  /** Lets the clock run with the machine's again. */
  run(): void;
}

/** A clock that stands still at `start`, or runs where there is none; `reset` makes it what it was. */
export function clockFrom(start?: Moment): Clock & { reset(): void } {
  const initial = start === undefined ? undefined : millisecondsOf(start);
  let stopped = initial;
  const now = () => stopped ?? Date.now();
  return {
    now,
    get running() {
      return stopped === undefined;
    },
    set(moment) {
      stopped = millisecondsOf(moment);
    },
    advance(ms) {
      stopped = now() + ms;
    },
    run() {
      stopped = undefined;
    },
    reset() {
      stopped = initial;
    },
  };
}

function millisecondsOf(moment: Moment): number {
  const milliseconds = new Date(moment).getTime();
  if (!Number.isNaN(milliseconds)) return milliseconds;
  throw new WirelabError("BAD_OPTION", `clock: ${String(moment)} is no date; write 2026-01-31T12:00:00Z.`);
}

const DAY: Intl.DateTimeFormatOptions = { weekday: "long", month: "long", day: "numeric", year: "numeric" };

/** The popular one of the forms that RFC 867 names: `Tuesday, February 22, 1982 17:37:43-UTC`. */
export function daytime(now: number): string {
  const date = new Date(now);
  const day = date.toLocaleDateString("en-US", { ...DAY, timeZone: "UTC" });
  return `${day} ${date.toISOString().slice(11, 19)}-UTC`;
}
