import { withDefaults } from "../../core/defaults.ts";
import { WirelabError } from "../../core/errors.ts";
import type { WebSocketBehaviour, WebSocketOptions } from "./index.ts";
import type { WebSocketHandler } from "./session.ts";

const DEFAULTS = {
  compression: "off",
  maxPayload: 16_777_216,
  maxFragments: 65_536,
  maxBuffered: 1_048_576,
  pingInterval: 30_000,
  handshakeTimeout: 10_000,
  maxHeaderSize: 16_384,
} as const satisfies WebSocketOptions;

/** The largest limit that ws can count to. */
const MOST = 2 ** 31 - 1;

const DEFAULT_ROUTES = { "/": "receipt", "/echo": "echo", "/chat": "chat" } as const;

const BEHAVIOURS: readonly string[] = Object.values(DEFAULT_ROUTES);

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

type Limit = {
  [Name in keyof typeof DEFAULTS]: (typeof DEFAULTS)[Name] extends number ? Name : never;
}[keyof typeof DEFAULTS];

/** What serves a path. */
export type Route = WebSocketHandler | WebSocketBehaviour;

/** The options with their defaults, checked. */
export interface Settings extends Readonly<Record<Limit, number>> {
  readonly compression: "on" | "off";
  readonly routes: ReadonlyMap<string, Route>;
  /** What serves a path that has no route. */
  readonly handler: WebSocketHandler | undefined;
  readonly subprotocols: readonly string[] | undefined;
  readonly origins: readonly string[] | undefined;
}

/** @throws WirelabError `BAD_OPTION`, naming the option. */
export function settingsOf(options: WebSocketOptions): Settings {
  const { handler, routes = {}, subprotocols, origins, ...rest } = options;
  const settings = withDefaults(DEFAULTS, rest);
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = settings[name];
    const least = name === "pingInterval" ? 0 : 1;
    if (typeof value === "number" && !(Number.isSafeInteger(value) && value >= least && value <= MOST)) {
      throw bad(`${name} is ${value}; it is a whole number from ${least} to ${MOST}.`);
    }
  }
  for (const [path, route] of Object.entries(routes)) {
    if (!path.startsWith("/")) throw bad(`there is a route "${path}"; a path begins with a slash.`);
    if (typeof route !== "function" && !BEHAVIOURS.includes(route)) {
      throw bad(`the route ${path} is "${route}"; write a function or one of ${BEHAVIOURS.join(", ")}.`);
    }
  }
  const strange = subprotocols?.find((name) => !TOKEN.test(name));
  if (strange !== undefined) throw bad(`"${strange}" is no name for a subprotocol.`);
  const nowhere = origins?.find((origin) => originOf(origin) !== origin);
  if (nowhere !== undefined) {
    throw bad(`"${nowhere}" is no origin: write it as browsers do, http://127.0.0.1:3000.`);
  }
  return {
    ...settings,
    handler,
    subprotocols,
    origins,
    routes: new Map(Object.entries({ ...(handler ? {} : DEFAULT_ROUTES), ...routes })),
  };
}

function originOf(text: string): string | undefined {
  return URL.canParse(text) ? new URL(text).origin : undefined;
}

function bad(why: string): WirelabError {
  return new WirelabError("BAD_OPTION", `websocket: ${why}`);
}
