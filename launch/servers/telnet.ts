import type { TelnetOptions } from "../../servers/telnet/index.ts";
import { kind, listening, openssl } from "../kind.ts";
import { list, mapped, toggle, value } from "../setting.ts";

export const telnet = kind<TelnetOptions>({
  protocol: "telnet",
  port: 2323,
  flag: listening("telnet", 2323),
  settings: {
    login: mapped(
      toggle("--telnet-login", "let in to Telnet only those who log in"),
      () => "required" as const,
    ),
    shell: mapped(
      list("--run <NAME=PROGRAM>", "what Telnet clients may run (repeatable; default nothing)", program),
      (programs) => ({ programs: Object.fromEntries(programs) }),
    ),
    device: value(
      "--device <FILE>",
      "what Telnet clients talk to instead of a shell (JSON, .js, .mjs)",
      String,
      {
        names: "file",
      },
    ),
  },
  service: async (options) => (await import("../../servers/telnet/index.ts")).telnet(options),
  commands(reach) {
    const { host, port, path, tls } = reach;
    if (path) return [`socat - UNIX-CONNECT:${path}`];
    return [tls === "on" ? openssl(reach) : `telnet ${host} ${port}`];
  },
});

function program(text: string): readonly [name: string, path: string] {
  const [, name, path] = /^([^\s=]+)=(.+)$/su.exec(text) ?? [];
  if (name === undefined || path === undefined) throw new Error("A program is NAME=PROGRAM.");
  return [name, path];
}
