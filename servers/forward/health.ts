import { messageOf, WirelabError } from "../../core/errors.ts";
import type { Site } from "../../core/service.ts";
import type { Target } from "./target.ts";

/** When a target counts as down, and how it comes back. */
export interface HealthOptions {
  /** After how many attempts to connect that came to nothing, one after another, a target is down. Default 1. */
  readonly failures?: number;
  /** How long after that it is tried again, in milliseconds; twice as long after each time in vain. Default 100. */
  readonly backOff?: number;
  /** How long at most, in milliseconds. Default 5,000. */
  readonly maxBackOff?: number;
  /** How often a target that is up is tried as well, in milliseconds. Default: never, clients find out. */
  readonly interval?: number;
}

const HEALTH_DEFAULTS = { failures: 1, backOff: 100, maxBackOff: 5000 } as const satisfies HealthOptions;

/** The longest that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** @throws WirelabError `BAD_OPTION` for what is no number of 1 or more. */
export function healthFrom(options: HealthOptions = {}): typeof HEALTH_DEFAULTS & HealthOptions {
  for (const [name, value] of Object.entries(options)) {
    if (!(name in HEALTH_DEFAULTS) && name !== "interval")
      throw new WirelabError("BAD_OPTION", `A forwarder's health has "${name}", and knows failures, backOff, maxBackOff, interval.`);
    if (value !== undefined && !(value >= 1 && value <= LONGEST))
      throw new WirelabError("BAD_OPTION", `A forwarder's health.${name} is ${value}; it is a number of 1 or more.`);
  }
  return { ...HEALTH_DEFAULTS, ...options };
}

/** What is known of a target's health, and when more will be. */
interface Watch {
  failures: number;
  /** How often it was tried since it is down. */
  tries: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Marks targets down that cannot be reached and up that can: by what clients' connections come to, and by connections of its own
 * to those that are down, which are closed as soon as they are made. Their pace has no chance in it.
 */
export class Health {
  readonly #options: ReturnType<typeof healthFrom>;
  readonly #site: Site;
  readonly #timeout: number;
  readonly #watches = new Map<Target, Watch>();

  /** @param timeout how long a probe waits for its connection, in milliseconds. */
  constructor(targets: readonly Target[], options: ReturnType<typeof healthFrom>, site: Site, timeout: number) {
    this.#options = options;
    this.#site = site;
    this.#timeout = timeout;
    for (const target of targets) {
      const watch = { failures: 0, tries: 0, timer: undefined };
      this.#watches.set(target, watch);
      this.#schedule(target, watch);
    }
  }

  /** Somebody listens there. */
  reached(target: Target): void {
    const watch = this.#watches.get(target);
    if (!watch) return;
    watch.failures = 0;
    if (target.healthy) return;
    this.#mark(target, watch, true);
  }

  /** An attempt to connect came to nothing. */
  failed(target: Target, error: unknown): void {
    target.lastError = messageOf(error);
    const watch = this.#watches.get(target);
    if (!watch) return;
    watch.failures += 1;
    if (target.healthy && watch.failures >= this.#options.failures) this.#mark(target, watch, false);
  }

  /** Takes a target for healthy until it turns out otherwise. */
  presume(target: Target): void {
    target.healthy = true;
    this.reached(target);
    const watch = this.#watches.get(target);
    if (watch) this.#schedule(target, watch);
  }

  /** Probes no more. */
  stop(): void {
    for (const { timer } of this.#watches.values()) clearTimeout(timer);
    this.#watches.clear();
  }

  #mark(target: Target, watch: Watch, healthy: boolean): void {}

  #schedule(target: Target, watch: Watch): void {}
}
