import type { Service } from "../../core/service.ts";
import type { CgiOptions } from "../../servers/http/cgi/options.ts";
import type { HttpApp, HttpOptions } from "../../servers/http/index.ts";
import type { Stub, StubAnswer, StubEvent } from "../../servers/http/stubs/stub.ts";
import type { Kit, Schema, Shape } from "../config/kit.ts";
import { checkedJson } from "../files.ts";
import { curl, isService, kind, listening } from "../kind.ts";
import { value } from "../setting.ts";

export const http = kind({
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
    cors: value(
      "--cors [ORIGINS]",
      "let pages of other origins use HTTP: of these, apart by commas, or of all",
      originsFrom,
      {
        bare: "*",
      },
    ),
    fallback: value("--fallback <PATH>", "HTTP's page where there is no file, for single-page apps", String),
  },
  shape: (kit) => {
    const { text, path, oneOf, bytes, ms, whole, off, list, either, callable, made } = kit;
    return {
      public: text,
      dotfiles: oneOf("hide", "allow"),
      compression: oneOf("on", "off"),
      maxBody: bytes,
      maxHeaderSize: bytes,
      headersTimeout: ms,
      requestTimeout: ms,
      bodyTimeout: ms,
      keepAliveTimeout: ms,
      maxRequestsPerSocket: whole(0),
      cgi: either(path, cgiShape(kit)),
      inspect: either(text, off),
      stubs: list(stubShape(kit)),
      cors: either(oneOf("*"), list(text)),
      fallback: text,
      websocket: made<Service>("a service", isService),
      app: callable<HttpApp>(),
    };
  },
  service: async ({ cgi, ...options }: HttpOptions, { PATH }) => {
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

function originsFrom(text: string): "*" | readonly string[] {
  if (text === "*") return text;
  const origins = text.split(",");
  if (origins.every((origin) => /^https?:\/\/[^/]+$/.test(origin))) return origins;
  throw new Error(`"${text}" is no origin; write http://127.0.0.1:3000, or * for all.`);
}

async function stubsFrom(path: string): Promise<readonly Stub[]> {
  const stubs = await checkedJson(path, (kit) => kit.list(stubShape(kit)));
  const { HttpStubs } = await import("../../servers/http/stubs/stubs.ts");
  // Says what is wrong with them before anything starts.
  new HttpStubs(stubs);
  return stubs;
}

function cgiShape({ path, text, record, ms, whole, object }: Kit): Schema<CgiOptions> {
  const shape: Shape<CgiOptions> = {
    folder: path,
    path: text,
    environment: record(text),
    timeout: ms,
    maxScripts: whole(1),
  };
  return object(shape, "folder");
}

type AnswerFunction = Exclude<Stub["answer"], StubAnswer | readonly StubAnswer[]>;

function stubShape(kit: Kit): Schema<Stub> {
  const { text, record, object, either, list, whole, ms, pattern, anything, callable } = kit;
  const fits = either(text, pattern);
  const event: Shape<StubEvent> = { data: anything, event: text, id: text };
  const answer: Shape<StubAnswer> = {
    status: whole(200, 599),
    headers: record(text),
    body: anything,
    events: list(object(event, "data")),
    delay: ms,
    times: whole(1),
  };
  const shape: Shape<Stub> = {
    method: text,
    path: fits,
    query: record(fits),
    headers: record(fits),
    body: either(text, pattern, object({ json: anything }, "json")),
    answer: either(object(answer), list(object(answer)), callable<AnswerFunction>()),
  };
  return object(shape, "path", "answer");
}
