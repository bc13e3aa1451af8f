import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { connectTelnet } from "../../servers/telnet/client.ts";
import { clientTest, needPrograms, run } from "../clients.ts";
import { ScreenModel } from "./screen.ts";

// Real programs, on a terminal where they want one: python3's pty runs them, waits for a text, types (or makes the window
// another size), and so on.
const PTY = `
import fcntl, json, os, pty, select, struct, sys, termios, time
program, steps, seen = sys.argv[1:], json.load(sys.stdin), b""
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(program[0], program)
at = 0
def size(columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
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
    deadline = time.time() + 10
    while wanted.encode() not in seen[at:]:
        if time.time() > deadline or more(0.1) is None:
            sys.stderr.write("%r did not come\\n" % wanted)
            break
    at = len(seen)
    size(*keys) if isinstance(keys, list) else os.write(terminal, keys.encode())
deadline = time.time() + 5
while time.time() < deadline and more(0.1) is not None:
    pass
sys.stdout.buffer.write(seen)
os.close(terminal)
os.waitpid(child, 0)
`;

/** After a text that is waited for, the keys that are typed, or the columns and rows of the window from then on. */
type Step = readonly [string, string | readonly [number, number]];

/** What a program shows on its terminal. */
async function onTerminal(program: readonly string[], steps: readonly Step[]): Promise<string> {
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

const PYTHON = "import sys, telnetlib; telnetlib.Telnet(sys.argv[1], int(sys.argv[2])).interact()";

/** What a person does first, and last, where that is not nothing. */
interface Kind {
  readonly command: (host: string, port: string) => readonly string[];
  readonly before?: readonly Step[];
  readonly after?: readonly Step[];
  /** Whether it tells that its window has another size. */
  readonly resizes?: true;
  /** What it calls its terminal, if it tells. */
  readonly type?: string;
}

const lineMode: readonly Step[] = [
  ["guest2> ", "\x1d"],
  ["telnet> ", "mode line\r"],
];
// A plain program goes on reading what is typed until that comes to its end.
const endOfInput: readonly Step[] = [["Goodbye.", "\x04"]];

const KINDS: Readonly<Record<string, Kind>> = {
  "telnet in character mode": {
    command: (host, port) => ["telnet", host, port],
    resizes: true,
    type: "XTERM",
  },
  "telnet in line mode": {
    command: (host, port) => ["telnet", host, port],
    before: lineMode,
    resizes: true,
    type: "XTERM",
  },
  plink: { command: (host, port) => ["plink", "-telnet", "-P", port, host], resizes: true, type: "XTERM" },
  "tintin++": {
    command: () => ["/usr/games/tt++", "-G"],
    before: [["TinTin++", "#session lab HOST PORT\r"]],
    after: [["DIED", "#end\r"]],
    type: "TINTIN++",
  },
  "busybox telnet": { command: (host, port) => ["busybox", "telnet", host, port], type: "xterm" },
  nc: { command: (host, port) => ["nc", host, port], after: endOfInput },
  socat: { command: (host, port) => ["socat", "-", `TCP:${host}:${port}`], after: endOfInput },
  "python3's telnetlib": {
    command: (host, port) => ["python3", "-W", "ignore", "-c", PYTHON, host, port],
  },
};

// The two that are no programs are in client.test.ts: npm's telnetlib and telnet-client.
describe("connects, edits, chats with another kind of client, resizes where it can, and quits", () => {
  for (const [kind, { command, before = [], after = [], resizes, type }] of Object.entries(KINDS)) {
    clientTest(command("", "")[0] ?? "", kind, async (context) => {
      needPrograms(context, "python3");
      await using server = await serving();
      const { host, port, lab } = server;
      using other = await connectTelnet({ host, port: Number(port), characterMode: true });
      await other.read("guest1> ");
      const told = (preview: string) => lab.events.next("frame", { preview }, 15_000);
      const news = [
        ...(resizes ? [told("SB NAWS 80×24"), told("SB NAWS 100×30")] : []),
        ...(type ? [told(`SB TTYPE IS ${type}`)] : []),
      ];
      const place = (keys: string) => keys.replace("HOST", host).replace("PORT", port);
      const shown = onTerminal(command(host, port), [
        ...before.map(([text, keys]) => [text, typeof keys === "string" ? place(keys) : keys] as const),
        [before === lineMode ? "" : "guest2> ", "say helo\x7flo from here\r"],
        ["guest1: hello there", [100, 30]],
        ["", "quit\r"],
        ...after,
      ]);
      // On a busy machine programs take their time to start.
      expect(await other.read("from here\r\n", 15_000)).toContain("guest2: hello from here");
      other.send("say hello there\r");
      await other.read("guest2 has left lobby.\r\n", 15_000);
      expect(await shown).toContain("Goodbye.");
      await Promise.all(news);
    });
  }
});
