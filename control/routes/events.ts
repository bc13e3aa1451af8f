import { type Request, type Response, Router } from "express";
import { WirelabError } from "../../core/errors.ts";
import { STORE, type WireEvent } from "../../core/events/events.ts";
import { patternOf } from "../../core/faults/faults.ts";
import type { Lab } from "../../core/lab.ts";
import { type Filter, fits } from "../filter.ts";
import { Refusal } from "../refusal.ts";
import { scopeOf, textOf, whole, wholeOf } from "../request.ts";
import { type Scope, ScopeFilter } from "../scope.ts";

/** Milliseconds between signs of life on a stream on which nothing happens. */
const HEARTBEAT = 15_000;

/** How many bytes wait for a reader of a stream; one that is slower loses events, and is told how many. */
const BACKLOG = 4 * 1024 * 1024;

/** How long an event is waited for at most, and by default, in milliseconds. */
const WAIT = { most: 300_000, usual: 30_000 };

/** Every type of event: whoever waits for another one waits in vain. */
const TYPES: Readonly<Record<WireEvent["type"], true>> = {
  listening: true,
  stopped: true,
  opened: true,
  refused: true,
  secured: true,
  closed: true,
  command: true,
  reply: true,
  frame: true,
  login: true,
  transfer: true,
  target: true,
  fault: true,
  error: true,
  file: true,
};

/** Parameters of the query that are no fields of events. */
const OTHERS = ["scope", "since", "timeout", "format"];

/** What is waited for. */
interface Asked {
  readonly filter: Filter;
  readonly ms: number;
  readonly scope: Scope | undefined;
  readonly since: number;
}

/** What has happened, and what happens from then on, with nothing lost between. */
interface Following {
  readonly past: readonly WireEvent[];
  /** Called once, at once. */
  subscribe(next: (event: WireEvent) => void): Disposable;
}

/** What happens, and what has happened. */
export function events(lab: Lab, signal: AbortSignal): Router {
  const router = Router();

  router.get("/events", (request, response) => {
    const filter = filterOf(request, lab);
    const scope = scopeOf(request);
    const last = request.get("last-event-id");
    const since =
      last === undefined ? wholeOf(request, "since", lab.transcript.mark()) : whole("Last-Event-ID", last);
    response.type("text/event-stream").set("Cache-Control", "no-store").flushHeaders();
    let missed = 0;
    const send = (event: WireEvent) => {
      if (!fits(event, filter)) return;
      if (response.writableLength > BACKLOG) {
        missed += 1;
        return;
      }
      if (missed > 0) response.write(`event: missed\ndata: ${JSON.stringify({ events: missed })}\n\n`);
      missed = 0;
      response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    const heartbeat = setInterval(() => response.write(": nothing new\n\n"), HEARTBEAT);
    const { past, subscribe } = following(scope, since);
    for (const event of past) send(event);
    const subscription = subscribe(send);
    const end = () => {
      clearInterval(heartbeat);
      subscription[Symbol.dispose]();
      signal.removeEventListener("abort", end);
      response.end();
    };
    signal.addEventListener("abort", end);
    response.once("close", end);
  });

  router.get("/events/wait", async (request, response) => {
    const filter = filterOf(request, lab);
    if (filter.type === undefined) {
      throw new Refusal(
        400,
        "BAD_OPTION",
        "Say which type of event is waited for: ?type=transfer, for example.",
      );
    }
    const ms = wholeOf(request, "timeout", WAIT.usual);
    if (ms > WAIT.most)
      throw new Refusal(400, "BAD_OPTION", `timeout is ${ms}; it is ${WAIT.most} ms at most.`);
    const asked = { filter, ms, scope: scopeOf(request), since: wholeOf(request, "since", 0) };
    const event = await waitFor(asked, response);
    if (event) response.json(event);
  });

  /** The first event that fits, of those in the transcript and those that come; undefined where the client has left. */
  function waitFor({ filter, ms, scope, since }: Asked, response: Response): Promise<WireEvent | undefined> {
    const { past, subscribe } = following(scope, since);
    const found = past.find((event) => fits(event, filter));
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      let others = past.length;
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        subscription[Symbol.dispose]();
        signal.removeEventListener("abort", stopped);
        response.off("close", left);
        outcome();
      };
      const left = () => settle(() => resolve(undefined));
      const stopped = () => settle(() => reject(new WirelabError("STOPPED", "The lab has stopped.")));
      const timer = setTimeout(() => {
        const wanted = Object.entries(filter).map(([field, value]) => `${field} ${value}`);
        const message = `No event with ${wanted.join(", ")} came within ${ms} ms, and ${others} others did.`;
        settle(() => reject(new WirelabError("TIMED_OUT", message)));
      }, ms);
      const subscription = subscribe((event) => {
        if (fits(event, filter)) settle(() => resolve(event));
        else others += 1;
      });
      signal.addEventListener("abort", stopped);
      response.once("close", left);
    });
  }

  /** The events of a scope behind a mark: those that the transcript has, and a way to hear of those that come. */
  function following(scope: Scope | undefined, since: number): Following {
    const past: WireEvent[] = [];
    let take = (event: WireEvent): unknown => past.push(event);
    const filter = new ScopeFilter(scope, (event) => {
      if (event.seq > since) take(event);
    });
    // In a scope from the beginning, since whose connection it is was told when it began.
    for (const event of scope ? lab.transcript : lab.transcript.since(since)) filter.take(event);
    return {
      past,
      subscribe(next) {
        take = next;
        return lab.events.subscribe((event) => filter.take(event));
      },
    };
  }

  router.get("/transcript", (request, response) => {
    const scope = scopeOf(request);
    const server = textOf(request, "server");
    const connection = textOf(request, "connection");
    const since = wholeOf(request, "since", 0);
    const all = lab.transcript.since(since);
    const ofServer = server === undefined ? all : all.of(server);
    const view = connection === undefined ? ofServer : ofServer.connection(connection);
    const format = textOf(request, "format") ?? "json";
    if (scope && format !== "json") {
      throw new Refusal(400, "BAD_OPTION", "In a scope there is the format json alone.");
    }
    switch (format) {
      case "json": {
        const shown = new Set([...view].map(({ seq }) => seq));
        const events = following(scope, since).past.filter(({ seq }) => shown.has(seq));
        response.json({ mark: lab.transcript.mark(), dropped: view.dropped, events });
        return;
      }
      case "text":
        response.type("text/plain").send(`${view}\n`);
        return;
      case "pcapng":
        response.type("application/vnd.tcpdump.pcap").send(Buffer.from(view.toPcapng()));
        return;
      default:
        throw new Refusal(
          400,
          "BAD_OPTION",
          `format is ${JSON.stringify(format)}; it is json, text or pcapng.`,
        );
    }
  });

  router.delete("/transcript", (_request, response) => {
    lab.transcript.clear();
    response.status(204).end();
  });

  return router;
}

function filterOf(request: Request, { servers }: Lab): Filter {
  const fields = Object.keys(request.query).filter((name) => !OTHERS.includes(name));
  const filter = Object.fromEntries(fields.map((name) => [name, textOf(request, name) ?? ""]));
  const { type, server } = filter;
  if (type !== undefined) among("type of event", type, Object.keys(TYPES));
  if (server !== undefined) among("server", server, [...Object.keys(servers), STORE]);
  return filter;
}

/** @throws Refusal 400 for a text that fits none of the words. */
function among(what: string, text: string, words: readonly string[]): void {
  const pattern = patternOf(text);
  if (!words.some((word) => pattern.test(word)))
    throw new Refusal(400, "BAD_OPTION", `There is no ${what} "${text}"; there are ${words.join(", ")}.`);
}
