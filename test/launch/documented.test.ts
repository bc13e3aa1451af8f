import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMMANDS } from "../../launch/commands.ts";
import { KINDS } from "../../launch/servers.ts";
import { type Setting, variableOf } from "../../launch/setting.ts";
import { SETTINGS } from "../../launch/settings.ts";
import { flagTable } from "../../launch/table.ts";
import { root } from "../sources.ts";

const page = readFileSync(join(root, "docs", "command-line.md"), "utf8");

/** How a configuration file calls it. */
function keyOf(wanted: Setting): string {
  const settings = Object.entries<Setting>(SETTINGS).find(([, setting]) => setting === wanted);
  if (settings) return wanted.file === "no" ? "" : `\`${settings[0]}\``;
  for (const [name, { flag, settings }] of Object.entries(KINDS)) {
    if (flag === wanted) return `\`servers.${name}\``;
    const own = Object.entries<Setting>(settings).find(([, setting]) => setting === wanted);
    if (own) return `\`${own[0]}\` of a server`;
  }
  throw new Error(`${wanted.flag} is in no table`);
}

const cell = (text: string) => text.replaceAll("|", "\\|");

test("docs/command-line.md has a row for each flag, as --help has it", () => {
  const missing = flagTable().flatMap(({ heading, setting }) => {
    const variable = variableOf(setting);
    const cells = [
      `\`${setting.flag.replace(" [", "[=")}\``,
      variable === undefined ? "" : `\`${variable}\``,
      keyOf(setting),
      cell(setting.help),
    ];
    const row = `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
    return page.includes(`\n${row}\n`) ? [] : [`${heading}: ${row}`];
  });
  expect(missing.join("\n")).toBe("");
});

test("and a chapter for each command", () => {
  const missing = Object.values(COMMANDS).filter(({ page: { name } }) => !page.includes(`\`${name}`));
  expect(missing.map(({ page: { name } }) => name)).toEqual([]);
});
