import { type Check, isObject, list, oneOf, parts, pattern, positive, text, time } from "../checks.ts";
import { describedIn } from "../described.ts";
import { WirelabError } from "../errors.ts";
import { bytesOf } from "./bytes.ts";
import type { Script, ScriptSource, ScriptStep } from "./steps.ts";

/**
 * The script, read from its file where it is in one.
 *
 * @param server whose it is, for errors.
 * @param transport what it is played over.
 * @throws WirelabError `BAD_OPTION` where the file cannot be read, and for a script that could not be played: it says which part
 *   is wrong.
 */
export async function scriptFrom(
  source: ScriptSource,
  server: string,
  transport: "stream" | "datagrams",
): Promise<Script> {
  const inFile = typeof source === "string";
  const found = inFile ? await describedIn(source, "script") : source;
  const script = Array.isArray(found) ? { steps: found } : found;
  const name = inFile ? source : `${server}.script`;
  SCRIPT(script, name);
  checkOrder(script as Script, name, transport);
  return script as Script;
}

const bytes: Check = (value, at) => {
  if (value instanceof Uint8Array) return;
  const kinds = { text, hex, base64 };
  const kind = isObject(value) ? Object.keys(kinds).find((each) => each in value) : undefined;
  if (kind === undefined)
    throw new WirelabError("BAD_OPTION", `${at} must be a text, or an object with text, hex or base64.`);
  parts({ [kind]: kinds[kind as "hex"] }, kind)(value, at);
};
const hex = written(/^(?:[\da-f]{2})*$/i, "bytes of two hexadecimal digits each");
const base64 = written(/^[\w+/-]*={0,2}$/, "base64");

/** A text that fits when its blanks are left out. */
function written(fitting: RegExp, what: string): Check {
  return (value, at) => {
    text(value, at);
    if (!fitting.test(String(value).replaceAll(/\s/g, "")))
      throw new WirelabError("BAD_OPTION", `${at} must be ${what}.`);
  };
}

const send: Check = (value, at) => (typeof value === "string" ? text : bytes)(value, at);
const expected: Check = (value, at) => {
  if (typeof value === "string" || value instanceof RegExp) pattern(value, at);
  else if (isObject(value) && !(value instanceof Uint8Array) && "bytes" in value)
    parts({ bytes: positive }, "bytes")(value, at);
  else {
    bytes(value, at);
    if (bytesOf(value as Uint8Array).length === 0)
      throw new WirelabError("BAD_OPTION", `${at} must have a byte at least.`);
  }
};

const KINDS: Readonly<Record<string, Check>> = {
  send,
  expect: expected,
  wait: time,
  repeat: (value, at) => list(step)(value, at),
  end: oneOf("fin", "rst"),
};

function step(value: unknown, at: string): void {
  const kind = isObject(value) ? Object.keys(KINDS).find((name) => name in value) : undefined;
  if (kind === undefined)
    throw new WirelabError("BAD_OPTION", `${at} must be a step: ${Object.keys(KINDS).join(", ")}.`);
  parts({ ...KINDS, ...(kind === "repeat" && { times: positive }) }, kind)(value, at);
  const others = Object.keys(value as object).filter((name) => name !== kind && name !== "times");
  if (others.length > 0)
    throw new WirelabError(
      "BAD_OPTION",
      `${at} is one step, and cannot have ${kind} and ${others.join(", ")}.`,
    );
}

const SCRIPT = parts(
  {
    steps: list(step),
    lineEnd: (value, at) => {
      if (value !== "\n" && value !== "\r\n")
        throw new WirelabError("BAD_OPTION", `${at} must be "\\n" or "\\r\\n".`);
    },
    progress: oneOf("connection", "shared"),
    mismatch: oneOf("tell", "close", "reset"),
  },
  "steps",
);

/** What each step may be is not enough: some have no sense where they stand. */
function checkOrder({ steps, progress }: Script, name: string, transport: "stream" | "datagrams"): void {
  const bad = (why: string) => new WirelabError("BAD_OPTION", `${name}: ${why}.`);
  const all = flattened(steps);
  if (transport === "datagrams") {
    if (all.some((each) => "end" in each)) throw bad("there is no end of UDP to be scripted");
    if (!expectsFirst(steps)) throw bad("over UDP the client speaks first: begin with an expect");
  }
  if (all.some((each) => "repeat" in each && each.times === undefined && !expects(each.repeat)))
    throw bad("a repeat without times needs an expect among its steps: it would never end");
  if (progress !== "shared" && goesOnBehindEnd(steps))
    throw bad("steps behind an end are for the next connection: they need progress: shared");
}

function flattened(steps: readonly ScriptStep[]): ScriptStep[] {
  return steps.flatMap((each) => ("repeat" in each ? [each, ...flattened(each.repeat)] : [each]));
}

function expects(steps: readonly ScriptStep[]): boolean {
  return flattened(steps).some((each) => "expect" in each);
}

function expectsFirst([first]: readonly ScriptStep[]): boolean {
  return first !== undefined && ("expect" in first || ("repeat" in first && expectsFirst(first.repeat)));
}

function goesOnBehindEnd(steps: readonly ScriptStep[]): boolean {
  return steps.some(
    (each, index) =>
      ("end" in each && index < steps.length - 1) ||
      ("repeat" in each && flattened(each.repeat).some((inner) => "end" in inner)),
  );
}
