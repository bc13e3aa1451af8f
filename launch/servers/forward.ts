import { parseAddress } from "../../core/address.ts";
import type { TlsClientOptions } from "../../core/tls/client.ts";
import type { ForwardTarget } from "../../servers/forward/address.ts";
import { FORWARD_BALANCES } from "../../servers/forward/balance.ts";
import type { HealthOptions } from "../../servers/forward/health.ts";
import type { ForwardOptions } from "../../servers/forward/index.ts";
import { PROXY_PROTOCOLS } from "../../servers/forward/proxy-protocol.ts";
import type { Kit, Schema, Shape } from "../config/kit.ts";
import { type Asked, kind } from "../kind.ts";
import { choice, list } from "../setting.ts";

export const forward = kind({
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
  needs: ["to"],
  shape: (kit) => ({
    to: targets(kit),
    balance: kit.oneOf(...FORWARD_BALANCES),
    connectTimeout: kit.number(1, 2 ** 31 - 1, "milliseconds, 1 or more"),
    proxyProtocol: kit.oneOf(...PROXY_PROTOCOLS),
    health: health(kit),
  }),
  service: async (options: ForwardOptions) =>
    (await import("../../servers/forward/index.ts")).forward(options),
  commands: ({ host, port, path }) => [path ? `nc -U ${path}` : `nc ${host} ${port}`],
});

async function forwardingFrom(text: string): Promise<Asked> {
  const [, listen, targets] = /^([^=]*)=(.*)$/su.exec(text) ?? [];
  if (listen === undefined || targets === undefined || targets === "")
    throw new Error(`"${text}" names no target: write ADDR=TARGET, 8080=127.0.0.1:80 for example.`);
  if (listen === "")
    throw new Error(`"${text}" says not where to listen: write ADDR=TARGET, 0 for any free port.`);
  const address = parseAddress(listen);
  const to = targets.split(",").map((target) => target.trim());
  const { targetsFrom } = await import("../../servers/forward/address.ts");
  targetsFrom(to, address);
  return { address, options: { to } };
}

function targets(kit: Kit): Schema<ForwardOptions["to"]> {
  const { text, port, path, whole, object, either, list, flag, pem } = kit;
  const weight = whole(1, 1000);
  const trust: Shape<TlsClientOptions> = { ca: pem, serverName: text };
  const tls = either(flag, object(trust));
  const target: Schema<ForwardTarget> = either(
    text,
    object({ host: text, port, weight, tls }, "host", "port"),
    object({ path, weight, tls }, "path"),
  );
  return either(target, list(target));
}

function health({ whole, ms, object }: Kit): Schema<HealthOptions> {
  const shape: Shape<HealthOptions> = { failures: whole(1), backOff: ms, maxBackOff: ms, interval: ms };
  return object(shape);
}
