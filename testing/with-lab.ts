import { type Lab, type LabOptions, type ServersOf, startLab } from "../core/lab.ts";
import type { Service } from "../core/service.ts";
import { assertFaultsUsed } from "./unused.ts";

/** What {@link withLab} can be told: all that {@link startLab} can, and more. */
export interface WithLabOptions extends LabOptions {
  /** Whether to fail where a fault rule stands at the end that has never acted. Default false. */
  readonly failOnUnusedFaults?: boolean;
}

/**
 * Runs something with a lab, which is stopped at its end, however it ends: for languages and test runners without
 * `await using`.
 *
 * @returns what `body` returns.
 * @throws what {@link startLab} or `body` throws; AssertionError for a fault rule that never acted, where that is asked for.
 *
 * @example
 * ```ts
 * import { http } from "wirelab";
 * import { withLab } from "wirelab/testing/plain";
 *
 * const page = await withLab({ web: http() }, async (lab) => (await fetch(lab.servers.web.url)).text());
 * console.log(page); // Hello, world!
 * ```
 */
export async function withLab<const T extends Readonly<Record<string, Service>>, R>(
  services: T,
  body: (lab: Lab<keyof T & string, ServersOf<T>>) => R | Promise<R>,
  options: WithLabOptions = {},
): Promise<R> {
  const { failOnUnusedFaults, ...labOptions } = options;
  const lab = await startLab(services, labOptions);
  try {
    const result = await body(lab);
    if (failOnUnusedFaults) assertFaultsUsed(lab);
    return result;
  } finally {
    await lab.stop();
  }
}
