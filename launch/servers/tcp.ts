import { TCP_BEHAVIOURS, type TcpOptions } from "../../servers/tcp/index.ts";
import { scriptShape } from "../config/shapes.ts";
import { kind, listening, openssl } from "../kind.ts";
import { choice, value } from "../setting.ts";

export const tcp = kind({
  protocol: "tcp",
  port: 1234,
  flag: listening("tcp", 1234),
  settings: {
    behaviour: choice("--tcp-behaviour <NAME>", "what the tcp server does (default hello)", TCP_BEHAVIOURS),
    script: value(
      "--tcp-script <FILE>",
      "a conversation that the tcp server holds to the letter instead (JSON, .js, .mjs)",
      String,
      { names: "file" },
    ),
  },
  shape: (kit) => ({ behaviour: kit.oneOf(...TCP_BEHAVIOURS), script: scriptShape(kit) }),
  service: async (options: TcpOptions) => (await import("../../servers/tcp/index.ts")).tcp(options),
  commands(reach) {
    const { host, port, path, tls } = reach;
    if (path) return [`nc -U ${path}`];
    return [`echo hello | ${tls === "on" ? openssl(reach) : `nc -N ${host} ${port}`}`];
  },
});
