import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, WirelabError } from "../../core/errors.ts";
import type { Device, DeviceAnswer } from "./device.ts";
import { isCharset } from "./encoding.ts";
import { patternOf } from "./pattern.ts";

/**
 * The device that a file describes: JSON, or a module (`.js`, `.mjs`) whose default export it is.
 *
 * @throws WirelabError `BAD_OPTION` where the file cannot be read, or describes none.
 */
export async function readDevice(path: string): Promise<Device> {
  let found: unknown;
  try {
    found = /\.[cm]?js$/.test(path)
      ? (await import(pathToFileURL(resolve(path)).href)).default
      : JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new WirelabError("BAD_OPTION", `The device file ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return checkedDevice(found, path);
}

/**
 * A device as it was given, if it is one.
 *
 * @param name what it is called in errors.
 * @throws WirelabError `BAD_OPTION` that says which part is wrong.
 */
export function checkedDevice(found: unknown, name: string): Device {
  DEVICE(found, name);
  const device = found as Device;
  const bad = (why: string) => new WirelabError("BAD_OPTION", `${name}: ${why}.`);
  const { dialogue, charset = "utf-8", modes = {}, commands = {} } = device;
  if (!isCharset(charset)) throw bad(`there is no character set "${charset}"`);
  const beside = ["login", "welcome", "prompt", "commands", "modes", "unknown", "paging"].find(
    (part) => part in device,
  );
  if (dialogue && beside) throw bad(`a device with a dialogue has no ${beside}`);
  for (const table of [commands, ...Object.values(modes).map((mode) => mode.commands ?? {})]) {
    for (const [line, answer] of Object.entries(table)) {
      if (typeof answer === "object") checkMode(answer, device, `${name}: "${line}"`);
    }
  }
  return device;
}

/**
 * What a function of a device has answered, if it is an answer.
 *
 * @param line what it answers, for errors.
 * @throws WirelabError `BAD_OPTION` that says which part is wrong.
 */
export function checkedAnswer(made: unknown, device: Device, line: string): DeviceAnswer | undefined {
  if (made === undefined) return undefined;
  const name = `What is answered to ${JSON.stringify(line)}`;
  if (typeof made === "string") return { text: made };
  answer(made, name);
  checkMode(made as DeviceAnswer, device, name);
  return made as DeviceAnswer;
}

function checkMode({ mode }: DeviceAnswer, { modes = {} }: Device, name: string): void {
  if (mode === undefined || Object.hasOwn(modes, mode)) return;
  throw new WirelabError(
    "BAD_OPTION",
    `${name} leads to the mode "${mode}", and there is none of that name.`,
  );
}

/** Throws where a value is not of a kind; `at` names it. */
type Check = (value: unknown, at: string) => void;

function check(is: (value: unknown) => boolean, what: string): Check {
  return (value, at) => {
    if (!is(value)) throw new WirelabError("BAD_OPTION", `${at} must be ${what}.`);
  };
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf = (...words: readonly unknown[]) => check((value) => words.includes(value), words.join(" or "));
const text = check((value) => typeof value === "string", "a text");
const flag = oneOf(true, false);
const anything: Check = () => {};
const count = check((value) => Number.isInteger(value) && Number(value) >= 0, "a whole number");
/** The longest that a timer of Node's waits. */
const LONGEST = 2 ** 31 - 1;
const time = check(
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LONGEST,
  `a whole number of milliseconds, up to ${LONGEST}`,
);
const positive = check((value) => Number.isInteger(value) && Number(value) > 0, "a whole number above 0");

/** An object with these parts and no others, of which `needed` must be there. */
function parts(known: Readonly<Record<string, Check>>, ...needed: readonly string[]): Check {
  return (value, at) => {
    if (!isObject(value)) throw new WirelabError("BAD_OPTION", `${at} must be an object.`);
    for (const part of needed) {
      if (!Object.hasOwn(value, part)) throw new WirelabError("BAD_OPTION", `${at} needs "${part}".`);
    }
    for (const [part, inner] of Object.entries(value)) {
      const within = Object.hasOwn(known, part) ? known[part] : undefined;
      if (!within) {
        const names = Object.keys(known).join(", ");
        throw new WirelabError("BAD_OPTION", `${at} knows no "${part}"; it may have ${names}.`);
      }
      if (inner !== undefined) within(inner, `${at}.${part}`);
    }
  };
}

/** A function, or what the other check lets through. */
function made(other: Check): Check {
  return (value, at) => {
    if (typeof value !== "function") other(value, at);
  };
}

function record(key: Check, each: Check): Check {
  return (value, at) => {
    if (!isObject(value)) throw new WirelabError("BAD_OPTION", `${at} must be an object.`);
    for (const [name, inner] of Object.entries(value)) {
      key(name, at);
      each(inner, `${at}[${JSON.stringify(name)}]`);
    }
  };
}

function list(each: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value) || value.length === 0)
      throw new WirelabError("BAD_OPTION", `${at} must be a list that is not empty.`);
    for (const [index, inner] of value.entries()) each(inner, `${at}[${index}]`);
  };
}

const pattern: Check = (value, at) => {
  if (value instanceof RegExp) return;
  text(value, at);
  try {
    patternOf(String(value));
  } catch (error) {
    throw new WirelabError("BAD_OPTION", `${at}: ${messageOf(error)}.`, { cause: error });
  }
};

const question = parts(
  { prompt: text, answer: pattern, hidden: flag, tries: positive, wrong: text },
  "prompt",
  "answer",
);
const rows: Check = (value, at) => (typeof value === "string" ? text : count)(value, at);
const end = oneOf("fin", "rst");
const answer = parts({ ask: question, delay: time, text, mode: text, rows, end });
const commands = record(
  pattern,
  made((value, at) => (typeof value === "string" ? text : answer)(value, at)),
);
const sizes: Check = (value, at) => (Array.isArray(value) ? list(positive) : positive)(value, at);

const step: Check = (value, at) => {
  const kinds = { send: text, expect: pattern, wait: time, end };
  const kind = isObject(value) ? Object.keys(kinds).find((name) => name in value) : undefined;
  if (kind === undefined)
    throw new WirelabError("BAD_OPTION", `${at} must be a step: send, expect, wait or end.`);
  parts({ [kind]: kinds[kind as "send"], ...(kind === "expect" && { hidden: flag }) }, kind)(value, at);
};

const login = parts({
  users: record(anything, text),
  userPrompt: text,
  passwordPrompt: text,
  failure: text,
  tries: positive,
  pause: time,
});

const DEVICE = parts({
  banner: text,
  login,
  welcome: text,
  prompt: made(text),
  commands,
  modes: record(anything, parts({ prompt: made(text), commands }, "prompt")),
  unknown: text,
  paging: parts({ rows: count, prompt: text, erase: text }),
  echo: oneOf("on", "off", "always"),
  negotiation: oneOf("active", "passive"),
  charset: text,
  lineEnd: text,
  pace: parts({ bytes: sizes, ms: time }),
  dialogue: list(step),
});
