import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "@playwright/test";
import { expect, vi } from "vitest";
import { http, type InspectedStore, startLab } from "../../index.ts";
import { clientTest } from "../clients.ts";

// A browser starts slowly where much else runs.
vi.setConfig({ testTimeout: 60_000 });

const FILES = {
  "/in/notes.txt": "notes",
  "/in/report.pdf": "x".repeat(1_234_567),
  "/in/pictures/a.png": "a",
};

/** A page of a browser whose user is foo once a server asks, and what it complains of. */
async function inBrowser(url: string, body: (page: Page) => Promise<void>): Promise<void> {
  let browser: Browser | undefined;
  try {
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    const context = await browser.newContext({ httpCredentials: { username: "foo", password: "bar" } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      // The challenge that makes a browser log in is told as an error, and so are refusals.
      if (message.type() === "error" && !/ 40[13] /.test(message.text())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(url);
    await body(page);
    expect(complaints).toEqual([]);
  } finally {
    await browser?.close();
  }
}

async function namesIn(store: InspectedStore): Promise<string[]> {
  return (await store.list("/in")).map(({ name }) => name);
}

async function show(page: Page, name: string): Promise<void> {
  const folder = process.env.WIRELAB_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}

clientTest("chromium", "log in, choose a file, drop another, delete one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
  writeFileSync(join(folder, "chosen.txt"), "chosen");
  try {
    await using lab = await startLab({ web: http() }, { files: FILES });
    await inBrowser(`${lab.servers.web.url}/in/`, async (page) => {
      await show(page, "stranger");
      expect(await page.locator("form").count()).toBe(0);
      await page.getByRole("link", { name: "Log in" }).click();
      await page.waitForURL("**/in/?list");
      await show(page, "owner");
      await page.emulateMedia({ colorScheme: "dark" });
      await show(page, "dark");
      await page.setViewportSize({ width: 360, height: 640 });
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
      await show(page, "phone");
      await page.setViewportSize({ width: 1280, height: 720 });

      await page.locator("input[type=file]").setInputFiles(join(folder, "chosen.txt"));
      await page.getByRole("link", { name: "chosen.txt" }).waitFor();
      expect(await lab.store.text("/in/chosen.txt")).toBe("chosen");

      // As text, for this file's own types know no browser.
      await page.evaluate(`
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["dropped"], "dropped ü.txt"));
        dispatchEvent(new DragEvent("dragenter", { dataTransfer }));
        dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
      `);
      await page.getByRole("link", { name: "dropped ü.txt" }).waitFor();
      expect(await lab.store.text("/in/dropped ü.txt")).toBe("dropped");

      await page.getByLabel("Delete notes.txt").click();
      await show(page, "deleting");
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByText("1 directory · 3 files").waitFor();
      expect(await namesIn(lab.store)).toEqual(["chosen.txt", "dropped ü.txt", "pictures", "report.pdf"]);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

clientTest(
  "chromium",
  "names that forms change, a folder that is dropped, an upload that is refused",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    const odd = 'a "b"\nc.txt';
    writeFileSync(join(folder, odd), "odd");
    try {
      await using lab = await startLab({ web: http() }, { files: { "/in/notes.txt": "notes" } });
      await inBrowser(`${lab.servers.web.url}/?login=/in`, async (page) => {
        await page.locator("input[type=file]").setInputFiles(join(folder, odd));
        await page.getByText("0 directories · 2 files").waitFor();
        expect(await namesIn(lab.store)).toEqual([odd, "notes.txt"]);
        await page.locator("summary").first().click();
        await page.getByRole("button", { name: "Delete" }).click();
        await page.getByText("0 directories · 1 file ·").waitFor();
        expect(await namesIn(lab.store)).toEqual(["notes.txt"]);

        const devtools = await page.context().newCDPSession(page);
        for (const type of ["dragEnter", "dragOver", "drop"] as const) {
          const data = { items: [], files: [folder], dragOperationsMask: 1 };
          await devtools.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data });
        }
        await page.getByText("A folder cannot be sent; drop the files in it.").waitFor();

        lab.accounts.put({ name: "foo", password: "bar", permissions: "elr" });
        await page.locator("input[type=file]").setInputFiles(join(folder, odd));
        await page.getByText("The upload failed.").waitFor();
        await show(page, "refused");
        expect(await page.getByRole("status").textContent()).toContain('lacks the permission "w"');
        expect(await page.locator("progress").isVisible()).toBe(false);
      });
      expect(await namesIn(lab.store)).toEqual(["notes.txt"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
