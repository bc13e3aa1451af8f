import type { Request } from "express";
import { Refusal } from "./refusal.ts";
import { type Scope, scopeFrom } from "./scope.ts";

/** The scope that a request is made in: its parameter `scope`, or its header `Wirelab-Scope`. */
export function scopeOf(request: Request): Scope | undefined {
  return scopeFrom(textOf(request, "scope") ?? request.get("wirelab-scope"));
}

/**
 * A parameter of the query, given once.
 *
 * @throws Refusal 400 where it is given several times.
 */
export function textOf(request: Request, name: string): string | undefined {
  const given: unknown = request.query[name];
  if (given === undefined || typeof given === "string") return given;
  throw new Refusal(400, "BAD_OPTION", `The parameter ${name} is to be given once.`);
}

/** A parameter of the query that is a whole number. */
export function wholeOf(request: Request, name: string, fallback: number): number {
  const text = textOf(request, name);
  return text === undefined ? fallback : whole(`The parameter ${name}`, text);
}

/** @throws Refusal 400 where the text is no whole number. */
export function whole(what: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Refusal(400, "BAD_OPTION", `${what} is ${JSON.stringify(text)}; write a whole number.`);
}

/**
 * A request's JSON object.
 *
 * @throws Refusal 400 where it is none.
 */
export function objectOf(request: Request): Readonly<Record<string, unknown>> {
  const body: unknown = request.body;
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return body as Readonly<Record<string, unknown>>;
  throw new Refusal(400, "BAD_CONTENT", "Send a JSON object, with Content-Type: application/json.");
}

/** The path of a file or directory in the store, out of what stands behind `/files`. */
export function storePath(request: Request): string {
  const rest: unknown = request.params.path;
  return `/${Array.isArray(rest) ? rest.join("/") : ""}`;
}
