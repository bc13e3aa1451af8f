import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../clients.ts";
import { root } from "../sources.ts";

// The short form of `npm run fuzz`.
test.each([1, 2])("clients that send anything and tear everything disturb nobody (seed %i)", async (seed) => {
  const flags = ["--seconds=3", `--seed=${seed}`];
  const { code, stdout, stderr } = await run(process.execPath, [join(root, "fuzz", "ftp.mjs"), ...flags]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/ [1-9]\d+ clients, [1-9]\d+ counted commands, /);
  expect(code).toBe(0);
});
