import { Refusal, refusalOf } from "../refusal.ts";
import { bodyOf, json, pause, type Reply, send } from "../send.ts";
import type { Turn } from "../turn.ts";
import type { StubAnswer, StubEvent } from "./stub.ts";
import type { HttpStubs } from "./stubs.ts";

/** The longest body of a request that a stub answers, in bytes. */
const MAX_BODY = 1_048_576;

/** Answers by a stub, or lets others serve; where they refuse, it is said which stub was the nearest. */
export async function serveStubs(
  stubs: HttpStubs,
  turn: Turn,
  others: (turn: Turn) => Promise<void>,
): Promise<void> {
  const { request } = turn;
  if (request.url === "*") return others(turn);
  const { path, query } = turn.target;
  const headers = Object.entries(request.headers).map(([name, value = ""]) => [
    name,
    [value].flat().join(", "),
  ]);
  const outcome = await stubs.answerTo(
    {
      method: request.method,
      url: request.url,
      path,
      query: new URLSearchParams(query),
      headers: Object.fromEntries(headers),
    },
    async () => (await bodyOf(turn, MAX_BODY)).toString(),
  );
  if ("answer" in outcome) return answer(turn, outcome.answer);
  const { miss } = outcome;
  if (outcome.state === "read") {
    stubs.missed(miss);
    throw new Refusal(404, miss.nearest, {}, "NOT_FOUND");
  }
  await others(turn).catch((error) => {
    const refusal = refusalOf(error);
    if (refusal.status >= 500) throw error;
    stubs.missed(miss);
    throw refusal.adding(miss.nearest);
  });
}

async function answer(turn: Turn, { delay = 0, status, headers, body, events }: StubAnswer): Promise<void> {
  // Whoever has left needs no answer.
  if (delay > 0) await pause(turn, delay).catch(() => {});
  const made: Reply = events
    ? { headers: { "Content-Type": "text/event-stream; charset=utf-8" }, body: told(turn, events, delay) }
    : bodyFrom(body);
  await send(turn, {
    ...made,
    ...(status !== undefined && { status }),
    headers: { ...made.headers, ...headers },
  });
}

function bodyFrom(body: unknown): Reply {
  if (body === undefined) return {};
  if (typeof body === "string") return { headers: { "Content-Type": "text/plain; charset=utf-8" }, body };
  if (body instanceof Uint8Array) return { headers: { "Content-Type": "application/octet-stream" }, body };
  return json(body);
}

async function* told(turn: Turn, events: readonly StubEvent[], delay: number): AsyncGenerator<string> {
  for (const [index, { id, event, data }] of events.entries()) {
    if (index > 0 && delay > 0) await pause(turn, delay);
    const text = typeof data === "string" ? data : JSON.stringify(data);
    const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
    yield `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}${lines.join("")}\n`;
  }
}
