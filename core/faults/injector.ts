import { setTimeout as pause } from "node:timers/promises";
import { LONGEST } from "../checks.ts";
import type { SocketConnection } from "../connection.ts";
import type { FrameKind, Occurrence, Reply } from "../events/events.ts";
import type { FaultTable, Moment, StandingRule } from "./faults.ts";

/** A command, and what the rules make of it. */
interface Command {
  readonly moment: Moment;
  /** The rules that have had their say on it. */
  readonly heard: Set<StandingRule>;
  /** What acts on its data connection, as long as that has not come. */
  armed: StandingRule[];
}

/** The frames of WebSocket that are answered. */
const QUESTIONS: readonly FrameKind[] = ["text", "binary", "ping", "close"];

/** Those that answer. */
const ANSWERS: readonly FrameKind[] = ["text", "binary", "pong", "close"];

const command = (moment: Moment): Command => ({ moment, heard: new Set(), armed: [] });

/** Follows one conversation, and lets the rules act at their steps. Does nothing while there is no rule for it. */
export class Injector {
  readonly #faults: FaultTable;
  readonly #connection: SocketConnection;
  readonly #where: Moment;
  #latest: Command;
  /** The last command that uses a data connection: others may be answered while it is under way. */
  #withData: Command;
  /** The target of the latest command that was one by the protocol's own words. */
  #named: string | undefined;
  /** The command that the last reply was for. */
  #answered: Command;
  #version = -1;
  #concerned = false;

  constructor(faults: FaultTable, connection: SocketConnection, where: Moment) {
    this.#faults = faults;
    this.#connection = connection;
    this.#where = where;
    this.#latest = command(where);
    this.#withData = this.#latest;
    this.#answered = this.#latest;
  }

  /** Whether a rule could act on this conversation. Asked for every command, so answered anew only when rules change. */
  get concerned(): boolean {
    if (this.#version !== this.#faults.version) {
      this.#version = this.#faults.version;
      this.#concerned = this.#faults.concerns(this.#where);
    }
    return this.#concerned;
  }

  /** Whether a rule acts when a reply has been sent. */
  get followsReplies(): boolean {
    return this.concerned && this.#faults.followsReplies(this.#where);
  }

  /** Sees what the protocol saw. */
  saw(event: Occurrence): void {
    if (!this.concerned) return;
    if (event.type === "command") {
      const { verb, target, path, data } = event;
      this.#named = target;
      this.#begin({ ...this.#where, verb, target, path }, data ? "data" : "control");
    } else if (event.type === "reply") {
      this.#replied(event.code);
    } else if (event.type === "frame") this.#sawFrame(event);
  }

  /** A message is a command whose target is its beginning, and also the path that the connection was opened for. */
  #sawFrame({ direction, kind, preview }: Extract<Occurrence, { type: "frame" }>): void {
    if (direction === "in" && QUESTIONS.includes(kind)) {
      const verb = kind.toUpperCase();
      this.#begin({ ...this.#where, verb, target: preview, path: this.#named }, "control");
    } else if (direction === "out" && ANSWERS.includes(kind)) this.#replied(undefined);
  }

  #begin(moment: Moment, usual: "control" | "data"): void {
    this.#latest = command(moment);
    if (usual === "data") this.#withData = this.#latest;
    for (const standing of this.#faults.acting("command", moment)) this.#act(standing, usual);
  }

  #replied(code: number | undefined): void {
    const { moment, heard } = this.#answered;
    for (const standing of this.#faults.acting("replied", { ...moment, code }, heard)) {
      this.#act(standing, "control");
    }
  }

  /** The reply as the rules have it, to the latest command or to the one with this verb. */
  async amend(reply: Reply, verb: string | undefined): Promise<Reply | undefined> {
    if (!this.concerned) return reply;
    const ofData = verb !== undefined && verb === this.#withData.moment.verb;
    this.#answered = ofData ? this.#withData : this.#latest;
    const { moment, heard } = this.#answered;
    let amended: Reply | undefined = reply;
    for (const standing of this.#faults.acting("reply", { ...moment, code: reply.code }, heard)) {
      const { fault } = standing.rule;
      if (fault.kind !== "reply") continue;
      this.#connection.tell(standing);
      if (fault.ms !== undefined) await this.#pause(fault.ms);
      if (fault.with !== undefined) amended = fault.with === "drop" ? undefined : fault.with;
    }
    return amended;
  }

  /** What the command that uses a data connection does to one that comes only now. */
  armed(): readonly StandingRule[] {
    const { armed } = this.#withData;
    this.#withData.armed = [];
    return armed;
  }

  /** A wait that ends with the connection. */
  async #pause(ms: number): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([
      pause(Math.min(ms, LONGEST), undefined, { signal }).catch(() => {}),
      this.#connection.closed,
    ]);
    over.abort();
  }

  #act(standing: StandingRule, usual: "control" | "data"): void {
    if ((standing.rule.when?.on ?? usual) === "control") {
      this.#connection.strike(standing);
      return;
    }
    const children = this.#connection.children();
    if (children.length === 0) this.#withData.armed.push(standing);
    for (const child of children) child.strike(standing);
  }
}
