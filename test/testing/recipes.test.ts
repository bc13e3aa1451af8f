import { expect, test } from "vitest";
import { Project } from "./project.ts";

// The recipes of examples/testing, run as their readers run them.

const JEST = [["node_modules/jest/bin/jest.js"], { NODE_OPTIONS: "--experimental-vm-modules" }] as const;

test("node:test", async () => {
  using project = new Project("examples/testing");
  const { code, stdout, stderr } = await project.node(["--test", "node-test.test.js"]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^# pass 2$/m);
});

test("Jest", async () => {
  using project = new Project("examples/testing");
  const { code, stdout, stderr } = await project.node(...JEST);
  expect(code, stdout + stderr).toBe(0);
  expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
});

test("Jest prints what matchers report", async () => {
  using project = new Project("examples/testing");
  project.write(
    "jest.test.js",
    `import { http, startLab } from "wirelab";
    import { labMatchers } from "wirelab/testing/plain";
    expect.extend(labMatchers);
    test("fails", async () => {
      const lab = await startLab({ web: http() });
      try {
        await fetch(lab.servers.web.url + "/b");
        expect(lab).toHaveCommand({ verb: "GET", target: "/a" });
      } finally {
        await lab.stop();
      }
    });`,
  );
  const { code, stderr } = await project.node(...JEST);
  expect(code).toBe(1);
  expect(stderr).toContain("target: '/b' instead of '/a'");
  expect(stderr).toContain("web#1 < 404 Not Found");
});

test("Playwright", async () => {
  using project = new Project("examples/testing");
  const { code, stdout, stderr } = await project.node(["node_modules/@playwright/test/cli.js", "test"]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^ *3 passed/m);
  expect(stderr).toContain("wirelab: stopping");
});
