import { pipeline } from "node:stream/promises";
import { codeOf, messageOf, WirelabError } from "../../../core/errors.ts";
import { Refusal } from "../refusal.ts";
import type { Settings } from "../settings.ts";
import { leadsBelow } from "../target.ts";
import type { Turn } from "../turn.ts";
import type { Visitors } from "../visitor.ts";
import { type Body, bodyOf, feed } from "./body.ts";
import { environmentOf } from "./environment.ts";
import type { CgiSettings } from "./options.ts";
import { bad, endingWithin, headIn, rest } from "./output.ts";
import { Places } from "./places.ts";
import { type Program, programAt } from "./program.ts";
import { Script } from "./script.ts";

/** How often a program may send a request on to another path of this server. */
const MAX_REDIRECTS = 5;
/**
 * How long a program may be silent when its client has sent FIN, in milliseconds: such a client may be waiting for its answer,
 * or gone, and nothing but a write would tell.
 */
const HALF_CLOSED = 3000;

/** Runs programs for requests. */
export interface Cgi {
  /** Whether the URL is one of a program, or of their folder. */
  claims(url: string): boolean;
  serve(turn: Turn): Promise<void>;
  /** Ends all that run. */
  close(): Promise<void>;
}

/**
 * @param files the folder of the lab's files, where they are in one.
 * @param again serves a request anew, when a program has sent it on.
 */
export function cgi(
  settings: CgiSettings,
  { maxBody }: Settings,
  files: string | undefined,
  visitor: Visitors,
  again: (turn: Turn) => Promise<void>,
): Cgi {
  const places = new Places(settings.maxScripts);
  const running = new Set<Script>();
  const redirects = new WeakMap<Turn, number>();

  async function serve(turn: Turn): Promise<void> {
    const { request } = turn;
    if (request.method === "TRACE") throw new Refusal(405, "A program is not traced.", { Allow: ALLOWED });
    const { path, kind } = turn.target;
    const { user, may } = visitor.of(turn);
    if (!may("r")) throw new WirelabError("FORBIDDEN", `${path}: it takes the permission "r" to run this.`);
    const program = await programAt(kind === "directory" ? `${path}/` : path, settings);
    const body = await bodyOf(turn, maxBody);
    const gone = new Promise<void>((resolve) => turn.onceOver(resolve));
    const place = await places.take(gone);
    if (place === "gone") return;
    if (place === "full") throw new Refusal(503, "Too many programs run at once.", { "Retry-After": "1" });
    try {
      const env = environmentOf(turn, program, settings, { user, length: body.length, files });
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
    turn.onceOver(leave);
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
    claims: (url) => leadsBelow(url, settings.path),
    serve: (turn) => serve(turn).catch((error) => Promise.reject(visitor.orLogIn(error, turn, "/"))),
    async close() {
      for (const script of running) script.kill();
      await Promise.all([...running].map(({ ended }) => ended));
    },
  };
}

const ALLOWED = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

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

/** RFC 3875 §6.2.2: the response is that of another path, asked for by GET and without a body. */
function sendOn({ request }: Turn, location: string): void {
  if (request.method !== "HEAD") request.method = "GET";
  request.url = location.replace(/#.*/, "");
  request.resume();
  for (const name of ["content-length", "content-type", "transfer-encoding"]) delete request.headers[name];
}
