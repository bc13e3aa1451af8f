import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import type { GuardedStore } from "../../core/accounts.ts";
import { codeOf, messageOf } from "../../core/errors.ts";
import { childOf } from "../../core/path.ts";
import { Refusal } from "./refusal.ts";
import { decode } from "./target.ts";
import type { Turn } from "./turn.ts";
import { notWritable } from "./upload.ts";

/** What a form may be like; sizes in bytes. What is above is refused, and nothing of it kept in memory. */
const LIMITS = {
  fields: 100,
  fieldNameSize: 100,
  fieldSize: 4096,
  files: 1000,
  headerPairs: 50,
  headerSize: 16_384,
};

/** Where a form is sent to. */
export interface FormTarget {
  /** The directory, as the store has it. */
  readonly path: string;
  readonly store: GuardedStore;
  /** The longest body, in bytes. */
  readonly maxBody: number;
  readonly dotfiles: "hide" | "allow";
}

/** What a form did, by names. */
export interface FormOutcome {
  readonly stored: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Does what a form of the listing page asks for (RFC 7578): stores its files, one after another, and deletes the entries
 * that fields called `delete` name, or `delete-encoded` as they stand in URLs. A file that breaks off leaves the old one whole; those before it are stored.
 *
 * @throws Refusal 400, 403, 413 or 415, and what the store refuses.
 */
export async function receiveForm(turn: Turn, target: FormTarget): Promise<FormOutcome> {
  const { request, response } = turn;
  const { maxBody } = target;
  if (isForeign(turn)) throw new Refusal(403, "This form stands on another site's page.");
  if (Number(request.headers["content-length"] ?? 0) > maxBody) throw tooLong(maxBody);
  const form = parserFor(turn);
  const outcome = { stored: [] as string[], deleted: [] as string[] };
  return new Promise((resolve, reject) => {
    let work: Promise<unknown> = Promise.resolve();
    let bytes = 0;
    const over = new AbortController();
    const giveUp = (error: unknown) => {
      if (over.signal.aborted) return;
      over.abort();
      settle();
      request.unpipe(form);
      // The rest of the body is read and thrown away, so that the refusal can be heard.
      request.resume();
      // Its own part has the last word, so that nothing of it is stored.
      work.then(() => reject(error));
    };
    const then = (task: () => Promise<void>) => {
      work = work.then(() => (over.signal.aborted ? undefined : task())).catch(giveUp);
    };
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > maxBody) giveUp(tooLong(maxBody));
    };
    const broken = () =>
      giveUp(new Refusal(400, "The form broke off; what it did not send whole is not stored."));
    const settle = () => {
      request.off("data", count);
      response.off("close", broken);
    };
    form.on("file", (_field, file, escaped) => {
      const name = unescaped(escaped);
      // A part that breaks off says so before anybody reads it.
      file.on("error", broken);
      // Browsers send a field of files that nobody chose as one without a name.
      if (!name) file.resume();
      else {
        then(async () => {
          await store(turn, file, entryOf(name, target), target, over.signal);
          outcome.stored.push(name);
        });
      }
    });
    form.on("field", (field, value, fieldTruncated, valueTruncated) => {
      if (!/^delete(?:-encoded)?$/.test(field) || fieldTruncated || valueTruncated) return;
      then(async () => {
        const name = field === "delete" ? value : decode(value);
        await target.store.remove(entryOf(name, target));
        outcome.deleted.push(name);
      });
    });
    for (const limit of ["filesLimit", "fieldsLimit", "partsLimit"] as const) {
      form.on(limit, () => giveUp(new Refusal(413, `A form has ${LIMITS.files} files at most.`)));
    }
    form.on("error", (error) => giveUp(new Refusal(400, `The form cannot be read: ${messageOf(error)}.`)));
    form.on("finish", () => {
      work.then(() => {
        if (over.signal.aborted) return;
        settle();
        if (outcome.stored.length + outcome.deleted.length > 0) resolve(outcome);
        else reject(new Refusal(400, "The form holds no file, and nothing to delete."));
      });
    });
    request.on("data", count);
    request.pipe(form);
    turn.onceOver(broken);
  });
}

function parserFor({ request }: Turn): BusboyInstance {
  const { headers } = request;
  const type = headers["content-type"] ?? "";
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(type)) {
    throw new Refusal(
      415,
      "A directory takes forms of the type multipart/form-data; PUT stores a file as it is.",
    );
  }
  if (!/;\s*boundary=/i.test(type)) {
    throw new Refusal(
      400,
      "The form's Content-Type names no boundary: a client that makes the form knows it.",
    );
  }
  try {
    return new Busboy({ headers: { ...headers, "content-type": type }, limits: LIMITS });
  } catch (error) {
    throw new Refusal(400, `The form cannot be read: ${messageOf(error)}.`);
  }
}

/** Whether a page of another site has made the browser send this, with the password that it remembers. */
function isForeign({ request, response }: Turn): boolean {
  const shared = response.getHeader("Access-Control-Allow-Origin");
  // An origin that is allowed by name is no stranger.
  if (shared !== undefined && shared !== "*") return false;
  const { origin, host, "sec-fetch-site": site } = request.headers;
  if (typeof site === "string") return site !== "same-origin" && site !== "none";
  return origin !== undefined && origin.replace(/^https?:\/\//, "") !== host;
}

/** Browsers write these three characters of a file's name so, and no others: not the % itself (WHATWG HTML §4.10.22.8). */
function unescaped(name = ""): string {
  return name.replace(/%(?:22|0A|0D)/g, decodeURIComponent);
}

/** @throws Refusal for a name that is none. */
function entryOf(name: string, { path, dotfiles }: FormTarget): string {
  if (name === "." || name === ".." || /[/\0]/.test(name)) {
    throw new Refusal(400, `${JSON.stringify(name)} is no name of a file.`, {}, "BAD_PATH");
  }
  if (dotfiles === "hide" && name.startsWith(".")) {
    throw new Refusal(403, `${name}: names that begin with a dot are not served.`, {}, "FORBIDDEN");
  }
  return childOf(path, name);
}

async function store(
  turn: Turn,
  file: BusboyFileStream,
  path: string,
  { store: files }: FormTarget,
  signal: AbortSignal,
): Promise<void> {
  let bytes = 0;
  file.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  file.pause();
  try {
    const writable = await files.write(path).catch((error) => {
      throw notWritable(error, path);
    });
    if (file.errored || signal.aborted) writable.destroy();
    await pipeline(file, writable, { signal });
  } catch (error) {
    file.resume();
    turn.uploaded(path, bytes, "broken");
    // Whoever broke it off has said why.
    if (codeOf(error) !== "ABORT_ERR") throw error;
    return;
  }
  turn.uploaded(path, bytes, "complete");
}

function tooLong(maxBody: number): Refusal {
  return new Refusal(413, `The body is too long: it may have ${maxBody} bytes.`);
}
