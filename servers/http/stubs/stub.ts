/** A request as a stub saw it. */
export interface StubRequest {
  readonly method: string;
  /** Decoded and normalised, without the query. */
  readonly path: string;
  /** What the pattern's names stand for: `/users/:id` gives `id`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read as UTF-8. */
  readonly body: string;
}

/** A server-sent event. */
export interface StubEvent {
  readonly data: unknown;
  readonly event?: string;
  readonly id?: string;
}

/** What a stub answers: a body, or server-sent events. */
export interface StubAnswer {
  /** Default 200. */
  readonly status?: number;
  /** A list of values is as many fields: two cookies, for example. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A text or bytes as they are; anything else as JSON. Default: none. */
  readonly body?: unknown;
  readonly events?: readonly StubEvent[];
  /** Milliseconds to wait first, and before each event but the first. Default 0. */
  readonly delay?: number;
  /** How many requests get this answer before the next one's turn. Default 1; the last answer stays. */
  readonly times?: number;
}

/** Which requests a stub answers, and how. What is left out may be anything. */
export interface Stub {
  readonly method?: string;
  /**
   * The path, decoded: `*` stands for a name in it, `**` for any rest, `:id` for a name that answers can look up. A pattern is
   * tried on the whole path.
   */
  readonly path: string | RegExp;
  readonly query?: Readonly<Record<string, string | RegExp>>;
  readonly headers?: Readonly<Record<string, string | RegExp>>;
  /** The body as text; or, as `{ json }`, what its JSON has to have at least, where a RegExp stands for a text. */
  readonly body?: string | RegExp | { readonly json: unknown };
  /** One answer; several, in order, the last of which stays; or a function of the request. */
  readonly answer:
    | StubAnswer
    | readonly StubAnswer[]
    | ((request: StubRequest) => StubAnswer | Promise<StubAnswer>);
}

/** A stub that stands; disposing of it takes it away. */
export interface StandingStub extends Disposable {
  /** How many requests it has answered. */
  readonly count: number;
  /** The requests that it has answered, the last 1,000 of them. */
  readonly calls: readonly StubRequest[];
}

/** A request that nobody answered: no stub, no file, nor anything else. */
export interface Unmatched {
  readonly method: string;
  readonly url: string;
  /** What kept the stub that came nearest from answering. */
  readonly nearest: string;
}

/** What a running HTTP server has beside what all servers have: answers that it gives instead of its files. */
export interface HttpStubbing {
  /**
   * Answers by a stub from now on. The one that was added last is tried first. {@link Lab.reset} takes it away, and brings back
   * those of `http({ stubs })` with their first answers.
   *
   * @throws WirelabError `BAD_OPTION` for a stub that cannot be.
   *
   * @example
   * ```ts
   * import { http, startLab } from "wirelab";
   *
   * await using lab = await startLab({ api: http() });
   * const { api } = lab.servers;
   * const users = api.stub({ path: "/users/:id", answer: [{ status: 503, times: 2 }, { body: { name: "Ann" } }] });
   * await fetch(`${api.url}/users/7`); // 503
   * await fetch(`${api.url}/users/7`); // 503
   * console.log(await (await fetch(`${api.url}/users/7`)).json()); // { name: 'Ann' }
   * console.log(users.count, users.calls[0]?.params.id); // 3 7
   *
   * await fetch(`${api.url}/user/7`);
   * console.log(api.unmatched[0]?.nearest); // The nearest stub would answer, but the path is /user/7, not /users/:id.
   * ```
   */
  stub(stub: Stub): StandingStub;
  /** The requests that nobody answered while stubs stood, the last 100 of them. */
  readonly unmatched: readonly Unmatched[];
}
