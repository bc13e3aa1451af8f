import { codeOf, WirelabError } from "../../core/errors.ts";
import type { Entry } from "../../core/store/store.ts";
import type { Files } from "./files.ts";
import { isPattern, matcher } from "./glob.ts";
import { printable } from "./reply.ts";

/** An entry to be listed, and the path that the client knows it by: what it has asked for, completed. */
interface Listed {
  readonly entry: Entry;
  readonly path: string;
}

/** The most that a pattern may name, and the most directories that it may look into on its way there. */
const LIMIT = { matches: 10_000, directories: 1000 };

export interface Listing {
  readonly of: "file" | "directory" | "pattern";
  readonly rows: readonly Listed[];
  /** The letters of the flags in front. */
  readonly flags: string;
}

/** Some of them, as of `ls`: `-la`. */
const FLAGS = /^-\w*(?: +|$)/;

/** What stands behind the flags. */
export function withoutFlags(argument: string): string {
  return FLAGS.test(argument) ? withoutFlags(argument.replace(FLAGS, "")) : argument;
}

/**
 * What LIST, NLST and STAT list: a directory's entries, a file itself, or what fits a pattern. Flags in front, as of `ls`, are
 * taken for what they are unless something has that very name: `-d` the directory itself, `-t` the newest first, `-S` the
 * largest first, `-r` the other way round. Nothing is hidden, with `-a` or without.
 */
export async function listed(files: Files, argument: string, flags = ""): Promise<Listing> {
  try {
    const entry = await files.entry(argument);
    if (entry.type === "file") return { of: "file", rows: [{ entry, path: argument }], flags };
    if (flags.includes("d")) {
      const path = argument === "" ? "." : argument;
      return { of: "directory", rows: [{ entry: { ...entry, name: path }, path }], flags };
    }
    const entries = await files.store.list(files.at(argument));
    const rows = entries.map((each) => ({ entry: each, path: each.name }));
    return { of: "directory", rows: inOrder(rows, flags), flags };
  } catch (error) {
    if (!(error instanceof WirelabError) || error.code !== "NOT_FOUND") throw error;
    if (FLAGS.test(argument)) {
      const [group = ""] = FLAGS.exec(argument) ?? [];
      return listed(files, argument.replace(FLAGS, ""), flags + group.slice(1).trim());
    }
    if (!isPattern(argument)) throw error;
    const rows = await expanded(files, argument);
    if (rows.length === 0) throw error;
    return { of: "pattern", rows: inOrder(rows, flags), flags };
  }
}

function inOrder(rows: readonly Listed[], flags: string): readonly Listed[] {
  // Of the letters that name an order the last one counts, as with ls.
  const by = /[tS](?=[^tS]*$)/.exec(flags)?.[0];
  const sorted =
    by === "t"
      ? rows.toSorted((one, other) => other.entry.modified.getTime() - one.entry.modified.getTime())
      : by === "S"
        ? rows.toSorted((one, other) => other.entry.size - one.entry.size)
        : rows;
  return flags.includes("r") ? sorted.toReversed() : sorted;
}

/**
 * The lines of a listing, with `-R` those of all directories below as well, each behind its path and a colon, as `ls` has it:
 * no more than 10,000 lines out of 1,000 directories.
 */
export async function listingLines(
  files: Files,
  argument: string,
  line: (row: Listed) => string,
): Promise<string[]> {
  const { of, rows, flags } = await listed(files, argument);
  if (of !== "directory" || !flags.includes("R") || flags.includes("d")) return rows.map(line);
  const top = withoutFlags(argument) || ".";
  const lines: string[] = [];
  const waiting = [{ path: top, rows }];
  for (let seen = 0; seen < LIMIT.directories && lines.length < LIMIT.matches; seen += 1) {
    const next = waiting.shift();
    if (!next) break;
    lines.push(...(seen === 0 ? [] : [""]), `${printable(next.path)}:`, ...next.rows.map(line));
    const below = next.rows.filter(({ entry }) => entry.type === "directory");
    const found = [];
    for (const { path } of below.slice(0, LIMIT.directories - waiting.length)) {
      const inner = next.path.endsWith("/") ? next.path + path : `${next.path}/${path}`;
      const entries = await files.store.list(files.at(inner)).catch(() => []);
      found.push({
        path: inner,
        rows: inOrder(
          entries.map((entry) => ({ entry, path: entry.name })),
          flags,
        ),
      });
    }
    // What is below comes before what is beside.
    waiting.unshift(...found);
  }
  return lines;
}

/** What a pattern names, each path as the pattern writes it. Any of its segments may be a pattern of its own. */
async function expanded(files: Files, pattern: string): Promise<Listed[]> {
  let paths = [pattern.startsWith("/") ? "/" : ""];
  for (const segment of pattern.split("/").filter(Boolean)) {
    // In between others have their turn: what is in memory is listed without any wait.
    await new Promise(setImmediate);
    const next: string[] = [];
    const fits = matcher(segment);
    for (const path of paths.slice(0, LIMIT.directories)) {
      const below = (name: string) => (path === "" || path.endsWith("/") ? path + name : `${path}/${name}`);
      if (!isPattern(segment)) {
        next.push(below(segment));
        continue;
      }
      for (const { name } of await entriesOf(files, path)) {
        if (next.length < LIMIT.matches && fits(name)) next.push(below(name));
      }
    }
    paths = next;
  }
  const found = await Promise.all(
    paths.map(async (path) => ({ path, entry: await files.entry(path).catch(() => undefined) })),
  );
  return found.flatMap(({ path, entry }) => (entry ? [{ path, entry }] : []));
}

/** A directory's entries; none of what is no directory, or may not be listed, as it ends a pattern's path. */
async function entriesOf(files: Files, path: string): Promise<readonly Entry[]> {
  return files.store.list(files.at(path)).catch((error) => {
    if (/^(NOT_DIRECTORY|NOT_FOUND|FORBIDDEN)$/.test(codeOf(error) ?? "")) return [];
    throw error;
  });
}

export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HALF_A_YEAR = 180 * 24 * 3600 * 1000;

/** A line as `ls -l` writes it, which is what clients have learned to read. Times are UTC. */
export function longLine({ name, type, size, modified, mode }: Entry, now: number): string {
  const age = now - modified.getTime();
  const time =
    age < HALF_A_YEAR && age > -HALF_A_YEAR
      ? `${twoDigits(modified.getUTCHours())}:${twoDigits(modified.getUTCMinutes())}`
      : ` ${modified.getUTCFullYear()}`;
  const when = `${MONTHS[modified.getUTCMonth()]} ${twoDigits(modified.getUTCDate())} ${time}`;
  const links = type === "directory" ? 2 : 1;
  return `${modeText(type, mode)} ${links} ftp ftp ${String(size).padStart(12)} ${when} ${printable(name)}`;
}

export function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}

const BITS = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];

function modeText(type: Entry["type"], mode: number): string {
  const [owner, group, others] = [mode >> 6, mode >> 3, mode].map((bits) => BITS[bits & 7]);
  return `${type === "directory" ? "d" : "-"}${owner}${group}${others}`;
}
