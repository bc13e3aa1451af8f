import { pipeline } from "node:stream/promises";
import { type Request, type Response, Router } from "express";
import type { Lab } from "../../core/lab.ts";
import { parentOf } from "../../core/path.ts";
import type { Snapshot } from "../../core/store/inspect.ts";
import { makePath } from "../../core/store/make-path.ts";
import type { Entry } from "../../core/store/store.ts";
import { Refusal } from "../refusal.ts";
import { storePath, textOf } from "../request.ts";

/** How many snapshots are kept; the oldest makes room. */
const MAX_SNAPSHOTS = 32;

/** The lab's files, as the servers have them, and without anybody's permissions. */
export function files({ store }: Lab): Router {
  const router = Router();
  const snapshots = new Map<string, Snapshot>();
  let made = 0;
  const snapshotOf = ({ params: { id = "" } }: Request<{ id: string }>): Snapshot => {
    const snapshot = snapshots.get(id);
    if (snapshot) return snapshot;
    throw new Refusal(404, "NOT_FOUND", `There is no snapshot ${id}; ${MAX_SNAPSHOTS} are kept.`);
  };

  router.get("/files{/*path}", async (request, response) => {
    const path = storePath(request);
    const { type } = await store.stat(path);
    if (type === "directory") return void response.json((await store.list(path)).map(told));
    const reading = await store.read(path);
    response.type("application/octet-stream").set({
      "Content-Length": `${reading.entry.size}`,
      "Last-Modified": reading.entry.modified.toUTCString(),
    });
    await pipeline(reading.stream(), response);
  });

  router.put("/files{/*path}", async (request, response) => {
    const path = storePath(request);
    if (request.path.endsWith("/")) {
      await makePath(store, path);
      return void response.status(201).json(told(await store.stat(path)));
    }
    const before = await store.stat(path).catch(() => undefined);
    await makePath(store, parentOf(path));
    // The old file stays whole until all of the new one has come.
    await pipeline(request, await store.write(path));
    response.status(before ? 200 : 201).json(told(await store.stat(path)));
  });

  router.delete("/files{/*path}", async (request, response) => {
    const path = storePath(request);
    await remove(await store.stat(path), textOf(request, "recursive") === "true");
    response.status(204).end();
  });

  async function remove(entry: Entry, contents: boolean): Promise<void> {
    if (entry.type === "directory" && contents) {
      for (const child of await store.list(entry.path)) await remove(child, contents);
      // The root stays, and is empty.
      if (entry.path === "/") return;
    }
    await store.remove(entry.path);
  }

  router.get(
    "/snapshots",
    (_request, response) => void response.json([...snapshots.keys()].map((id) => ({ id }))),
  );

  router.post("/snapshots", async (_request, response) => {
    made += 1;
    const id = `s${made}`;
    snapshots.set(id, await store.snapshot());
    for (const oldest of snapshots.keys()) {
      if (snapshots.size <= MAX_SNAPSHOTS) break;
      snapshots.delete(oldest);
    }
    response.status(201).json({ id });
  });

  router.post("/snapshots/:id/restore", async (request, response) => {
    await store.restore(snapshotOf(request));
    response.status(204).end();
  });

  router.get("/snapshots/:id/diff", async (request, response) => {
    const diff = await store.diff(snapshotOf(request));
    response.json({ changes: [...diff], text: String(diff) });
  });

  router.delete("/snapshots/:id", (request: Request<{ id: string }>, response: Response) => {
    snapshotOf(request);
    snapshots.delete(request.params.id);
    response.status(204).end();
  });

  return router;
}

function told({ path, type, size, modified }: Entry): object {
  return { path, type, size, modified: modified.toISOString() };
}
