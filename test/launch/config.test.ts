import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defineLab } from "../../index.ts";
import { type Plan, planOf } from "../../launch/plan.ts";
import { KINDS } from "../../launch/servers.ts";
import { line } from "./lines.ts";

/** A plan by a configuration in a folder of its own, and by flags and variables. */
async function planned(
  config: unknown,
  argv: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  by?: "run",
): Promise<Plan & { readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
  const file = join(folder, "lab.json");
  writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config));
  const { flags } = await line(["--config", file, ...argv]);
  return { ...(await planOf({ flags, environment }, by)), folder };
}

const addresses = ({ servers }: Plan) =>
  Object.fromEntries([...servers].map(([name, { address }]) => [name, address]));

/** The servers that start where nobody asks for one. */
const usual = Object.entries(KINDS).flatMap(([name, { port }]) => (port === undefined ? [] : [name]));

describe("servers", () => {
  const two = {
    a: { protocol: "ftp" },
    b: { protocol: "ftp", port: 0, host: "::1" },
    web: { protocol: "http", path: "s" },
  };

  test("several of one protocol, by name; the first without a port has the usual one", async () => {
    const plan = await planned({ servers: { ...two, tcp: { behaviour: "echo" } } });
    expect(addresses(plan)).toEqual({
      a: { port: 2121 },
      b: { port: 0, host: "::1" },
      web: { path: join(plan.folder, "s") },
      tcp: { port: 1234 },
    });
    expect(plan.servers.get("tcp")?.options).toMatchObject({ behaviour: "echo" });
    expect(addresses(await planned({ servers: two }, [], {}, "run"))).toMatchObject({ a: { port: 0 } });
  });

  test("none: as without a file", async () => {
    expect(Object.keys(addresses(await planned({})))).toEqual(usual);
  });

  test("a flag chooses by kind, and says where", async () => {
    expect(addresses(await planned({ servers: two }, ["--ftp=0"]))).toEqual({
      a: { port: 0 },
      b: { port: 0, host: "::1" },
    });
    expect(addresses(await planned({ servers: two }, ["--http=9", "--tcp=7"]))).toEqual({
      web: { port: 9 },
      tcp: { port: 7 },
    });
    expect(Object.keys(addresses(await planned({ servers: two }, ["--all"])))).toEqual([
      "a",
      "b",
      "web",
      ...usual.filter((name) => name !== "ftp" && name !== "http"),
    ]);
    await expect(planned({ servers: two }, ["--ftp=2200"])).rejects.toThrow("cannot be that of a and b");
  });

  test("flags, then variables, then the file, then what is usual", async () => {
    const config = { servers: { tcp: { behaviour: "echo" } }, seed: 1, host: "127.0.0.2", logLevel: "debug" };
    const plan = await planned(config, ["--seed=3"], { WIRELAB_SEED: "2", WIRELAB_HOST: "127.0.0.3" });
    expect(plan.settings).toMatchObject({ seed: 3, host: "127.0.0.3", logLevel: "debug", open: undefined });
    expect(plan.origins).toMatchObject({
      seed: { from: "flag", name: "--seed" },
      host: { from: "environment", name: "WIRELAB_HOST" },
      logLevel: { from: "config" },
      open: { from: "default" },
    });
    const behaviour = async (...argv: string[]) =>
      (await planned(config, argv)).servers.get("tcp")?.options.behaviour;
    expect([await behaviour(), await behaviour("--tcp-behaviour=discard")]).toEqual(["echo", "discard"]);
  });

  test("a gate of one's own goes before the file's, and a flag before both", async () => {
    const config = {
      allow: ["10.0.0.0/8"],
      servers: { tcp: { gate: { allow: ["::1"], idle: 5 } }, other: { protocol: "http" } },
    };
    const gates = ({ servers }: Plan) => [...servers.values()].map(({ options }) => options.gate);
    expect(gates(await planned(config))).toMatchObject([
      { allow: ["::1"], idle: 5 },
      { allow: ["10.0.0.0/8"] },
    ]);
    expect(gates(await planned(config, ["--allow=127.0.0.1"]))).toMatchObject([
      { allow: ["127.0.0.1"], idle: 5 },
      { allow: ["127.0.0.1"] },
    ]);
  });

  test("what a service refuses is said with its place in the file", async () => {
    const { servers, folder } = await planned({
      servers: { a: { protocol: "ftp", passiveHost: "nowhere" } },
    });
    const service = servers.get("a")?.service({});
    await expect(service).rejects.toThrow(`${folder}/lab.json: servers.a: ftp(): passiveHost is "nowhere"`);
  });
});

describe("values", () => {
  test("as flags have them, or as the library does", async () => {
    const texts = await planned({
      accounts: ["ann:pw:el"],
      allow: "::1",
      seed: "7",
      anonymous: true,
      tls: true,
    });
    const values = await planned({
      accounts: [{ name: "ann", password: "pw", permissions: "el" }],
      allow: ["::1"],
      seed: 7,
      anonymous: "elr",
      tls: true,
    });
    expect(texts.settings).toEqual({ ...values.settings, config: texts.settings.config });
    expect(texts.accounts).toEqual(values.accounts);
    expect(texts.tls).toBe(true);
  });

  test("paths are seen from where the file is", async () => {
    const { settings, servers, folder } = await planned({
      root: "fixtures",
      envFile: "/tmp/lab.env",
      servers: { telnet: { device: "switch.json" } },
    });
    expect(settings).toMatchObject({ root: join(folder, "fixtures"), envFile: "/tmp/lab.env" });
    expect(servers.get("telnet")?.options.device).toBe(join(folder, "switch.json"));
  });

  test("faults, files, a clock and a transcript", async () => {
    const faults = [{ when: { verb: "RETR" }, times: 1, fault: { kind: "reset", afterBytes: 512 } }];
    const lab = { files: { "/a.txt": "a" }, clock: "2026-01-31T12:00:00Z", transcript: 5 };
    const plan = await planned({ faults, ...lab, $schema: "wirelab.schema.json" });
    expect(plan.settings.faults).toEqual(faults);
    expect(plan.lab).toMatchObject(lab);
  });
});

test("a fault may close a WebSocket with a code of its protocol", async () => {
  const faults = [{ when: { verb: "TEXT" }, fault: { kind: "reply", with: { code: 1013, text: "Later." } } }];
  expect((await planned({ faults })).settings.faults).toEqual(faults);
});

describe("mistakes", () => {
  test("all of them are told: where, what was expected, what is there", async () => {
    const refused = planned({
      srv: {},
      logLevel: "inf",
      accounts: [{ name: "ann", password: 5 }, { nam: "x" }],
      faults: [
        { fault: { kind: "latncy", ms: 1 } },
        { fault: { kind: "stall", afterBytes: "x" } },
        { fault: { kind: "latency" } },
      ],
      servers: {
        files: { protocol: "fpt" },
        ftp: { port: "x", passivePort: 5 },
        a: 5,
        b: {},
        web: { protocol: "http", cors: 5 },
      },
    });
    await expect(refused).rejects.toMatchObject({ code: "BAD_OPTION" });
    const told = (await refused.catch(({ message }) => message)).split("\n");
    expect(told.shift()).toMatch(/lab\.json has 14 mistakes:$/);
    expect(told.map((line: string) => line.trim()).sort()).toEqual([
      "accounts[0].password: expected a text",
      "accounts[1].name: it is missing",
      'accounts[1]: there is no "nam"; did you mean "name"?',
      expect.stringMatching(
        /^faults\[0\]\.fault\.kind: expected one of "latency".*, found "latncy"; did you mean "latency"\?$/,
      ),
      'faults[1].fault.afterBytes: expected a whole number, 0 or more, found "x"',
      "faults[2].fault.ms: it is missing",
      'logLevel: expected one of "error", "warn", "info", "debug", "trace", found "inf"; did you mean "info"?',
      "servers.a: expected an object, found 5",
      "servers.b.protocol: it is missing",
      expect.stringMatching(
        /^servers\.files\.protocol: expected one of "ftp".*, found "fpt"; did you mean "ftp"\?$/,
      ),
      'servers.ftp.port: expected a whole number from 0 to 65535, found "x"',
      'servers.ftp: there is no "passivePort"; did you mean "passivePorts"?',
      'servers.web.cors: expected "*" or a list, found 5',
      expect.stringMatching(/^there is no "srv"; there are \$schema, servers, files/),
    ]);
  });

  test.each([
    ['{ "seed": 1, }', "lab.json: this is no JSON at line 1, column 14"],
    ['{\n  "seed": 1\n  "host"', "lab.json: this is no JSON at line 3, column 3"],
    ['{\n  // a seed\n  "seed": 1\n}\n', "lab.json: this is no JSON at line 2, column 3"],
    ['{\n  "allow": ["::1",]\n}\n', "lab.json: this is no JSON at line 2, column 19"],
    ["", "lab.json: this is no JSON at line 1, column 1"],
    ["[]", "lab.json: expected an object, found a list"],
    ['{ "servers": [] }', "lab.json: servers: expected an object, found a list"],
    ['{ "servers": [{ "protocol": "ftp" }] }', "lab.json: servers: expected an object, found a list"],
    ['{ "servers": { "ftp": [] } }', "lab.json: servers.ftp: expected an object, found a list"],
    ['{ "files": ["a.txt"] }', "lab.json: files: expected an object, found a list"],
    ['{ "faults": [{ "fault": [] }] }', "lab.json: faults[0].fault: expected an object, found a list"],
    ['{ "ftp": { "port": 0 } }', 'lab.json: there is no "ftp" here; write { "servers": { "ftp": … } }'],
    ['{ "accounts": ["ann"] }', "lab.json: accounts: An account is NAME:PASSWORD"],
    ['{ "accounts": [{ "name": "ann", "permissions": "xyz" }] }', 'permission "x"'],
    ['{ "anonymous": "q" }', 'permission "q"'],
    ['{ "cert": "none.pem", "key": "none.pem" }', "none.pem"],
    ['{ "tls": { "cert": "none.pem", "key": "none.pem" } }', "lab.json has 2 mistakes"],
  ])("%s", async (text, why) => {
    await expect(planned(text)).rejects.toThrow(why);
  });

  test("files that are none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    mkdirSync(join(folder, "a.json"));
    const read = async (name: string) =>
      planOf({ flags: (await line(["--config", join(folder, name)])).flags, environment: {} });
    await expect(read("a.json")).rejects.toThrow("a.json: this is a folder");
    await expect(read("b.json")).rejects.toThrow("b.json: there is no such file.");
    await expect(read("b.mjs")).rejects.toThrow("b.mjs: there is no such file.");
  });
});

describe("a module", () => {
  const planOfModule = async (text: string, ...argv: string[]) => {
    const file = join(mkdtempSync(join(tmpdir(), "wirelab-")), "lab.mjs");
    writeFileSync(file, text);
    return planOf({ flags: (await line(["--config", file, ...argv])).flags, environment: {} });
  };

  test("has functions, and services that it makes itself", async () => {
    const { servers } = await planOfModule(`
      const service = { protocol: "tcp", listen: { port: 5, gate: { idle: 7 } }, open: () => ({ accept() {} }) };
      export default { servers: {
        web: { protocol: "http", stubs: [{ path: "/x", answer: () => ({ status: 201 }) }], app: (request, response, next) => next() },
        own: service,
      } };`);
    expect(servers.get("web")?.options.app).toEqual(expect.any(Function));
    expect(await servers.get("own")?.service({})).toMatchObject({
      protocol: "tcp",
      listen: { port: 5, gate: { idle: 7, allow: [] } },
    });
  });

  test("a flag cannot change a service that the file makes", async () => {
    const own = `{ protocol: "tcp", listen: {}, open: () => ({ accept() {} }) }`;
    const { servers } = await planOfModule(
      `export default { servers: { own: ${own} } };`,
      "--tcp-behaviour=echo",
    );
    await expect(servers.get("own")?.service({})).rejects.toThrow("--tcp-behaviour cannot change a service");
  });

  test("without a default export is none", async () => {
    await expect(planOfModule("export const lab = {};")).rejects.toThrow("lab.mjs: it has no default export");
  });

  test("defineLab gives back what it is given", () => {
    const lab = defineLab({
      logLevel: "warn",
      accounts: ["ann:pw", { name: "bob" }],
      servers: { ftp: { greeting: "Hi" }, web: { protocol: "http", public: "" } },
    });
    expect(lab.servers?.web).toEqual({ protocol: "http", public: "" });
    // @ts-expect-error what is no log level is refused while one types
    defineLab({ logLevel: "loud" });
    // @ts-expect-error a server by a name of its own has to say what it speaks
    defineLab({ servers: { files: { greeting: "Hi" } } });
  });
});
