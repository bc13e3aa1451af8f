#!/usr/bin/env node
// The command. The only file that touches the process: its arguments, streams, signals and exit code.
import { readFileSync } from "node:fs";
import type { ListenAddress } from "./core/address.ts";
import { codeOf, messageOf } from "./core/errors.ts";
import { type Lab, startLab } from "./core/lab.ts";
import type { ListenOptions, Service } from "./core/service.ts";
import { banner } from "./launch/banner.ts";
import { Ending, type Plan, planOf, type ServerName } from "./launch/flags.ts";
import { clearEnvironmentFile, readyRecord, writeEnvironmentFile } from "./launch/ready.ts";

const EXIT = { failure: 1, usage: 2, address: 3, signal: 128 } as const;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Describes a server of the plan; its folder, and its engine's package with it, is loaded only here. */
async function serviceOf(name: ServerName, plan: Plan, address: ListenAddress): Promise<Service> {
  const listen: ListenOptions = { ...address, gate: { allow: plan.allow, deny: plan.deny } };
  switch (name) {
    case "ftp": {
      const { ftp } = await import("./servers/ftp/index.ts");
      const { passivePorts, passiveHost } = plan;
      return ftp({ ...listen, ...(passivePorts && { passivePorts }), ...(passiveHost && { passiveHost }) });
    }
    case "telnet": {
      const { telnet } = await import("./servers/telnet/index.ts");
      const { device, run, telnetLogin } = plan;
      return telnet({
        ...listen,
        ...(device !== undefined && { device }),
        ...(run && { shell: { programs: run } }),
        ...(telnetLogin && { login: "required" }),
      });
    }
    case "http":
      return (await import("./servers/http/index.ts")).http({
        ...listen,
        ...(plan.stubs && { stubs: plan.stubs }),
        ...(plan.cgi !== undefined && { cgi: { folder: plan.cgi, environment: pathToPrograms() } }),
      });
    case "tcp":
      return (await import("./servers/tcp/index.ts")).tcp({ ...listen, behaviour: plan.tcpBehaviour });
  }
}

/** Interpreters are found where this process would find them. */
function pathToPrograms(): Record<string, string> {
  return process.env.PATH === undefined ? {} : { PATH: process.env.PATH };
}

async function start(plan: Plan): Promise<Lab> {
  const services = await Promise.all(
    [...plan.servers].map(async ([name, address]) => [name, await serviceOf(name, plan, address)] as const),
  );
  const onTerminal = process.stderr.isTTY === true;
  return startLab(Object.fromEntries(services), {
    accounts: plan.accounts,
    host: plan.host,
    faults: plan.faults,
    ...(plan.seed !== undefined && { seed: plan.seed }),
    ...(plan.tls && { tls: plan.tls }),
    ...(plan.root !== undefined && { root: plan.root }),
    // Nobody asks this process for a transcript, so nothing is kept for one.
    transcript: 0,
    log: {
      level: plan.logLevel,
      format: plan.logFormat ?? (onTerminal ? "pretty" : "json"),
      colours: onTerminal && !process.env.NO_COLOR ? "on" : "off",
      stream: process.stderr,
    },
  });
}

/** The first signal stops gracefully, and then the process ends by itself; a second one ends it at once. */
function stopOnSignals(lab: Lab): void {
  let asked = false;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (asked) process.exit(EXIT.signal + number);
      asked = true;
      process.stderr.write("wirelab: stopping; once more to stop at once\n");
      lab.stop().then(
        ({ cut }) => {
          if (cut.length > 0)
            process.stderr.write(`wirelab: ${cut.length} connections were still open and have been cut\n`);
        },
        (error) => fail(EXIT.failure, error),
      );
    });
  }
}

function fail(exitCode: number, error: unknown): void {
  process.stderr.write(`wirelab: ${messageOf(error)}\n`);
  process.exitCode = exitCode;
}

function exitCodeOf(error: unknown): number {
  const code = codeOf(error) ?? "";
  if (code.startsWith("ADDRESS_")) return EXIT.address;
  return code.startsWith("BAD_") ? EXIT.usage : EXIT.failure;
}

async function main(): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  // Whoever read our output may be gone (`wirelab | head -1`): no reason to stop serving.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  let plan: Plan;
  try {
    plan = planOf(process.argv.slice(2), version);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    (error.exitCode === 0 ? process.stdout : process.stderr).write(error.message);
    process.exitCode = error.exitCode;
    return;
  }
  if (plan.envFile !== undefined) clearEnvironmentFile(plan.envFile);
  const lab = await start(plan);
  stopOnSignals(lab);
  if (plan.logFormat !== "json") process.stderr.write(banner(plan, lab.servers, version));
  if (plan.envFile !== undefined) writeEnvironmentFile(plan.envFile, lab.servers);
  if (plan.ready) process.stdout.write(`${JSON.stringify(readyRecord(process.pid, lab.servers))}\n`);
}

main().catch((error) => fail(exitCodeOf(error), error));
