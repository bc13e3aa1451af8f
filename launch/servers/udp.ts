import { UDP_BEHAVIOURS, type UdpOptions } from "../../servers/udp/index.ts";
import { kind, listening } from "../kind.ts";
import { choice } from "../setting.ts";

export const udp = kind({
  protocol: "udp",
  port: 1235,
  flag: listening("udp", 1235),
  settings: {
    behaviour: choice("--udp-behaviour <NAME>", "what the udp server does", UDP_BEHAVIOURS, {
      fallback: "echo",
    }),
  },
  lacks: ["path", "tls"],
  shape: ({ oneOf }) => ({ behaviour: oneOf(...UDP_BEHAVIOURS) }),
  service: async (options: UdpOptions) => (await import("../../servers/udp/index.ts")).udp(options),
  commands: ({ host, port }) => [`echo hello | nc -u -w1 ${host} ${port}`],
});
