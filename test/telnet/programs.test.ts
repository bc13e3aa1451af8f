import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { clientTest, needPrograms, run } from "../clients.ts";
import { arrived } from "./dialogue.ts";
import { ScreenModel } from "./screen.ts";

// Real programs, on a terminal where they want one: python3's pty runs them, waits for a text, types, and so on.
const PTY = `
import fcntl, json, os, pty, select, struct, sys, termios, time
program, steps, seen = sys.argv[1:], json.load(sys.stdin), b""
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(program[0], program)
at = 0
def more(seconds):
    global seen
    ready, _, _ = select.select([terminal], [], [], seconds)
    try:
        data = os.read(terminal, 65536) if ready else b""
    except OSError:
        data = None
    seen += data or b""
    return data
for wanted, keys in steps:
    deadline = time.time() + 5
    while wanted.encode() not in seen[at:]:
        if time.time() > deadline or more(0.1) is None:
            sys.stderr.write("%r did not come\\n" % wanted)
            break
    at = len(seen)
    os.write(terminal, keys.encode())
deadline = time.time() + 5
while time.time() < deadline and more(0.1) is not None:
    pass
sys.stdout.buffer.write(seen)
os.close(terminal)
os.waitpid(child, 0)
`;

/** What a program shows on its terminal: after each text that is waited for, the keys beside it are typed. */
async function onTerminal(
  program: readonly string[],
  steps: readonly (readonly [string, string])[],
): Promise<string> {
  const { stdout, stderr } = await run("python3", ["-c", PTY, ...program], { input: JSON.stringify(steps) });
  expect(stderr, stdout).toBe("");
  return stdout;
}

async function serving() {
  const lab = await startLab({ shell: telnet() });
  const { host, port } = lab.servers.shell;
  return { lab, host, port: `${port}`, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
}

describe("in character mode", () => {
  const CLIENTS: readonly (readonly [string, (host: string, port: string) => readonly string[]])[] = [
    ["telnet", (host, port) => ["telnet", host, port]],
    ["plink", (host, port) => ["plink", "-telnet", "-P", port, host]],
    ["busybox", (host, port) => ["busybox", "telnet", host, port]],
  ];
  for (const [program, command] of CLIENTS) {
    clientTest(program, "types, edits, recalls, leaves", async (context) => {
      needPrograms(context, "python3");
      await using server = await serving();
      const shown = await onTerminal(command(server.host, server.port), [
        ["guest1> ", "echo gröẞ\x7fße"],
        ["echo größe", "\r"],
        ["größe\r\nguest1> ", "nonsense\x15echo two words\x17lines\x03"],
        ["^C\r\nguest1> ", "\x1b[A\x1b[D\x1b[D!\r"],
        ["grö!ße\r\nguest1> ", "quit\r"],
        ["Goodbye.", ""],
      ]);
      const text = shown.replaceAll("\0", "");
      // The echo is there once for each key: what stands in the window is what was typed, and no more.
      const screen = new ScreenModel(80).show(text.slice(text.indexOf("Welcome"))).text;
      expect(screen).toContain(
        [
          "guest1> echo größe",
          "größe",
          "guest1> echo two lines^C",
          "guest1> echo grö!ße",
          "grö!ße",
          "guest1> quit",
          "Goodbye.",
        ].join("\n"),
      );
    });
  }

  clientTest("telnet", "tells size and type of its terminal", async (context) => {
    needPrograms(context, "python3");
    await using server = await serving();
    const { events } = server.lab;
    const size = events.next("frame", { preview: "SB NAWS 80×24" }, 10_000);
    const type = events.next("frame", { preview: "SB TTYPE IS XTERM" }, 10_000);
    await onTerminal(
      ["telnet", server.host, server.port],
      [
        ["guest1> ", "echo hi\r"],
        ["hi\r\nguest1> ", "\x04"],
      ],
    );
    await size;
    await type;
  });

  clientTest("/usr/games/tt++", "chats", async (context) => {
    needPrograms(context, "python3");
    await using server = await serving();
    using other = await arrived(server.lab);
    const shown = onTerminal(
      ["/usr/games/tt++", "-G"],
      [
        ["TinTin++", `#session lab ${server.host} ${server.port}\r`],
        ["guest2> ", "say hello from tintin\r"],
        ["guest1: hello", "quit\r"],
        ["DIED", "#end\r"],
      ],
    );
    await other.read("guest2: hello from tintin\r\n");
    other.send("say hello\r\n");
    expect(await shown).toContain("guest1: hello");
  });
});

describe("in line mode", () => {
  clientTest("telnet", "has its own line editing and its interrupts", async (context) => {
    needPrograms(context, "python3");
    await using server = await serving();
    const shown = await onTerminal(
      ["telnet", server.host, server.port],
      [
        ["guest1> ", "\x1d"],
        ["telnet> ", "mode line\r"],
        ["mode line", "echo in one piece\r"],
        ["\r\nin one piece\r\nguest1> ", "nonsense\x03"],
        ["guest1> ", "\x03"],
        ["guest1> ", "\x1d"],
        ["telnet> ", "send ayt\r"],
        ["[Yes]", "\x1d"],
        ["telnet> ", "send synch\r"],
        ["synch", "echo still fine\r"],
        ["\r\nstill fine\r\nguest1> ", "quit\r"],
        ["Goodbye.", ""],
      ],
    );
    expect(shown).not.toContain("Unknown command");
  });

  clientTest("nc", "gets its answers when its input has ended", async () => {
    await using server = await serving();
    const { code, stdout } = await run("nc", ["-N", server.host, server.port], { input: "help\r\n" });
    expect(code).toBe(0);
    expect(stdout).toContain("Commands:\r\n");
    expect(stdout).toMatch(/who \[ROOM\] .*\r\n(guest1> )?$/);
  });

  clientTest("nc", "is let go after quit", async () => {
    await using server = await serving();
    const { code, stdout } = await run("nc", [server.host, server.port], { input: "say hi\nquit\n" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/guest1: hi\r\nguest1> Goodbye\.\r\n$/);
  });

  clientTest("socat", "speaks over TCP and over a Unix-domain socket", async () => {
    await using server = await serving();
    const { stdout } = await run("socat", ["-t5", "-", `TCP:${server.host}:${server.port}`], {
      input: "echo one\r\nquit\r\n",
    });
    expect(stdout).toMatch(/one\r\nguest1> Goodbye\.\r\n$/);
    const path = join(tmpdir(), `wirelab-telnet-${process.pid}.sock`);
    await using lab = await startLab({ local: telnet({ path }) });
    expect(lab.servers.local.url).toBe(`unix:${path}`);
    const local = await run("socat", ["-t5", "-", `UNIX-CONNECT:${path}`], { input: "echo two\nquit\n" });
    expect(local.stdout).toMatch(/two\r\nguest1> Goodbye\.\r\n$/);
  });

  clientTest("ncat", "speaks Telnet by itself (-t)", async () => {
    await using server = await serving();
    const { stdout } = await run("ncat", ["-t", server.host, server.port], { input: "echo hi\nquit\n" });
    expect(stdout).toMatch(/hi\r\nguest1> .*Goodbye\.\r\n$/);
  });

  clientTest("curl", "speaks telnet://", async () => {
    await using server = await serving();
    const { stdout } = await run("curl", ["-s", server.lab.servers.shell.url], { input: "echo hi\nquit\n" });
    // It agrees to our echo, and so it gets it.
    expect(stdout).toMatch(/guest1> echo hi\r\nhi\r\nguest1> quit\r\nGoodbye\.\r\n$/);
  });

  clientTest("python3", "telnetlib reads, writes and interacts", async () => {
    await using server = await serving();
    const program = `
import telnetlib, sys
with telnetlib.Telnet(sys.argv[1], int(sys.argv[2]), 5) as client:
    client.read_until(b"> ", 5)
    client.write("echo grüße \\xff".encode("latin1") + b"\\r\\n")
    print(client.read_until(b"> ", 5))
    client.write(b"nick snake\\n")
    print(client.expect([rb"snake> "], 5)[2])
    client.write(b"quit\\n")
    print(client.read_all())
`;
    const { stdout, stderr } = await run("python3", [
      "-W",
      "ignore",
      "-c",
      program,
      server.host,
      server.port,
    ]);
    expect(stderr).toBe("");
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      String.raw`b'gr\xfc\xdfe \xff\r\nguest1> '`,
      String.raw`b'You are snake.\r\nsnake> '`,
      String.raw`b'Goodbye.\r\n'`,
    ]);
  });
});

test("programs of different kinds chat with each other", { timeout: 30_000 }, async (context) => {
  needPrograms(context, "nc", "socat", "busybox");
  await using server = await serving();
  using listener = await arrived(server.lab);
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    ["nc", [server.host, server.port]],
    ["socat", ["-t5", "-", `TCP:${server.host}:${server.port}`]],
    ["busybox", ["nc", server.host, server.port]],
  ];
  for (const [program, args] of kinds) {
    await run(program, args, { input: `nick via_${program}\nsay hello from ${program}\nquit\n` }).catch(
      () => undefined,
    );
    expect(await listener.read(`has left lobby.\r\n`)).toContain(`via_${program}: hello from ${program}`);
  }
});
