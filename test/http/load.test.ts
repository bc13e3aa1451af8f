import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { http, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";

// Many requests at once, by programs that are made for it.

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "wirelab-load-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

clientTest(
  "ab",
  "three hundred requests on connections that are kept, and a hundred on new ones",
  async () => {
    await using lab = await startLab({ web: http() }, { files: { "/10k": Buffer.alloc(10_240, "k") } });
    const { url } = lab.servers.web;
    const kept = await run("ab", ["-q", "-k", "-n", "300", "-c", "20", `${url}/10k`]);
    expect(kept.stdout).toMatch(/Complete requests: +300\n/);
    expect(kept.stdout).toMatch(/Failed requests: +0\n/);
    expect(kept.stdout).toMatch(/Keep-Alive requests: +300\n/);
    expect(kept.stdout).toMatch(/HTML transferred: +3072000 bytes\n/);
    const fresh = await run("ab", ["-q", "-n", "100", "-c", "20", `${url}/10k`]);
    expect(fresh.stdout).toMatch(/Complete requests: +100\n/);
    expect(fresh.stdout).toMatch(/Failed requests: +0\n/);
    await lab.stop();
    const kinds = new Set([...lab.transcript].map((event) => event.type));
    expect(kinds.has("error")).toBe(false);
  },
);

clientTest("siege", "several pages at once, packed and not", async () => {
  await using lab = await startLab(
    { web: http() },
    { files: { "/index.html": "<p>page".repeat(100), "/a.css": "a { color: red }".repeat(100) } },
  );
  const { url } = lab.servers.web;
  const args = ["--benchmark", "--json-output", "--quiet", "--concurrent=10", "--reps=20"];
  for (const path of ["/", "/a.css"]) {
    const { stdout } = await run("siege", [...args, `${url}${path}`], { env: { HOME: folder() } });
    // In a new home it tells first that it has made itself a configuration.
    expect(JSON.parse(stdout.slice(stdout.indexOf("{")))).toMatchObject({
      transactions: 200,
      availability: 100,
      successful_transactions: 200,
      failed_transactions: 0,
    });
  }
});

clientTest("curl", "a hundred downloads at once, each of them whole", async () => {
  const [root, target] = [folder(), folder()];
  const bytes = randomBytes(500_000);
  await using lab = await startLab({ web: http() }, { root });
  await new Promise<void>((resolve, reject) => {
    lab.store.write("/big").then((file) => file.once("error", reject).end(bytes, resolve), reject);
  });
  const many = ["--parallel", "--parallel-immediate", "--parallel-max", "100"];
  const urls = `${lab.servers.web.url}/big?[1-100]`;
  expect((await run("curl", ["-sS", ...many, urls, "-o", "#1"], { cwd: target })).code).toBe(0);
  for (let count = 1; count <= 100; count += 1) {
    expect([count, readFileSync(join(target, `${count}`)).equals(bytes)]).toEqual([count, true]);
  }
  await lab.stop();
  const transfers = [...lab.transcript].flatMap((event) => (event.type === "transfer" ? [event] : []));
  expect(transfers.filter(({ complete, bytes: sent }) => complete && sent === 500_000)).toHaveLength(100);
});
