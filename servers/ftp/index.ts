import { isIPv4 } from "node:net";
import { WirelabError } from "../../core/errors.ts";
import type { ListenOptions, PortRange, Service } from "../../core/service.ts";
import type { TlsOptions, TlsSetting } from "../../core/tls/options.ts";
import { dialectOf, type FtpDialect } from "./dialect.ts";
import type { FtpDialectName } from "./dialects.ts";

/**
 * `explicit`: clients may ask for TLS (AUTH TLS). `required`: they must, for the control connection and for every data connection.
 * `implicit`: TLS begins with the first byte, as on port 990.
 */
export type FtpTlsMode = "explicit" | "required" | "implicit";

/** {@link TlsSetting}, by which TLS is `explicit`; or the mode alone, or options with a mode. */
export type FtpTls = TlsSetting | FtpTlsMode | (TlsOptions & { readonly mode?: FtpTlsMode });

/** What {@link ftp} can be told. */
export interface FtpOptions extends Omit<ListenOptions, "tls"> {
  /** Whether clients can speak TLS, when, and with which certificate: see {@link FtpTls}. Default: as the lab's option `tls` has it. */
  readonly tls?: FtpTls;
  /** Whether a data connection must resume a TLS session, as vsftpd demands it: only who has one may take it. Default false. */
  readonly requireReuse?: boolean;
  /**
   * Whether what has come of an upload that was torn becomes the file, in place of the old one, for the client to go on from.
   * Default false: the old file stays whole. Uploads that go on at the end of a file, behind REST,
   * always keep what has come.
   */
  readonly keepPartial?: boolean;
  /** What the server says first, behind 220; lines parted by `\n` make a reply of several lines. Default `wirelab FTP server ready.` */
  readonly greeting?: string;
  /** The IPv4 address that PASV answers, where a translated address or a port mapping demands another. Default: the one that the client came in by. */
  readonly passiveHost?: string;
  /** The ports that PASV and EPSV take. Default: any free one from 49,152 on. */
  readonly passivePorts?: PortRange;
  /**
   * What sets another server apart, for tests of clients: the name of one in {@link FTP_DIALECTS}, or settings of your own. Default:
   * this server as it is.
   */
  readonly dialect?: FtpDialectName | FtpDialect;
  /** Milliseconds from a wrong name or password to the reply; other clients do not wait. Default 250. */
  readonly loginPause?: number;
  /** After so many wrong logins the client is sent away with 421. Default 3. */
  readonly maxLoginTries?: number;
}

/** {@link FtpOptions} that a session goes by, filled in. */
export interface FtpSettings {
  readonly tls: FtpTlsMode;
  readonly requireReuse: boolean;
  readonly keepPartial: boolean;
  readonly greeting: string;
  readonly passiveHost: string | undefined;
  readonly passivePorts: PortRange | undefined;
  readonly dialect: FtpDialect | undefined;
  readonly loginPause: number;
  readonly maxLoginTries: number;
}

/** Milliseconds without a byte, on control and data connections, after which an FTP client is sent away. */
const IDLE = 300_000;

/**
 * An FTP server (RFC 959, 1123, 2389, 2428, 3659, 4217) on the lab's files and accounts: passive and active transfers, restart,
 * append, ASCII conversion, machine-readable listings. An account's home is its `/`.
 *
 * A client without traffic is sent away after five minutes, unless `gate.idle` says otherwise.
 *
 * @throws WirelabError `BAD_OPTION` for a passive host that is no IPv4 address, a dialect that is none, or numbers that make no sense.
 *
 * @example
 * ```ts
 * import { ftp, startLab } from "wirelab";
 *
 * await using lab = await startLab({ files: ftp({ greeting: "Welcome." }) });
 * console.log(new URL(lab.servers.files.url).protocol); // ftp:
 * ```
 */
export function ftp(options: FtpOptions = {}): Service {
  const {
    dialect: named,
    greeting,
    passiveHost,
    passivePorts,
    loginPause = 250,
    maxLoginTries = 3,
    tls,
    requireReuse = false,
    keepPartial = false,
    ...listen
  } = options;
  const { mode, setting } = modeOf(tls);
  const dialect = named === undefined ? undefined : dialectOf(named);
  const settings: FtpSettings = {
    greeting: greeting ?? dialect?.greeting ?? "wirelab FTP server ready.",
    dialect,
    passiveHost,
    passivePorts,
    loginPause,
    maxLoginTries,
    tls: mode,
    requireReuse,
    keepPartial,
  };
  check(settings);
  return {
    protocol: "ftp",
    listen: {
      ...listen,
      gate: { idle: IDLE, ...listen.gate },
      ...(setting !== undefined && { tls: setting }),
    },
    tlsStart: mode === "implicit" ? "implicit" : "explicit",
    open: async (site) => (await import("./engine.ts")).ftpEngine(site, settings),
  };
}

const MODES: readonly unknown[] = ["explicit", "required", "implicit"] satisfies FtpTlsMode[];

function isMode(tls: unknown): tls is FtpTlsMode {
  return MODES.includes(tls);
}

/** When TLS begins, and how it is spoken; the lab decides whether it is where nothing is said. */
function modeOf(tls: FtpTls | undefined): { mode: FtpTlsMode; setting: TlsSetting | undefined } {
  if (isMode(tls)) return { mode: tls, setting: true };
  if (typeof tls !== "object") return { mode: "explicit", setting: tls };
  const { mode = "explicit", ...setting }: TlsOptions & { readonly mode?: FtpTlsMode } = tls;
  return { mode, setting };
}

function check({ passiveHost, passivePorts, loginPause, maxLoginTries, tls }: FtpSettings): void {
  const reject = (why: string) => {
    throw new WirelabError("BAD_OPTION", `ftp(): ${why}.`);
  };
  if (passiveHost !== undefined && !isIPv4(passiveHost)) {
    reject(`passiveHost is "${passiveHost}", which is no IPv4 address, and PASV can answer no other`);
  }
  if (passivePorts) {
    const { from, to } = passivePorts;
    const port = (number: number) => Number.isInteger(number) && number > 0 && number < 65536;
    if (!port(from) || !port(to) || from > to) {
      reject(`passivePorts go from ${from} to ${to}; ports are 1 to 65535, the lower one first`);
    }
  }
  if (!isMode(tls)) reject(`tls.mode is ${JSON.stringify(tls)}; it can be ${MODES.join(", ")}`);
  if (!(loginPause >= 0)) reject(`loginPause is ${loginPause}; it is in milliseconds, 0 for none`);
  if (!(maxLoginTries >= 1)) reject(`maxLoginTries is ${maxLoginTries}; it must be 1 or more`);
}
