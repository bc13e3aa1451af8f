import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Project } from "./project.ts";

// labTest under vitest itself, in a project that has installed wirelab: also that what shall fail does.

/** What vitest's JSON reporter says of a test. */
interface Verdict {
  readonly status: "passed" | "failed";
  readonly failureMessages: readonly string[];
}

const HEAD = `
  import { describe, expect, test as plain } from "vitest";
  import { connect } from "node:net";
  import { ftp, http, tcp } from "wirelab";
  import { labTest } from "wirelab/testing";

  const put = (lab, path, body) =>
    fetch(lab.servers.web.url + path, {
      method: "PUT",
      body,
      headers: { authorization: "Basic " + Buffer.from("foo:bar").toString("base64") },
    });
`;

const FILES = {
  "reset.test.js": `
    const test = labTest({ files: ftp(), web: http() }, { files: { "/a.txt": "a" }, seed: 3 });
    let port, session;
    test("changes everything", async ({ lab }) => {
      ({ port } = lab.servers.web);
      await put(lab, "/a.txt", "changed");
      await put(lab, "/b.txt", "b");
      lab.faults.add({ when: { verb: "GET" }, fault: { kind: "reply", with: { code: 503, text: "Busy" } } });
      lab.clock.advance(1e9);
      session = connect(lab.servers.files.port, "127.0.0.1");
      await new Promise((resolve) => session.once("data", resolve));
      expect(lab).toHaveCommand({ verb: "PUT", times: 2 });
    });
    test("finds everything as it was, at the same ports", async ({ lab }) => {
      expect(lab.servers.web.port).toBe(port);
      if (!session.closed) await new Promise((resolve) => session.once("close", resolve));
      await expect(lab).toHaveStored("/a.txt", "a");
      await expect(lab).not.toHaveStored("/b.txt");
      expect(lab.faults.active).toBe(false);
      expect(Math.abs(lab.clock.now() - Date.now())).toBeLessThan(1e6);
      expect(lab).not.toHaveCommand("PUT");
      expect(lab.faults.seed).toBe(3);
    });
    test("stops a server", async ({ lab }) => {
      await lab.servers.web.stop();
      await expect(fetch(lab.servers.web.url)).rejects.toThrow();
    });
    test("has all servers again", async ({ lab }) => {
      expect((await fetch(lab.servers.web.url + "/a.txt")).status).toBe(200);
    });
    test("stops the lab", async ({ lab }) => {
      await lab.stop();
    });
    test("has a lab again", async ({ lab }) => {
      expect((await fetch(lab.servers.web.url + "/a.txt")).status).toBe(200);
    });
  `,
  "gone.test.js": `
    const test = labTest({ web: http() });
    let url;
    describe("tests with a lab", () => {
      test("have one", async ({ lab }) => {
        ({ url } = lab.servers.web);
        expect(await (await fetch(url)).text()).toBe("Hello, world!");
      });
    });
    test.beforeEach(({ lab }) => lab.store.makeDirectory("/made"));
    test("hooks have it too", async ({ lab }) => {
      expect((await lab.store.stat("/made")).type).toBe("directory");
    });
    test.for([1, 2])("each %i", async (_, { lab }) => {
      expect(lab).not.toHaveCommand("GET");
      await fetch(lab.servers.web.url);
    });
    test.extend({ page: async ({ lab }, use) => use(await (await fetch(lab.servers.web.url)).text()) })(
      "fixtures of one's own",
      ({ lab, page }) => {
        expect(page).toBe("Hello, world!");
        expect(lab).toHaveCommand({ verb: "GET", times: 1 });
      },
    );
  `,
  "each.test.js": `
    const test = labTest({ web: http() }, { per: "test" });
    const ports = new Set();
    describe.concurrent("at the same time", () => {
      for (const name of ["one", "two", "three"]) {
        test(name, async ({ lab }) => {
          ports.add(lab.servers.web.port);
          await put(lab, "/" + name, name);
          expect(lab).toHaveCommand({ verb: "PUT", times: 1 });
          expect((await lab.store.list("/")).map((entry) => entry.name)).toEqual(["index.html", name]);
        });
      }
    });
    plain("each had its own", () => {
      expect(ports.size).toBe(3);
    });
  `,
  "shared.test.js": `
    const test = labTest({ web: http() });
    describe.concurrent("at the same time", () => {
      for (const name of ["one", "two"]) {
        test(name, async ({ lab }) => {
          await fetch(lab.servers.web.url);
        });
      }
    });
  `,
  "two.test.js": `
    const first = labTest({ web: http() }, { files: { "/first": "1" } });
    const second = labTest({ web: http(), one: tcp() }, { files: { "/second": "2" } });
    const ports = [];
    first("the first", async ({ lab }) => {
      ports.push(lab.servers.web.port);
      expect(Object.keys(lab.servers)).toEqual(["web"]);
      expect((await lab.store.list("/")).map((entry) => entry.name)).toEqual(["first"]);
    });
    second("the second", async ({ lab }) => {
      ports.push(lab.servers.web.port);
      expect(Object.keys(lab.servers)).toEqual(["web", "one"]);
      expect((await lab.store.list("/")).map((entry) => entry.name)).toEqual(["second"]);
    });
    plain("are two", () => {
      expect(new Set(ports).size).toBe(2);
    });
  `,
  "unused.test.js": `
    for (const per of ["file", "test"]) {
      const test = labTest({ web: http() }, { per, failOnUnusedFaults: true, seed: 5 });
      const rule = { when: { verb: "PUT" }, fault: { kind: "reset", afterBytes: 9 } };
      test(per + ": leaves one", async ({ lab }) => {
        lab.faults.add(rule);
        await fetch(lab.servers.web.url);
      });
      test(per + ": uses all", async ({ lab }) => {
        lab.faults.add({ when: { verb: "GET" }, fault: { kind: "reply", with: { code: 503, text: "Busy" } } });
        expect((await fetch(lab.servers.web.url)).status).toBe(503);
      });
      test(per + ": takes it away", async ({ lab }) => {
        lab.faults.add(rule)[Symbol.dispose]();
      });
      test(per + ": fails anyway", async ({ lab }) => {
        lab.faults.add(rule);
        throw new Error("by itself");
      });
    }
    const careless = labTest({ web: http() });
    careless("nobody asked", ({ lab }) => {
      lab.faults.add({ when: { verb: "PUT" }, fault: { kind: "refuse" } });
    });
  `,
  "failing.test.js": `
    const test = labTest({ web: http() });
    test("fails with a report", async ({ lab }) => {
      await fetch(lab.servers.web.url + "/b");
      expect(lab).toHaveCommand({ verb: "GET", target: "/a" });
    });
    test("fails with a diff", async ({ lab }) => {
      await expect(lab).toHaveStored("/index.html", "Hello, World!");
    });
    test("passes after those", ({ lab }) => {
      expect(lab).not.toHaveCommand("GET");
    });
    labTest({ web: http({ port: -1 }) })("cannot start", ({ lab }) => {});
    labTest({ web: http({ port: -1 }) })("cannot start again", ({ lab }) => {});
  `,
};

const verdicts = new Map<string, Verdict>();
let project: Project;
let exitCode: number | null;
let printed: string;

beforeAll(async () => {
  project = new Project(
    Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name, `${HEAD}\n${text}`])),
  );
  const outcome = await project.node([
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=json",
    "--outputFile=report.json",
    "--reporter=default",
  ]);
  exitCode = outcome.code;
  printed = outcome.stdout + outcome.stderr;
  const report = JSON.parse(readFileSync(join(project.folder, "report.json"), "utf8"));
  for (const { name, assertionResults } of report.testResults) {
    for (const { fullName, ...verdict } of assertionResults) {
      verdicts.set(`${name.replace(/.*\/(.*)\.test\.js/, "$1")}: ${fullName}`, verdict);
    }
  }
});

afterAll(() => project[Symbol.dispose]());

function of(file: string): [string, string][] {
  return [...verdicts]
    .filter(([name]) => name.startsWith(`${file}: `))
    .map(([name, { status }]) => [name, status]);
}

describe.each(["reset", "gone", "each", "two"])("%s", (file) => {
  test("all its tests pass", () => {
    expect(of(file).length).toBeGreaterThan(2);
    expect(
      of(file).filter(([, status]) => status !== "passed"),
      printed,
    ).toEqual([]);
  });
});

test("tests that run at the same time are told not to share a lab", () => {
  expect(
    of("shared")
      .map(([, status]) => status)
      .sort(),
  ).toEqual(["failed", "passed"]);
  expect(printed).toContain('cannot share a lab: give labTest { per: "test" }');
});

describe("failOnUnusedFaults", () => {
  test.each(["file", "test"])("names what never acted, per %s", (per) => {
    expect(
      of("unused")
        .filter(([name]) => name.includes(`: ${per}: `))
        .map(([, status]) => status),
    ).toEqual(["failed", "passed", "passed", "failed"]);
    const [message] = verdicts.get(`unused: ${per}: leaves one`)?.failureMessages ?? [];
    expect(message).toContain("1 fault rule of this test never acted.");
    expect(message).toContain("  reset afterBytes 9 when verb PUT");
    expect(message).toContain("web#1 > GET /");
    expect(message).toContain("Seed: 5");
    expect(verdicts.get(`unused: ${per}: fails anyway`)?.failureMessages).toEqual([
      expect.stringContaining("by itself"),
    ]);
  });

  test("is not the default", () => {
    expect(verdicts.get("unused: nobody asked")?.status).toBe("passed");
  });
});

describe("failures", () => {
  test("print the report, and a diff of contents", () => {
    expect(exitCode).toBe(1);
    expect(of("failing").map(([, status]) => status)).toEqual([
      "failed",
      "failed",
      "passed",
      "failed",
      "failed",
    ]);
    const [message] = verdicts.get("failing: fails with a report")?.failureMessages ?? [];
    expect(message).toContain("target: '/b' instead of '/a'");
    expect(printed).toMatch(/Expected: "Hello, World!"\nReceived: "Hello, world!"/);
    for (const name of ["cannot start", "cannot start again"]) {
      expect(verdicts.get(`failing: ${name}`)?.failureMessages.join()).toMatch(/port/);
    }
  });

  test("nothing else went wrong", () => {
    expect(printed).not.toContain("Unhandled");
    expect(printed).not.toContain("was not awaited");
    expect(printed).not.toContain("close timed out");
  });
});
