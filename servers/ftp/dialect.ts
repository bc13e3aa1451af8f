import { isIPv4 } from "node:net";
import { WirelabError } from "../../core/errors.ts";
import type { Entry } from "../../core/store/store.ts";
import { FTP_DIALECTS, type FtpDialectName } from "./dialects.ts";
import { type FtpReply, printable } from "./reply.ts";

/** How LIST writes a line: see {@link FtpDialect.listing}. */
export const FTP_LISTINGS = ["unix", "dos", "eplf", "netware", "vxworks"] as const;
/** One of {@link FTP_LISTINGS}. */
export type FtpListing = (typeof FTP_LISTINGS)[number];

/** What {@link FtpDialect.without} can switch off: verbs, and what FEAT tells beside them. */
export const FTP_FEATURES = [
  ...[
    "ABOR",
    "ACCT",
    "ALLO",
    "APPE",
    "AUTH",
    "AVBL",
    "CCC",
    "CDUP",
    "CWD",
    "DELE",
    "EPRT",
    "EPSV",
    "FEAT",
    "HASH",
  ],
  ...[
    "HELP",
    "HOST",
    "LIST",
    "MDTM",
    "MFMT",
    "MKD",
    "MLSD",
    "MLST",
    "MODE",
    "NLST",
    "NOOP",
    "OPTS",
    "PASV",
    "PBSZ",
  ],
  ...[
    "PORT",
    "PROT",
    "PWD",
    "REIN",
    "REST",
    "RETR",
    "RMD",
    "RNFR",
    "RNTO",
    "SITE",
    "SIZE",
    "STAT",
    "STOR",
    "STOU",
  ],
  ...[
    "STRU",
    "SYST",
    "TYPE",
    "XCRC",
    "XCUP",
    "XCWD",
    "XMD5",
    "XMKD",
    "XPWD",
    "XRMD",
    "XSHA1",
    "XSHA256",
    "XSHA512",
  ],
  ...["SITE CHMOD", "SITE HELP", "SITE UTIME", "MODE Z", "TVFS", "UTF8"],
] as const;
/** One of {@link FTP_FEATURES}. */
export type FtpFeature = (typeof FTP_FEATURES)[number];

/**
 * What sets one FTP server apart from another, for tests of clients. Whatever is left out stays as it is.
 *
 * @example
 * ```ts
 * import { FTP_DIALECTS, ftp, startLab } from "wirelab";
 *
 * const dialect = { ...FTP_DIALECTS.iis, without: ["EPSV", "MLSD", "MLST"], replies: { "LIST 226": "250 Done." } } as const;
 * await using lab = await startLab({ files: ftp({ dialect }) });
 * ```
 */
export interface FtpDialect {
  /**
   * What LIST, and STAT of a path, say of an entry: `unix` as `ls -l` does, `dos` as IIS, `eplf` (Bernstein's easily parsed list
   * format), `netware`, `vxworks`; or a function of the entry and of the lab's time in Unix milliseconds. Default `unix`.
   */
  readonly listing?: FtpListing | ((entry: Entry, now: number) => string);
  /** Verbs that are answered 502, and missing in FEAT and HELP; `UTF8`, `TVFS` and `MODE Z` go from FEAT and OPTS. Default: none. */
  readonly without?: readonly FtpFeature[];
  /** What ends a line of a reply; RFC 959 §4.2 wants `\r\n`. Default `\r\n`. */
  readonly lineEnd?: "\r\n" | "\n";
  /** What ends a line of LIST, NLST and MLSD. Default `\r\n`. */
  readonly listingEnd?: "\r\n" | "\n";
  /**
   * The lines between the first and the last of a reply: `bare` as RFC 959 §4.2 has them, or with the reply's `code` and a hyphen.
   * Lines that begin with a space, as those of FEAT do, are always bare. Default `bare`.
   */
  readonly continuation?: "bare" | "code";
  /** What the server says first, behind 220; of several lines where there is `\n` in it. The option `greeting` of `ftp()` goes before. */
  readonly greeting?: string;
  /**
   * The IPv4 address that PASV answers, reachable or not: `0.0.0.0`, or one of another network, as servers behind NAT give.
   * The option `passiveHost` of `ftp()` goes before. Default: the address that the client came in by.
   */
  readonly passiveAddress?: string;
  /** How names are written on the control connection and in listings: `latin1` is one byte for a letter, without UTF8 in FEAT. Default `utf8`. */
  readonly encoding?: "utf8" | "latin1";
  /** USER of an anonymous account is answered 230 at once, as with vsftpd's `no_anon_password`. Default false. */
  readonly noAnonymousPassword?: boolean;
  /**
   * Other replies than the server's own, by verb and code (`"LIST 226"`) or by code alone (`"226"`): `"250 Done."`, of several
   * lines where there is `\n` in it. `{text}` stands for the server's own words, `{value}` for what these have in quotes or brackets
   * (PWD's directory, PASV's numbers), `{argument}` for what was behind the verb, and `{path}` for that from the root on.
   * `"LIST empty"` and `"NLST empty"` come instead of a listing without lines. Default: none.
   */
  readonly replies?: Readonly<Record<string, string>>;
}

/** A command as its replies may speak of it. */
export interface Spoken {
  readonly verb: string;
  readonly argument: string;
  readonly path: string;
}

/** @throws WirelabError `BAD_OPTION` for what is no dialect. */
export function dialectOf(setting: FtpDialectName | FtpDialect): FtpDialect {
  const reject = (why: string): never => {
    throw new WirelabError("BAD_OPTION", `ftp(): dialect${why}.`);
  };
  if (typeof setting === "string") {
    return Object.hasOwn(FTP_DIALECTS, setting)
      ? FTP_DIALECTS[setting]
      : reject(` is "${setting}"; there are ${Object.keys(FTP_DIALECTS).join(", ")}, and those of your own`);
  }
  if (typeof setting !== "object" || setting === null)
    return reject(` is ${setting}; it is a name or an object`);
  for (const [member, value] of Object.entries(setting)) {
    if (!Object.hasOwn(CHECKS, member))
      reject(` has no "${member}"; there are ${Object.keys(CHECKS).join(", ")}`);
    const wrong = value === undefined ? undefined : CHECKS[member as keyof FtpDialect](value);
    if (wrong) reject(`.${member} ${wrong}`);
  }
  return setting;
}

/** What is wrong with a member, if anything. */
type Check = (value: unknown) => string | undefined;

const CHECKS: Readonly<Record<keyof FtpDialect, Check>> = {
  listing: (value) =>
    typeof value === "function" ? undefined : among(FTP_LISTINGS, value, " or a function"),
  without: (value) =>
    Array.isArray(value)
      ? value.map((item) => among(FTP_FEATURES, item)).find((wrong) => wrong !== undefined)
      : "is a list of verbs",
  lineEnd: (value) => among(["\r\n", "\n"], value),
  listingEnd: (value) => among(["\r\n", "\n"], value),
  continuation: (value) => among(["bare", "code"], value),
  greeting: (value) =>
    isText(value) ? undefined : "is a text without control characters, its lines parted by \\n",
  passiveAddress: (value) =>
    typeof value === "string" && isIPv4(value) ? undefined : `is ${shown(value)}, which is no IPv4 address`,
  encoding: (value) => among(["utf8", "latin1"], value),
  noAnonymousPassword: (value) => (typeof value === "boolean" ? undefined : "is true or false"),
  replies: (value) => {
    if (typeof value !== "object" || value === null) return "is an object of replies by verb and code";
    for (const [key, text] of Object.entries(value)) {
      if (!/^(?:(?:[A-Z]\w*(?: [A-Z]+)? )?[1-5]\d\d|(?:LIST|NLST) empty)$/.test(key))
        return `has the key ${shown(key)}; it is "226", "LIST 226", "LIST empty" or "NLST empty"`;
      if (!isText(text) || !REPLY.test(text))
        return `[${shown(key)}] is ${shown(text)}; it is a code and a text, "250 Done." for example`;
    }
    return undefined;
  },
};

const REPLY = /^(?<code>[1-5]\d\d) (?<text>.*)$/s;

function among(words: readonly string[], value: unknown, more = ""): string | undefined {
  if (words.some((word) => word === value)) return undefined;
  return `is ${shown(value)}; it can be ${words.map(shown).join(", ")}${more}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.split("\n").every((line) => printable(line) === line);
}

/** Whether a verb, or what FEAT tells beside the verbs, is switched off. */
export function isOff(dialect: FtpDialect | undefined, name: string): boolean {
  if (!dialect) return false;
  if (name === "UTF8" && dialect.encoding === "latin1") return true;
  const off = (feature: string) => dialect.without?.some((each) => each === feature) ?? false;
  return off(name) || (name.startsWith("SITE ") && off("SITE"));
}

/** A reply in the words of the dialect, which are the server's own where it has none. */
export function inDialect(
  { replies }: FtpDialect,
  own: FtpReply,
  { verb, argument, path }: Spoken,
): FtpReply {
  const template = replies?.[`${verb} ${own.code}`] ?? replies?.[own.code];
  if (template === undefined) return own;
  const [, quoted, bracketed] = /"((?:[^"]|"")*)"|\(([^)]*)\)/.exec(own.text) ?? [];
  const values: Readonly<Record<string, string>> = {
    text: own.text,
    value: quoted ?? bracketed ?? "",
    argument: printable(argument),
    path: printable(path),
  };
  const { code, text } = written(template);
  return { code, text: text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) };
}

/** What comes instead of a listing without lines, if anything. */
export function insteadOfNone(dialect: FtpDialect | undefined, verb: string): FtpReply | undefined {
  const template = dialect?.replies?.[`${verb} empty`];
  return template === undefined ? undefined : written(template);
}

function written(template: string): FtpReply {
  const { code, text = "" } = REPLY.exec(template)?.groups ?? {};
  return { code: Number(code), text };
}

/** Text as bytes; what Latin-1 has no letter for becomes a question mark. */
export function encoded(text: string, dialect: FtpDialect | undefined): Buffer {
  return dialect?.encoding === "latin1"
    ? Buffer.from(text.replace(/[^\0-\xff]/gu, "?"), "latin1")
    : Buffer.from(text);
}
