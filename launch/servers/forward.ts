import { parseAddress } from "../../core/address.ts";
import { targetsFrom } from "../../servers/forward/address.ts";
import { FORWARD_BALANCES } from "../../servers/forward/balance.ts";
import type { ForwardOptions } from "../../servers/forward/index.ts";
import { PROXY_PROTOCOLS } from "../../servers/forward/proxy-protocol.ts";
import { type Asked, kind } from "../kind.ts";
import { choice, list } from "../setting.ts";

export const forward = kind<ForwardOptions>({
  protocol: "forward",
  // Without a target there is nothing to start.
  port: undefined,
  flag: list(
    "--forward <ADDR=TARGET[,TARGET…]>",
    "pass what comes to ADDR on to TARGET, or to several in turn (repeatable)",
    forwardingFrom,
  ),
  settings: {
    balance: choice("--forward-balance <NAME>", "how one of several targets is chosen", FORWARD_BALANCES, {
      fallback: "round-robin",
    }),
    proxyProtocol: choice(
      "--forward-proxy-protocol <VERSION>",
      "tell targets whose connection it is, by the PROXY protocol",
      PROXY_PROTOCOLS,
    ),
  },
  service: async (options) => (await import("../../servers/forward/index.ts")).forward(options),
  commands: ({ host, port, path }) => [path ? `nc -U ${path}` : `nc ${host} ${port}`],
});

function forwardingFrom(text: string): Asked {
  const [, listen, targets] = /^([^=]*)=(.*)$/su.exec(text) ?? [];
  if (listen === undefined || targets === undefined || targets === "")
    throw new Error(`"${text}" names no target: write ADDR=TARGET, 8080=127.0.0.1:80 for example.`);
  if (listen === "")
    throw new Error(`"${text}" says not where to listen: write ADDR=TARGET, 0 for any free port.`);
  const address = parseAddress(listen);
  const to = targets.split(",").map((target) => target.trim());
  targetsFrom(to, address);
  return { address, options: { to } };
}
