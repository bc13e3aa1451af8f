import type { Direction, Occurrence, Reply } from "../events/events.ts";
import { checkRule } from "./check.ts";
import { type DatagramFault, isForDatagrams } from "./fate.ts";
import type { ByteFault } from "./shapers.ts";

/** What goes wrong. */
export type Fault =
  | ByteFault
  | DatagramFault
  /** Connections are reset as soon as they are accepted; at an FTP data port, nobody listens where it was announced. */
  | { readonly kind: "refuse" }
  /** Another reply than the server's, or none; `ms` milliseconds late. */
  | { readonly kind: "reply"; readonly with?: Reply | "drop"; readonly ms?: number };

/**
 * Which step of which conversation. Without `verb`, `target`, `code` and `after` the rule acts on whole connections, from
 * their first byte.
 */
export interface Step {
  /** The server's name in the lab. */
  readonly server?: string;
  /** The client's address. */
  readonly peer?: string;
  /** The command: an FTP verb, an HTTP method, a Telnet shell command; whatever its case. */
  readonly verb?: string;
  /** What the command is about, as it was sent, or the path in the store that it names. `*` in a text stands for anything. */
  readonly target?: string | RegExp;
  /** The reply's code: 226 is the end of an FTP transfer. */
  readonly code?: number;
  /** Acts when the reply has been sent, instead of when the command has come. */
  readonly after?: "reply";
  /**
   * Acts on FTP's control connection, or on the data connection that the command uses: the default where it uses one. A
   * forwarder's data connection is the one to its target, and its command is CONNECT.
   */
  readonly on?: "control" | "data";
}

/** A fault, when it acts, and how often. */
export interface Rule {
  /** What goes wrong. */
  readonly fault: Fault;
  /** Default: every connection. */
  readonly when?: Step;
  /** How many occurrences pass unharmed first. Default 0. */
  readonly skip?: number;
  /** How many occurrences it acts on. Default: all that come. */
  readonly times?: number;
  /** With what probability, 0 to 1, it acts on an occurrence; drawn from the lab's seed. Default 1. */
  readonly chance?: number;
}

/** A rule that is there; disposing of it removes it, and drops no byte that is under way. */
export interface StandingFault extends Disposable {
  readonly rule: Rule;
  /** How often it has acted. */
  readonly acted: number;
}

/** The faults of a lab. */
export interface Faults {
  /** Whether there is any rule. */
  readonly active: boolean;
  /** What every draw of chance comes from: the same seed and the same traffic give the same faults. */
  readonly seed: number;
  /**
   * Adds a rule; disposing of the answer removes it, and drops no byte that is under way.
   *
   * @throws WirelabError `BAD_OPTION` for a rule that could never act.
   *
   * @example
   * ```ts
   * import { http, startLab } from "wirelab";
   *
   * await using lab = await startLab({ web: http() });
   * lab.faults.add({ when: { verb: "GET" }, times: 2, fault: { kind: "reply", with: { code: 503, text: "Busy" } } });
   * const codes = [];
   * for (let count = 0; count < 3; count += 1) codes.push((await fetch(lab.servers.web.url)).status);
   * console.log(codes.join(" ")); // 503 503 200
   * ```
   */
  add(rule: Rule): StandingFault;
  /** The rules that are there, in the order in which they came. */
  list(): readonly StandingFault[];
  /** Removes all rules. */
  clear(): void;
  /** The rules that are there and have never acted. */
  unused(): readonly Rule[];
}

/** Where a conversation stands, as rules see it. */
export interface Moment {
  readonly server: string;
  readonly peer: string;
  readonly verb?: string | undefined;
  readonly target?: string | undefined;
  readonly path?: string | undefined;
  readonly code?: number | undefined;
  /** `relay` is a data connection that the client's own bytes go on by: a rule acts there only if it says `on: "data"`. */
  readonly on?: "control" | "data" | "relay";
  /** Where a datagram goes. */
  readonly direction?: Direction;
}

/** A rule that stands, and what became of it. */
export interface StandingRule extends StandingFault {
  /** Occurrences that fitted, and those that were chosen. */
  seen: number;
  chosen: number;
  /** How often it has acted: a chosen stream may end before its bytes are reached. */
  struck: number;
  /** Takes its effects off the streams that it shapes. */
  readonly effects: Set<Disposable>;
}

/** When a rule acts: on a whole connection, a datagram, a command, a reply before it is sent, or after it was. */
export type Trigger = "connection" | "datagram" | "command" | "reply" | "replied";

function triggerOf({ fault, when = {} }: Rule): Trigger {
  if (fault.kind === "reply") return "reply";
  if (isForDatagrams(fault)) return "datagram";
  if (when.after === "reply" || when.code !== undefined) return "replied";
  return when.verb === undefined && when.target === undefined ? "connection" : "command";
}

/** Whether a rule acts at a trigger: of those for whole connections, latency alone means something to datagrams. */
function isAt(rule: Rule, trigger: Trigger): boolean {
  const own = triggerOf(rule);
  if (trigger === "datagram" && rule.fault.kind === "latency") return own === "connection";
  return own === trigger;
}

/** Counts that a rule has acted, and says so. */
export function acted(standing: StandingRule): Occurrence {
  standing.struck += 1;
  return { type: "fault", fault: standing.rule.fault.kind, rule: ruleText(standing.rule) };
}

/** The rules of one lab. */
export class FaultTable implements Faults {
  readonly seed: number;
  readonly #initial: readonly Rule[];
  readonly #rules = new Set<StandingRule>();
  readonly #onChance: () => void;
  #random: () => number;
  #chanceTold = false;
  #version = 0;

  /**
   * @param initial the rules that stand from the start, and again after each reset.
   * @param onChance called when chance comes in, once: whoever wants the same faults again needs the seed.
   * @throws WirelabError `BAD_OPTION` as {@link Faults.add}.
   */
  constructor(seed: number, initial: readonly Rule[] = [], onChance: () => void = () => {}) {
    this.seed = seed;
    this.#initial = initial;
    this.#onChance = onChance;
    this.#random = randomOf(seed);
    for (const rule of initial) this.add(rule);
  }

  get active(): boolean {
    return this.#rules.size > 0;
  }

  /** Another number each time that the rules change. */
  get version(): number {
    return this.#version;
  }

  /** Whether a rule could act on a connection of that client to that server. */
  concerns(where: Moment): boolean {
    for (const { rule } of this.#rules)
      if (!isForDatagrams(rule.fault) && isOf(rule.when, where)) return true;
    return false;
  }

  /** The next number, 0 to 1, of the lab's seed. */
  random(): number {
    return this.#random();
  }

  add(rule: Rule): StandingFault {
    checkRule(rule);
    if (!this.#chanceTold && ("chance" in rule || "jitter" in rule.fault)) {
      this.#chanceTold = true;
      this.#onChance();
    }
    const standing: StandingRule = {
      rule,
      seen: 0,
      chosen: 0,
      struck: 0,
      effects: new Set(),
      get acted() {
        return this.struck;
      },
      [Symbol.dispose]: () => this.#remove(standing),
    };
    this.#rules.add(standing);
    this.#version += 1;
    return standing;
  }

  list(): readonly StandingFault[] {
    return [...this.#rules];
  }

  clear(): void {
    for (const standing of this.#rules) this.#remove(standing);
  }

  /** Makes the rules, and what chance draws next, what they were at the start. */
  reset(): void {
    this.clear();
    this.#random = randomOf(this.seed);
    for (const rule of this.#initial) this.add(rule);
  }

  unused(): readonly Rule[] {
    return [...this.#rules].filter(({ struck }) => struck === 0).map(({ rule }) => rule);
  }

  /** Whether a rule acts on that client when it has got a reply. */
  followsReplies(where: Moment): boolean {
    for (const { rule } of this.#rules)
      if (triggerOf(rule) === "replied" && isOf(rule.when, where)) return true;
    return false;
  }

  /** Whether a rule could want the bytes of that server's connections. */
  wantsBytes(where: Moment): boolean {
    for (const { rule } of this.#rules) {
      const { fault, when } = rule;
      const wordless = fault.kind === "reply" || fault.kind === "refuse" || isForDatagrams(fault);
      if (!wordless && isOf(when, where)) return true;
    }
    return false;
  }

  /**
   * The rules that act at this moment. Each one that fits counts the occurrence.
   *
   * @param heard those that count no more until the next command; the ones that fit are added.
   */
  *acting(trigger: Trigger, moment: Moment, heard?: Set<StandingRule>): Generator<StandingRule> {
    for (const standing of this.#rules) {
      const { rule } = standing;
      if (heard?.has(standing)) continue;
      if (!isAt(rule, trigger) || !isOf(rule.when, moment) || !fits(rule, moment)) continue;
      heard?.add(standing);
      standing.seen += 1;
      if (standing.seen <= (rule.skip ?? 0) || standing.chosen >= (rule.times ?? Number.POSITIVE_INFINITY))
        continue;
      if (rule.chance !== undefined && this.#random() >= rule.chance) continue;
      standing.chosen += 1;
      yield standing;
    }
  }

  #remove(standing: StandingRule): void {
    this.#rules.delete(standing);
    this.#version += 1;
    for (const effect of standing.effects) effect[Symbol.dispose]();
    standing.effects.clear();
  }
}

function isOf(when: Step = {}, { server, peer }: Pick<Moment, "server" | "peer">): boolean {
  return (when.server ?? server) === server && (when.peer ?? peer) === peer;
}

function fits({ fault, when = {} }: Rule, { verb, target, path, code, on, direction }: Moment): boolean {
  if (direction && "direction" in fault && (fault.direction ?? direction) !== direction) return false;
  if (on === "relay" ? when.on !== "data" : on !== undefined && (when.on ?? on) !== on) return false;
  if (when.verb !== undefined && when.verb.toUpperCase() !== verb?.toUpperCase()) return false;
  if (when.code !== undefined && when.code !== code) return false;
  if (when.target === undefined) return true;
  const pattern = patternOf(when.target);
  return [target, path].some((named) => named !== undefined && named.search(pattern) >= 0);
}

export function patternOf(target: string | RegExp): RegExp {
  if (target instanceof RegExp) return target;
  const parts = target.split("*").map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

/** A rule in words, for events, reports and messages. */
export function ruleText({ fault, when = {}, skip, times, chance }: Rule): string {
  const { kind, ...settings } = fault;
  const text = (fields: object) =>
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(
        ([name, value]) =>
          `${name} ${typeof value === "object" && !(value instanceof RegExp) ? JSON.stringify(value) : value}`,
      )
      .join(", ");
  const where = text({ ...when, skip, times, chance });
  return [[kind, text(settings)].filter(Boolean).join(" "), where].filter(Boolean).join(" when ");
}

/** Mulberry32: small, quick, and good enough to choose victims by. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
