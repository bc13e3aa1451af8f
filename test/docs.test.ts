import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLab, tcp, udp } from "../index.ts";
import { needPrograms, run } from "./clients.ts";
import { filesBelow, root } from "./sources.ts";
import { Project } from "./testing/project.ts";

// Every code block of the README and of docs/, and every example of a doc comment, is run here.
//
// - `ts` blocks are compiled against the built package, strictly, and run, by vitest where they import it; a comment behind a
//   `console.log` is what it prints.
// - `js` blocks are files of ours, named in their first line, which other tests run.
// - `sh` blocks run in bash, in an empty folder, against the servers of `npm start`; its ports are replaced by free ones.
// - `console` blocks are a command behind `$ ` and what it prints, `…` standing for anything.

// Inside the package, so that `import … from "wirelab"` finds the package itself.
const workshop = join(root, "dist", ".docs");

interface Block {
  readonly name: string;
  readonly language: string;
  readonly code: string;
}

function blocksOf(file: string, text: string): Block[] {
  const fence = /^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(fence)].map(([, language = "", code = ""], index) => ({
    name: `${file} #${index + 1}`,
    language,
    code,
  }));
}

const pages = ["README.md", ...filesBelow("docs", ".md")];
const sources = [
  "index.ts",
  ...["core", "control", "servers", "testing", "launch"].flatMap((folder) => filesBelow(folder, ".ts")),
];
const blocks = [
  ...pages.flatMap((page) => blocksOf(page, readFileSync(join(root, page), "utf8"))),
  ...sources.flatMap((source) =>
    blocksOf(source, readFileSync(join(root, source), "utf8").replace(/^ *\* ?/gm, "")),
  ),
];
const programs = blocks.filter(({ language }) => language === "ts");
const [forVitest, forNode] = [true, false].map((wanted) =>
  programs.filter(({ code }) => /from "(vitest|wirelab\/testing)"/.test(code) === wanted),
) as [Block[], Block[]];
const quotations = blocks.filter(({ language }) => language === "js");
const scripts = blocks.filter(({ language }) => language === "sh" || language === "console");

test("there are blocks, and of known kinds alone", () => {
  expect(programs.length).toBeGreaterThan(3);
  expect(scripts.length).toBeGreaterThan(1);
  expect(blocks.filter(({ language }) => !["ts", "js", "sh", "console", "text"].includes(language))).toEqual(
    [],
  );
});

test("docs/transcript.md has every type of event, with its fields", () => {
  const union = /export type Occurrence =[\s\S]*?\/\*\* What stands for/.exec(
    readFileSync(join(root, "core", "events", "events.ts"), "utf8"),
  );
  const told = [...(union?.[0] ?? "").matchAll(/readonly type: "(\w+)"|readonly (\w+)\??:/g)];
  const rows = readFileSync(join(root, "docs", "transcript.md"), "utf8").split("\n");
  let type = "";
  const missing = told.flatMap(([, named, field]) => {
    type = named ?? type;
    const row = rows.find((line) => line.startsWith("| ") && line.split(" | ")[0]?.includes(`\`${type}\``));
    const word = named ?? field ?? "";
    return row?.includes(`\`${word}\``) || row?.includes(`\`${word}?\``) ? [] : [`${type}: ${word}`];
  });
  expect(told.length).toBeGreaterThan(30);
  expect(missing).toEqual([]);
});

describe("ts", () => {
  const fileOf = (block: Block) => block.name.replaceAll(/\W+/g, "-");
  const compiled = (block: Block) => join(workshop, "out", "dist", ".docs", `${fileOf(block)}.js`);
  // What stands beside the README stands two folders above the workshop.
  const local = (code: string) => code.replaceAll(/from "\.\/(?=examples\/)/g, 'from "../../');

  beforeAll(() => {
    rmSync(workshop, { recursive: true, force: true });
    mkdirSync(workshop, { recursive: true });
    for (const block of programs)
      writeFileSync(join(workshop, `${fileOf(block)}.ts`), `${local(block.code)}\nexport {};\n`);
    writeFileSync(
      join(workshop, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.json",
        compilerOptions: { noEmit: false, rootDir: "../..", outDir: "out", noUnusedLocals: false },
        include: ["*.ts"],
        exclude: [],
      }),
    );
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [tsc, "-p", workshop], { stdio: ["ignore", "inherit", "inherit"] });
  });

  test.each(forNode)("$name", async (block) => {
    const { code, stdout, stderr } = await run(process.execPath, [compiled(block)]);
    expect(stderr).toBe("");
    const printed = [...block.code.matchAll(/^.*console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
    if (printed.length > 0) expect(stdout.trim().split("\n")).toEqual(printed);
    expect(code).toBe(0);
  });

  describe("by vitest", () => {
    /** The messages of each block that failed. */
    const failures = new Map<string, string>();

    beforeAll(async () => {
      using project = new Project({});
      for (const block of forVitest)
        project.write(`${fileOf(block)}.test.js`, readFileSync(compiled(block), "utf8"));
      const { stdout } = await project.node(["node_modules/vitest/vitest.mjs", "run", "--reporter=json"]);
      const report = JSON.parse(stdout.slice(stdout.indexOf("{")));
      const outcomes = new Map<string, { status: string; message: string; assertionResults: object[] }>(
        report.testResults.map((result: { name: string }) => [basename(result.name, ".test.js"), result]),
      );
      for (const block of forVitest) {
        const outcome = outcomes.get(fileOf(block));
        if (outcome?.status === "passed" && outcome.assertionResults.length > 0) continue;
        failures.set(block.name, JSON.stringify(outcome, undefined, 2) ?? "It was not run.");
      }
    });

    test.each(forVitest)("$name", ({ name }) => {
      expect(failures.get(name)).toBeUndefined();
    });
  });
});

test.each(quotations)("js: $name is the file that it names", ({ code }) => {
  const [, path = "", text] = /^\/\/ (\S+)\n([\s\S]*)$/.exec(code) ?? [];
  expect(path).toMatch(/^examples\//);
  expect(text).toBe(readFileSync(join(root, path), "utf8"));
});

describe("sh", () => {
  const DEFAULT_PORTS = { ftp: 2121, telnet: 2323, http: 8080, ws: 9000, tcp: 1234, udp: 1235 };
  const ports = new Map<string, number>();
  let lab: ChildProcess;
  let bin: string;

  beforeAll(async () => {
    // Ports that were free a moment ago: somebody may have a lab running on the usual ones.
    await using probe = await startLab({
      ftp: tcp(),
      telnet: tcp(),
      http: tcp(),
      ws: tcp(),
      tcp: tcp(),
      udp: udp(),
    });
    for (const [name, { port }] of Object.entries(probe.servers)) ports.set(name, port);
    await probe.stop();
    bin = mkdtempSync(join(tmpdir(), "wirelab-bin-"));
    symlinkSync(join(root, "dist", "launcher.js"), join(bin, "wirelab"));
    const flags = [...ports].map(([name, port]) => `--${name}=${port}`);
    lab = spawn(process.execPath, [join(root, "dist", "launcher.js"), "--ready=json", ...flags], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((resolve) => lab.stdout?.once("data", resolve));
  });

  afterAll(() => {
    lab.kill();
  });

  /** The script with the ports of this run, and without what would run this very test again or start what runs already. */
  function prepared(code: string): string {
    let script = code.replaceAll(/^npm (start|test)\b.*\n?/gm, "");
    for (const [name, port] of ports)
      script = script.replaceAll(new RegExp(`\\b${DEFAULT_PORTS[name as "ftp"]}\\b`, "g"), `${port}`);
    return script;
  }

  test.for(scripts)("$name", async ({ language, code }, context) => {
    needPrograms(context, "bash", ...["curl", "nc"].filter((program) => code.includes(`${program} `)));
    const cwd = mkdtempSync(join(tmpdir(), "wirelab-docs-"));
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const lines = prepared(code).split("\n");
    const commands =
      language === "sh" ? lines : lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
    const outcome = await run("bash", ["--norc", "-euo", "pipefail", "-c", commands.join("\n")], {
      cwd,
      env,
    });
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    if (language === "sh") return;
    const expected = lines
      .filter((line) => line !== "" && !line.startsWith("$ "))
      .map((line) => escaped(line).replaceAll("…", ".*"));
    expect(outcome.stdout.trim()).toMatch(new RegExp(`^${expected.join("\n")}$`));
  });

  function escaped(text: string): string {
    return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  }
});
