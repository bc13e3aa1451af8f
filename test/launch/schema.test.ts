import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { kitFor } from "../../launch/config/kit.ts";
import { check } from "../../launch/config/mistakes.ts";
import { configSchema } from "../../launch/config/schema.ts";
import { KINDS } from "../../launch/servers.ts";
import { SETTINGS } from "../../launch/settings.ts";

// The schema that is shipped for editors, against the one that the command checks files by.

const file = createRequire(import.meta.url).resolve("wirelab/schema.json");
const shipped = JSON.parse(readFileSync(file, "utf8"));
const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(shipped);
const schema = await configSchema(kitFor(String));
const isTaken = (config: unknown): boolean => {
  try {
    check(schema, config, "lab.json");
    return true;
  } catch {
    return false;
  }
};

test("it has every setting, and every kind of server, with what they mean", () => {
  const inFiles = Object.entries(SETTINGS).filter(([, setting]) => !("file" in setting));
  expect(Object.keys(shipped.properties)).toEqual(expect.arrayContaining(inFiles.map(([name]) => name)));
  expect(shipped.properties.seed.description).toBe(SETTINGS.seed.help);
  expect(Object.keys(shipped.properties.servers.properties)).toEqual(Object.keys(KINDS));
  expect(JSON.stringify(shipped)).toContain("pyftpdlib");
  expect(JSON.stringify(shipped)).not.toMatch(/"not":\{\}|\{@link/);
});

describe("it takes what the command takes, and refuses what the command refuses", () => {
  const server = (options: object) => ({ servers: { a: options } });
  test.each<[boolean, unknown]>([
    [true, {}],
    [true, { $schema: "./wirelab.schema.json", host: "::1", seed: 7, logLevel: "warn", tls: true }],
    [true, { seed: "7", accounts: "ann:pw", tls: { cert: "-----BEGIN CERTIFICATE-----", names: ["lab"] } }],
    [true, { accounts: ["ann:pw", { name: "bob", paths: { "/in": "elw" } }], files: { "/a": "b" } }],
    [true, { faults: [{ when: { verb: "STOR" }, times: 1, fault: { kind: "reset", afterBytes: 512 } }] }],
    [true, { servers: { ftp: {}, b: { protocol: "ftp", passivePorts: { from: 5000, to: 5009 } } } }],
    [
      true,
      server({ protocol: "http", stubs: [{ path: "/x", answer: [{ status: 503 }, { body: { a: 1 } }] }] }),
    ],
    [true, server({ protocol: "forward", to: ["127.0.0.1:80", { host: "::1", port: 81, weight: 2 }] })],
    [true, server({ protocol: "udp", behaviour: "discard", gate: { idle: 500 } })],
    [true, server({ protocol: "ftp", dialect: "iis" })],
    [
      true,
      server({
        protocol: "ftp",
        dialect: { listing: "eplf", without: ["EPSV"], replies: { 226: "250 Ok." } },
      }),
    ],
    [false, server({ protocol: "ftp", dialect: "uis" })],
    [false, server({ protocol: "ftp", dialect: { without: ["epsv"] } })],
    [false, { sed: 7 }],
    [false, { seed: -1 }],
    [false, { logLevel: "loud" }],
    [false, { accounts: [{ password: "pw" }] }],
    [false, { faults: [{ fault: { kind: "explode" } }] }],
    [false, { faults: [{ fault: { kind: "latency" } }] }],
    [false, server({ port: 0 })],
    [false, server({ protocol: "ftp", port: 70_000 })],
    [false, server({ protocol: "ftp", passivePorts: { from: 1 } })],
    [false, server({ protocol: "forward" })],
    [false, server({ protocol: "udp", path: "/tmp/a" })],
    [false, { servers: { ftp: { protocol: "http" } } }],
  ])("%j: %j", (expected, config) => {
    expect(isTaken(config)).toBe(expected);
    expect(validate(config), JSON.stringify(validate.errors)).toBe(expected);
  });
});
