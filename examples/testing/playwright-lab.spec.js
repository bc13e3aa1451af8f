// Run with: npx playwright test. A lab in the test's own process: with faults, and with matchers.
import { test as base, expect as plain } from "@playwright/test";
import { http } from "wirelab";
import { labMatchers, withLab } from "wirelab/testing/plain";

const expect = plain.extend(labMatchers);
const test = base.extend({
  lab: ({}, use) => withLab({ web: http() }, use),
  baseURL: ({ lab }, use) => use(lab.servers.web.url),
});

test("a page that is not there", async ({ lab, request }) => {
  expect((await request.get("/missing")).status()).toBe(404);
  expect(lab).toHaveRefused({ verb: "GET", target: "/missing", code: 404 });
});
