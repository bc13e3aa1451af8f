import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { needPrograms, run } from "../clients.ts";
import { root } from "../sources.ts";

// The examples of a harness in other languages, from the package as npm publishes it, in a folder where nothing else is.

const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
const patient = { cwd: folder, timeout: 60_000 };
const npx = (...args: string[]) => run("npx", ["--offline", "wirelab", ...args], patient);
/** What npx runs, without the second that npx takes. */
const wirelab = (...args: string[]) => run(join(folder, "node_modules", ".bin", "wirelab"), args, patient);

beforeAll(async () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  // What `npm install ./wirelab-*.tgz` does, without a registry: the dependencies, and no others, are those that we have.
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  const packed = await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
    timeout: 60_000,
  });
  expect(packed).toMatchObject({ code: 0 });
  await run("tar", ["xzf", packed.stdout.trim()], patient);
  renameSync(join(folder, "package"), join(modules, "wirelab"));
  chmodSync(join(modules, "wirelab", "dist", "launcher.js"), 0o755);
  symlinkSync("../wirelab/dist/launcher.js", join(modules, ".bin", "wirelab"));
  writeFileSync(join(folder, "package.json"), "{}");
  cpSync(join(root, "examples", "harness"), folder, { recursive: true });
}, 120_000);

/** What the two tests of examples/harness end in. */
const BOTH_PASSED = { code: 0, stderr: expect.stringMatching(/Ran 2 tests[\s\S]*OK/) };

describe("wirelab run", { timeout: 60_000 }, () => {
  test("python3 -m unittest", async (context) => {
    needPrograms(context, "python3");
    const outcome = await npx("run", "--ftp", "--http", "--", "python3", "-m", "unittest");
    expect(outcome, outcome.stderr).toMatchObject(BOTH_PASSED);
  });

  test("python3 -m unittest, with a configuration that imports the package", async (context) => {
    needPrograms(context, "python3");
    const outcome = await wirelab("run", "--config", "lab.mjs", "--", "python3", "-m", "unittest");
    expect(outcome, outcome.stderr).toMatchObject(BOTH_PASSED);
  });

  test("python3 -m unittest that fails: its exit code, and what has crossed the wire", async (context) => {
    needPrograms(context, "python3");
    const faults = [{ when: { verb: "STOR" }, fault: { kind: "reply", with: { code: 552, text: "Full." } } }];
    writeFileSync(join(folder, "faults.json"), JSON.stringify(faults));
    const outcome = await wirelab(
      "run",
      "--ftp",
      "--http",
      "--faults",
      "faults.json",
      "--",
      "python3",
      "-m",
      "unittest",
    );
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("> STOR report.csv.part");
    expect(outcome.stderr).toContain("< 552 Full.");
  });

  test("pytest", async (context) => {
    // Debian's: another python3 may come first, and not have it.
    const python = "/usr/bin/python3";
    needPrograms(context, python);
    const { code } = await run(python, ["-c", "import pytest"]);
    if (code !== 0) needPrograms(context, "python3-pytest");
    const outcome = await wirelab(
      "run",
      "--ftp",
      "--http",
      "--",
      python,
      "-m",
      "pytest",
      "-q",
      "-p",
      "no:cacheprovider",
    );
    expect(outcome, outcome.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining("2 passed") });
  });

  test("sh", async (context) => {
    needPrograms(context, "curl");
    const outcome = await wirelab("run", "--ftp", "--http", "--", "sh", "publish-test.sh");
    expect(outcome).toMatchObject({ code: 0, stdout: "readers find the report\n", stderr: "" });
  });

  test("go test", async (context) => {
    const { code } = await run("sh", ["-c", "command -v go"]);
    if (code !== 0) context.skip("not installed: go, which the gate does not ask for");
    const outcome = await wirelab("run", "--http", "--", "go", "test", "-C", "go");
    expect(outcome, outcome.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining("ok") });
  });
});

test("the package has its schema, by its name and by its path", async () => {
  const program = `import schema from "wirelab/schema.json" with { type: "json" }; console.log(schema.title);`;
  const outcome = await run(process.execPath, ["--input-type=module", "-e", program], patient);
  expect(outcome.stdout).toBe("wirelab\n");
  const path = join(folder, "node_modules/wirelab/dist/wirelab.schema.json");
  expect(JSON.parse(readFileSync(path, "utf8")).properties).toHaveProperty("servers");
});
