import type { PortRange } from "../../core/service.ts";
import type { FtpOptions } from "../../servers/ftp/index.ts";
import { curl, kind, listening } from "../kind.ts";
import { value } from "../setting.ts";

export const ftp = kind<FtpOptions>({
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
  },
  service: async (options) => (await import("../../servers/ftp/index.ts")).ftp(options),
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
