import { LONGEST } from "../../core/checks.ts";
import { withDefaults } from "../../core/defaults.ts";
import { WirelabError } from "../../core/errors.ts";

/** When a target counts as down, and how soon it is tried again. */
export interface HealthOptions {
  /** After how many attempts to connect that came to nothing, one after another, a target is down. Default 1. */
  readonly failures?: number;
  /** How long after that it is probed, in milliseconds; twice as long after each probe in vain. Default 100. */
  readonly backOff?: number;
  /** How long at most, in milliseconds. Default 5,000. */
  readonly maxBackOff?: number;
  /** How often a target that is up is probed as well, in milliseconds. Default: never, its clients find out. */
  readonly interval?: number;
}

const HEALTH_DEFAULTS = { failures: 1, backOff: 100, maxBackOff: 5000 } as const satisfies HealthOptions;

/** {@link HealthOptions}, with defaults for what was left out. */
export type Health = HealthOptions & Required<Omit<HealthOptions, "interval">>;

/** @throws WirelabError `BAD_OPTION` for what is no number of 1 or more. */
export function healthFrom(options: HealthOptions = {}): Health {
  const health = withDefaults(HEALTH_DEFAULTS, options);
  for (const [name, value] of Object.entries(health)) checkNumber(`health.${name}`, value);
  return health;
}

/** @throws WirelabError `BAD_OPTION` */
export function checkNumber(option: string, value: number): void {
  if (value >= 1 && value <= LONGEST) return;
  throw new WirelabError(
    "BAD_OPTION",
    `A forwarder's ${option} is ${value}; it is a number, 1 to ${LONGEST}.`,
  );
}
