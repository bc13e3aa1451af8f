import { hash } from "node:crypto";
import type { Endpoint } from "../../core/events/events.ts";
import type { Target } from "./target.ts";

/**
 * Which target a connection goes to:
 *
 * - `round-robin` one after another, each as often as its weight says;
 * - `least-connections` the one with the fewest open connections for its weight, and of several the next by round robin;
 * - `sticky` the same one for the same client's address, for as long as it can be reached; when a target goes, only its own
 *   clients move, and they come back with it. Clients of a Unix-domain socket have no address, and count as one.
 */
export const FORWARD_BALANCES = ["round-robin", "least-connections", "sticky"] as const;

/** One of {@link FORWARD_BALANCES}. */
export type ForwardBalance = (typeof FORWARD_BALANCES)[number];

/** Chooses one of several targets for a client. */
export type Choose = (candidates: readonly [Target, ...Target[]], peer: Endpoint) => Target;

/** A balancer that knows of no connection yet. */
export function balancer(balance: ForwardBalance): Choose {
  switch (balance) {
    case "round-robin":
      return roundRobin();
    case "least-connections":
      return leastConnections();
    case "sticky":
      return sticky;
  }
}

/** Smoothly, as nginx does it: a target of weight 3 beside one of weight 1 is chosen a, a, b, a and not a, a, a, b. */
function roundRobin(): Choose {
  const credits = new Map<Target, number>();
  return (candidates) => {
    let total = 0;
    for (const target of candidates) {
      total += target.weight;
      credits.set(target, (credits.get(target) ?? 0) + target.weight);
    }
    const credit = (target: Target) => credits.get(target) ?? 0;
    const chosen = candidates.reduce((best, target) => (credit(target) > credit(best) ? target : best));
    credits.set(chosen, credit(chosen) - total);
    return chosen;
  };
}

function leastConnections(): Choose {
  const next = roundRobin();
  const load = ({ active, weight }: Target) => active / weight;
  return (candidates, peer) => {
    const least = Math.min(...candidates.map(load));
    const [first, ...others] = candidates.filter((target) => load(target) === least);
    return first ? next([first, ...others], peer) : candidates[0];
  };
}

/** By rendezvous: every pair of client and target has a number of its own, and the target with the highest one is chosen. */
const sticky: Choose = (candidates, peer) => {
  const client = "host" in peer ? peer.host : "";
  const score = ({ name, weight }: Target) => -weight / Math.log(fraction(`${client} ${name}`));
  return candidates.reduce((best, target) => (score(target) > score(best) ? target : best));
};

/** A number between 0 and 1 that is always the same for a text, and is evenly spread over texts. */
function fraction(text: string): number {
  return (Number.parseInt(hash("sha1", text).slice(0, 12), 16) + 1) / (2 ** 48 + 2);
}
