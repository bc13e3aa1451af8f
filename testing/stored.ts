import { inspect, types } from "node:util";
import { codeOf, messageOf } from "../core/errors.ts";
import type { Store } from "../core/store/store.ts";
import { likeness } from "./search.ts";

/** A file's content as it must be: all of it, as text (UTF-8) or bytes, or a pattern that is somewhere in its text. */
export type Content = string | Uint8Array | RegExp;

/** How many files are looked at for one with a similar path. */
const MAX_FILES = 1000;

/** How much of a content is shown around its first difference, in characters or bytes. */
const EXCERPT = 60;

/** Whether a file is stored as it must be, and if not, why: sentences for people. */
export interface Verdict {
  readonly pass: boolean;
  readonly why: readonly string[];
  /** Both contents, where both are text: for a runner that shows how they differ. */
  readonly actual?: string;
  readonly expected?: string;
}

export async function judge(store: Store, path: string, wanted: Content | undefined): Promise<Verdict> {
  let bytes: Buffer;
  try {
    bytes = await contentOf(store, path);
  } catch (error) {
    if (codeOf(error) === "IS_DIRECTORY") return { pass: false, why: [`${path} is a directory.`] };
    if (codeOf(error) !== "NOT_FOUND" && codeOf(error) !== "NOT_DIRECTORY") throw error;
    const similar = await similarFile(store, path);
    return {
      pass: false,
      why: [
        messageOf(error),
        similar === undefined ? "Nothing is stored at all." : `The file with the nearest path: ${similar}`,
      ],
    };
  }
  if (wanted === undefined) return { pass: true, why: [] };
  if (types.isRegExp(wanted)) {
    const text = bytes.toString();
    const why = [
      `${path} is stored, and ${inspect(wanted)} is not in it:`,
      `  ${bytes.length} bytes: ${excerpt(text, 0)}`,
    ];
    return { pass: text.search(wanted) >= 0, why };
  }
  return typeof wanted === "string" ? textVerdict(path, wanted, bytes) : bytesVerdict(path, wanted, bytes);
}

function textVerdict(path: string, expected: string, bytes: Buffer): Verdict {
  const actual = bytes.toString();
  const at = firstDifference(expected, actual);
  const line = expected.slice(0, at).split("\n").length;
  return {
    pass: bytes.equals(Buffer.from(expected)),
    why: [
      `${path} is stored with another content; it differs from character ${at} (line ${line}) on:`,
      `  expected, ${Buffer.byteLength(expected)} bytes: ${excerpt(expected, at)}`,
      `  stored,   ${bytes.length} bytes: ${excerpt(actual, at)}`,
    ],
    actual,
    expected,
  };
}

function bytesVerdict(path: string, expected: Uint8Array, bytes: Buffer): Verdict {
  const at = firstDifference(expected, bytes);
  return {
    pass: bytes.equals(expected),
    why: [
      `${path} is stored with another content; it differs from byte ${at} on:`,
      `  expected, ${expected.length} bytes: ${excerpt(expected, at)}`,
      `  stored,   ${bytes.length} bytes: ${excerpt(bytes, at)}`,
    ],
  };
}

function firstDifference(one: ArrayLike<unknown>, other: ArrayLike<unknown>): number {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

/** What there is around a position, with `…` where there is more. */
function excerpt(content: string | Uint8Array, at: number): string {
  const from = Math.max(0, at - EXCERPT / 2);
  const part = content.slice(from, from + EXCERPT);
  const shown = typeof part === "string" ? JSON.stringify(part) : Buffer.from(part).toString("hex");
  return `${from > 0 ? "… " : ""}${shown}${from + EXCERPT < content.length ? " …" : ""}`;
}

async function contentOf(store: Store, path: string): Promise<Buffer> {
  const reading = await store.read(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reading.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The file whose path is most like the one that is missing. */
async function similarFile(store: Store, path: string): Promise<string | undefined> {
  const files: string[] = [];
  const directories = ["/"];
  for (
    let next = directories.shift();
    next !== undefined && files.length < MAX_FILES;
    next = directories.shift()
  ) {
    for (const entry of await store.list(next))
      (entry.type === "file" ? files : directories).push(entry.path);
  }
  return files.sort((one, other) => likeness(path, other) - likeness(path, one))[0];
}
