import { isDeepStrictEqual } from "node:util";
import type { Stub, StubRequest } from "./stub.ts";

/** A request before its body is read. */
export type Asked = Omit<StubRequest, "body" | "params">;

/** What speaks against a stub, most telling first; nothing where it fits. */
export function differences(stub: Stub, { method, path, query, headers }: Asked): string[] {
  const found: string[] = [];
  if (!pathPattern(stub.path).test(path)) found.push(`the path is ${path}, not ${stub.path}`);
  if (stub.method !== undefined && stub.method.toUpperCase() !== method) {
    found.push(`the method is ${method}, not ${stub.method.toUpperCase()}`);
  }
  for (const [name, wanted] of Object.entries(stub.query ?? {})) {
    const values = query.getAll(name);
    if (!values.some((value) => fits(value, wanted))) {
      found.push(`the query has ${values.length === 0 ? "no" : "another"} ${name} than ${wanted}`);
    }
  }
  for (const [name, wanted] of Object.entries(stub.headers ?? {})) {
    const value = headers[name.toLowerCase()];
    // Never its value: it may be a password.
    if (value === undefined || !fits(value, wanted)) {
      found.push(`the header ${name} is ${value === undefined ? "missing" : "another"}`);
    }
  }
  return found;
}

/** Whether a body is what a stub wants. */
export function bodyFits({ body: wanted }: Stub, body: string): boolean {
  if (wanted === undefined) return true;
  if (typeof wanted === "string" || wanted instanceof RegExp) return fits(body, wanted);
  try {
    return includes(JSON.parse(body), wanted.json);
  } catch {
    return false;
  }
}

/** What the names of a path stand for. */
export function paramsIn(pattern: string | RegExp, path: string): Readonly<Record<string, string>> {
  return { ...pathPattern(pattern).exec(path)?.groups };
}

/** @throws SyntaxError for a pattern in which a name stands twice. */
export function pathPattern(pattern: string | RegExp): RegExp {
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  // A request's path has none at its end.
  const source = pattern
    .replace(/(.)\/+$/, "$1")
    .replace(/\/\*\*(?=\/|$)|\*\*|\*|:([A-Za-z_]\w*)|[\\^$.+?()[\]{}|]/g, (part, name?: string) => {
      // What is below a path is also the path itself, which may have had a slash at its end.
      if (part === "/**") return "(?:/.*)?";
      if (part === "**") return ".*";
      if (part === "*") return "[^/]*";
      return name === undefined ? `\\${part}` : `(?<${name}>[^/]+)`;
    });
  return new RegExp(`^${source}$`, "s");
}

function fits(value: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? value === wanted : value.search(wanted) >= 0;
}

/** Whether a value has what another one has: objects may have more, lists may not; a RegExp stands for a text. */
function includes(value: unknown, wanted: unknown): boolean {
  if (wanted instanceof RegExp) return typeof value === "string" && fits(value, wanted);
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(value) &&
      value.length === wanted.length &&
      wanted.every((part, index) => includes(value[index], part))
    );
  }
  if (typeof wanted !== "object" || wanted === null) return isDeepStrictEqual(value, wanted);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const has = new Map(Object.entries(value));
  return Object.entries(wanted).every(([name, part]) => has.has(name) && includes(has.get(name), part));
}
