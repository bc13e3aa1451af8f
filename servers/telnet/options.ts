import { DO, DONT, type Verb, WILL, WONT } from "./codec.ts";

export const BINARY = 0;
export const ECHO = 1;
/** SUPPRESS-GO-AHEAD, RFC 858. */
export const SGA = 3;
export const STATUS = 5;
export const TIMING_MARK = 6;
/** TERMINAL-TYPE, RFC 1091. */
export const TTYPE = 24;
/** Negotiate About Window Size, RFC 1073. */
export const NAWS = 31;
/** END-OF-RECORD, RFC 885. */
export const EOR = 25;
/** RFC 1572. */
export const NEW_ENVIRON = 39;
/** RFC 2066. */
export const CHARSET = 42;
/** MUD Server Status Protocol. */
export const MSSP = 70;
/** MUD Client Compression Protocol, version 2. */
export const COMPRESS2 = 86;
/** Generic MUD Communication Protocol. */
export const GMCP = 201;

const NAMES: Readonly<Record<number, string>> = {
  [BINARY]: "BINARY",
  [ECHO]: "ECHO",
  [SGA]: "SGA",
  [STATUS]: "STATUS",
  [TIMING_MARK]: "TIMING-MARK",
  [TTYPE]: "TTYPE",
  [NAWS]: "NAWS",
  [EOR]: "EOR",
  32: "TSPEED",
  33: "LFLOW",
  34: "LINEMODE",
  35: "XDISPLOC",
  36: "OLD-ENVIRON",
  [NEW_ENVIRON]: "NEW-ENVIRON",
  [CHARSET]: "CHARSET",
  [MSSP]: "MSSP",
  [COMPRESS2]: "COMPRESS2",
  [GMCP]: "GMCP",
};

/** An option by its name in IANA's registry, or by its number. */
export function optionName(option: number): string {
  return NAMES[option] ?? String(option);
}

/** Who performs an option: `local` is us (our WILL, the peer's DO), `remote` the peer (its WILL, our DO). */
export type Side = "local" | "remote";

/** RFC 1143 §7: where one side of one option stands; the two `opposite` states have the request for the other queued. */
type State = "no" | "yes" | "wantNo" | "wantNoOpposite" | "wantYes" | "wantYesOpposite";

/** The state after, and what is said to the peer: yes (WILL or DO) or no (WONT or DONT). */
type Step = readonly [State, ("yes" | "no")?];

/** The peer says yes to an option that we would have. */
const OFFERED = {
  no: ["yes", "yes"],
  yes: ["yes"],
  wantNo: ["no"],
  wantNoOpposite: ["yes"],
  wantYes: ["yes"],
  wantYesOpposite: ["wantNo", "no"],
} as const satisfies Record<State, Step>;

/**
 * The whole of RFC 1143 §7. `unwelcome` is the peer's yes to an option that we would not have, unless we have asked for it;
 * `declined` is its no; `enable` and `disable` are our own wishes.
 */
const STEPS = {
  offered: OFFERED,
  unwelcome: { ...OFFERED, no: ["no", "no"] },
  declined: {
    no: ["no"],
    yes: ["no", "no"],
    wantNo: ["no"],
    wantNoOpposite: ["wantYes", "yes"],
    wantYes: ["no"],
    wantYesOpposite: ["no"],
  },
  enable: {
    no: ["wantYes", "yes"],
    yes: ["yes"],
    wantNo: ["wantNoOpposite"],
    wantNoOpposite: ["wantNoOpposite"],
    wantYes: ["wantYes"],
    wantYesOpposite: ["wantYes"],
  },
  disable: {
    no: ["no"],
    yes: ["wantNo", "no"],
    wantNo: ["wantNo"],
    wantNoOpposite: ["wantNo"],
    wantYes: ["wantYesOpposite"],
    wantYesOpposite: ["wantYesOpposite"],
  },
} as const satisfies Record<string, Record<State, Step>>;

const SAYS = { local: { yes: WILL, no: WONT }, remote: { yes: DO, no: DONT } } as const;

export interface OptionTableOptions {
  /** The options that are agreed to when the peer proposes them, by who is to perform them. */
  readonly welcome: Readonly<Record<Side, readonly number[]>>;
  /** Sends one word of negotiation. */
  send(verb: Verb, option: number): void;
  /** An option has come into force, has gone out of it, or was refused to us. */
  settled(side: Side, option: number, on: boolean): void;
}

/** What both sides of a connection have agreed on, by the Q method of RFC 1143: no loops, and no answer to an answer. */
export class OptionTable {
  readonly #options: OptionTableOptions;
  readonly #states = { local: new Map<number, State>(), remote: new Map<number, State>() };

  constructor(options: OptionTableOptions) {
    this.#options = options;
  }

  /** The peer has said a word of negotiation. */
  receive(verb: Verb, option: number): void {
    const side = verb === DO || verb === DONT ? "local" : "remote";
    if (verb === DONT || verb === WONT) this.#step(side, option, "declined");
    else this.#step(side, option, this.#options.welcome[side].includes(option) ? "offered" : "unwelcome");
  }

  /** We want an option performed, or no longer. Safe at any time: a request under way is answered first. */
  request(side: Side, option: number, wish: "enable" | "disable"): void {
    this.#step(side, option, wish);
  }

  /** Whether both sides have agreed to it. */
  enabled(side: Side, option: number): boolean {
    return this.#state(side, option) === "yes";
  }

  /** Whether it is out of force and nothing is under way: what was asked for has been refused. */
  refused(side: Side, option: number): boolean {
    return this.#state(side, option) === "no";
  }

  /** The options in force, in the form that STATUS reports them: WILL for ours, DO for the peer's (RFC 859). */
  *[Symbol.iterator](): Generator<readonly [Verb, number]> {
    for (const side of ["local", "remote"] as const) {
      for (const [option, state] of this.#states[side]) if (state === "yes") yield [SAYS[side].yes, option];
    }
  }

  #state(side: Side, option: number): State {
    return this.#states[side].get(option) ?? "no";
  }

  #step(side: Side, option: number, event: keyof typeof STEPS): void {
    const before = this.#state(side, option);
    const [after, answer]: Step = STEPS[event][before];
    if (after !== before) this.#states[side].set(option, after);
    if (answer) this.#options.send(SAYS[side][answer], option);
    if (after !== before && (after === "yes" || after === "no"))
      this.#options.settled(side, option, after === "yes");
  }
}
