import { setTimeout as pause } from "node:timers/promises";
import type { SocketConnection } from "./connection.ts";
import type { Occurrence, Reply } from "./events.ts";
import type { FaultTable, Moment, StandingRule } from "./faults.ts";

/** Follows one conversation, and lets the rules act at their steps. Does nothing while there is no rule. */
export class Injector {
  readonly #faults: FaultTable;
  readonly #connection: SocketConnection;
  readonly #where: Moment;
  #step: Moment;
  /** The rules that have had their say on the command of this step. */
  readonly #heard = new Set<StandingRule>();
  /** What this step does to the data connection that has not come yet. */
  #armed: StandingRule[] = [];
  #version = -1;
  #concerned = false;

  constructor(faults: FaultTable, connection: SocketConnection, where: Moment) {
    this.#faults = faults;
    this.#connection = connection;
    this.#where = where;
    this.#step = where;
  }

  /** Whether a rule could act on this conversation. Asked for every command, so answered anew only when rules change. */
  get concerned(): boolean {
    if (this.#version !== this.#faults.version) {
      this.#version = this.#faults.version;
      this.#concerned = this.#faults.concerns(this.#where);
    }
    return this.#concerned;
  }

  /** Sees what the protocol saw. */
  saw(event: Occurrence): void {
    if (!this.concerned) return;
    if (event.type === "command") {
      this.#step = { ...this.#where, verb: event.verb, target: event.target, path: event.path };
      this.#heard.clear();
      this.#armed = [];
      for (const standing of this.#faults.acting("command", this.#step)) {
        this.#act(standing, event.data ? "data" : "control");
      }
    } else if (event.type === "reply") {
      for (const standing of this.#faults.acting(
        "replied",
        { ...this.#step, code: event.code },
        this.#heard,
      )) {
        this.#act(standing, "control");
      }
    }
  }

  /** The reply as the rules have it. */
  async amend(reply: Reply): Promise<Reply | undefined> {
    if (!this.concerned) return reply;
    let amended: Reply | undefined = reply;
    for (const standing of this.#faults.acting("reply", { ...this.#step, code: reply.code }, this.#heard)) {
      const { fault } = standing.rule;
      if (fault.kind !== "reply") continue;
      this.#connection.tell(standing);
      if (fault.ms !== undefined) await this.#pause(fault.ms);
      if (fault.with !== undefined) amended = fault.with === "drop" ? undefined : fault.with;
    }
    return amended;
  }

  /** What the current step does to a data connection that comes only now. */
  armed(): readonly StandingRule[] {
    const armed = this.#armed;
    this.#armed = [];
    return armed;
  }

  /** A wait that ends with the connection. */
  async #pause(ms: number): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([pause(ms, undefined, { signal }).catch(() => {}), this.#connection.closed]);
    over.abort();
  }

  #act(standing: StandingRule, usual: "control" | "data"): void {
    if ((standing.rule.when?.on ?? usual) === "control") {
      this.#connection.strike(standing);
      return;
    }
    const children = this.#connection.children();
    if (children.length === 0) this.#armed.push(standing);
    for (const child of children) child.strike(standing);
  }
}
