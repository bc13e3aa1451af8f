import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../clients.ts";
import { root } from "../sources.ts";

// The short form of `npm run fuzz`.
test("peers and clients that send anything disturb nobody", async () => {
  const flags = ["--seconds=3", "--seed=1"];
  const { code, stdout, stderr } = await run(process.execPath, [join(root, "fuzz", "scripts.mjs"), ...flags]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/ [1-9]\d+ clients, [1-9]\d+ datagrams, /);
  expect(code).toBe(0);
});
