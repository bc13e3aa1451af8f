/** A JSON schema (2020-12), as OpenAPI 3.1 has them. */
export type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const whole: Schema = { type: "integer", minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };

const object = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

export const arrayOf = (items: Schema): Schema => ({ type: "array", items });
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** What requests and answers consist of. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({
    error: object({
      code: {
        ...text,
        description: "Stays the same from release to release: NOT_FOUND, BAD_OPTION, TIMED_OUT …",
      },
      message: { ...text, description: "For people: what, where, and what to do." },
    }),
  }),
  Server: object(
    {
      name: text,
      protocol: text,
      url: text,
      host: text,
      port: { type: "integer", minimum: 1, maximum: 65_535 },
      path: text,
    },
    ["host", "port", "path"],
  ),
  Entry: object({ path: text, type: { enum: ["file", "directory"] }, size: whole, modified: time }),
  Snapshot: object({ id: text }),
  Diff: object({
    changes: arrayOf(
      object({ path: text, change: { enum: ["added", "changed", "removed"] }, hunks: text }, ["hunks"]),
    ),
    text,
  }),
  Event: {
    ...object(
      { seq: whole, at: { type: "number" }, type: text, server: text, protocol: text, connection: text },
      ["connection"],
    ),
    description: "What happened; which further fields there are depends on the type: see docs/transcript.md.",
  },
  Transcript: object({
    mark: { ...whole, description: "The newest event: give it as `since` to see what comes later." },
    dropped: { ...whole, description: "How many events had to make room." },
    events: arrayOf(ref("Event")),
  }),
  Rule: {
    type: "object",
    description: "A fault rule, as in docs/faults.md.",
    properties: {
      fault: { type: "object", properties: { kind: text }, required: ["kind"] },
      when: { type: "object" },
      skip: whole,
      times: { type: "integer", minimum: 1 },
      chance: { type: "number", minimum: 0, maximum: 1 },
    },
    required: ["fault"],
  },
  Fault: object({ id: text, rule: ref("Rule"), acted: whole }),
  Stub: {
    type: "object",
    properties: {
      method: text,
      path: text,
      query: { type: "object", additionalProperties: text },
      headers: { type: "object", additionalProperties: text },
      body: { anyOf: [text, object({ json: {} })] },
      answer: { anyOf: [ref("StubAnswer"), arrayOf(ref("StubAnswer"))] },
    },
    required: ["path", "answer"],
  },
  StubAnswer: {
    type: "object",
    properties: {
      status: { type: "integer", minimum: 200, maximum: 599 },
      headers: { type: "object", additionalProperties: { anyOf: [text, arrayOf(text)] } },
      body: {},
      events: arrayOf(object({ data: {}, event: text, id: text }, ["event", "id"])),
      delay: { type: "number", minimum: 0 },
      times: { type: "integer", minimum: 1 },
    },
  },
  StandingStub: object({
    id: text,
    server: text,
    stub: ref("Stub"),
    count: { ...whole, description: "How many requests it has answered." },
    calls: arrayOf(
      object({
        method: text,
        path: text,
        params: { type: "object", additionalProperties: text },
        query: { type: "object", additionalProperties: text },
        headers: { type: "object", additionalProperties: text },
        body: text,
      }),
    ),
  }),
  Unmatched: object({ method: text, url: text, nearest: text }),
  Device: { type: "object", description: "A device, as in docs/devices.md." },
  Target: { type: "object", description: "A forwarder's target, with its state and figures." },
  Account: {
    type: "object",
    properties: { name: text, home: text, permissions: text },
    required: ["name", "home", "permissions"],
  },
  NewAccount: {
    type: "object",
    properties: {
      password: text,
      home: text,
      permissions: text,
      paths: { type: "object" },
      greeting: text,
      maxSessions: { type: "integer", minimum: 1 },
      bytesPerSecond: {
        type: "object",
        properties: { in: { type: "number", minimum: 1 }, out: { type: "number", minimum: 1 } },
      },
    },
  },
  Clock: object({ now: time, running: { type: "boolean" } }),
  NewTime: {
    anyOf: [object({ now: { anyOf: [text, { type: "number" }] } }), object({ advance: { type: "number" } })],
  },
  Stop: {
    type: "object",
    properties: { grace: { type: "number", minimum: 0, description: "Milliseconds." } },
  },
  Stopping: object({ stopping: { const: true } }),
};
