import type { WireEvent } from "../core/events/events.ts";
import { Refusal } from "./refusal.ts";

/**
 * Whose connections a client of the control API wants to see: those of an address, or of who logs in to an account. Two test
 * processes that share a lab so see their own events alone.
 */
export type Scope = { readonly peer: string } | { readonly account: string };

/** How many events wait, in one scope, for somebody to log in. */
const WAITING = 10_000;

/**
 * Reads `peer:127.0.0.2` or `account:ann`.
 *
 * @throws Refusal 400 where it is neither.
 */
export function scopeFrom(text: string | undefined): Scope | undefined {
  if (text === undefined || text === "") return undefined;
  const [, kind, name = ""] = /^(peer|account):(.+)$/.exec(text) ?? [];
  if (kind === "peer") return { peer: name };
  if (kind === "account") return { account: name };
  throw new Refusal(
    400,
    "BAD_OPTION",
    `The scope ${JSON.stringify(text)} is neither peer:ADDRESS nor account:NAME.`,
  );
}

/**
 * Lets through the events of a scope, and those that are of no connection. Whose a connection is turns out when somebody logs in
 * on it: until then its events wait, and come all at once.
 */
export class ScopeFilter {
  readonly #scope: Scope | undefined;
  readonly #through: (event: WireEvent) => void;
  readonly #own = new Set<string>();
  #waiting: WireEvent[] = [];

  constructor(scope: Scope | undefined, through: (event: WireEvent) => void) {
    this.#scope = scope;
    this.#through = through;
  }

  take(event: WireEvent): void {
    const id = event.connection?.split(".", 1)[0];
    const scope = this.#scope;
    if (!scope || this.#own.has(id ?? "")) {
      this.#through(event);
      // Its data connections end before it does.
      if (event.type === "closed" && event.connection === id) this.#own.delete(id ?? "");
      return;
    }
    if (id === undefined) {
      const stranger = event.type === "refused" && !("peer" in scope && isFrom(event, scope.peer));
      if (!stranger) this.#through(event);
      return;
    }
    if ("peer" in scope) {
      if (event.type !== "opened" || !isFrom(event, scope.peer)) return;
      this.#own.add(id);
      this.#through(event);
      return;
    }
    this.#waiting.push(event);
    if (this.#waiting.length > WAITING) this.#waiting.shift();
    if (event.type === "login" && event.ok && event.user === scope.account) {
      this.#own.add(id);
      const [own, others] = this.#split(id);
      this.#waiting = others;
      for (const each of own) this.#through(each);
    } else if (event.type === "closed" && event.connection === id) {
      this.#waiting = this.#split(id)[1];
    }
  }

  #split(id: string): [WireEvent[], WireEvent[]] {
    const isOwn = ({ connection = "" }: WireEvent) => connection === id || connection.startsWith(`${id}.`);
    return [this.#waiting.filter(isOwn), this.#waiting.filter((event) => !isOwn(event))];
  }
}

function isFrom({ peer }: { readonly peer: object }, address: string): boolean {
  return "host" in peer && peer.host === address;
}
