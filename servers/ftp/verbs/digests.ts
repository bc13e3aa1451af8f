import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { codeOf } from "../../../core/errors.ts";
import type { Reading } from "../../../core/store/store.ts";
import type { Files } from "../files.ts";
import { type FtpReply, printable, reply } from "../reply.ts";
import { contentOf } from "../transfer.ts";
import type { MemberVerb, VerbTable } from "../verb.ts";

/** What HASH can tell, by the names of draft-bryan-ftpext-hash. */
export const ALGORITHMS = ["SHA-256", "SHA-512", "SHA-1", "MD5", "CRC32"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** After so many bytes others have their turn: what is in memory is read without any wait. */
const TURN = 16 * 1024 * 1024;

interface Digest {
  update(chunk: Uint8Array): void;
  hex(): string;
}

function digestOf(algorithm: Algorithm): Digest {
  if (algorithm === "CRC32") {
    let sum = 0;
    return {
      update(chunk) {
        sum = crc32(chunk, sum);
      },
      hex: () => sum.toString(16).padStart(8, "0"),
    };
  }
  const hash = createHash(algorithm.replace("-", "").toLowerCase());
  return { update: (chunk) => void hash.update(chunk), hex: () => hash.digest("hex") };
}

/** The digest of a file's bytes from `start` up to, and without, `end`. */
async function digest(reading: Reading, algorithm: Algorithm, start: number, end: number): Promise<string> {
  const made = digestOf(algorithm);
  if (start === end) return made.hex();
  const chunks = contentOf(reading, { start, end: end - 1 });
  let turn = TURN;
  for await (const chunk of chunks) {
    made.update(chunk);
    turn -= chunk.length;
    if (turn > 0) continue;
    turn = TURN;
    await new Promise(setImmediate);
  }
  return made.hex();
}

interface Asked {
  readonly path: string;
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

/** What `NAME [START [END]]` may mean, the name in quotes or not: names can hold spaces and numbers, too. */
function readingsOf(argument: string): Asked[] {
  const asked: Asked[] = [{ path: argument }];
  for (const form of [
    /^"(?<path>.+)"(?: (?<start>\d{1,15})(?: (?<end>\d{1,15}))?)?$/s,
    /^(?<path>.+?) (?<start>\d{1,15})(?: (?<end>\d{1,15}))?$/s,
  ]) {
    const { path, start, end } = form.exec(argument)?.groups ?? {};
    if (path !== undefined) asked.push({ path, start, end });
  }
  return asked;
}

async function opened(files: Files, argument: string): Promise<{ reading: Reading; asked: Asked }> {
  let missing: unknown;
  for (const asked of readingsOf(argument)) {
    try {
      return { reading: await files.store.read(files.at(asked.path)), asked };
    } catch (error) {
      if (codeOf(error) !== "NOT_FOUND") throw error;
      missing ??= error;
    }
  }
  throw missing;
}

/** The older verbs, one for each digest. */
function digestVerb(algorithm: Algorithm, name: string): MemberVerb {
  return {
    syntax: "PATH [START [END]]",
    argument: "required",
    login: "required",
    pathIn: (argument) => readingsOf(argument).at(-1)?.path,
    feature: name,
    async run(_session, argument, files): Promise<FtpReply> {
      const { reading, asked } = await opened(files, argument);
      try {
        const { size } = reading.entry;
        const start = Number(asked.start ?? 0);
        const end = Number(asked.end ?? size);
        if (start > end || end > size) return reply(501, `The file has the bytes 0 to ${size}.`);
        return reply(250, (await digest(reading, algorithm, start, end)).toUpperCase());
      } finally {
        await reading.close();
      }
    },
  };
}

/** What files' contents come to, so that a client can tell whether a transfer was whole. */
export const DIGEST_VERBS = {
  HASH: {
    syntax: "PATH",
    argument: "required",
    login: "required",
    pathIn: (argument) => argument,
    feature: ({ algorithm }) =>
      `HASH ${ALGORITHMS.map((name) => (name === algorithm ? `${name}*` : name)).join(";")}`,
    async run({ algorithm }, path, files) {
      const reading = await files.store.read(files.at(path));
      try {
        const { size } = reading.entry;
        const hex = await digest(reading, algorithm, 0, size);
        return reply(213, `${algorithm} 0-${Math.max(0, size - 1)} ${hex} ${printable(path)}`);
      } finally {
        await reading.close();
      }
    },
  },
  XCRC: digestVerb("CRC32", "XCRC"),
  XMD5: digestVerb("MD5", "XMD5"),
  XSHA1: digestVerb("SHA-1", "XSHA1"),
  XSHA256: digestVerb("SHA-256", "XSHA256"),
  XSHA512: digestVerb("SHA-512", "XSHA512"),
} satisfies VerbTable;
