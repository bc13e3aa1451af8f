import { defineConfig } from "@playwright/test";

export default defineConfig({
  testMatch: "playwright*.spec.js",
  webServer: {
    // Port 0 takes a free one, and the line on stdout tells which.
    command: "npx wirelab --http=0 --root site --ready=json",
    wait: { stdout: /"http":\{"url":"(?<wirelab_http_url>[^"]+)"/ },
    gracefulShutdown: { signal: "SIGTERM", timeout: 5000 },
  },
  // Playwright puts what the pattern has found into the environment.
  use: { baseURL: process.env.WIRELAB_HTTP_URL },
});
