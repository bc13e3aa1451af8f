import { Router } from "express";
import type { Account } from "../../core/accounts.ts";
import type { Moment } from "../../core/clock.ts";
import type { Lab } from "../../core/lab.ts";
import { makePath } from "../../core/store/make-path.ts";
import { Refusal } from "../refusal.ts";
import { objectOf } from "../request.ts";

/**
 * Accounts, the clock, reset and stop.
 *
 * @param onReset called behind a reset.
 */
export function lab(lab: Lab, onReset: () => void): Router {
  const router = Router();
  const { accounts, clock, store } = lab;

  router.get("/accounts", (_request, response) => void response.json([...accounts]));

  router.put("/accounts/:name", async (request, response) => {
    const { name } = request.params;
    const there = [...accounts].some((account) => account.name === name);
    const account = accounts.put({ ...objectOf(request), name } as Account);
    await makePath(store, account.home);
    response.status(there ? 200 : 201).json(account);
  });

  router.delete("/accounts/:name", (request, response) => {
    const { name } = request.params;
    if (!accounts.remove(name))
      throw new Refusal(404, "NOT_FOUND", `There is no account ${JSON.stringify(name)}.`);
    response.status(204).end();
  });

  const time = () => ({ now: new Date(clock.now()).toISOString(), running: clock.running });
  router.get("/clock", (_request, response) => void response.json(time()));

  router.put("/clock", (request, response) => {
    const { now, advance } = objectOf(request);
    if (typeof now === "string" || typeof now === "number") clock.set(now as Moment);
    else if (typeof advance === "number" && Number.isFinite(advance)) clock.advance(advance);
    else
      throw new Refusal(
        400,
        "BAD_OPTION",
        'Send { "now": "2026-01-31T12:00:00Z" }, or { "advance": MILLISECONDS }.',
      );
    response.json(time());
  });

  router.delete("/clock", (_request, response) => {
    clock.run();
    response.json(time());
  });

  router.post("/reset", async (_request, response) => {
    await lab.reset();
    onReset();
    response.status(204).end();
  });

  router.post("/stop", (request, response) => {
    const { grace } = request.body === undefined ? {} : objectOf(request);
    if (grace !== undefined && !(typeof grace === "number" && grace >= 0)) {
      throw new Refusal(400, "BAD_OPTION", "grace is a number of milliseconds, 0 or more.");
    }
    // The API stops with the lab: its last answer leaves first.
    response.once("finish", () => void lab.stop(grace === undefined ? {} : { grace }));
    response.status(202).json({ stopping: true });
  });

  return router;
}
