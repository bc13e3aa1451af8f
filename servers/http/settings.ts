import { oneOf } from "../../core/checks.ts";
import { withDefaults } from "../../core/defaults.ts";
import { WirelabError } from "../../core/errors.ts";
import { resolveEntry } from "../../core/path.ts";
import { PERMISSIONS } from "../../core/permissions.ts";
import type { HttpOptions } from "./index.ts";
import type { Patience } from "./pace.ts";

const DEFAULTS = {
  public: "elr",
  dotfiles: "hide",
  compression: "on",
  inspect: "/_/",
  maxBody: 1_073_741_824,
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 300_000,
  bodyTimeout: 15_000,
  keepAliveTimeout: 5_000,
  maxRequestsPerSocket: 0,
} as const satisfies HttpOptions;

/** How often time-outs are looked at, at least, in milliseconds: a slow client is gone within time-out and this. */
const CHECKING_INTERVAL = 2000;

type Limit =
  | "maxBody"
  | "maxHeaderSize"
  | "headersTimeout"
  | "requestTimeout"
  | "bodyTimeout"
  | "keepAliveTimeout"
  | "maxRequestsPerSocket";

/** The options with their defaults, checked. */
export interface Settings extends Readonly<Record<Limit, number>> {
  readonly public: string;
  readonly dotfiles: "hide" | "allow";
  readonly compression: "on" | "off";
  readonly inspect: string | false;
  /** The path in the store. */
  readonly fallback: string | undefined;
  readonly checkingInterval: number;
}

/** @throws WirelabError `BAD_OPTION`, naming the option. */
export function settingsOf(options: HttpOptions): Settings {
  const settings = withDefaults(DEFAULTS, options);
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = settings[name];
    if (typeof DEFAULTS[name] === "number" && !(Number.isSafeInteger(value) && Number(value) >= 0)) {
      throw new WirelabError(
        "BAD_OPTION",
        `http's ${name} is ${value}; it must be a whole number, 0 or more.`,
      );
    }
  }
  // Taken for the other one, a strange word would show what is to be hidden.
  oneOf("hide", "allow")(settings.dotfiles, "http's dotfiles");
  oneOf("on", "off")(settings.compression, "http's compression");
  const strange = [...settings.public].find((letter) => !PERMISSIONS.includes(letter));
  if (strange !== undefined) {
    throw new WirelabError(
      "BAD_OPTION",
      `http's public has the letter "${strange}"; the letters are ${PERMISSIONS}.`,
    );
  }
  if (settings.inspect !== false && !/^(?:\/[\w~-][\w.~-]*)+\/$/.test(settings.inspect)) {
    throw new WirelabError(
      "BAD_OPTION",
      `http's inspect is "${settings.inspect}"; write "/_/", or false for none.`,
    );
  }
  const { requestTimeout } = settings;
  // The head is a part of the request, and Node insists that it gets no more time.
  const headersTimeout =
    requestTimeout > 0 ? Math.min(settings.headersTimeout, requestTimeout) : settings.headersTimeout;
  const shortest = Math.min(
    ...[headersTimeout, requestTimeout].filter((limit) => limit > 0),
    4 * CHECKING_INTERVAL,
  );
  const fallback = options.fallback === undefined ? undefined : resolveEntry(options.fallback);
  return { ...settings, fallback, headersTimeout, checkingInterval: Math.max(10, Math.floor(shortest / 4)) };
}

/** How long clients are waited for. */
export function patienceOf({ bodyTimeout, keepAliveTimeout, headersTimeout }: Settings): Patience {
  // A client that keeps sending empty lines gets no more time by that than one that begins at the last moment.
  const idle = keepAliveTimeout > 0 && headersTimeout > 0 ? keepAliveTimeout + headersTimeout : 0;
  return { body: bodyTimeout, idle };
}
