import type { HttpOptions } from "../../servers/http/index.ts";
import type { Stub } from "../../servers/http/stubs/stub.ts";
import { jsonArray } from "../files.ts";
import { curl, kind, listening } from "../kind.ts";
import { value } from "../setting.ts";

export const http = kind<HttpOptions>({
  protocol: "http",
  port: 8080,
  flag: listening("http", 8080),
  settings: {
    cgi: value(
      "--cgi <DIR>",
      "run the programs of this folder as /cgi-bin/NAME by HTTP (none is run by default)",
      String,
      { names: "folder" },
    ),
    stubs: value("--stubs <FILE>", "answers that HTTP gives instead of files, as a JSON array", stubsFrom, {
      names: "file",
    }),
  },
  service: async ({ cgi, ...options }, { PATH }) => {
    const { http } = await import("../../servers/http/index.ts");
    const { websocket } = await import("../../servers/websocket/index.ts");
    const common = { websocket: websocket(), ...options };
    if (cgi === undefined) return http(common);
    const { environment, ...more } = typeof cgi === "string" ? { folder: cgi } : cgi;
    // Interpreters are found where this process would find them.
    return http({
      ...common,
      cgi: { ...more, environment: { ...(PATH !== undefined && { PATH }), ...environment } },
    });
  },
  commands(reach) {
    const { url, path, user, password, tls } = reach;
    if (path) return [`${curl(reach)} --unix-socket ${path} ${tls === "on" ? "https" : "http"}://127.0.0.1/`];
    const known = [user, password].filter(Boolean).join(":");
    return [`${curl(reach)} ${url}/`, `${curl(reach)} --user ${known} -T FILE ${url}/`];
  },
});

async function stubsFrom(path: string): Promise<readonly Stub[]> {
  const stubs = await jsonArray<Stub>(path, "stubs");
  const { HttpStubs } = await import("../../servers/http/stubs/stubs.ts");
  // Says what is wrong with them before anything starts.
  new HttpStubs(stubs);
  return stubs;
}
