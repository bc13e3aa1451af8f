import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, root } from "./sources.ts";

// The dependency rule: core knows no server; a server knows core, its own folder and its engine's package; an engine's
// package stands behind one file.

const sources = [
  "index.ts",
  "launcher.ts",
  ...["core", "control", "servers", "launch", "testing"].flatMap((folder) => filesBelow(folder, ".ts")),
];

function importsOf(file: string): string[] {
  // What an example in a doc comment imports, its reader does.
  const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)].map(
    ([, name = ""]) => name,
  );
  return specifiers.map((name) =>
    name.startsWith(".") ? relative(root, join(root, dirname(file), name)) : name,
  );
}

const edges = sources.flatMap((file) => importsOf(file).map((imported) => ({ file, imported })));

function offenders(allowed: (edge: { file: string; imported: string }) => boolean): string[] {
  return edges.filter((edge) => !allowed(edge)).map(({ file, imported }) => `${file} imports ${imported}`);
}

test("there is something to look at", () => {
  expect(sources.length).toBeGreaterThan(20);
  expect(edges).toContainEqual({ file: "index.ts", imported: "core/lab.ts" });
});

test("core imports core, Node and small libraries", () => {
  const libraries = ["@peculiar/x509", "diff", "pino", "pino-pretty"];
  expect(
    offenders(
      ({ file, imported }) =>
        !file.startsWith("core/") ||
        imported.startsWith("core/") ||
        imported.startsWith("node:") ||
        libraries.includes(imported),
    ),
  ).toEqual([]);
});

test("a server imports core and its own folder, never another server", () => {
  expect(
    offenders(({ file, imported }) => {
      const [area, own] = file.split("/");
      if (area !== "servers" || !/^(servers|launch|core|index|launcher|\.\.)/.test(imported)) return true;
      return imported.startsWith("core/") || imported.startsWith(`servers/${own}/`);
    }),
  ).toEqual([]);
});

test("the control API imports core, and express", () => {
  expect(
    offenders(
      ({ file, imported }) =>
        !file.startsWith("control/") ||
        /^(core|control)\//.test(imported) ||
        /^(node:|express$)/.test(imported),
    ),
  ).toEqual([]);
});

test("the kit for tests imports core alone, and vitest in one file", () => {
  const inTesting = edges.filter(({ file }) => file.startsWith("testing/"));
  const others = inTesting.filter(({ imported }) => !/^(testing|core)\//.test(imported));
  expect(others.filter(({ imported }) => !imported.startsWith("node:"))).toEqual([
    { file: "testing/fixture.ts", imported: "vitest" },
  ]);
});

test("what is for every test runner does not load vitest", () => {
  const reached = new Set(["testing/plain.ts"]);
  for (const file of reached) {
    for (const edge of edges) if (edge.file === file) reached.add(edge.imported);
  }
  expect(reached).toContain("testing/matchers.ts");
  expect(reached).not.toContain("vitest");
});

test("an engine's package stands behind one file", () => {
  const behind = (name: string) => edges.filter(({ imported }) => imported === name).map(({ file }) => file);
  expect(behind("ftp-srv")).toEqual(["servers/ftp/engine.ts"]);
  expect(behind("ws")).toEqual(["servers/websocket/engine.ts"]);
  expect(behind("telnetlib")).toEqual(["servers/telnet/client.ts"]);
});

test("only the launcher touches the process", () => {
  const touching = sources.filter((file) =>
    /\bprocess\.(on|once|exit|argv|env|stdout|stderr|kill)\b/.test(readFileSync(join(root, file), "utf8")),
  );
  expect(touching).toEqual(["launcher.ts"]);
});
