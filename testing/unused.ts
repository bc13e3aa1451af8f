import { AssertionError } from "node:assert";
import type { Lab } from "../core/lab.ts";
import { report } from "./report.ts";

/**
 * Fails where a fault rule stands that has never acted: the test has not tested what it says.
 *
 * @throws AssertionError that names the rules.
 */
export function assertFaultsUsed(lab: Lab): void {
  const { length } = lab.faults.unused();
  if (length === 0) return;
  const rules = length === 1 ? "1 fault rule" : `${length} fault rules`;
  throw new AssertionError({ message: report(lab, `${rules} of this test never acted.`) });
}
