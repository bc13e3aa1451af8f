import { type Request, Router } from "express";
import type { Lab } from "../../core/lab.ts";
import type { Server } from "../../core/server.ts";
import { Refusal } from "../refusal.ts";
import { objectOf } from "../request.ts";

/** What an HTTP server has of its own, as far as it is of use here. */
interface Stubbing {
  stub(stub: object): Standing;
  readonly unmatched: readonly object[];
}
interface Standing extends Disposable {
  readonly count: number;
  readonly calls: readonly { readonly query: URLSearchParams }[];
}

/** What a Telnet server that is a device has of its own. */
interface Playing {
  play(device: object): void;
}

/** What a forwarder has of its own. */
interface Forwarding {
  targets(): readonly object[];
}

/** The lab's servers, and what some of them have of their own; `forget` when a reset has taken the stubs away. */
export function servers(lab: Lab): { readonly router: Router; forget(): void } {
  const router = Router();
  const stubs = new Map<
    string,
    { readonly server: string; readonly stub: object; readonly standing: Standing }
  >();
  let named = 0;
  const serverOf = ({ params: { name } }: Request<{ name: string }>): Server => {
    const server = Object.hasOwn(lab.servers, name) ? lab.servers[name] : undefined;
    if (server) return server;
    const known = Object.keys(lab.servers).join(", ");
    throw new Refusal(404, "NOT_FOUND", `There is no server ${name}; there are ${known}.`);
  };
  const having = <Own>(request: Request<{ name: string }>, member: keyof Own & string, what: string): Own => {
    const server = serverOf(request);
    if (member in server) return server as unknown as Own;
    throw new Refusal(409, "BAD_OPTION", `The server ${server.name} (${server.protocol}) has no ${what}.`);
  };
  const stubTold = (id: string) => {
    const known = stubs.get(id);
    if (!known) throw new Refusal(404, "NOT_FOUND", `There is no stub ${id}.`);
    const { server, stub, standing } = known;
    const calls = standing.calls.map((call) => ({ ...call, query: Object.fromEntries(call.query) }));
    return { id, server, stub, count: standing.count, calls };
  };

  router.get("/servers", (_request, response) => void response.json(Object.values(lab.servers).map(told)));
  router.get("/servers/:name", (request, response) => void response.json(told(serverOf(request))));

  router.get("/servers/:name/stubs", (request, response) => {
    const { name } = serverOf(request);
    response.json([...stubs].flatMap(([id, { server }]) => (server === name ? [stubTold(id)] : [])));
  });
  router.post("/servers/:name/stubs", (request, response) => {
    const stub = objectOf(request);
    const standing = having<Stubbing>(request, "stub", "stubs").stub(stub);
    named += 1;
    stubs.set(`t${named}`, { server: request.params.name, stub, standing });
    response.status(201).json(stubTold(`t${named}`));
  });
  router.get(
    "/servers/:name/stubs/:id",
    (request, response) => void response.json(stubTold(request.params.id)),
  );
  router.delete("/servers/:name/stubs/:id", (request, response) => {
    stubTold(request.params.id);
    stubs.get(request.params.id)?.standing[Symbol.dispose]();
    stubs.delete(request.params.id);
    response.status(204).end();
  });
  router.delete("/servers/:name/stubs", (request, response) => {
    const { name } = serverOf(request);
    for (const [id, { server, standing }] of stubs) {
      if (server !== name) continue;
      standing[Symbol.dispose]();
      stubs.delete(id);
    }
    response.status(204).end();
  });
  router.get("/servers/:name/unmatched", (request, response) => {
    response.json(having<Stubbing>(request, "unmatched", "stubs").unmatched);
  });

  router.put("/servers/:name/device", (request, response) => {
    const device = objectOf(request);
    having<Playing>(request, "play", "device: start it with one").play(device);
    response.status(204).end();
  });

  router.get("/servers/:name/targets", (request, response) => {
    response.json(having<Forwarding>(request, "targets", "targets").targets());
  });

  return { router, forget: () => stubs.clear() };
}

function told({ name, protocol, url, host, port, path }: Server): object {
  return { name, protocol, url, ...(path === undefined ? { host, port } : { path }) };
}
