import { type Request, Router } from "express";
import type { Rule, StandingFault } from "../../core/faults/faults.ts";
import type { Lab } from "../../core/lab.ts";
import { Refusal } from "../refusal.ts";
import { objectOf, scopeOf } from "../request.ts";
import type { Scope } from "../scope.ts";

/** Fault rules: those that were there from the start, and those that are added. */
export function faults(lab: Lab): Router {
  const router = Router();
  const ids = new WeakMap<StandingFault, string>();
  let named = 0;
  const idOf = (fault: StandingFault): string => {
    const known = ids.get(fault);
    if (known !== undefined) return known;
    named += 1;
    ids.set(fault, `f${named}`);
    return `f${named}`;
  };
  const told = (fault: StandingFault) => ({ id: idOf(fault), rule: fault.rule, acted: fault.acted });
  const faultOf = ({ params: { id } }: Request<{ id: string }>): StandingFault => {
    const fault = lab.faults.list().find((each) => idOf(each) === id);
    if (fault) return fault;
    throw new Refusal(404, "NOT_FOUND", `There is no fault rule ${id}: GET /v1/faults lists them.`);
  };

  router.get("/faults", (request, response) => {
    const scope = scopeOf(request);
    response.json(
      lab.faults
        .list()
        .filter(({ rule }) => isIn(rule, scope))
        .map(told),
    );
  });

  router.post("/faults", (request, response) => {
    const rule = inScope(objectOf(request) as unknown as Rule, scopeOf(request));
    response.status(201).json(told(lab.faults.add(rule)));
  });

  router.get("/faults/:id", (request, response) => void response.json(told(faultOf(request))));

  router.delete("/faults/:id", (request, response) => {
    faultOf(request)[Symbol.dispose]();
    response.status(204).end();
  });

  router.delete("/faults", (request, response) => {
    const scope = scopeOf(request);
    for (const fault of lab.faults.list()) if (isIn(fault.rule, scope)) fault[Symbol.dispose]();
    response.status(204).end();
  });

  return router;
}

/** A rule of a scope acts on its peer alone; who logs in to an account is known too late for rules. */
function inScope(rule: Rule, scope: Scope | undefined): Rule {
  if (!scope) return rule;
  if ("account" in scope) {
    throw new Refusal(
      400,
      "BAD_OPTION",
      "A fault rule cannot be of an account: use a scope peer:ADDRESS, or none.",
    );
  }
  return { ...rule, when: { ...rule.when, peer: scope.peer } };
}

function isIn({ when }: Rule, scope: Scope | undefined): boolean {
  return !scope || ("peer" in scope && when?.peer === scope.peer);
}
