import type { Request } from "express";
import { withoutEncoding } from "./encodings.ts";
import { Refusal } from "./refusal.ts";

/** What tells one version of a file from another (RFC 9110 §8.8). */
export interface Validators {
  readonly etag: string;
  readonly modified?: Date;
}

/** Whether the request is to be done under a condition only. */
export function isConditional({ headers }: Request): boolean {
  return (
    headers["if-match"] !== undefined ||
    headers["if-none-match"] !== undefined ||
    headers["if-unmodified-since"] !== undefined
  );
}

/**
 * RFC 9110 §13.2.2, but for the conditions that make a GET shorter: those that refuse.
 *
 * @param current what is there; undefined where there is nothing.
 * @throws Refusal 412.
 */
export function checkConditions(request: Request, current: Validators | undefined): void {
  const { method, headers } = request;
  // A GET is of one form of the file; what changes the file changes it in every form.
  const meant = method === "GET" || method === "HEAD" ? asItIs : withoutEncoding;
  const match = headers["if-match"];
  if (match !== undefined) {
    if (!current || !(match.trim() === "*" || tagsIn(match).some((tag) => meant(tag) === current.etag))) {
      throw new Refusal(412, "The file is not the one that If-Match names: fetch it again, and decide anew.");
    }
  } else if (isLater(current?.modified, headers["if-unmodified-since"])) {
    throw new Refusal(412, "The file was modified since the time that If-Unmodified-Since names.");
  }
  const noneMatch = headers["if-none-match"];
  if (noneMatch === undefined || !current || method === "GET" || method === "HEAD") return;
  if (isNamed(current.etag, noneMatch, meant)) {
    throw new Refusal(412, "If-None-Match names what is there already.");
  }
}

/**
 * RFC 9110 §13.1.2 and §13.1.3: whether who asks has it already. What the request says to caches, `no-cache` for example, is for
 * caches: `fetch` says it with every condition of its caller's.
 */
export function isFresh({ headers }: Request, { etag, modified }: Validators): boolean {
  const noneMatch = headers["if-none-match"];
  if (noneMatch !== undefined) return isNamed(etag, noneMatch);
  const since = headers["if-modified-since"];
  if (since === undefined || modified === undefined || Number.isNaN(timeOf(since))) return false;
  return !isLater(modified, since);
}

/** RFC 9110 §13.1.5: whether a range may be sent, or the file has changed and all of it is needed. */
export function rangeApplies({ headers }: Request, { etag, modified }: Validators, now: number): boolean {
  const condition = headers["if-range"];
  if (typeof condition !== "string") return true;
  if (condition.includes('"')) return condition === etag && !etag.startsWith("W/");
  // A time in whole seconds is a strong validator only when they are over.
  return modified !== undefined && condition === modified.toUTCString() && now - modified.getTime() >= 1000;
}

/** Whether If-None-Match names an entity tag, compared weakly. */
function isNamed(etag: string, noneMatch: string, meant: (tag: string) => string = asItIs): boolean {
  return noneMatch.trim() === "*" || tagsIn(noneMatch).some((tag) => opaque(meant(tag)) === opaque(etag));
}

/** In whole seconds, for HTTP has no others. */
function isLater(modified: Date | undefined, since: string | undefined): boolean {
  if (modified === undefined || since === undefined) return false;
  return Math.floor(modified.getTime() / 1000) > timeOf(since) / 1000;
}

/** The three forms of a time in HTTP (RFC 9110 §5.6.7); the last one, asctime's, does not say that it is Greenwich's. */
const TIME =
  /^(?:[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT|[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d [\d:]{8} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})$/;

/** A time as HTTP writes it, as Unix time in milliseconds; NaN for anything else, which counts as not said (§13.1.3). */
function timeOf(text: string): number {
  if (!TIME.test(text)) return Number.NaN;
  return Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
}

function tagsIn(list: string): string[] {
  return list.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

function asItIs(tag: string): string {
  return tag;
}

function opaque(tag: string): string {
  return tag.replace(/^W\//, "");
}
