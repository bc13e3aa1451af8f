import { createServer } from "node:http";
import type { Lab } from "../core/lab.ts";
import type { Connection, Engine, Site } from "../core/service.ts";
import { controlApp } from "./app.ts";

/** Milliseconds that a client has for a request's head, and for all of it; and between two requests. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 300_000, keepAliveTimeout: 60_000 } as const;

/** Node's HTTP server as a function of streams, with the control API behind it. */
export function controlEngine(
  lab: Lab,
  site: Site,
  options: { readonly token: string; readonly hosts: readonly string[] },
): Engine {
  const open = new Set<Connection>();
  const app = controlApp(lab, { ...options, signal: site.signal });
  let draining = false;
  const server = createServer(TIMEOUTS, (request, response) => {
    response.once("finish", () => {
      if (draining) server.closeIdleConnections();
    });
    app(request, response);
  });
  // It never listens; this is what starts the clock that its time-outs need.
  server.emit("listening");
  return {
    accept(connection) {
      open.add(connection);
      connection.closed.then(() => open.delete(connection));
      server.emit("connection", connection.stream);
    },
    drain() {
      // Those that have an answer coming are idle behind it.
      draining = true;
      server.closeIdleConnections();
    },
    close: () => void server.close(),
  };
}
