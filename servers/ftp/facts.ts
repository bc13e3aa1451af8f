import type { Entry } from "../../core/store/store.ts";
import type { Files } from "./files.ts";

/** The facts of RFC 3659 §7.5 that this server tells of files and directories. */
export const FACTS = ["type", "perm", "size", "modify", "unique", "UNIX.mode"] as const;
export type Fact = (typeof FACTS)[number];

/** `type=file;size=3;…`, the facts that were asked for and that the entry has. */
export function factsOf(entry: Entry, wanted: readonly Fact[], files: Files): string {
  return wanted
    .map((fact) => {
      const value = textOf(fact, entry, files);
      return value === undefined ? "" : `${fact}=${value};`;
    })
    .join("");
}

function textOf(fact: Fact, entry: Entry, files: Files): string | undefined {
  switch (fact) {
    case "type":
      return entry.type === "file" ? "file" : "dir";
    case "size":
      return String(entry.size);
    case "modify":
      return timeText(entry.modified);
    case "perm":
      return permText(entry, files);
    case "unique":
      return entry.unique;
    case "UNIX.mode":
      return entry.mode.toString(8).padStart(4, "0");
  }
}

function permText(entry: Entry, { store, account }: Files): string {
  const letters = store.permissions(entry);
  return (
    PERM[entry.type]
      .flatMap(([letter, needed]) => (letters.includes(needed) ? letter : []))
      // The home stays where it is.
      .filter((letter) => entry.path !== account.home || !/[df]/.test(letter))
      .join("")
  );
}

/** RFC 3659 §7.5.5: what may be done with a file or directory, each beside the account's permission for it. */
const PERM: Readonly<Record<Entry["type"], readonly (readonly [letter: string, needed: string])[]>> = {
  file: [
    ["a", "a"],
    ["d", "d"],
    ["f", "f"],
    ["r", "r"],
    ["w", "w"],
  ],
  directory: [
    ["c", "w"],
    ["d", "d"],
    ["e", "e"],
    ["f", "f"],
    ["l", "l"],
    ["m", "m"],
    ["p", "d"],
  ],
};

/** `YYYYMMDDHHMMSS` in UTC (RFC 3659 §2.3). */
export function timeText(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$|\D/g, "");
}

/** The time that `YYYYMMDDHHMM[SS[.sss]]` names; undefined where it names none. */
export function parseTime(text: string): Date | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.(\d{1,3})\d*)?$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = "00", fraction = "0"] = match;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0")}Z`);
  // February 30 would become March 1 or 2.
  return Number.isNaN(time.getTime()) || time.getUTCDate() !== Number(day) ? undefined : time;
}
