import { type Account, accountTable } from "../core/accounts.ts";
import { type ListenAddress, parseAddress } from "../core/address.ts";
import type { Rule } from "../core/faults/faults.ts";
import { Gate } from "../core/gate.ts";
import { PERMISSIONS } from "../core/permissions.ts";
import { BROKEN_CERTIFICATES, type TlsSetting } from "../core/tls/options.ts";
import { accountShape, ruleShape, tlsShape } from "./config/shapes.ts";
import { checkedJson, contentOf } from "./files.ts";
import { choice, list, mapped, type Setting, toggle, under, value } from "./setting.ts";
import type { Settled } from "./sources.ts";

/** What can be set of a lab and of its process; what is of one kind of server stands with that kind, in `servers/`. */
export const SETTINGS = {
  ...under("Where, and for whom", {
    all: toggle("--all", "start all servers"),
    host: value("--host <HOST>", "address to listen on where ADDR has none", String, {
      fallback: "127.0.0.1",
    }),
    socketMode: value(
      "--socket-mode <MODE>",
      "who may connect to Unix-domain sockets, in octal (default 600, their owner)",
      socketMode,
      { data: (kit) => kit.whole(0, 0o777) },
    ),
    allow: list("--allow <CIDR>", "let in only these addresses (repeatable)", block, { fallback: [] }),
    deny: list("--deny <CIDR>", "keep these addresses out (repeatable)", block, { fallback: [] }),
    open: toggle("--open", "let anonymous users write even where other machines reach the servers"),
  }),
  ...under("Files and accounts", {
    root: value("--root <DIR>", "keep files in this folder instead of in memory", String, {
      names: "folder",
    }),
    copy: value(
      "--copy <DIR>",
      "begin with a copy of this folder in memory, and leave the folder alone",
      String,
      {
        names: "folder",
      },
    ),
    watch: mapped(toggle("--watch", "tell what others change in the folder of --root"), () => "on" as const),
    accounts: list(
      "--user <NAME:PASSWORD>",
      `an account, with :PERMISSIONS behind it or elr (repeatable; default foo:bar:${PERMISSIONS})`,
      account,
      // WIRELAB_USER tells those who use a lab who they are.
      { variable: "WIRELAB_ACCOUNTS", item: accountShape },
    ),
    anonymous: value(
      "--anonymous [PERMISSIONS]",
      "an account for everybody (default permissions elr)",
      permissions,
      {
        bare: "elr",
      },
    ),
  }),
  ...under("TLS", {
    tls: value(
      "--tls [CERTIFICATE]",
      `TLS on every server: https, telnets and so on; ftp's clients can ask for it. A throw-away CA issues the certificates, good ones or ${BROKEN_CERTIFICATES.join(", ")}`,
      brokenCertificate,
      { bare: true, choices: BROKEN_CERTIFICATES, data: tlsShape },
    ),
    cert: value("--cert <FILE>", "TLS with this certificate, as PEM, instead; with --key", contentOf, {
      names: "file",
    }),
    key: value("--key <FILE>", "the private key of --cert, as PEM", contentOf, { names: "file" }),
    caFile: value(
      "--ca-file <FILE>",
      "write what TLS clients are to trust to this file when everything listens",
      String,
      // A variable that tells those who use a lab where it is.
      { names: "file", variable: "none" },
    ),
    clientCertFile: value(
      "--client-cert <FILE>",
      "ask TLS clients for a certificate, and write one that they can show, and its key, to this file",
      String,
      { names: "file", variable: "none" },
    ),
  }),
  ...under("Faults", {
    faults: value("--faults <FILE>", "fault rules, as a JSON array", rulesOf, {
      names: "file",
      fallback: [],
      data: (kit) => kit.list(ruleShape(kit)),
    }),
    seed: value(
      "--seed <N>",
      "what chance in fault rules is drawn from (default another one each time)",
      seed,
      {
        data: (kit) => kit.whole(0, 2 ** 32 - 1),
      },
    ),
  }),
  ...under("Recording", {
    record: value(
      "--record <FILE>",
      "write every event to this file, as NDJSON for wirelab show and wirelab replay",
      String,
      { names: "file" },
    ),
    pcap: value("--pcap <FILE>", "write all that passes to this file, as packets for Wireshark", String, {
      names: "file",
    }),
  }),
  ...under("For programs", {
    config: value(
      "--config <FILE>",
      "read what is not said here from this file (JSON, .js, .mjs, .ts)",
      String,
      {
        names: "file",
        file: "no",
      },
    ),
    control: value(
      "--control [ADDR]",
      "let programs have the lab by HTTP (default port 4100)",
      controlAddress,
      {
        bare: {},
      },
    ),
    controlToken: value(
      "--control-token <TOKEN>",
      "what they have to send for it, 16 characters at least (default a random one)",
      String,
    ),
    ready: choice("--ready <FORMAT>", "one line on stdout when everything listens", ["json"]),
    envFile: value(
      "--env, --env-file <FILE>",
      "write WIRELAB_FTP_URL=… and the like to this file when everything listens",
      String,
      { names: "file" },
    ),
  }),
  ...under("Log", {
    logLevel: choice("--log-level <LEVEL>", "how much to log", ["error", "warn", "info", "debug", "trace"], {
      fallback: "info",
    }),
    logFormat: choice("--log-format <FORMAT>", "default: pretty on a terminal, else json", [
      "pretty",
      "json",
    ]),
  }),
} as const satisfies Readonly<Record<string, Setting>>;

/** The values of all these, and where each has come from. */
export type Settings = Settled<typeof SETTINGS>;

/** Where the control API listens; left out, at the usual port. */
type ControlAddress = Partial<ListenAddress>;

function controlAddress(text: string): ControlAddress {
  return parseAddress(text);
}

function account(text: string): Account {
  const [name = "", password, permissions = "elr", ...rest] = text.split(":");
  if (password === undefined || rest.length > 0)
    throw new Error("An account is NAME:PASSWORD or NAME:PASSWORD:PERMISSIONS.");
  const made = { name, password, permissions };
  accountTable([made]);
  return made;
}

function permissions(text: string): string {
  accountTable([{ name: "anonymous", permissions: text }]);
  return text;
}

function brokenCertificate(text: string): TlsSetting {
  const broken = BROKEN_CERTIFICATES.find((word) => word === text);
  if (broken === undefined) throw new Error(`"${text}" is none of ${BROKEN_CERTIFICATES.join(", ")}.`);
  return broken;
}

function socketMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new Error(`"${text}" is no mode of a file: write 660, say.`);
  return Number.parseInt(text, 8);
}

function block(text: string): string {
  new Gate({ allow: [text] });
  return text;
}

async function rulesOf(path: string): Promise<readonly Rule[]> {
  const rules = await checkedJson(path, (kit) => kit.list(ruleShape(kit)));
  const { FaultTable } = await import("../core/faults/faults.ts");
  return new FaultTable(0, rules).unused();
}

function seed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32)
    throw new Error("A seed is a whole number below 4294967296.");
  return Number(text);
}
