// Run with: npx playwright test
import { expect, test } from "@playwright/test";

test("the site is served", async ({ request }) => {
  const page = await request.get("/");
  expect(await page.text()).toContain("<h1>Reports</h1>");
});

test("uploads need an account", async ({ request }) => {
  const refused = await request.put("/report.csv", { data: "id\n1\n" });
  expect(refused.status()).toBe(401);
});
