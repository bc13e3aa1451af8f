import { Refusal } from "../refusal.ts";
import { type ScriptHead, scriptHead } from "./head.ts";
import type { Program } from "./program.ts";
import type { Ending, Script } from "./script.ts";

/** The longest head of a program's response, in bytes. */
const MAX_HEAD = 65_536;
/** How long a program may live on behind its last byte until its response counts as whole, in milliseconds. */
const LAST_BREATH = 1000;

/** A response of which there is the head, and what was needed to know that it is one. */
interface Begun {
  readonly head: ScriptHead;
  /** The body's first bytes; undefined where there are none. */
  readonly first: Buffer | undefined;
}

/** @throws Refusal 502 or 504 for a program that does not say anything sensible. */
export async function headIn(
  output: AsyncGenerator<Buffer>,
  script: Script,
  program: Program,
): Promise<Begun> {
  let gathered: Buffer = Buffer.alloc(0);
  let end = -1;
  let bodyAt = 0;
  while (end < 0) {
    const { value, done } = await output.next();
    if (done)
      throw await unfinished(script, program, gathered.length > 0 ? "ended amid its header fields" : "");
    gathered = Buffer.concat([gathered, value]);
    const text = gathered.toString("latin1");
    const match = /\r?\n\r?\n/.exec(text);
    if (match) {
      end = match.index;
      bodyAt = end + match[0].length;
    } else if (gathered.length > MAX_HEAD) throw bad(program, "wrote no end of its header fields");
  }
  const head = scriptHead(gathered.toString("latin1", 0, end));
  if (!head)
    throw bad(program, "wrote no header fields: Content-Type: text/plain, an empty line, then the body");
  if (head.redirect !== undefined) return { head, first: undefined };
  // A program that crashes behind its head has not answered, so the head waits for the first byte of the body.
  let first: Buffer | undefined = gathered.subarray(bodyAt);
  if (first.length === 0) {
    const next = await output.next();
    first = next.done ? undefined : next.value;
  }
  if (!first) {
    const ending = await script.ended;
    if (ending.code !== 0) throw await unfinished(script, program, "");
  }
  return { head, first };
}

async function unfinished(script: Script, program: Program, what: string): Promise<Refusal> {
  const ending = await script.ended;
  if (script.timedOut) return new Refusal(504, `${program.name} took too long and was ended.`);
  if (ending.code !== 0) return bad(program, "failed; the log says why");
  return bad(program, what || "wrote nothing");
}

/** A program that has not answered as CGI wants it. */
export function bad({ name }: Program, what: string): Refusal {
  return new Refusal(502, `${name} ${what}.`);
}

/** The body: what its head promises, and not a byte more. What breaks off must not look whole. */
export async function* rest(
  first: Buffer | undefined,
  output: AsyncGenerator<Buffer>,
  script: Script,
  { headers }: ScriptHead,
): AsyncGenerator<Buffer> {
  const field = headers.findIndex((name, index) => index % 2 === 0 && /^content-length$/i.test(name));
  let left = field < 0 ? Number.POSITIVE_INFINITY : Number(headers[field + 1]);
  if (first) {
    yield first.subarray(0, left);
    left -= first.length;
  }
  while (left > 0) {
    const { value, done } = await output.next();
    if (done) break;
    yield value.subarray(0, left);
    left -= value.length;
  }
  if (left > 0 && field >= 0) throw new Error("The program wrote less than it had promised.");
  if (left > 0 && first && isCut(await endingWithin(script))) throw new Error("The program broke off.");
}

function isCut(ending: Ending | undefined): boolean {
  return ending !== undefined && ending.code === undefined;
}

/** How it ended; undefined where it goes on. */
export async function endingWithin(script: Script): Promise<Ending | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LAST_BREATH);
  });
  const ending = await Promise.race([script.ended, late]);
  clearTimeout(timer);
  return ending;
}
