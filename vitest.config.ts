import { defineConfig } from "vitest/config";

export default defineConfig({
  // Node 20 knows no `using`: the tests' own `await using` is lowered as the build lowers ours.
  oxc: { target: "es2023" },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/scratch.ts",
    setupFiles: ["test/leaks.ts"],
    // For machines that do much else at the same time; alone, nothing takes a third of it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two forks: the machines that run this have two cores, and the tests drive child processes as well.
    maxWorkers: 2,
    coverage: { provider: "v8", include: ["core/**", "servers/**", "launcher.ts", "index.ts"] },
  },
});
