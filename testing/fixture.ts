import { expect, type TestAPI, test } from "vitest";
import { WirelabError } from "../core/errors.ts";
import { type Lab, type ServersOf, startLab } from "../core/lab.ts";
import type { Service } from "../core/service.ts";
import { type LabMatchers, labMatchers } from "./matchers.ts";
import { assertFaultsUsed } from "./unused.ts";
import { type WithLabOptions, withLab } from "./with-lab.ts";

// vitest's own Matchers would be the place, but its type parameters, which are to be repeated, change between releases.
declare global {
  namespace Chai {
    interface Assertion extends LabMatchers {}
  }
}

expect.extend(labMatchers);

/** What {@link labTest} can be told: all that {@link startLab} can, and more. */
export interface LabTestOptions extends WithLabOptions {
  /**
   * `file`: one lab for all tests of a file, reset after each of them; it starts with the first test that asks for it.
   * `test`: a lab of its own for each test, so that tests can run at the same time. Default `file`.
   */
  readonly per?: "file" | "test";
}

/**
 * vitest's `test` with a lab: its tests get `lab`. Everything is stopped at the end. Importing it also gives vitest's
 * `expect` the {@link labMatchers}.
 *
 * @param services what to run, as for {@link startLab}, whose errors fail the tests.
 *
 * @example
 * ```ts
 * import { expect } from "vitest";
 * import { http } from "wirelab";
 * import { labTest } from "wirelab/testing";
 *
 * const test = labTest({ web: http() }, { files: { "/a.txt": "a" } });
 *
 * test("reads a file", async ({ lab }) => {
 *   await fetch(`${lab.servers.web.url}/a.txt`);
 *   expect(lab).toHaveTransferred({ path: "/a.txt", bytes: 1 });
 * });
 * ```
 */
export function labTest<const T extends Readonly<Record<string, Service>>>(
  services: T,
  options: LabTestOptions = {},
): TestAPI<{ lab: Lab<keyof T & string, ServersOf<T>> }> {
  type Fixtures = { lab: Lab<keyof T & string, ServersOf<T>> };
  const { per = "file", failOnUnusedFaults, ...labOptions } = options;
  const check = (lab: Lab, state: string | undefined) => {
    // A test that has failed already need not be told what else it has not done.
    if (failOnUnusedFaults && state !== "fail") assertFaultsUsed(lab);
  };
  if (per === "test") {
    return test.extend<Fixtures>({
      lab: ({ task }, use) =>
        withLab(
          services,
          async (lab) => {
            await use(lab);
            check(lab, task.result?.state);
          },
          labOptions,
        ),
    });
  }
  return test.extend<Fixtures & { labOfFile: LabOfFile<Fixtures["lab"]> }>({
    labOfFile: [
      // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture needs.
      async ({}, use) => {
        const labOfFile = new LabOfFile(() => startLab(services, labOptions));
        try {
          await use(labOfFile);
        } finally {
          await labOfFile.stop();
        }
      },
      { scope: "file" },
    ],
    lab: async ({ labOfFile, task }, use) => {
      const lab = await labOfFile.borrow();
      try {
        await use(lab);
        check(lab, task.result?.state);
      } finally {
        await labOfFile.giveBack();
      }
    },
  });
}

/** One lab that tests use one after the other. */
class LabOfFile<L extends Lab> {
  readonly #start: () => Promise<L>;
  #lab: L | undefined;
  #state: "free" | "borrowed" | "stopped" = "free";

  constructor(start: () => Promise<L>) {
    this.#start = start;
  }

  async borrow(): Promise<L> {
    if (this.#state === "borrowed") {
      throw new WirelabError(
        "BAD_OPTION",
        'Tests that run at the same time cannot share a lab: give labTest { per: "test" }.',
      );
    }
    this.#state = "borrowed";
    try {
      this.#lab ??= await this.#started();
      return this.#lab;
    } catch (error) {
      this.#state = "free";
      throw error;
    }
  }

  async giveBack(): Promise<void> {
    if (this.#state === "stopped") await this.stop();
    else await this.#lab?.reset();
    this.#state = "free";
  }

  async stop(): Promise<void> {
    await this.#lab?.stop();
    this.#lab = undefined;
  }

  async #started(): Promise<L> {
    const lab = await this.#start();
    // A test may stop a server, or all of them, to see what its client makes of that.
    lab.events.subscribe(({ type }) => {
      if (type === "stopped") this.#state = "stopped";
    }, "milestones");
    return lab;
  }
}
