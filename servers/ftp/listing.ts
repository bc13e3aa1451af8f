import { WirelabError } from "../../core/errors.ts";
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
}

/** One of them, as of `ls`: `-la`. */
const FLAGS = /^-\w*(?: +|$)/;

/** What stands behind the flags. */
export function withoutFlags(argument: string): string {
  return FLAGS.test(argument) ? withoutFlags(argument.replace(FLAGS, "")) : argument;
}

/**
 * What LIST, NLST and STAT list: a directory's entries, a file itself, or what fits a pattern. Flags in front, as of `ls`, are
 * taken for what they are unless something has that very name.
 */
export async function listed(files: Files, argument: string): Promise<Listing> {
  try {
    const entry = await files.entry(argument);
    if (entry.type === "file") return { of: "file", rows: [{ entry, path: argument }] };
    const entries = await files.store.list(files.at(argument));
    return { of: "directory", rows: entries.map((each) => ({ entry: each, path: each.name })) };
  } catch (error) {
    if (!(error instanceof WirelabError) || error.code !== "NOT_FOUND") throw error;
    if (FLAGS.test(argument)) return listed(files, argument.replace(FLAGS, ""));
    if (!isPattern(argument)) throw error;
    const rows = await expanded(files, argument);
    if (rows.length === 0) throw error;
    return { of: "pattern", rows };
  }
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

/** A directory's entries; none of what is no directory, as it ends a pattern's path. */
async function entriesOf(files: Files, path: string): Promise<readonly Entry[]> {
  return files.store.list(files.at(path)).catch((error) => {
    if (error instanceof WirelabError && (error.code === "NOT_DIRECTORY" || error.code === "NOT_FOUND"))
      return [];
    throw error;
  });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HALF_A_YEAR = 180 * 24 * 3600 * 1000;

/** A line as `ls -l` writes it, which is what clients have learned to read. Times are UTC. */
export function longLine({ name, type, size, modified, mode }: Entry, now: number): string {
  const age = now - modified.getTime();
  const day = String(modified.getUTCDate()).padStart(2, "0");
  const time = modified.toISOString().slice(11, 16);
  const recent = age < HALF_A_YEAR && age > -HALF_A_YEAR;
  const when = `${MONTHS[modified.getUTCMonth()]} ${day} ${recent ? time : ` ${modified.getUTCFullYear()}`}`;
  const links = type === "directory" ? 2 : 1;
  return `${modeText(type, mode)} ${links} ftp ftp ${String(size).padStart(12)} ${when} ${printable(name)}`;
}

function modeText(type: Entry["type"], mode: number): string {
  const letters = [..."rwxrwxrwx"].map((letter, index) => (mode & (0o400 >> index) ? letter : "-"));
  return `${type === "directory" ? "d" : "-"}${letters.join("")}`;
}
