import { readFileSync } from "node:fs";
import * as v from "valibot";
import { messageOf } from "../../core/errors.ts";
import { meant } from "../meant.ts";

/** A schema of something that a configuration file says. */
export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/** Schemas for all members of an options object, which has to be kept up with: a member without a schema does not compile. */
export type Shape<Options> = {
  readonly [Name in keyof Options]-?: Schema<Exclude<Options[Name], undefined>>;
};

/** What the schemas of configuration files are made of. Their messages say what was expected. */
export type Kit = ReturnType<typeof kitFor>;

/** @param resolve makes of a path as a file has it one from here. */
export function kitFor(resolve: (path: string) => string) {
  const object = objectOf;
  return {
    text: v.string("a text"),
    /** The path of a file or folder; in a file, as seen from where that file is. */
    path: v.pipe(v.string("a path"), v.transform(resolve)) as Schema<string>,
    /** PEM text, or the path of a file of it. */
    pem: pemOf(resolve),
    flag: v.boolean("true or false"),
    number,
    whole,
    port: whole(0, 65_535),
    /** Milliseconds, as many as a timer takes. */
    ms: number(0, 2 ** 31 - 1, "milliseconds, 0 or more"),
    bytes: whole(0),
    /** Of a file: a number, or its octal digits as a text, since JSON has no octal numbers. */
    mode: modeOf(),
    oneOf: <const T extends readonly string[]>(...words: T) => v.picklist(words, among(words)),
    /** `false`, for what can be switched off. */
    off: v.literal(false, "false"),
    list: <T>(item: Schema<T>) => v.array(item, "a list"),
    record: <T>(item: Schema<T>) => noList(v.record(v.string(), item, "an object")),
    either: <const T extends readonly Schema[]>(...options: T) =>
      v.union(options) as unknown as Schema<v.InferOutput<T[number]>>,
    object,
    /** One of some objects, by the words that they have as `key`. */
    variant: <T>(key: string, options: Readonly<Record<string, Schema<T>>>): Schema<T> => {
      const words = Object.keys(options);
      return noList(
        v.variant(key, Object.values(options) as never, ({ expected }) =>
          expected === "Object" ? "an object" : among(words),
        ),
      ) as never;
    },
    /** Members by any name, those whose names are known by schemas of their own. */
    named: <T>(
      known: Readonly<Record<string, Schema<T>>>,
      others: Schema<T>,
    ): Schema<Readonly<Record<string, T>>> =>
      noList(
        v.objectWithRest(
          Object.fromEntries(Object.entries(known).map(([name, schema]) => [name, v.exactOptional(schema)])),
          others,
          "an object",
        ),
      ),
    /** One schema or the other, by what is found. */
    by: <T>(choose: (found: unknown) => Schema<T>): Schema<T> => v.lazy(choose),
    anything: v.unknown(),
    // What follows no JSON file can say, and a module can.
    callable: <T>(): Schema<T> => v.custom<T>((found) => typeof found === "function", "a function"),
    instance: <T>(type: new (...args: never[]) => T, what: string): Schema<T> => v.instance(type, what),
    pattern: v.instance(RegExp, "a RegExp"),
    made: <T>(what: string, is: (found: unknown) => boolean): Schema<T> => v.custom<T>(is, what),
  };
}

function among(words: readonly string[]): string {
  return `${words.length === 1 ? "" : "one of "}${words.map((word) => `"${word}"`).join(", ")}`;
}

function number(least: number, most: number, what: string): Schema<number> {
  return v.pipe(v.number(what), v.minValue(least, what), v.maxValue(most, what));
}

function whole(least: number, most = Number.MAX_SAFE_INTEGER): Schema<number> {
  const what = `a whole number${most === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${most}`}`;
  return v.pipe(v.number(what), v.integer(what), v.minValue(least, what), v.maxValue(most, what));
}

/** An object of known members alone. Those that are not named as required may be left out. */
function objectOf<T extends Readonly<Record<string, Schema>>, R extends keyof T & string = never>(
  members: T,
  ...required: readonly R[]
): Schema<
  { [Name in R]: v.InferOutput<T[Name]> } & { [Name in Exclude<keyof T, R>]?: v.InferOutput<T[Name]> }
> {
  const names = Object.keys(members);
  const needed: readonly string[] = required;
  const entries = Object.entries(members).map(
    ([name, schema]) => [name, needed.includes(name) ? schema : v.exactOptional(schema)] as const,
  );
  const object = v.strictObject(Object.fromEntries(entries), (issue) => {
    if (issue.expected !== "never") return "an object";
    const key = String(issue.path?.at(-1)?.key);
    return `${UNKNOWN}"${key}"${meant(key, names) || `; there are ${names.join(", ")}`}`;
  });
  return noList(object) as never;
}

/** To valibot, a list is an object, too. */
function noList<S extends v.GenericSchema>(schema: S): S {
  return {
    ...schema,
    "~run"(dataset, config) {
      if (!Array.isArray(dataset.value)) return schema["~run"](dataset, config);
      v._addIssue(schema, "type", dataset, config);
      return dataset as never;
    },
  };
}

/** Begins the message of a key that is not known: a sentence of its own, and not what was expected. */
export const UNKNOWN = "there is no ";

function modeOf(): Schema<number> {
  const what = 'octal digits as a text, "660" for example';
  const digits = v.pipe(
    v.string(what),
    v.regex(/^0?[0-7]{3}$/, what),
    v.transform((text) => Number.parseInt(text, 8)),
  );
  return v.union([digits, whole(0, 0o777)]);
}

function pemOf(resolve: (path: string) => string): Schema<string> {
  return v.pipe(
    v.string("PEM text, or the path of a file of it"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      if (dataset.value.includes("-----BEGIN ")) return dataset.value;
      try {
        return readFileSync(resolve(dataset.value), "utf8");
      } catch (error) {
        addIssue({ message: `PEM text, or the path of a file of it (${messageOf(error)})` });
        return NEVER;
      }
    }),
  );
}
