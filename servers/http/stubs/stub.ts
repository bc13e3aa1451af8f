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
  readonly headers?: Readonly<Record<string, string>>;
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
  /** The body as text; or, as `{ json }`, what its JSON has to have at least. */
  readonly body?: string | RegExp | { readonly json: unknown };
  /** One answer; several, in order, the last of which stays; or a function of the request. */
  readonly answer:
    | StubAnswer
    | readonly StubAnswer[]
    | ((request: StubRequest) => StubAnswer | Promise<StubAnswer>);
}

/** A stub that stands; disposing of it takes it away. */
export interface StandingStub extends Disposable {
  /** The requests that it has answered, the last 1,000 of them. */
  readonly calls: readonly StubRequest[];
}

/** A request that no stub answered. */
export interface Unmatched {
  readonly method: string;
  readonly url: string;
  /** What kept the stub that came nearest from answering; undefined where no stub stands. */
  readonly nearest?: string;
}
