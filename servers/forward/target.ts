import { messageOf } from "../../core/errors.ts";
import type { Connection } from "../../core/service.ts";
import type { TargetAddress } from "./address.ts";
import type { Health } from "./health.ts";

/** Whether a target is given connections: `drained` ones keep those that they have, and get no more. */
export type TargetState = "up" | "down" | "drained";

/** What became of a target so far, since the start or the last reset. */
export interface TargetFigures {
  /** Its address, as events and faults name it. */
  readonly target: string;
  readonly state: TargetState;
  readonly weight: number;
  /** Connections to it that are open, or being made. */
  readonly active: number;
  /** Connections to it that came about. */
  readonly total: number;
  /** Attempts to connect that came to nothing. */
  readonly failed: number;
  /** Bytes that clients have sent to it. */
  readonly in: number;
  /** Bytes that it has sent to clients. */
  readonly out: number;
  /** Why the latest of the failed attempts, or probes, came to nothing. */
  readonly lastError?: string;
}

/** What a target reaches. */
interface Surroundings {
  /** Connects to it, and closes at once; rejects where nobody listens. */
  readonly probe: () => Promise<void>;
  /** Called when its state has become another one. */
  readonly changed: (state: TargetState) => void;
}

/**
 * A target, what became of it, and whether it is up: by what clients' connections to it come to, and by probes while it is down.
 * Their pace has no chance in it.
 */
export class Target {
  readonly name: string;
  readonly endpoint: TargetAddress["endpoint"];
  readonly weight: number;
  readonly tls: TargetAddress["tls"];
  readonly #connections = new Set<Connection>();
  active = 0;
  total = 0;
  failed = 0;
  in = 0;
  out = 0;
  readonly #health: Health;
  readonly #surroundings: Surroundings;
  #lastError: string | undefined;
  #healthy = true;
  /** What somebody has set it to, whatever its health. */
  #set: "down" | "drained" | undefined;
  /** Attempts in vain, one after another. */
  #failures = 0;
  /** Probes in vain since it is down. */
  #probes = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor({ name, endpoint, weight, tls }: TargetAddress, health: Health, surroundings: Surroundings) {
    this.name = name;
    this.endpoint = endpoint;
    this.weight = weight;
    this.tls = tls;
    this.#health = health;
    this.#surroundings = surroundings;
    this.#schedule();
  }

  get state(): TargetState {
    return this.#set ?? (this.#healthy ? "up" : "down");
  }

  /** Whether it may be tried: one that is down may be up again, one that was set so may not. */
  get admissible(): boolean {
    return this.#set === undefined;
  }

  /** A connection to it has come about. */
  take(connection: Connection): void {
    this.#connections.add(connection);
    connection.closed.then(() => {
      this.active -= 1;
      this.#connections.delete(connection);
    });
    if (this.#set === "down") connection.reset("server");
  }

  /** Somebody listens there. */
  reached(): void {
    this.#failures = 0;
    if (!this.#healthy) this.#turn("healthy");
  }

  /** Nobody could be reached there. */
  missed(error: unknown): void {
    this.#lastError = messageOf(error);
    this.#failures += 1;
    if (this.#healthy && this.#failures >= this.#health.failures) this.#turn("ill");
  }

  /** Makes it drained or down, until it is made up again: then it is taken for healthy. */
  set(state: TargetState): void {
    const before = this.state;
    this.#set = state === "up" ? undefined : state;
    if (state === "up") {
      this.#healthy = true;
      this.#failures = 0;
    }
    this.#schedule();
    if (this.state !== before) this.#surroundings.changed(this.state);
    if (state === "down") for (const connection of this.#connections) connection.reset("server");
  }

  /** Probes no more, and tells nothing any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  figures(): TargetFigures {
    const { name: target, state, weight, active, total, failed } = this;
    const counts = { active, total, failed, in: this.in, out: this.out };
    return { target, state, weight, ...counts, ...(this.#lastError && { lastError: this.#lastError }) };
  }

  #turn(to: "healthy" | "ill"): void {
    if (this.#stopped) return;
    this.#healthy = to === "healthy";
    this.#probes = 0;
    this.#schedule();
    if (this.#set === undefined) this.#surroundings.changed(this.state);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { backOff, maxBackOff, interval } = this.#health;
    const wait = this.#healthy ? interval : Math.min(maxBackOff, backOff * 2 ** this.#probes);
    if (this.#stopped || this.#set !== undefined || wait === undefined) return;
    this.#timer = setTimeout(() => void this.#probe(), wait);
  }

  async #probe(): Promise<void> {
    try {
      await this.#surroundings.probe();
      this.reached();
    } catch (error) {
      this.#probes += 1;
      this.missed(error);
    }
    this.#schedule();
  }
}
