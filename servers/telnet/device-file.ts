import {
  anything,
  type Check,
  count,
  flag,
  isObject,
  list,
  made,
  oneOf,
  parts,
  pattern,
  positive,
  record,
  text,
  time,
} from "../../core/checks.ts";
import { describedIn } from "../../core/described.ts";
import { WirelabError } from "../../core/errors.ts";
import type { Device, DeviceAnswer } from "./device.ts";
import { isCharset } from "./encoding.ts";

/**
 * The device that a file describes: JSON, or a module (`.js`, `.mjs`) whose default export it is.
 *
 * @throws WirelabError `BAD_OPTION` where the file cannot be read, or describes none.
 */
export async function readDevice(path: string): Promise<Device> {
  return checkedDevice(await describedIn(path, "device"), path);
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
