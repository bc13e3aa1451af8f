import { TCP_BEHAVIOURS, type TcpOptions } from "../../servers/tcp/index.ts";
import { kind, listening } from "../kind.ts";
import { choice } from "../setting.ts";

export const tcp = kind<TcpOptions>({
  protocol: "tcp",
  port: 1234,
  flag: listening("tcp", 1234),
  settings: {
    behaviour: choice("--tcp-behaviour <NAME>", "what the tcp server does", TCP_BEHAVIOURS, {
      fallback: "hello",
    }),
  },
  service: async (options) => (await import("../../servers/tcp/index.ts")).tcp(options),
  commands: ({ host, port, path }) => [path ? `nc -U ${path}` : `echo hello | nc -N ${host} ${port}`],
});
