import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../clients.ts";
import { root } from "../sources.ts";

// The short form of `npm run fuzz`.
test.each([1, 2])("clients that send anything disturb nobody (seed %i)", async (seed) => {
  const flags = ["--seconds=3", `--seed=${seed}`];
  const program = join(root, "fuzz", "websocket.mjs");
  const { code, stdout, stderr } = await run(process.execPath, [program, ...flags]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/ [1-9]\d+ clients, [1-9]\d+ counted echoes, /);
  expect(code).toBe(0);
});
