import { DEFAULT_ACCOUNTS } from "../core/accounts.ts";
import { connectableHost } from "../core/address.ts";
import type { Server } from "../core/server.ts";
import { exposedServers, type Plan } from "./flags.ts";

/** What people see when everything listens: a line or two per server, to be pasted as they are. */
export function banner(plan: Plan, servers: Readonly<Record<string, Server>>, version: string): string {
  const names = plan.accounts.map(({ name, permissions = "elr" }) => `${name} (${permissions})`);
  const lines = [
    "",
    `wirelab ${version} – files ${plan.root === undefined ? "in memory" : `in ${plan.root}`}, accounts: ${names.join(", ")}`,
    "",
    ...Object.values(servers).flatMap((server) => pasteable(plan, server)),
    "",
    ...exposedServers(plan).map((name) => `! Other machines can reach ${name}: ${servers[name]?.url}`),
    ...(exposedServers(plan).length > 0 && plan.accounts === DEFAULT_ACCOUNTS
      ? ["! The account foo:bar is known to everybody; give --user to have another."]
      : []),
    "Ctrl+C stops everything.",
    "",
  ];
  return `${lines.join("\n")}\n`;
}

/** The commands that talk to a server, each on a line. */
function pasteable(plan: Plan, { protocol, url, host, port, path }: Server): string[] {
  const [account] = plan.accounts;
  // Only the password that everybody knows is printed; curl and lftp ask for others.
  const isDefault = account === DEFAULT_ACCOUNTS[0];
  const curlUser = isDefault ? "foo:bar" : (account?.name ?? "anonymous");
  const lftpUser = isDefault ? "foo,bar" : curlUser;
  const local = connectableHost(host);
  const commands: Readonly<Record<string, readonly string[]>> = path
    ? {
        http: [`curl --unix-socket ${path} http://127.0.0.1/`],
        ftp: [`nc -U ${path}`],
        telnet: [`socat - UNIX-CONNECT:${path}`],
        tcp: [`nc -U ${path}`],
      }
    : {
        http: [`curl ${url}/`, `curl --user ${curlUser} -T FILE ${url}/`],
        ftp: [
          `curl --user ${curlUser} ${url}/`,
          // Nobody has signed a throw-away certificate.
          ...(plan.tls ? [`curl --ssl-reqd --insecure --user ${curlUser} ${url}/`] : []),
          `lftp -u ${lftpUser} ${url}`,
        ],
        telnet: [`telnet ${local} ${port}`],
        tcp: [`echo hello | nc -N ${local} ${port}`],
      };
  return (commands[protocol] ?? []).map(
    (command, index) => `  ${(index === 0 ? protocol : "").padEnd(8)}${command}`,
  );
}
