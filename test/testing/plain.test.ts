import { AssertionError } from "node:assert";
import { describe, expect, test } from "vitest";
import { http, type Lab, type Rule } from "../../index.ts";
import { expectLab, withLab } from "../../testing/plain.ts";

const NEVER: Rule = { when: { verb: "PUT" }, fault: { kind: "refuse" } };

async function isUp(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

describe("withLab", () => {
  test("gives what the function gives, and stops the lab behind it", async () => {
    const [url, up] = await withLab({ web: http() }, async ({ servers: { web } }) => [
      web.url,
      await isUp(web.url),
    ]);
    expect(up).toBe(true);
    expect(await isUp(url)).toBe(false);
  });

  test("stops the lab where the function fails, and lets the failure through", async () => {
    let url = "";
    const failing = withLab({ web: http() }, ({ servers: { web } }) => {
      url = web.url;
      throw new Error("by itself");
    });
    await expect(failing).rejects.toThrow("by itself");
    expect(await isUp(url)).toBe(false);
  });

  test("fails where a rule never acted, if that is asked for", async () => {
    await withLab({ web: http() }, () => {}, { faults: [NEVER] });
    const failing = withLab({ web: http() }, () => {}, { faults: [NEVER, NEVER], failOnUnusedFaults: true });
    await expect(failing).rejects.toThrow(AssertionError);
    await expect(failing).rejects.toThrow(
      /^2 fault rules of this test never acted\.[\s\S]*\n {2}refuse when verb PUT\n/,
    );
  });

  test("fails by itself, not by the rules that it has not come to", async () => {
    const failing = withLab({ web: http() }, () => Promise.reject(new Error("by itself")), {
      faults: [NEVER],
      failOnUnusedFaults: true,
    });
    await expect(failing).rejects.toThrow("by itself");
  });
});

describe("expectLab", () => {
  const withGet = (body: (lab: Lab<"web">) => void | Promise<void>) =>
    withLab({ web: http() }, async (lab) => {
      await (await fetch(lab.servers.web.url)).text();
      await body(lab);
    });

  test("what is so passes, and so does the negation of what is not", () =>
    withGet(async (lab) => {
      expectLab(lab).toHaveCommand("GET");
      expectLab(lab.servers.web).toHaveTransferred("/index.html");
      expectLab(lab).not.toHaveRefused();
      expectLab(lab).not.toHaveCommand({ verb: "PUT" });
      await expectLab(lab).toHaveStored("/index.html", /world/);
      await expectLab(lab).not.toHaveStored("/other");
    }));

  test.each<[string, (lab: Lab) => unknown, RegExp]>([
    ["toHaveCommand", (lab) => expectLab(lab).toHaveCommand("PUT"), /no such commands/],
    ["not.toHaveCommand", (lab) => expectLab(lab).not.toHaveCommand("GET"), /1 such command/],
    ["toHaveTransferred", (lab) => expectLab(lab).toHaveTransferred("/other"), /no such transfers/],
    ["not.toHaveTransferred", (lab) => expectLab(lab).not.toHaveTransferred("*"), /1 such transfer/],
    ["toHaveRefused", (lab) => expectLab(lab).toHaveRefused(), /no refusal at all/],
    ["toHaveStored", (lab) => expectLab(lab).toHaveStored("/other"), /it is not stored so/],
    ["not.toHaveStored", (lab) => expectLab(lab).not.toHaveStored("/index.html"), /it is stored/],
  ])("%s throws an AssertionError where it does not hold", (_, assertion, message) =>
    withGet(async (lab) => {
      const failure = await (async () => assertion(lab))().catch((error: Error) => error);
      expect(failure).toBeInstanceOf(AssertionError);
      expect(failure).toMatchObject({ message: expect.stringMatching(message) });
      expect(failure).toMatchObject({ message: expect.stringContaining("web#1 > GET /") });
    }),
  );
});
