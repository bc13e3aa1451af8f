import { AssertionError } from "node:assert";
import type { Lab } from "../core/lab.ts";
import type { Server } from "../core/server.ts";
import { type LabMatchers, labMatchers, type MatcherResult } from "./matchers.ts";

/** The matchers as assertions, and their negations. */
export interface LabAssertions extends LabMatchers {
  readonly not: LabMatchers;
}

/**
 * The matchers for test runners that have no `expect`, node:test for one.
 *
 * @throws AssertionError from each of its methods where what it says is not so.
 *
 * @example
 * ```ts
 * import { http, startLab } from "wirelab";
 * import { expectLab } from "wirelab/testing/plain";
 *
 * await using lab = await startLab({ web: http() });
 * await fetch(lab.servers.web.url);
 * expectLab(lab).toHaveCommand({ verb: "GET", target: "/" });
 * expectLab(lab).not.toHaveRefused();
 * await expectLab(lab).toHaveStored("/index.html", "Hello, world!");
 * ```
 */
export function expectLab(subject: Lab | Server): LabAssertions {
  return { ...assertions(subject, "so"), not: assertions(subject, "not so") };
}

function assertions(subject: Lab | Server, wanted: "so" | "not so"): LabMatchers {
  const settle = ({ pass, message }: MatcherResult) => {
    if (pass !== (wanted === "so")) throw new AssertionError({ message: message() });
  };
  return {
    toHaveCommand: (command) => settle(labMatchers.toHaveCommand(subject, command)),
    toHaveTransferred: (transfer) => settle(labMatchers.toHaveTransferred(subject, transfer)),
    toHaveRefused: (refusal) => settle(labMatchers.toHaveRefused(subject, refusal)),
    toHaveStored: async (path, content) => settle(await labMatchers.toHaveStored(subject, path, content)),
  };
}
