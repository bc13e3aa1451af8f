import type { Control } from "../control/index.ts";
import { DEFAULT_ACCOUNTS } from "../core/accounts.ts";
import { connectableHost, isLoopback } from "../core/address.ts";
import type { Server } from "../core/server.ts";
import { exposedServers, type Plan } from "./plan.ts";

/** What people see when everything listens: a line or two per server, to be pasted as they are. */
export function banner(
  plan: Plan,
  servers: Readonly<Record<string, Server>>,
  version: string,
  control: Pick<Control, "url" | "token" | "host"> | undefined,
): string {
  const { root, copy } = plan.settings;
  const files =
    root !== undefined ? `in ${root}` : copy !== undefined ? `of ${copy}, in memory` : "in memory";
  const names = plan.accounts.map(({ name, permissions = "elr" }) => `${name} (${permissions})`);
  const exposed = exposedServers(plan);
  const lines = [
    "",
    `wirelab ${version} – files ${files}, accounts: ${names.join(", ")}`,
    "",
    ...Object.values(servers).flatMap((server) => pasteable(plan, server)),
    ...(control
      ? [`  control curl -H 'Authorization: Bearer ${control.token}' ${control.url}/v1/servers`]
      : []),
    "",
    ...(control && !isLoopback(control.host)
      ? [`! Other machines can reach the control API: ${control.url}`]
      : []),
    ...exposed.map((name) => `! Other machines can reach ${name}: ${servers[name]?.url}`),
    ...(exposed.length > 0 && plan.accounts === DEFAULT_ACCOUNTS
      ? ["! The account foo:bar is known to everybody; give --user to have another."]
      : []),
    "Ctrl+C stops everything.",
    "",
  ];
  return `${lines.join("\n")}\n`;
}

/** The commands that talk to a server, each on a line. */
function pasteable(plan: Plan, { name, url, host, port, path }: Server): string[] {
  const [account] = plan.accounts;
  const planned = plan.servers.get(name);
  const commands = planned?.kind?.commands({
    host: connectableHost(host),
    port,
    url,
    path,
    user: account?.name ?? "anonymous",
    // Only the password that everybody knows is printed; curl and lftp ask for others.
    password: account === DEFAULT_ACCOUNTS[0] ? account?.password : undefined,
    tls: (planned?.options.tls ?? plan.tls ?? false) === false ? "off" : "on",
    caFile: plan.settings.caFile,
  });
  return (commands ?? [url]).map((command, index) => `  ${(index === 0 ? name : "").padEnd(8)}${command}`);
}
