import { validateHeaderName, validateHeaderValue } from "node:http";
import { isObject } from "../../../core/checks.ts";
import { messageOf, WirelabError } from "../../../core/errors.ts";
import { type Asked, bodyFits, differences, paramsIn, pathPattern } from "./match.ts";
import type { StandingStub, Stub, StubAnswer, StubEvent, StubRequest, Unmatched } from "./stub.ts";

/** How much is remembered: the calls of a stub, and the requests that none answered. */
const REMEMBERED = { calls: 1000, unmatched: 100 };

/** A stub, and where it is in its answers. */
class Standing implements StandingStub {
  readonly stub: Stub;
  readonly calls: StubRequest[] = [];
  count = 0;
  readonly #remove: (standing: Standing) => void;

  constructor(stub: Stub, remove: (standing: Standing) => void) {
    this.stub = checked(stub);
    this.#remove = remove;
  }

  /** The answer to a request, whose turn it is. */
  answer(request: StubRequest): StubAnswer | Promise<StubAnswer> {
    if (this.calls.push(request) > REMEMBERED.calls) this.calls.shift();
    let before = this.count;
    this.count += 1;
    const { answer } = this.stub;
    if (typeof answer === "function") return answer(request);
    const answers: readonly StubAnswer[] = [answer].flat();
    const turn = answers.find(({ times = 1 }) => {
      before -= times;
      return before < 0;
    });
    return turn ?? answers.at(-1) ?? {};
  }

  [Symbol.dispose](): void {
    this.#remove(this);
  }
}

/** The stubs of one server. */
export class HttpStubs {
  readonly #initial: readonly Stub[];
  #standing: readonly Standing[] = [];
  #unmatched: Unmatched[] = [];

  /** @throws WirelabError `BAD_OPTION` for a stub that cannot be. */
  constructor(initial: readonly Stub[] = []) {
    if (!Array.isArray(initial)) reject("is given where a list of them belongs");
    this.#initial = initial;
    this.reset();
  }

  /** Whether there is any. */
  get active(): boolean {
    return this.#standing.length > 0;
  }

  /** The requests that nobody answered, the last of them. */
  get unmatched(): readonly Unmatched[] {
    return this.#unmatched;
  }

  /** Remembers a request that nobody answered. */
  missed(miss: Unmatched): void {
    this.#unmatched = [...this.#unmatched, miss].slice(-REMEMBERED.unmatched);
  }

  /** @throws WirelabError `BAD_OPTION` for a stub that cannot be. */
  add(stub: Stub): StandingStub {
    const standing = new Standing(stub, (gone) => {
      this.#standing = this.#standing.filter((each) => each !== gone);
    });
    this.#standing = [standing, ...this.#standing];
    return standing;
  }

  /** As at the start. */
  reset(): void {
    this.#standing = [];
    this.#unmatched = [];
    for (const stub of this.#initial.toReversed()) this.add(stub);
  }

  /**
   * The answer to a request.
   *
   * @param body reads it: only where all but the body speaks for a stub, for then nobody else can read it.
   * @returns why there is none, otherwise; `read` where the body is read.
   */
  async answerTo(
    asked: Asked & { readonly url: string },
    body: () => Promise<string>,
  ): Promise<
    { readonly answer: StubAnswer } | { readonly miss: Unmatched; readonly state: "read" | "unread" }
  > {
    const judged = this.#standing.map((standing) => ({
      standing,
      against: differences(standing.stub, asked),
    }));
    const near = judged.filter(({ against }) => against.length === 0).map(({ standing }) => standing);
    if (near.length > 0) {
      const text = await body();
      const found = near.find(({ stub }) => bodyFits(stub, text));
      if (found) {
        const params = paramsIn(found.stub.path, asked.path);
        const answer = await found.answer({ ...asked, params, body: text });
        return {
          answer: typeof found.stub.answer === "function" ? checkedAnswer(answer, asked.path) : answer,
        };
      }
    }
    const [nearest] = judged.toSorted((one, other) => one.against.length - other.against.length);
    const why = near.length > 0 ? ["the body is another"] : (nearest?.against ?? []);
    const miss = {
      method: asked.method,
      url: asked.url,
      nearest: `The nearest stub would answer, but ${why.join(", and ")}.`,
    };
    return { miss, state: near.length > 0 ? "read" : "unread" };
  }
}

function reject(why: string): never {
  throw new WirelabError("BAD_OPTION", `A stub ${why}.`);
}

/** From a file, or from a function, anything may come. */
function onlyHas(value: object, fields: readonly string[]): void {
  const strange = Object.keys(value).find((field) => !fields.includes(field));
  if (strange !== undefined) reject(`has the field "${strange}"; the fields are ${fields.join(", ")}`);
}

function checked(stub: Stub): Stub {
  if (typeof stub !== "object" || stub === null) reject(`is ${JSON.stringify(stub)}, and no object`);
  onlyHas(stub, ["method", "path", "query", "headers", "body", "answer"]);
  const { method = "", path, query = {}, headers = {}, body = "", answer } = stub;
  if (typeof method !== "string") reject(`has the method ${JSON.stringify(method)}; write a text`);
  for (const [what, wanted] of Object.entries({ query, headers })) {
    if (!isObject(wanted)) return reject(`has ${what} ${JSON.stringify(wanted)}; write an object`);
    for (const [name, value] of Object.entries(wanted)) {
      if (typeof value !== "string" && !(value instanceof RegExp))
        reject(`has ${what} with ${name} ${JSON.stringify(value)}; write a text`);
    }
  }
  if (
    typeof body !== "string" &&
    !(body instanceof RegExp) &&
    !(isObject(body) && Object.hasOwn(body, "json"))
  )
    reject(`has the body ${JSON.stringify(body)}; write a text, or { json: … } for what its JSON has`);
  if (!(path instanceof RegExp) && !(typeof path === "string" && /^(?:\/|\*\*)/.test(path))) {
    reject(`has the path ${JSON.stringify(path)}; write one from its first slash on, as /users/:id`);
  }
  if (typeof path === "string" && path.includes("?")) {
    reject(`has the path ${JSON.stringify(path)}; what stands behind the ? is its query: { name: "value" }`);
  }
  try {
    pathPattern(path);
  } catch {
    reject(`has the path ${JSON.stringify(path)}, in which a name stands twice`);
  }
  if (typeof answer !== "function") {
    const answers: readonly StubAnswer[] = [answer].flat();
    if (answers.length === 0) reject(`for ${path} has no answer`);
    for (const each of answers) checkedAnswer(each, path);
  }
  return stub;
}

function checkedAnswer(answer: StubAnswer, path: string | RegExp): StubAnswer {
  if (typeof answer !== "object" || answer === null) reject(`for ${path} has no answer`);
  onlyHas(answer, ["status", "headers", "body", "events", "delay", "times"]);
  const { status = 200, delay = 0, times = 1, headers = {}, events = [], body = "" } = answer;
  if (!(Number.isInteger(status) && status >= 200 && status <= 599)) reject(`has the status ${status}`);
  if (!(typeof delay === "number" && delay >= 0 && delay < 2 ** 31)) reject(`has a delay of ${delay} ms`);
  if (!(Number.isInteger(times) && times > 0)) reject(`has an answer for ${times} times`);
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      if (/^trailer$/i.test(name)) throw new Error("a stub sends no trailers");
      for (const each of [value].flat()) {
        if (each == null || typeof each === "object") throw new Error(`${name} is ${each}; write a text`);
        validateHeaderValue(name, String(each));
      }
    }
  } catch (error) {
    reject(`has a header that cannot be sent: ${messageOf(error)}`);
  }
  if (!isSayable(body))
    reject(`has a body that cannot be sent; write a text, a Uint8Array, or what JSON can say`);
  if (!Array.isArray(events)) reject(`has events ${JSON.stringify(events)}; write a list of them`);
  for (const each of events) {
    const { id = "", event = "", data }: Partial<StubEvent> = Object(each);
    if (data === undefined) reject("has an event without data");
    if (!isSayable(data)) reject("has an event whose data JSON cannot say");
    if (/[\r\n]/.test(id + event)) reject("has an event whose id or name is of several lines");
  }
  return answer;
}

/** Not a function, a Response or a Map, of which JSON would say nothing, nor what goes round in circles. */
function isSayable(value: unknown): boolean {
  if (typeof value === "string" || value instanceof Uint8Array) return true;
  try {
    const text: string | undefined = JSON.stringify(value);
    return text !== undefined && (text !== "{}" || isPlain(value));
  } catch {
    return false;
  }
}

/** Whether an object is what `{}` makes. */
function isPlain(value: unknown): boolean {
  const parent = Object.getPrototypeOf(value);
  return parent === null || Object.getPrototypeOf(parent) === null;
}
