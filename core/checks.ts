import { messageOf, WirelabError } from "./errors.ts";
import { patternOf } from "./script/pattern.ts";

// What is written down by hand, in a file or in code, is held against these before anything starts.

/** Throws where a value is not of a kind; `at` names it. */
export type Check = (value: unknown, at: string) => void;

function check(is: (value: unknown) => boolean, what: string): Check {
  return (value, at) => {
    if (!is(value)) throw new WirelabError("BAD_OPTION", `${at} must be ${what}.`);
  };
}

export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const oneOf = (...words: readonly unknown[]) =>
  check((value) => words.includes(value), words.join(" or "));
export const text = check((value) => typeof value === "string", "a text");
export const flag = oneOf(true, false);
export const anything: Check = () => {};
export const count = check((value) => Number.isInteger(value) && Number(value) >= 0, "a whole number");
/** The longest that a timer of Node's waits, in milliseconds; what is to wait longer would not wait at all. */
export const LONGEST = 2 ** 31 - 1;
export const time = check(
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LONGEST,
  `a whole number of milliseconds, up to ${LONGEST}`,
);
export const positive = check(
  (value) => Number.isInteger(value) && Number(value) > 0,
  "a whole number above 0",
);

/** An object with these parts and no others, of which `needed` must be there. */
export function parts(known: Readonly<Record<string, Check>>, ...needed: readonly string[]): Check {
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
export function made(other: Check): Check {
  return (value, at) => {
    if (typeof value !== "function") other(value, at);
  };
}

export function record(key: Check, each: Check): Check {
  return (value, at) => {
    if (!isObject(value)) throw new WirelabError("BAD_OPTION", `${at} must be an object.`);
    for (const [name, inner] of Object.entries(value)) {
      key(name, at);
      each(inner, `${at}[${JSON.stringify(name)}]`);
    }
  };
}

export function list(each: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value) || value.length === 0)
      throw new WirelabError("BAD_OPTION", `${at} must be a list that is not empty.`);
    for (const [index, inner] of value.entries()) each(inner, `${at}[${index}]`);
  };
}

export const pattern: Check = (value, at) => {
  if (value instanceof RegExp) return;
  text(value, at);
  try {
    patternOf(String(value));
  } catch (error) {
    throw new WirelabError("BAD_OPTION", `${at}: ${messageOf(error)}.`, { cause: error });
  }
};
