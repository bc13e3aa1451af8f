import { UDP_BEHAVIOURS, type UdpOptions } from "../../servers/udp/index.ts";
import { scriptShape } from "../config/shapes.ts";
import { kind, listening } from "../kind.ts";
import { choice, value } from "../setting.ts";

export const udp = kind({
  protocol: "udp",
  port: 1235,
  flag: listening("udp", 1235),
  settings: {
    behaviour: choice("--udp-behaviour <NAME>", "what the udp server does (default echo)", UDP_BEHAVIOURS),
    script: value(
      "--udp-script <FILE>",
      "a conversation that the udp server holds to the letter instead (JSON, .js, .mjs)",
      String,
      { names: "file" },
    ),
  },
  lacks: ["path", "tls"],
  shape: (kit) => ({ behaviour: kit.oneOf(...UDP_BEHAVIOURS), script: scriptShape(kit) }),
  service: async (options: UdpOptions) => (await import("../../servers/udp/index.ts")).udp(options),
  commands: ({ host, port }) => [`echo hello | nc -u -w1 ${host} ${port}`],
});
