import type {
  Device,
  Login,
  ShellCommand,
  ShellOptions,
  ShellProgram,
  TelnetOptions,
} from "../../servers/telnet/index.ts";
import type { Kit, Schema, Shape } from "../config/kit.ts";
import { kind, listening, openssl } from "../kind.ts";
import { list, mapped, toggle, value } from "../setting.ts";

export const telnet = kind({
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
  shape: (kit) => ({
    shell: shellShape(kit),
    session: kit.callable(),
    // What is wrong with a device its own reader says.
    device: kit.either(
      kit.path,
      kit.made<Device>("a device", (found) => typeof found === "object" && found !== null),
    ),
    login: kit.either(kit.oneOf("required"), loginShape(kit)),
    maxOutgoing: kit.whole(1),
  }),
  service: async (options: TelnetOptions) => (await import("../../servers/telnet/index.ts")).telnet(options),
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

function shellShape({ text, list, record, object, either, ms, whole, callable }: Kit): Schema<ShellOptions> {
  const command: Shape<ShellCommand> = { usage: text, summary: text, run: callable(), complete: callable() };
  const started: Shape<ShellProgram> = {
    program: text,
    args: list(text),
    directory: text,
    environment: record(text),
    timeout: ms,
    maxOutput: whole(1),
  };
  const shape: Shape<ShellOptions> = {
    commands: record(object(command, "summary", "run")),
    greeting: text,
    room: text,
    programs: record(either(text, object(started, "program"))),
  };
  return object(shape);
}

function loginShape({ text, whole, ms, object }: Kit): Schema<Login> {
  const shape: Shape<Login> = {
    userPrompt: text,
    passwordPrompt: text,
    failure: text,
    tries: whole(1),
    pause: ms,
  };
  return object(shape);
}
