import express, { type Express } from "express";
import type { Lab } from "../core/lab.ts";
import { bearersOnly, ownNamesOnly } from "./admission.ts";
import { description } from "./openapi/description.ts";
import { Refusal, refuse } from "./refusal.ts";
import { events } from "./routes/events.ts";
import { faults } from "./routes/faults.ts";
import { files } from "./routes/files.ts";
import { lab as labRoutes } from "./routes/lab.ts";
import { servers } from "./routes/servers.ts";

/** How large a JSON body may be. Files may have any size. */
const MAX_JSON = "1mb";

/** The control API of one lab, as an Express app. */
export function controlApp(
  lab: Lab,
  {
    token,
    hosts,
    signal,
  }: { readonly token: string; readonly hosts: readonly string[]; readonly signal: AbortSignal },
): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag");
  app.use(ownNamesOnly(hosts));
  app.get("/openapi.json", (_request, response) => void response.json(description()));
  const { router, forget } = servers(lab);
  app.use("/v1", bearersOnly(token), files(lab), express.json({ limit: MAX_JSON }));
  app.use("/v1", router, events(lab, signal), faults(lab), labRoutes(lab, forget));
  app.use((request) => {
    throw new Refusal(
      404,
      "NOT_FOUND",
      `There is no ${request.method} ${request.path}: GET /openapi.json tells what there is.`,
    );
  });
  app.use(refuse);
  return app;
}
