import { isObject } from "../checks.ts";
import { WirelabError } from "../errors.ts";
import { isForDatagrams } from "./fate.ts";
import type { Fault, Rule } from "./faults.ts";

/** The settings of each fault; those behind `?` may be left out. */
const SETTINGS: Readonly<Record<Fault["kind"], readonly string[]>> = {
  latency: ["ms", "jitter?", "direction?"],
  bandwidth: ["bytesPerSecond", "direction?"],
  slice: ["bytes", "ms?", "direction?"],
  "slow-close": ["ms", "direction?"],
  stall: ["afterBytes?", "ms?", "direction?"],
  close: ["afterBytes?", "direction?"],
  reset: ["afterBytes?", "direction?"],
  shape: ["shaper", "direction?"],
  loss: ["direction?"],
  duplicate: ["direction?"],
  reorder: ["ms?", "direction?"],
  refuse: [],
  reply: ["with?", "ms?"],
};
const RULE = ["fault", "when?", "skip?", "times?", "chance?"];
const STEP = ["server?", "peer?", "verb?", "target?", "code?", "after?", "on?"];
const REPLY = ["code?", "text"];
/** What there is to know of a datagram. */
const DATAGRAM_STEP = ["server?", "peer?"];

/** The least value of every setting that is a number. */
const LEAST: Readonly<Record<string, number>> = {
  ms: 0,
  jitter: 0,
  afterBytes: 0,
  skip: 0,
  chance: 0,
  bytes: 1,
  bytesPerSecond: 1,
  times: 1,
  code: 100,
};
/** The most, where there is one: WebSocket closes with codes up to 4999 (RFC 6455 §7.4). */
const MOST: Readonly<Record<string, number>> = { chance: 1, code: 4999 };
const WORDS: Readonly<Record<string, readonly unknown[]>> = {
  direction: ["in", "out"],
  after: ["reply"],
  on: ["control", "data"],
};
const TEXTS = ["server", "peer", "verb", "target", "text"];

/**
 * A rule that could never act is a mistake, told when it is made and not by a test that fails later.
 *
 * @throws WirelabError `BAD_OPTION` that says what is wrong with it.
 */
export function checkRule(rule: Rule): void {
  checkFields("A rule", rule, RULE);
  const { fault, when = {} } = rule;
  checkObject("A rule's `fault`", fault);
  const settings = Object.hasOwn(SETTINGS, fault.kind) ? SETTINGS[fault.kind] : undefined;
  if (!settings) {
    const kinds = Object.keys(SETTINGS).join(", ");
    throw new WirelabError("BAD_OPTION", `There is no fault "${fault.kind}"; there are ${kinds}.`);
  }
  checkFields(`A fault "${fault.kind}"`, fault, ["kind", ...settings]);
  if (fault.kind === "shape") checkObject("A shaper", fault.shaper);
  if (fault.kind === "reply" && fault.with !== undefined && fault.with !== "drop")
    checkFields("A reply", fault.with, REPLY);
  if (isForDatagrams(fault)) checkFields("The `when` of a datagram", when, DATAGRAM_STEP);
  else checkFields("A rule's `when`", when, STEP);
}

function checkObject(what: string, value: unknown): void {
  if (!isObject(value))
    throw new WirelabError("BAD_OPTION", `${what} is an object, and not ${JSON.stringify(value)}.`);
}

function checkFields(what: string, fields: object, known: readonly string[]): void {
  checkObject(what, fields);
  const refuse = (why: string): never => {
    throw new WirelabError("BAD_OPTION", `${what} ${why}.`);
  };
  const names = known.map((name) => name.replace("?", ""));
  const given = new Map<string, unknown>(Object.entries(fields));
  for (const name of known) if (!name.endsWith("?") && !given.has(name)) refuse(`needs "${name}"`);
  for (const [name, value] of given) {
    if (!names.includes(name)) refuse(`has "${name}", and knows ${names.join(", ")}`);
    const [least, most] = [LEAST[name], MOST[name] ?? Number.POSITIVE_INFINITY];
    if (least !== undefined && (typeof value !== "number" || !(value >= least && value <= most))) {
      const range = name in MOST ? `${least} to ${most}` : `${least} or more`;
      refuse(`has ${name} ${String(value)}; it is a number, ${range}`);
    }
    if (WORDS[name] && !WORDS[name].includes(value))
      refuse(`has ${name} "${value}"; it is ${WORDS[name].join(" or ")}`);
    const isText = typeof value === "string" || (name === "target" && value instanceof RegExp);
    if (TEXTS.includes(name) && value !== undefined && !isText)
      refuse(`has ${name} ${JSON.stringify(value)}; it is a text`);
  }
}
