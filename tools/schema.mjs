// Writes dist/wirelab.schema.json, by which editors complete and check configuration files. It is made of the very schema that the
// command checks them by. What a member means is said in the words of the doc comments.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toJsonSchema } from "@valibot/to-json-schema";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const { kitFor } = await import("../dist/launch/config/kit.js");
const { configSchema } = await import("../dist/launch/config/schema.js");
const { SETTINGS } = await import("../dist/launch/settings.js");

/** What only a module can hold. */
const NEVER = { not: {} };

const { $schema, $defs, ...schema } = toJsonSchema(await configSchema(kitFor(String)), {
  typeMode: "input",
  errorMode: "ignore",
  ignoreActions: ["raw_transform"],
  overrideSchema: ({ valibotSchema: { type } }) =>
    type === "custom" || type === "instance" ? NEVER : undefined,
});

const interfaces = interfacesIn(
  readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".d.ts") && !name.startsWith(".docs"))
    .map((name) => readFileSync(join(dist, name), "utf8"))
    .join("\n"),
);

/** The members of all interfaces with what is said of them, those of the interfaces that they extend included. */
function interfacesIn(text) {
  const found = new Map();
  for (const [, name, parents = "", body] of text.matchAll(
    /^export interface (\w+)(?:<[^{]*>)?(?: extends ([^{]+))? \{\n([\s\S]*?)^\}/gm,
  )) {
    const members = body.matchAll(/^ {4}(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+)?(?:readonly )?(\w+)[?(:]/gm);
    const own = [...members].map(([, comment = "", member]) => [member, plain(comment)]);
    found.set(name, { parents, own: Object.fromEntries(own) });
  }
  const whole = ({ parents, own }) => ({
    ...Object.assign(
      {},
      ...[...parents.matchAll(/\w+/g)].map(([parent]) => (found.has(parent) ? whole(found.get(parent)) : {})),
    ),
    ...own,
  });
  return [...found.values()].map(whole);
}

/** A doc comment as a text; links are their names. */
function plain(comment) {
  return comment
    .replace(/^\s*\* ?/gm, "")
    .replace(/\{@link ([^}]+)\}/g, "$1")
    .replace(/\s+/g, " ")
    .replace(/ @(?:throws|example|typeParam|param) .*/s, "")
    .trim();
}

/** The comments of the interface that has these members; of those that have more, the one with the fewest. */
function commentsOn(names) {
  const having = interfaces.filter((members) => names.every((name) => name in members));
  return having.sort((one, other) => Object.keys(one).length - Object.keys(other).length)[0] ?? {};
}

/** Without forms that no JSON has, and with comments. */
function tidy(node) {
  if (Array.isArray(node)) return node.map(tidy);
  if (typeof node !== "object" || node === null) return node;
  const { anyOf, oneOf, properties, required, propertyNames, maximum, ...rest } = node;
  const tidied = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, tidy(value)]));
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) tidied.maximum = maximum;
  if (required?.length > 0) tidied.required = required;
  if (oneOf) tidied.oneOf = oneOf.filter((form) => !isNever(form)).map(tidy);
  if (anyOf) {
    const forms = anyOf.filter((form) => !isNever(form)).map(tidy);
    return forms.length === 1 ? { ...forms[0], ...tidied } : { anyOf: forms, ...tidied };
  }
  if (!properties) return tidied;
  const comments = commentsOn(
    Object.keys(properties).filter((name) => name !== "protocol" && name !== "kind"),
  );
  const members = Object.entries(properties).flatMap(([name, value]) => {
    if (isNever(value)) return [];
    const description = value.description ?? comments[name];
    return [[name, { ...tidy(value), ...(description && !value.$ref && { description }) }]];
  });
  return { ...tidied, properties: Object.fromEntries(members) };
}

/** Whether no JSON can be that. */
function isNever(node) {
  const { anyOf, required = [], properties = {}, additionalProperties } = node;
  return (
    JSON.stringify(node) === JSON.stringify(NEVER) ||
    (anyOf?.every(isNever) ?? false) ||
    required.some((name) => isNever(properties[name])) ||
    (typeof additionalProperties === "object" && isNever(additionalProperties))
  );
}

/** Puts what stands in several places into one, and references where it was. */
function shared(root) {
  const counts = new Map();
  const count = (node) => {
    if (typeof node !== "object" || node === null) return;
    const text = JSON.stringify(node);
    counts.set(text, (counts.get(text) ?? 0) + 1);
    if (counts.get(text) === 1) for (const child of Object.values(node)) count(child);
  };
  count(root);
  const definitions = new Map();
  const refer = (node) => {
    if (typeof node !== "object" || node === null) return node;
    if (Array.isArray(node)) return node.map(refer);
    const text = JSON.stringify(node);
    const inside = () =>
      Object.fromEntries(Object.entries(node).map(([name, child]) => [name, refer(child)]));
    if (counts.get(text) === 1 || text.length < 300 || !("type" in node || "anyOf" in node)) return inside();
    if (!definitions.has(text))
      definitions.set(text, { name: `shared${definitions.size + 1}`, node: inside() });
    return { $ref: `#/$defs/${definitions.get(text).name}` };
  };
  const referring = refer(root);
  const $defs = Object.fromEntries([...definitions.values()].map(({ name, node }) => [name, node]));
  return { ...referring, $defs: { ...referring.$defs, ...$defs } };
}

const { properties, ...whole } = tidy(schema);
for (const [name, { help }] of Object.entries(SETTINGS)) {
  if (name in properties) properties[name].description = help;
}
const text = {
  $schema,
  title: "wirelab",
  description: "What `wirelab --config FILE` reads.",
  ...shared({ ...whole, properties, $defs: tidy($defs) }),
};
writeFileSync(join(dist, "wirelab.schema.json"), `${JSON.stringify(text, undefined, 2)}\n`);
