import * as v from "valibot";
import { WirelabError } from "../../core/errors.ts";
import { meant } from "../meant.ts";
import { KINDS } from "../servers.ts";
import { type Schema, UNKNOWN } from "./kit.ts";

/** A place in a file, and what is wrong there. */
interface Mistake {
  readonly path: readonly string[];
  readonly what: string;
}

/** The most mistakes that are told of one file. */
const MOST = 20;

/**
 * What was found, in the form that the schema gives it.
 *
 * @param file what it is called in errors.
 * @throws WirelabError `BAD_OPTION` with all that is wrong, each on a line: where, what was expected, and what is there.
 */
export function check<T>(schema: Schema<T>, found: unknown, file: string): T {
  const { issues, output } = v.safeParse(schema, found);
  if (!issues) return output as T;
  const lines = new Set(
    issues.flatMap((issue) => mistakesOf(issue)).map(({ path, what }) => `${textOf(path)}: ${what}`),
  );
  const told = [...lines].slice(0, MOST).map((line) => line.replace(/^: /, ""));
  const more = lines.size > MOST ? [`and ${lines.size - MOST} more`] : [];
  throw new WirelabError(
    "BAD_OPTION",
    lines.size === 1
      ? `${file}: ${told[0]}`
      : `${file} has ${lines.size} mistakes:\n${[...told, ...more].map((line) => `  ${line}`).join("\n")}`,
  );
}

/** As JavaScript has it: `faults[0].fault`. */
function textOf(path: readonly string[]): string {
  return path
    .map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`))
    .join("")
    .replace(/^\./, "");
}

function mistakesOf(issue: v.BaseIssue<unknown>, above: readonly string[] = []): readonly Mistake[] {
  const path = [...above, ...(issue.path ?? []).map(({ key }) => String(key))];
  // Of several forms that something may have, the one that it almost has is what was meant.
  const forms = issue.type === "union" ? formsOf(issue) : [];
  const almost = forms.filter((form) => form.path !== undefined);
  if (almost.length > 0) return almost.flatMap((form) => mistakesOf(form, path));
  if (issue.message.startsWith(UNKNOWN)) {
    const [key = "", ...below] = path;
    const isServer = below.length === 0 && Object.hasOwn(KINDS, key);
    const what = isServer ? `${UNKNOWN}"${key}" here; write { "servers": { "${key}": … } }` : issue.message;
    return [{ path: path.slice(0, -1), what }];
  }
  if (issue.input === undefined) return [{ path, what: "it is missing" }];
  const expected =
    forms.length > 0 ? [...new Set(forms.map(({ message }) => message))].join(" or ") : issue.message;
  const found = isSecret(path) ? "" : `, found ${shown(issue.input)}`;
  return [{ path, what: `expected ${expected}${found}${hint(expected, issue.input)}` }];
}

/** What kept something from being each of the forms that it may have; unions in unions are one. */
function formsOf(issue: v.BaseIssue<unknown>): readonly v.BaseIssue<unknown>[] {
  return (issue.issues ?? []).flatMap((form) =>
    form.type === "union" && form.path === undefined ? formsOf(form) : [form],
  );
}

function isSecret(path: readonly string[]): boolean {
  return path.some((name) => /password|key|token|secret/i.test(name));
}

function hint(expected: string, input: unknown): string {
  const words = [...expected.matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word);
  return typeof input === "string" && words.length > 1 ? meant(input, words) : "";
}

function shown(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object" && input !== null) return "an object";
  if (typeof input === "function") return "a function";
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
