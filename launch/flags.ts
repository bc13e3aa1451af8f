import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type Account, accountTable, DEFAULT_ACCOUNTS, PERMISSIONS } from "../core/accounts.ts";
import { type ListenAddress, parseAddress } from "../core/address.ts";
import type { TlsOptions } from "../core/certificate.ts";
import { messageOf } from "../core/errors.ts";
import { FaultTable, type Rule } from "../core/faults/faults.ts";
import { Gate } from "../core/gate.ts";
import type { LogLevel } from "../core/log.ts";
import type { PortRange } from "../core/service.ts";
import type { Stub } from "../servers/http/stubs/stub.ts";
import { HttpStubs } from "../servers/http/stubs/stubs.ts";
import { TCP_BEHAVIOURS, type TcpBehaviour } from "../servers/tcp/index.ts";

/** The servers that the command line starts, with the ports they have there. */
const DEFAULT_PORTS = { ftp: 2121, telnet: 2323, http: 8080, tcp: 1234 } as const;
export type ServerName = keyof typeof DEFAULT_PORTS;
const SERVER_NAMES = ["ftp", "telnet", "http", "tcp"] as const satisfies readonly ServerName[];

/** What a command line asks for. */
export interface Plan {
  /** The servers to start, and where. */
  readonly servers: ReadonlyMap<ServerName, ListenAddress>;
  readonly host: string;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly root?: string;
  readonly accounts: readonly Account[];
  readonly tcpBehaviour: TcpBehaviour;
  readonly passivePorts?: PortRange;
  readonly passiveHost?: string;
  /** The certificate, where TLS is to be spoken. */
  readonly tls?: TlsOptions;
  /** The file of the device that Telnet is instead of a shell. */
  readonly device?: string;
  /** Whether Telnet clients have to log in. */
  readonly telnetLogin?: true;
  /** What Telnet clients may run, by name. */
  readonly run?: Readonly<Record<string, string>>;
  readonly cgi?: string;
  readonly stubs?: readonly Stub[];
  readonly faults: readonly Rule[];
  readonly seed?: number;
  readonly ready?: "json";
  readonly envFile?: string;
  readonly logLevel: LogLevel;
  /** Left out: `pretty` on a terminal, `json` elsewhere. */
  readonly logFormat?: "pretty" | "json";
}

/** A command line that asks for no start: for a text (`--help`, `--version`), or for the impossible. */
export class Ending extends Error {
  /** 0 for what was asked for, 2 for a usage error. */
  readonly exitCode: 0 | 2;
  constructor(exitCode: 0 | 2, text: string) {
    super(text);
    this.exitCode = exitCode;
  }
}

const EXAMPLES = `
ADDR is PORT, HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes any free port, and the real one is told.
Without a server flag all of them start, on 127.0.0.1.

Examples:
  wirelab                                     everything, on files in memory
  wirelab --ftp --http --root ./fixtures      a folder by FTP and HTTP
  wirelab --ftp=0 --ready=json                a free port, told on stdout as JSON
  wirelab --tcp=1234 --tcp-behaviour echo     an echo server
  wirelab --http=unix:/tmp/lab.sock           on a Unix-domain socket

Exit codes: 0 clean stop, 1 failure, 2 usage, 3 an address could not be bound, 128+N on a second signal N.`;

/**
 * Reads a command line (without node and the program's own name).
 *
 * @throws Ending with the text to print, where nothing is to be started.
 */
export function planOf(argv: readonly string[], version: string): Plan {
  let printed = "";
  const command = program(version).configureOutput({
    writeOut: (text) => {
      printed += text;
    },
    writeErr: (text) => {
      printed += text;
    },
  });
  try {
    command.parse(argv, { from: "user" });
    return planFrom(command.opts<Flags>());
  } catch (error) {
    const exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2;
    throw new Ending(exitCode, printed || `error: ${messageOf(error)}\n`);
  }
}

type ServerFlags = { readonly [name in ServerName]?: ListenAddress | true };

interface Flags extends ServerFlags {
  readonly all?: true;
  readonly host: string;
  readonly open?: true;
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly root?: string;
  readonly user?: readonly Account[];
  readonly anonymous?: string | true;
  readonly tcpBehaviour: TcpBehaviour;
  readonly passivePorts?: PortRange;
  readonly passiveHost?: string;
  readonly tls?: true;
  readonly cert?: string;
  readonly key?: string;
  readonly device?: string;
  readonly telnetLogin?: true;
  readonly run?: Readonly<Record<string, string>>;
  readonly cgi?: string;
  readonly stubs?: readonly Stub[];
  readonly faults?: readonly Rule[];
  readonly seed?: number;
  readonly ready?: "json";
  readonly envFile?: string;
  readonly logLevel: LogLevel;
  readonly logFormat?: "pretty" | "json";
}

function program(version: string): Command {
  const command = new Command("wirelab")
    .description("FTP, Telnet, HTTP and TCP servers that start together and share files, accounts and log.")
    .usage("[--ftp[=ADDR]] [--telnet[=ADDR]] [--http[=ADDR]] [--tcp[=ADDR]] [options]")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(false)
    .showHelpAfterError("(wirelab --help lists all flags)")
    .exitOverride()
    .addHelpText("after", EXAMPLES);
  for (const name of SERVER_NAMES) {
    command.option(
      `--${name} [ADDR]`,
      `start the ${name} server (default port ${DEFAULT_PORTS[name]})`,
      valid(parseAddress),
    );
  }
  return command
    .option("--all", "start all servers")
    .option("--host <HOST>", "address to listen on where ADDR has none", "127.0.0.1")
    .option("--open", "let anonymous users write even where other machines reach the servers")
    .option("--allow <CIDR>", "let in only these addresses (repeatable)", valid(collectBlocks))
    .option("--deny <CIDR>", "keep these addresses out (repeatable)", valid(collectBlocks))
    .option("--root <DIR>", "keep files in this folder instead of in memory")
    .option(
      "--user <NAME:PASSWORD>",
      `an account, with :PERMISSIONS behind it or elr (repeatable; default foo:bar:${PERMISSIONS})`,
      valid(collectUsers),
    )
    .option("--anonymous [PERMISSIONS]", "an account for everybody (default permissions elr)")
    .addOption(
      new Option("--tcp-behaviour <NAME>", "what the tcp server does")
        .choices(TCP_BEHAVIOURS)
        .default("hello"),
    )
    .option("--passive-ports <FROM-TO>", "ports for FTP's data connections (default any)", valid(portRange))
    .option(
      "--passive-host <ADDRESS>",
      "address that FTP tells clients for data connections (default the one they came in by)",
    )
    .option("--tls", "let FTP clients ask for TLS, with a throw-away certificate")
    .option("--cert <FILE>", "the certificate for TLS, as PEM, instead; with --key", valid(contentOf))
    .option("--key <FILE>", "the private key of --cert, as PEM", valid(contentOf))
    .option(
      "--cgi <DIR>",
      "run the programs of this folder as /cgi-bin/NAME by HTTP (none is run by default)",
    )
    .option("--telnet-login", "let in to Telnet only those who log in")
    .option(
      "--run <NAME=PROGRAM>",
      "what Telnet clients may run (repeatable; default nothing)",
      valid(collectPrograms),
    )
    .option("--device <FILE>", "what Telnet clients talk to instead of a shell (JSON, .js, .mjs)")
    .option("--stubs <FILE>", "answers that HTTP gives instead of files, as a JSON array", valid(stubsFrom))
    .option("--faults <FILE>", "fault rules, as a JSON array", valid(faultsFrom))
    .option(
      "--seed <N>",
      "what chance in fault rules is drawn from (default another one each time)",
      valid(seedFrom),
    )
    .addOption(new Option("--ready <FORMAT>", "one line on stdout when everything listens").choices(["json"]))
    .option(
      "--env, --env-file <FILE>",
      "write WIRELAB_FTP_URL=… and the like to this file when everything listens",
    )
    .addOption(
      new Option("--log-level <LEVEL>", "how much to log")
        .choices(["error", "warn", "info", "debug", "trace"])
        .default("info"),
    )
    .addOption(
      new Option("--log-format <FORMAT>", "default: pretty on a terminal, else json").choices([
        "pretty",
        "json",
      ]),
    );
}

function planFrom(flags: Flags): Plan {
  const asked = SERVER_NAMES.filter((name) => flags[name] !== undefined);
  const chosen = flags.all || asked.length === 0 ? SERVER_NAMES : asked;
  const servers = new Map<ServerName, ListenAddress>();
  for (const name of chosen) {
    const flag = flags[name];
    servers.set(name, flag === undefined || flag === true ? { port: DEFAULT_PORTS[name] } : flag);
  }
  const anonymous = flags.anonymous === true ? "elr" : flags.anonymous;
  const accounts = [
    ...(flags.user ?? DEFAULT_ACCOUNTS),
    ...(anonymous === undefined ? [] : [{ name: "anonymous", permissions: anonymous }]),
  ];
  accountTable(accounts);
  const {
    host,
    allow = [],
    deny = [],
    faults = [],
    all,
    open,
    user,
    anonymous: _,
    ftp,
    telnet,
    http,
    tcp,
    tls: _tls,
    cert,
    key,
    ...rest
  } = flags;
  const tls = tlsFrom(flags);
  const plan: Plan = { servers, host, allow, deny, faults, accounts, ...(tls && { tls }), ...rest };
  const writes = [...(anonymous ?? "")].filter((letter) => !"elr".includes(letter)).join("");
  const [exposed] = exposedServers(plan);
  if (exposed && writes !== "" && !flags.open) {
    throw new Error(
      `anonymous users may write (${writes}) and other machines reach ${exposed}; give --open if you mean it, or --anonymous=elr`,
    );
  }
  return plan;
}

function tlsFrom({ tls, cert, key }: Flags): TlsOptions | undefined {
  if (cert === undefined && key === undefined) return tls && "generated";
  if (cert === undefined || key === undefined) throw new Error("--cert and --key go together.");
  return { cert, key };
}

/** The servers that machines other than this one can reach. */
export function exposedServers({ servers, host }: Plan): readonly ServerName[] {
  const loopback = (address: string) => /^(127\.|::1$|localhost$)/.test(address);
  return [...servers].flatMap(([name, address]) =>
    "path" in address || loopback(address.host ?? host) ? [] : [name],
  );
}

/** An argument parser whose errors commander reports beside the flag's name. */
function valid<T>(parse: (text: string, previous?: T) => T): (text: string, previous: T) => T {
  return (text, previous) => {
    try {
      return parse(text, previous);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}

function collectUsers(text: string, previous: readonly Account[] = []): readonly Account[] {
  const [name = "", password, permissions = "elr", ...rest] = text.split(":");
  if (password === undefined || rest.length > 0)
    throw new Error("An account is NAME:PASSWORD or NAME:PASSWORD:PERMISSIONS.");
  const account = { name, password, permissions };
  accountTable([account]);
  return [...previous, account];
}

function collectPrograms(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, name, program] = /^([^\s=]+)=(.+)$/su.exec(text) ?? [];
  if (name === undefined || program === undefined) throw new Error("A program is NAME=PROGRAM.");
  return { ...previous, [name]: program };
}

function collectBlocks(text: string, previous: readonly string[] = []): readonly string[] {
  new Gate({ allow: [text] });
  return [...previous, text];
}

function contentOf(path: string): string {
  return readFileSync(path, "utf8");
}

function faultsFrom(path: string): readonly Rule[] {
  const rules: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Array.isArray(rules)) throw new Error("The file holds no array of rules.");
  return new FaultTable(0, rules).unused();
}

function stubsFrom(path: string): readonly Stub[] {
  const stubs: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Array.isArray(stubs)) throw new Error("The file holds no array of stubs.");
  // Says what is wrong with them before anything starts.
  new HttpStubs(stubs);
  return stubs;
}

function seedFrom(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32)
    throw new Error("A seed is a whole number below 4294967296.");
  return Number(text);
}

function portRange(text: string): PortRange {
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  if (from === "" || range.from < 1 || range.to > 65535 || range.from > range.to) {
    throw new Error("A range of ports is FROM-TO, between 1 and 65535.");
  }
  return range;
}
