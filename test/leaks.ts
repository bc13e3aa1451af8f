import { afterEach, beforeEach, expect } from "vitest";

// Set up for every test file: a test that leaves a socket, server, timer, child process or signal listener behind fails.

const SIGNALS = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const;

/** What Node still holds open, and how many listen for signals; immediates and ticks pass by themselves. */
function held(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const resource of process.getActiveResourcesInfo()) {
    if (/^(TCP|TLS|UDP|Pipe|Process|Timeout|FSEvent|Stat)/.test(resource))
      counts[resource] = (counts[resource] ?? 0) + 1;
  }
  for (const signal of SIGNALS) counts[signal] = process.listenerCount(signal);
  return counts;
}

function more(before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(held()).filter(([resource, count]) => count > (before[resource] ?? 0)),
  );
}

let before: Record<string, number>;

beforeEach(() => {
  before = held();
});

afterEach(async () => {
  // Closing takes the event loop a few turns; a second is an age for it.
  const deadline = performance.now() + 1000;
  while (Object.keys(more(before)).length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(more(before), "left open after the test").toEqual({});
});
