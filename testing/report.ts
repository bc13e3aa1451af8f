import { ruleText } from "../core/faults/faults.ts";
import type { Lab } from "../core/lab.ts";

/** How many lines of the transcript a failure shows. */
const LINES = 20;

/** What a failed test prints: what is wrong, and all of the lab that helps to see why. */
export function report(lab: Lab, complaint: string, details: readonly string[] = []): string {
  const lines = String(lab.transcript).split("\n").filter(Boolean);
  const unused = lab.faults.unused();
  return [
    complaint,
    ...details,
    "",
    ...(lines.length === 0
      ? ["The transcript is empty."]
      : [`The transcript, ${lines.length > LINES ? `last ${LINES} of ${lines.length} lines` : "whole"}:`]),
    ...indented(lines.slice(-LINES)),
    "",
    `Seed: ${lab.faults.seed}`,
    `Fault rules that never acted: ${unused.length === 0 ? "none" : ""}`.trimEnd(),
    ...indented(unused.map(ruleText)),
  ].join("\n");
}

export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
