import { lineOf, type Page } from "../../launch/flags.ts";
import { START } from "../../launch/pages.ts";
import { type Plan, planOf } from "../../launch/plan.ts";

/** A command line, read as the command reads it. */
export const line = (argv: readonly string[], page: Page = START) => lineOf(argv, page, "1.2.3");

/** What a command line, and variables, ask for. */
export async function planned(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Plan> {
  return planOf({ flags: (await line(argv)).flags, environment });
}
