// Every fuzzer of this folder, one after another, with the flags that are given: node fuzz/all.mjs --seconds=60 --seed=7
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const failed = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".mjs") && !["all.mjs", "chance.mjs", "siege.mjs"].includes(name))
  .filter((name) => {
    const args = [join(import.meta.dirname, name), ...process.argv.slice(2)];
    return spawnSync(process.execPath, args, { stdio: "inherit" }).status !== 0;
  });
if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
