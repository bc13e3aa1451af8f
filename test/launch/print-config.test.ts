import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../clients.ts";
import { root } from "../sources.ts";

const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
const told = (...args: string[]) =>
  run(process.execPath, [join(root, "dist", "launcher.js"), "print-config", ...args], {
    cwd: folder,
    env: { WIRELAB_LOG_LEVEL: "debug" },
  });

test("each value, and where it has come from; no password", async () => {
  const servers = {
    files: { protocol: "ftp", passivePorts: { from: 5000, to: 5009 } },
    tcp: { behaviour: "echo" },
  };
  const accounts = ["ann:geheim:elr", { name: "bob", password: "geheim" }];
  writeFileSync(
    join(folder, "lab.json"),
    JSON.stringify({ servers, accounts, host: "127.0.0.2", files: { "/a": "b" } }),
  );
  const flags = ["--config", "lab.json", "--seed=7", "--tcp=99", "--ftp", "--passive-host", "10.0.0.1"];
  const outcome = await told(...flags, "--format", "json");
  expect(outcome).toMatchObject({ code: 0, stderr: "" });
  expect(outcome.stdout).not.toContain("geheim");
  const config = JSON.parse(outcome.stdout);
  const inFile = { from: "config", name: "lab.json" };
  expect(config).toMatchObject({
    servers: {
      files: {
        protocol: { value: "ftp" },
        address: { value: "127.0.0.2:2121", from: "default" },
        passivePorts: { value: { from: 5000, to: 5009 }, ...inFile },
        passiveHost: { value: "10.0.0.1", from: "flag", name: "--passive-host" },
      },
      tcp: {
        address: { value: "127.0.0.2:99", from: "flag", name: "--tcp" },
        behaviour: { value: "echo", ...inFile },
      },
    },
    settings: {
      seed: { value: 7, from: "flag", name: "--seed" },
      host: { value: "127.0.0.2", ...inFile },
      logLevel: { value: "debug", from: "environment", name: "WIRELAB_LOG_LEVEL" },
      root: { value: null, from: "default" },
      files: { value: { "/a": "b" }, ...inFile },
      accounts: {
        value: [
          { name: "ann", password: "(hidden)", permissions: "elr" },
          { name: "bob", password: "(hidden)" },
        ],
        ...inFile,
      },
    },
  });
  const lines = (await told(...flags)).stdout.split("\n").map((line) => line.replace(/ {2,}/g, " | "));
  expect(lines).toEqual(
    expect.arrayContaining([
      "files",
      ' | passivePorts | {"from":5000,"to":5009} | lab.json',
      " | address | 127.0.0.2:99 | --tcp",
      " | logLevel | debug | WIRELAB_LOG_LEVEL",
      " | root | – | default",
    ]),
  );
});

test("what cannot be is said, and not printed", async () => {
  const outcome = await told("--ftp", "--passive-host", "nowhere");
  expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("no IPv4 address") });
});
