import type { PortRange } from "../../core/service.ts";
import { BROKEN_CERTIFICATES } from "../../core/tls/options.ts";
import { FTP_FEATURES, FTP_LISTINGS, type FtpDialect } from "../../servers/ftp/dialect.ts";
import { FTP_DIALECTS, type FtpDialectName } from "../../servers/ftp/dialects.ts";
import type { FtpOptions, FtpTls } from "../../servers/ftp/index.ts";
import type { Kit, Schema, Shape } from "../config/kit.ts";
import { tlsOptionsShape } from "../config/shapes.ts";
import { curl, kind, listening } from "../kind.ts";
import { choice, value } from "../setting.ts";

const DIALECTS = Object.keys(FTP_DIALECTS) as FtpDialectName[];

export const ftp = kind({
  protocol: "ftp",
  port: 2121,
  flag: listening("ftp", 2121),
  settings: {
    passivePorts: value(
      "--passive-ports <FROM-TO>",
      "ports for FTP's data connections (default any)",
      portRange,
    ),
    passiveHost: value(
      "--passive-host <ADDRESS>",
      "address that FTP tells clients for data connections (default the one they came in by)",
      String,
    ),
    dialect: choice("--ftp-dialect <NAME>", "another server that the ftp server imitates", DIALECTS),
  },
  shape: (kit) => ({
    tls: tlsOfFtp(kit),
    requireReuse: kit.flag,
    keepPartial: kit.flag,
    greeting: kit.text,
    passiveHost: kit.text,
    passivePorts: kit.object({ from: kit.port, to: kit.port }, "from", "to"),
    dialect: kit.either(kit.oneOf(...DIALECTS), dialectShape(kit)),
    loginPause: kit.ms,
    maxLoginTries: kit.whole(1),
  }),
  service: async (options: FtpOptions) => (await import("../../servers/ftp/index.ts")).ftp(options),
  commands(reach) {
    const { url, path, user, password, tls, caFile } = reach;
    if (path) return [`nc -U ${path}`];
    const known = [user, password].filter(Boolean);
    const trust = caFile === undefined ? "set ssl:verify-certificate no" : `set ssl:ca-file ${caFile}`;
    return [
      `curl --user ${known.join(":")} ${url}/`,
      ...(tls === "on" ? [`${curl(reach)} --ssl-reqd --user ${known.join(":")} ${url}/`] : []),
      // It asks for TLS wherever it can have it.
      `lftp ${tls === "on" ? `-e '${trust}' ` : ""}-u ${known.join(",")} ${url}`,
    ];
  },
});

function portRange(text: string): PortRange {
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  if (from === "" || range.from < 1 || range.to > 65535 || range.from > range.to) {
    throw new Error("A range of ports is FROM-TO, between 1 and 65535.");
  }
  return range;
}

function tlsOfFtp(kit: Kit): Schema<FtpTls> {
  const { flag, oneOf, object, either } = kit;
  const modes = ["explicit", "required", "implicit"] as const;
  const options = object({ ...tlsOptionsShape(kit), mode: oneOf(...modes) });
  return either(flag, oneOf(...modes, ...BROKEN_CERTIFICATES), options);
}

function dialectShape(kit: Kit): Schema<FtpDialect> {
  const { text, flag, oneOf, list, record, either, callable, object } = kit;
  const lineEnd = oneOf("\r\n", "\n");
  const shape: Shape<FtpDialect> = {
    listing: either(
      oneOf(...FTP_LISTINGS),
      callable<Extract<FtpDialect["listing"], (...args: never[]) => string>>(),
    ),
    without: list(oneOf(...FTP_FEATURES)),
    lineEnd,
    listingEnd: lineEnd,
    continuation: oneOf("bare", "code"),
    greeting: text,
    passiveAddress: text,
    encoding: oneOf("utf8", "latin1"),
    noAnonymousPassword: flag,
    replies: record(text),
  };
  return object(shape);
}
