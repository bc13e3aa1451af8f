import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { codeOf, messageOf, WirelabError } from "../../../core/errors.ts";
import { Refusal } from "../refusal.ts";
import type { Settings } from "../settings.ts";
import { targetOf } from "../target.ts";
import type { Turn } from "../turn.ts";
import type { Visitors } from "../visitor.ts";
import { environmentOf, type ScriptHead, scriptHead } from "./environment.ts";
import type { CgiSettings } from "./options.ts";
import { Places } from "./places.ts";
import { type Program, programAt } from "./program.ts";
import { type Ending, Script } from "./script.ts";

/** The longest head of a program's response, in bytes. */
const MAX_HEAD = 65_536;
/** A body whose length its head does not tell is gathered first, up to so many bytes: programs are told the length. */
const MAX_GATHERED = 1_048_576;
/** How often a program may send a request on to another path of this server. */
const MAX_REDIRECTS = 5;
/**
 * How long a program may be silent when its client has sent FIN, in milliseconds: such a client may be waiting for its answer,
 * or gone, and nothing but a write would tell.
 */
const HALF_CLOSED = 3000;
/** How long a program may live on behind its last byte until its response counts as whole, in milliseconds. */
const LAST_BREATH = 1000;

/** Runs programs for requests. */
export interface Cgi {
  /** Whether the URL is one of a program, or of their folder. */
  claims(url: string): boolean;
  serve(turn: Turn): Promise<void>;
  /** Ends all that run. */
  close(): Promise<void>;
}

/** @param again serves a request anew, when a program has sent it on. */
export function cgi(
  settings: CgiSettings,
  { maxBody }: Settings,
  visitor: Visitors,
  again: (turn: Turn) => Promise<void>,
): Cgi {
  const places = new Places(settings.maxScripts);
  const running = new Set<Script>();
  const redirects = new WeakMap<Turn, number>();

  async function serve(turn: Turn): Promise<void> {
    const { request, response } = turn;
    if (request.method === "TRACE") throw new Refusal(405, "A program is not traced.", { Allow: ALLOWED });
    const { path, kind } = turn.target;
    const { user, may } = visitor.of(turn);
    if (!may("r")) throw new WirelabError("FORBIDDEN", `${path}: it takes the permission "r" to run this.`);
    const program = await programAt(kind === "directory" ? `${path}/` : path, settings);
    const body = await bodyOf(turn, maxBody);
    const gone = once(response, "close");
    const place = await places.take(gone);
    if (place === "gone") return;
    if (place === "full") throw new Refusal(503, "Too many programs run at once.", { "Retry-After": "1" });
    try {
      const env = environmentOf(turn, program, settings, { user, length: body.length });
      const redirect = await run(turn, program, env, body);
      if (redirect === undefined) return;
      const count = (redirects.get(turn) ?? 0) + 1;
      if (count > MAX_REDIRECTS) throw bad(program, "sends the request round in circles");
      redirects.set(turn, count);
      sendOn(turn, redirect);
    } finally {
      places.leave();
    }
    await again(turn);
  }

  /** @returns where the program sends the request on to. */
  async function run(
    turn: Turn,
    program: Program,
    env: Readonly<Record<string, string>>,
    body: Body,
  ): Promise<string | undefined> {
    const { response, connection } = turn;
    const script = started(program, env, settings.timeout);
    running.add(script);
    const leave = () => script.kill();
    response.once("close", leave);
    const hurry = () => script.hurry(HALF_CLOSED);
    if (connection.stream.readableEnded) hurry();
    else connection.stream.once("end", hurry);
    script.excusedWhen(() => response.writableNeedDrain);
    void script.ended.then((ending) => {
      running.delete(script);
      if (ending.code === 0) return;
      const message = `${program.name} ${ending.account}`;
      connection.emit({ type: "error", code: script.timedOut ? "TIMED_OUT" : "CGI", message });
    });
    const fed = feed(turn, script, body);
    try {
      const output = script.output();
      const { head, first } = await headIn(output, script, program);
      if (head.redirect !== undefined) {
        await endingWithin(script);
        return head.redirect;
      }
      if ((await turn.announce(head.status)) !== "go") return undefined;
      if (head.reason !== undefined) response.statusMessage = head.reason;
      response.writeHead(head.status, [...head.headers]);
      if (turn.request.method === "HEAD") response.end();
      else await pipeline(rest(first, output, script, head), response);
      await endingWithin(script);
      return undefined;
    } catch (error) {
      // The client has gone: that is its good right.
      if (codeOf(error) === "ERR_STREAM_PREMATURE_CLOSE" && response.destroyed) return undefined;
      throw error;
    } finally {
      response.off("close", leave);
      connection.stream.off("end", hurry);
      script.kill();
      await script.ended;
      await fed;
    }
  }

  return {
    claims: (url) => {
      // Nearly every request names another place, and is not taken apart for this.
      if (!url.includes("/", 1)) return false;
      try {
        const { path, kind } = targetOf(url);
        return `${path}${kind === "directory" ? "/" : ""}`.startsWith(settings.path);
      } catch {
        // The files say what is wrong with it.
        return false;
      }
    },
    serve: (turn) => serve(turn).catch((error) => Promise.reject(visitor.orLogIn(error, turn, "/"))),
    async close() {
      for (const script of running) script.kill();
      await Promise.all([...running].map(({ ended }) => ended));
    },
  };
}

const ALLOWED = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/** A request's body as a program gets it. */
interface Body {
  /** In bytes; undefined where there is none. */
  readonly length: number | undefined;
  /** All of it, where it had to be read first. */
  readonly gathered?: Buffer;
}

/** @throws Refusal 413 for a body that is too long, 411 for one that is long and does not say how long. */
async function bodyOf({ request }: Turn, maxBody: number): Promise<Body> {
  const { headers } = request;
  if (headers["transfer-encoding"] === undefined) {
    const given = headers["content-length"];
    const length = given === undefined ? undefined : Number(given);
    if ((length ?? 0) > maxBody)
      throw new Refusal(413, `The body is too long: it may have ${maxBody} bytes.`);
    return { length };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > Math.min(MAX_GATHERED, maxBody)) {
      request.resume();
      throw new Refusal(411, "A program is told how long its body is: send Content-Length with a long one.");
    }
    chunks.push(chunk);
  }
  return { length, gathered: Buffer.concat(chunks) };
}

function started(program: Program, env: Readonly<Record<string, string>>, timeout: number): Script {
  try {
    return new Script(program, env, timeout);
  } catch (error) {
    throw bad(
      program,
      `cannot be run (${messageOf(error)}): its first line names its interpreter, as #!/bin/sh`,
    );
  }
}

/** The body into the program, no faster than it reads. Resolves when nothing more is to come. */
async function feed({ request }: Turn, script: Script, { gathered }: Body): Promise<void> {
  if (gathered) {
    script.input.end(gathered);
    return;
  }
  request.on("data", () => script.alive());
  try {
    request.pipe(script.input);
    // A program that ends without reading all of it is no failure: what it answers counts.
    await Promise.race([new Promise((resolve) => script.input.once("close", resolve)), script.ended]);
  } finally {
    request.unpipe(script.input);
    script.input.destroy();
    // What it did not read is read and thrown away, so that the response is heard.
    request.resume();
  }
}

interface Begun {
  readonly head: ScriptHead;
  /** The body's first bytes; undefined where there are none. */
  readonly first: Buffer | undefined;
}

/** @throws Refusal 502 or 504 for a program that does not say anything sensible. */
async function headIn(output: AsyncGenerator<Buffer>, script: Script, program: Program): Promise<Begun> {
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

function bad({ name }: Program, what: string): Refusal {
  return new Refusal(502, `${name} ${what}.`);
}

/** The body: what its head promises, and not a byte more. What breaks off must not look whole. */
async function* rest(
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

async function endingWithin(script: Script): Promise<Ending | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LAST_BREATH);
  });
  const ending = await Promise.race([script.ended, late]);
  clearTimeout(timer);
  return ending;
}

/** RFC 3875 §6.2.2: the response is that of another path, asked for by GET and without a body. */
function sendOn({ request }: Turn, location: string): void {
  if (request.method !== "HEAD") request.method = "GET";
  request.url = location.replace(/#.*/, "");
  request.resume();
  for (const name of ["content-length", "content-type", "transfer-encoding"]) delete request.headers[name];
}
