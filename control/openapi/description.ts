import { arrayOf, ref, SCHEMAS, type Schema } from "./schemas.ts";

type Paths = Readonly<Record<string, Readonly<Record<string, object>>>>;

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly object[];
  /** A JSON body's schema, or `bytes`. */
  readonly body?: Schema | "bytes";
  readonly answers: Readonly<Record<number, object>>;
}

const json = (description: string, schema: Schema) => ({
  description,
  content: { "application/json": { schema } },
});
const done = { 204: { description: "Done." } };
const failed = (description: string) => json(description, ref("Error"));

/** What can go wrong with every request. */
const FAILURES = {
  401: failed("The token is missing or wrong."),
  403: failed("Not by that name."),
  default: failed("It was not done."),
};

function operation({ summary, parameters, body, answers }: Operation): object {
  const content =
    body === "bytes" ? { "application/octet-stream": {} } : body && { "application/json": { schema: body } };
  return {
    summary,
    ...(parameters && { parameters }),
    ...(content && { requestBody: { content } }),
    responses: { ...answers, ...FAILURES },
  };
}

const query = (name: string, description: string, schema: Schema = { type: "string" }) => ({
  name,
  in: "query",
  description,
  schema,
});
const inPath = (name: string, description: string) => ({
  name,
  in: "path",
  required: true,
  description,
  schema: { type: "string" },
});

const WHOLE: Schema = { type: "integer", minimum: 0 };
const SERVER = inPath("name", "The server's name.");
const ID = inPath("id", "As it was given.");
const RECURSIVE = query("recursive", "`true`: a directory with all that is in it.", {
  enum: ["true", "false"],
});
const PATH = inPath("path", "The path in the store, slashes and all.");
const SCOPE = [
  query(
    "scope",
    "Whose connections: `peer:127.0.0.2` or `account:ann`. The header says the same. Default: all.",
  ),
  { name: "Wirelab-Scope", in: "header", schema: { type: "string" } },
];
const SINCE = query("since", "Events behind this mark alone.", WHOLE);
const FIELDS = {
  name: "fields",
  in: "query",
  style: "form",
  explode: true,
  description:
    "Further parameters are fields of events: `type=transfer&server=files&path=/in/*`. A star stands for anything.",
  schema: { type: "object", additionalProperties: { type: "string" } },
};

const FILES: Paths = {
  "/v1/files": {
    get: operation({
      summary: "The entries of the root",
      answers: { 200: json("All of them.", arrayOf(ref("Entry"))) },
    }),
    delete: operation({
      summary: "Remove everything: with recursive=true",
      parameters: [RECURSIVE],
      answers: done,
    }),
  },
  "/v1/files/{path}": {
    get: operation({
      summary: "A file's content, or a directory's entries",
      parameters: [PATH],
      answers: {
        200: {
          description: "The content of a file, the entries of a directory.",
          content: { "application/octet-stream": {}, "application/json": { schema: arrayOf(ref("Entry")) } },
        },
      },
    }),
    put: operation({
      summary: "Store a file, with the directories it lies in; with a slash at the end, make a directory",
      parameters: [PATH],
      body: "bytes",
      answers: { 200: json("Replaced.", ref("Entry")), 201: json("Made.", ref("Entry")) },
    }),
    delete: operation({
      summary: "Remove a file or directory",
      parameters: [PATH, RECURSIVE],
      answers: done,
    }),
  },
  "/v1/snapshots": {
    get: operation({
      summary: "The snapshots there are",
      answers: { 200: json("Oldest first.", arrayOf(ref("Snapshot"))) },
    }),
    post: operation({
      summary: "Remember all files as they are",
      answers: { 201: json("Made.", ref("Snapshot")) },
    }),
  },
  "/v1/snapshots/{id}": {
    delete: operation({ summary: "Forget a snapshot", parameters: [ID], answers: done }),
  },
  "/v1/snapshots/{id}/restore": {
    post: operation({ summary: "Make all files what they were", parameters: [ID], answers: done }),
  },
  "/v1/snapshots/{id}/diff": {
    get: operation({
      summary: "What is different since",
      parameters: [ID],
      answers: { 200: json("All of it.", ref("Diff")) },
    }),
  },
};

const EVENTS: Paths = {
  "/v1/events": {
    get: operation({
      summary: "Events as they happen (server-sent events); Last-Event-ID goes on behind that one",
      parameters: [FIELDS, SINCE, ...SCOPE],
      answers: { 200: { description: "A stream without end.", content: { "text/event-stream": {} } } },
    }),
  },
  "/v1/events/wait": {
    get: operation({
      summary: "The first event that fits, of those that there were since the last reset and those that come",
      parameters: [
        FIELDS,
        { ...query("type", "The type of event."), required: true },
        SINCE,
        query("timeout", "Milliseconds; 30,000 by default, and 300,000 at most.", WHOLE),
        ...SCOPE,
      ],
      answers: { 200: json("It has come.", ref("Event")), 504: failed("None came in time.") },
    }),
  },
  "/v1/transcript": {
    get: operation({
      summary: "What has happened",
      parameters: [
        query("format", "json (default), text, or pcapng for Wireshark.", {
          enum: ["json", "text", "pcapng"],
        }),
        query("server", "One server."),
        query("connection", "One connection and its data connections."),
        SINCE,
        ...SCOPE,
      ],
      answers: {
        200: {
          description: "The events, or what they say.",
          content: {
            "application/json": { schema: ref("Transcript") },
            "text/plain": { schema: { type: "string" } },
            "application/vnd.tcpdump.pcap": {},
          },
        },
      },
    }),
    delete: operation({ summary: "Forget what has happened", answers: done }),
  },
};

const FAULTS: Paths = {
  "/v1/faults": {
    get: operation({
      summary: "The fault rules there are",
      parameters: SCOPE,
      answers: { 200: json("In order.", arrayOf(ref("Fault"))) },
    }),
    post: operation({
      summary: "Add a fault rule; in a scope peer:ADDRESS it acts on that client alone",
      parameters: SCOPE,
      body: ref("Rule"),
      answers: { 201: json("It stands.", ref("Fault")) },
    }),
    delete: operation({ summary: "Remove all fault rules of the scope", parameters: SCOPE, answers: done }),
  },
  "/v1/faults/{id}": {
    get: operation({
      summary: "One fault rule, and how often it has acted",
      parameters: [ID],
      answers: { 200: json("It stands.", ref("Fault")) },
    }),
    delete: operation({ summary: "Remove a fault rule", parameters: [ID], answers: done }),
  },
};

const SERVERS: Paths = {
  "/v1/servers": {
    get: operation({
      summary: "The servers",
      answers: { 200: json("All of them.", arrayOf(ref("Server"))) },
    }),
  },
  "/v1/servers/{name}": {
    get: operation({
      summary: "One server",
      parameters: [SERVER],
      answers: { 200: json("It runs.", ref("Server")) },
    }),
  },
  "/v1/servers/{name}/stubs": {
    get: operation({
      summary: "The stubs that were added to an HTTP server here",
      parameters: [SERVER],
      answers: { 200: json("In order.", arrayOf(ref("StandingStub"))) },
    }),
    post: operation({
      summary: "Let an HTTP server answer by a stub",
      parameters: [SERVER],
      body: ref("Stub"),
      answers: { 201: json("It stands.", ref("StandingStub")) },
    }),
    delete: operation({
      summary: "Remove the stubs that were added here",
      parameters: [SERVER],
      answers: done,
    }),
  },
  "/v1/servers/{name}/stubs/{id}": {
    get: operation({
      summary: "A stub, and the requests that it has answered",
      parameters: [SERVER, ID],
      answers: { 200: json("It stands.", ref("StandingStub")) },
    }),
    delete: operation({ summary: "Remove a stub", parameters: [SERVER, ID], answers: done }),
  },
  "/v1/servers/{name}/unmatched": {
    get: operation({
      summary: "Requests to an HTTP server that nobody answered",
      parameters: [SERVER],
      answers: { 200: json("The last of them.", arrayOf(ref("Unmatched"))) },
    }),
  },
  "/v1/servers/{name}/device": {
    put: operation({
      summary: "Let a Telnet server that is a device be another one for those who connect from now on",
      parameters: [SERVER],
      body: ref("Device"),
      answers: done,
    }),
  },
  "/v1/servers/{name}/targets": {
    get: operation({
      summary: "The targets of a forwarder",
      parameters: [SERVER],
      answers: { 200: json("With state and figures.", arrayOf(ref("Target"))) },
    }),
  },
};

const LAB: Paths = {
  "/v1/accounts": {
    get: operation({
      summary: "Who can log in",
      answers: { 200: json("Without passwords.", arrayOf(ref("Account"))) },
    }),
  },
  "/v1/accounts/{name}": {
    put: operation({
      summary: "Add an account, or replace it",
      parameters: [inPath("name", "The account's name.")],
      body: ref("NewAccount"),
      answers: { 200: json("Replaced.", ref("Account")), 201: json("Added.", ref("Account")) },
    }),
    delete: operation({
      summary: "Take an account away",
      parameters: [inPath("name", "The account's name.")],
      answers: done,
    }),
  },
  "/v1/clock": {
    get: operation({ summary: "What time it is", answers: { 200: json("Now.", ref("Clock")) } }),
    put: operation({
      summary: "Stop the clock at a moment, or move it",
      body: ref("NewTime"),
      answers: { 200: json("Now.", ref("Clock")) },
    }),
    delete: operation({ summary: "Let the clock run", answers: { 200: json("Now.", ref("Clock")) } }),
  },
  "/v1/reset": {
    post: operation({
      summary:
        "Make files in memory, accounts, faults, stubs, clock and transcript what they were at the start; ports stay",
      answers: done,
    }),
  },
  "/v1/stop": {
    post: operation({
      summary: "Stop the lab, and this API with it",
      body: ref("Stop"),
      answers: { 202: json("It stops.", ref("Stopping")) },
    }),
  },
};

/** The API in OpenAPI 3.1. */
export function description(): object {
  return {
    openapi: "3.1.0",
    info: {
      title: "wirelab control API",
      version: "1",
      description: "Everything of a running lab, for programs in any language.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths: { ...SERVERS, ...FILES, ...EVENTS, ...FAULTS, ...LAB },
    components: { schemas: SCHEMAS, securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}
