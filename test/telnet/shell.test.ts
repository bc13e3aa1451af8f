import { EventEmitter, once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startLab, telnet, WirelabError } from "../../index.ts";
import { arrived, DO, ECHO, IAC, OFFERS, RawClient, SGA, WILL } from "./dialogue.ts";

describe("a client that negotiates nothing", () => {
  test("gets offers, greeting and prompt at once", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = new RawClient(lab.servers.shell);
    expect(await client.read("guest1> ")).toBe(
      `${OFFERS.toString("latin1")}Welcome to wirelab. You are guest1, in the room lobby.\r\n` +
        `Type "help" for the commands, "quit" to leave.\r\nguest1> `,
    );
  });

  test("gets them within 50 ms", async () => {
    await using lab = await startLab({ shell: telnet() });
    const times: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const began = performance.now();
      using client = new RawClient(lab.servers.shell);
      await client.read("> ");
      times.push(performance.now() - began);
    }
    // The best of some: others use this machine, too. Who waits for answers to negotiation is late each time.
    expect(Math.min(...times)).toBeLessThan(50);
  });

  test.each([
    ["CR LF", "\r\n"],
    ["LF", "\n"],
    ["CR NUL", "\r\0"],
    ["CR", "\r"],
  ])("may end its lines with %s: each is one line", async (_name, end) => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send(`echo one${end}echo two${end}${end}echo three${end}quit${end}`);
    expect(await client.rest()).toBe("one\r\nguest1> two\r\nguest1> guest1> three\r\nguest1> Goodbye.\r\n");
  });

  test("may send its line ends in two packets", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    for (const [packet, answer] of [
      ["echo one\r", "one"],
      ["\necho two\r", "two"],
      ["\0echo three\n", "three"],
    ]) {
      expect(await client.send(packet!).read("> ")).toBe(`${answer}\r\nguest1> `);
    }
  });

  test("may send byte by byte", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.socket.setNoDelay();
    for (const byte of Buffer.from("echo ü\r\nquit\r\n")) {
      client.send([byte]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(Buffer.from(await client.rest(), "latin1").toString()).toBe("ü\r\nguest1> Goodbye.\r\n");
  });

  test("gets its answers and the end when it has closed its side", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    const closed = lab.events.next("closed");
    client.send("echo one\r\necho two");
    client.socket.end();
    expect(await client.rest()).toBe("one\r\nguest1> two\r\n");
    expect(await closed).toMatchObject({ reason: "client" });
  });

  test("that only connects and closes its side is let go", async () => {
    await using lab = await startLab({ shell: telnet() });
    const closed = lab.events.next("closed");
    using client = new RawClient(lab.servers.shell);
    client.socket.end();
    expect(await client.rest()).toContain("Welcome");
    expect(await closed).toMatchObject({ reason: "client" });
  });
});

describe("commands", () => {
  /** What the shell answers to lines, the prompts left out. */
  async function answers(
    lines: readonly string[],
    options: Parameters<typeof startLab>[1] = {},
  ): Promise<string[]> {
    await using lab = await startLab({ shell: telnet() }, options);
    using client = await arrived(lab);
    client.send(lines.map((line) => `${line}\r\n`).join(""), "quit\r\n");
    const text = Buffer.from(await client.rest(), "latin1").toString();
    return text.split(/[^\n]*?guest1> /).map((answer) => answer.trimEnd().replaceAll("\r\n", "\n"));
  }

  test.each([
    ["echo  two  spaces", " two  spaces"],
    ["ECHO hi", "hi"],
    ["  echo hi", "hi"],
    ["echo", ""],
    ["echo grüße 李雷 👋", "grüße 李雷 👋"],
    ["nick", "You are guest1."],
    ["who", "In lobby: guest1 (you)"],
    ["who den", "Nobody is in den."],
    ["rooms", "lobby: 1"],
    ["say hi", "guest1: hi"],
    ["say", "Usage: say TEXT"],
    ["me waves", "* guest1 waves"],
    ["tell bob hi", "Nobody here is called bob."],
    ["tell guest1", "Usage: tell NICK TEXT"],
    ["join den", "In den: guest1 (you)"],
    ["join no/name", "join: A room's name has 1 to 24 letters, digits, _ or -."],
    ["nick no/name", "nick: A nick has 1 to 24 letters, digits, _ or -, and begins with a letter."],
    ["help echo", "echo [TEXT]        say the text back"],
    ["help nonsense", 'There is no command "nonsense" to help with.'],
    ["nonsense 1 2", 'Unknown command "nonsense". Type "help" to see the commands that there are.'],
    ["constructor", 'Unknown command "constructor". Type "help" to see the commands that there are.'],
    ["__proto__", 'Unknown command "__proto__". Type "help" to see the commands that there are.'],
    ["cat index.html", "Hello, world!"],
    ["cat nothing", "cat: /nothing"],
    ["cat /../../etc/passwd", "cat: /etc/passwd"],
    ["cat", "Usage: cat PATH"],
    ["pwd", "/"],
    ["help bye", "bye                leave (so do exit and Ctrl-D)"],
    ["?  echo", "echo [TEXT]        say the text back"],
    ["cd index.html", "cd: /index.html: not a directory."],
  ])("%s", async (line, answer) => {
    const [first] = await answers([line]);
    if (line.startsWith("cat /") || line === "cat nothing") expect(first).toMatch(new RegExp(`^${answer}: `));
    else expect(first).toBe(answer);
  });

  test("help tells of every command, and the time is one", async () => {
    const [help = "", time = ""] = await answers(["help", "time"]);
    for (const name of "cat cd clear echo help history join ls me nick pwd quit rooms run say tell term time who".split(
      " ",
    )) {
      expect(help).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    }
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(10_000);
  });

  test("history tells what was typed, and term what is known of a client that tells nothing", async () => {
    const [, history, term] = await answers(["echo hi", "history", "term"]);
    expect(history).toBe("   1  echo hi\n   2  history");
    expect(term).toBe("type     unknown\nwindow   unknown\nmode     line\noptions  none");
  });

  test("the time is the lab's", async () => {
    expect(await answers(["time"], { clock: "2026-01-31T12:00:00Z" })).toContain("2026-01-31T12:00:00.000Z");
  });

  test("ls and cd look at directories", async () => {
    const files = { "/in/a.csv": "1,2\n", "/in/\x1b[31mred": "", "/b.txt": "b" };
    const lines = ["ls -la", "cd in", "ls", "pwd", "cd", "ls -l b.txt"];
    const [root, moved, inside, where, back, one] = await answers(lines, { files });
    expect(root).toMatch(/^ +1 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}b\.txt\n +- {2}[-\d]+ [\d:]+ {2}in\/$/);
    expect(moved).toBe("/in");
    expect(inside).toMatch(/\^\[\[31mred\n +4 .* a\.csv$/);
    expect(where).toBe("/in");
    expect(back).toBe("/");
    expect(one).toMatch(/b\.txt$/);
  });

  test("cat shows files that are no text without acting on them", async () => {
    const files = { "/evil": "a\x1b[2J\x07b\r\nc\td\x9b\xff\u202e" };
    expect((await answers(["cat evil"], { files }))[0]).toBe("a^[[2J^Gb\nc\td\ufffdÿ\ufffd");
  });

  test("those who have not logged in see what the account anonymous sees", async () => {
    const options = {
      files: { "/public/a": "open", "/secret": "shut" },
      accounts: [{ name: "anonymous", home: "/public", permissions: "elr" }],
    };
    const [directory, secret] = await answers(["ls", "cat ../secret"], options);
    expect(directory).toMatch(/ a$/);
    expect(secret).toBe("cat: /secret: outside the home of anonymous.");
    const blind = { ...options, accounts: [{ name: "anonymous", permissions: "e" }] };
    expect((await answers(["cat /secret"], blind))[0]).toMatch(/^cat: .*lacks the permission "r"/);
  });

  test("quit, exit, logout and bye leave", async () => {
    await using lab = await startLab({ shell: telnet() });
    for (const word of ["quit", "exit", "logout", "bye", "QUIT"]) {
      const closed = lab.events.next("closed");
      using client = await arrived(lab);
      client.send(`${word}\r\necho never\r\n`);
      expect(await client.rest()).toBe("Goodbye.\r\n");
      expect(await closed).toMatchObject({ reason: "server" });
    }
  });

  test("a line that is too long is told, and the next one is read", async () => {
    const [tooLong, next] = await answers([`echo ${"x".repeat(5000)}`, "echo hi"]);
    expect(tooLong).toBe("That line is longer than 4096 characters, so nothing was done.");
    expect(next).toBe("hi");
  });

  test("text that is not UTF-8 is answered as it came", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send("echo gr", [0xfc], "n", [IAC, IAC], "\r\n");
    expect(await client.read("> ")).toBe("gr\u00fcn\u00ff\u00ff\r\nguest1> ");
    client.send("echo ü\r\n");
    expect(await client.read("> ")).toBe("\u00c3\u00bc\r\nguest1> ");
  });
});

describe("own commands", () => {
  test("stand beside the shell's, and may replace them", async () => {
    const shell = {
      greeting: "Hello.",
      room: "den",
      commands: {
        add: {
          usage: "A B",
          summary: "add",
          run: (text: string) => `${text.split(" ").reduce((sum, part) => sum + Number(part), 0)}`,
        },
        time: { summary: "no time", run: async () => "noon" },
        count: {
          summary: "count",
          async *count() {},
          async run() {
            return (async function* () {
              for (const number of [1, 2, 3]) yield `${number}\n`;
            })();
          },
        },
        silent: { summary: "say nothing", run: () => undefined },
        room: {
          summary: "tell the room",
          run: (_text: string, { seat }: { seat: { room: string } }) => seat.room,
        },
      },
    };
    await using lab = await startLab({ shell: telnet({ shell }) });
    using client = new RawClient(lab.servers.shell);
    client.send("add 1 2\r\ntime\r\ncount\r\nsilent\r\nroom\r\nhelp add\r\nexit\r\n");
    const text = (await client.rest()).slice(OFFERS.length);
    expect(text.replaceAll("guest1> ", "> ")).toBe(
      "Hello.\r\n> 3\r\n> noon\r\n> 1\r\n2\r\n3\r\n> > den\r\n> add A B            add\r\n> Goodbye.\r\n",
    );
  });

  test("are found in any case", async () => {
    const commands = {
      getTime: { summary: "", run: () => "noon" },
      ECHO: { summary: "", run: () => "again" },
    };
    await using lab = await startLab({ shell: telnet({ shell: { commands } }) });
    using client = await arrived(lab);
    client.send("getTime\r\nGETTIME\r\necho hi\r\nquit\r\n");
    const answers = "noon\r\nguest1> noon\r\nguest1> again\r\nguest1> Goodbye.\r\n";
    expect(await client.rest()).toBe(answers);
  });

  test("that fail say so, and the session goes on", async () => {
    const commands = {
      known: {
        summary: "",
        run() {
          throw new WirelabError("QUOTA", "The disk is full.");
        },
      },
      unknown: {
        summary: "",
        run: async () => {
          throw new Error("secret");
        },
      },
    };
    await using lab = await startLab({ shell: telnet({ shell: { commands } }) });
    using client = await arrived(lab);
    client.send("known\r\nunknown\r\nquit\r\n");
    expect(await client.rest()).toBe(
      "known: The disk is full.\r\nguest1> unknown: it failed, and not through what you typed.\r\nguest1> Goodbye.\r\n",
    );
  });

  test("that fail in the midst of an answer in pieces say so, too", async () => {
    const commands = {
      known: {
        summary: "",
        async *run() {
          yield "one\ntw";
          throw new WirelabError("QUOTA", "The disk is full.");
        },
      },
      unknown: {
        summary: "",
        async *run() {
          yield "one\n";
          throw new Error("secret");
        },
      },
      short: {
        summary: "",
        async *run() {
          yield "no end";
        },
      },
    };
    await using lab = await startLab({ shell: telnet({ shell: { commands } }) });
    using client = await arrived(lab);
    client.send("known\r\nunknown\r\nshort\r\nquit\r\n");
    expect((await client.rest()).replaceAll("guest1> ", "> ").split("\r\n")).toEqual([
      "one",
      "tw",
      "known: The disk is full.",
      "> one",
      "unknown: it failed, and not through what you typed.",
      "> no end",
      "> Goodbye.",
      "",
    ]);
  });

  test("are told of Ctrl-C and of the client's end by a signal", async () => {
    const reasons: string[] = [];
    const wait = {
      summary: "wait",
      run: async (_text: string, { terminal }: { terminal: { signal: AbortSignal } }) => {
        const { signal } = terminal;
        await once(signal, "abort");
        reasons.push("aborted");
        return "stopped";
      },
    };
    await using lab = await startLab({ shell: telnet({ shell: { commands: { wait } } }) });
    using client = await arrived(lab);
    const heard = lab.events.next("command");
    client.send("wait\r\n");
    await heard;
    client.send("echo lost\r\n\x03echo kept\r\n");
    expect(await client.read("kept\r\nguest1> ")).toBe("stopped\r\nguest1> kept\r\nguest1> ");
    const again = lab.events.next("command");
    client.send("wait\r\n");
    await again;
    const closed = lab.events.next("closed");
    client.socket.resetAndDestroy();
    expect(await closed).toMatchObject({ reason: "reset" });
    await expect.poll(() => reasons).toEqual(["aborted", "aborted"]);
  });

  test.each([
    [{ shell: {}, session: async () => {} }],
    [{ maxOutgoing: 0 }],
    [{ login: { tries: 0 } }],
    [{ login: { pause: -1 } }],
    [{ shell: { commands: { "two words": { summary: "", run: () => "" } } } }],
  ])("options that make no sense are refused: %j", (options) => {
    expect(() => telnet(options)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});

describe("own sessions", () => {
  test("read lines and write text instead of the shell", async () => {
    const seen: unknown[] = [];
    await using lab = await startLab({
      router: telnet({
        async session(terminal) {
          const user = await terminal.readLine("login: ");
          const password = await terminal.readLine("password: ", { hidden: true });
          await terminal.write(`${user} has ${password?.length} letters\n`);
          seen.push(
            terminal.connection,
            terminal.secure,
            terminal.columns,
            terminal.type,
            terminal.characterMode,
          );
          seen.push(await terminal.readLine("# "));
        },
      }),
    });
    using client = new RawClient(lab.servers.router);
    await client.read("login: ");
    client.send("ann\r\n");
    await client.read("password: ");
    client.send("secret\r\n");
    expect(await client.read("# ")).toBe("ann has 6 letters\r\n# ");
    client.socket.end();
    expect(await client.rest()).toBe("");
    await expect.poll(() => seen).toEqual(["c1", false, undefined, undefined, false, undefined]);
    expect(String(lab.transcript)).not.toContain("secret");
    expect(String(lab.transcript)).toContain("ann");
  });

  test("read keys, Esc alone too", async () => {
    await using lab = await startLab({
      keys: telnet({
        async session(terminal) {
          for (let key = await terminal.readKey(); key !== undefined; key = await terminal.readKey())
            await terminal.write(`${JSON.stringify(key)} `);
        },
      }),
    });
    using client = new RawClient(lab.servers.keys);
    client.send([IAC, DO, ECHO], "a\x1b[A\x1bOP\x1b[1;5C\x1b[[A\x1b[[\x1bb\r\n\x1b");
    expect(await client.read('b" "\\r" "\\u001b" ')).toContain(
      String.raw`"a" "\u001b[A" "\u001bOP" "\u001b[1;5C" "\u001b[[A" "\u001b[[" "\u001b" "b" "\r" "\u001b" `,
    );
  });

  test("leave others their turn, however many keys have come", async () => {
    let read = 0;
    let inOneTurn = 0;
    await using lab = await startLab({
      keys: telnet({
        async session(terminal) {
          while (read < 2000) {
            await terminal.readKey();
            read += 1;
          }
        },
      }),
    });
    using client = new RawClient(lab.servers.keys);
    client.send("x".repeat(2000));
    for (let before = 0; read < 2000; before = read) {
      await turn();
      inOneTurn = Math.max(inOneTurn, read - before);
    }
    await client.rest();
    expect(inOneTurn).toBeLessThan(100);
  });

  test("are told of each other size of the window", async () => {
    const sizes: unknown[] = [];
    await using lab = await startLab({
      editor: telnet({
        async session(terminal) {
          const told = (name: string) => sizes.push(`${name} ${terminal.columns}x${terminal.rows}`);
          const first = terminal.onResize(() => told("one"));
          terminal.onResize(() => told("two"));
          await terminal.readLine("> ");
          first[Symbol.dispose]();
          await terminal.readLine("> ");
        },
      }),
    });
    using client = new RawClient(lab.servers.editor);
    const size = (...bytes: number[]) => [IAC, 250, 31, ...bytes, IAC, 240];
    await client.send(size(0, 1, 0, 1)).read("> ");
    client.send([IAC, WILL, 31], size(0, 80, 0, 24), size(0, 80, 0, 24), size(1, 0, 0, 24), "\r\n");
    await client.read("> ");
    client.send(size(0, 0, 0, 0), size(1, 2, 3), "\r\n");
    await client.rest();
    expect(sizes).toEqual(["one 80x24", "two 80x24", "one 256x24", "two 256x24", "two undefinedxundefined"]);
  });

  test("that throw end their own client", async () => {
    await using lab = await startLab({
      faulty: telnet({
        session: async (terminal) => {
          await terminal.readLine();
          throw new Error("no more");
        },
      }),
    });
    const closed = lab.events.next("closed");
    using client = new RawClient(lab.servers.faulty);
    using other = new RawClient(lab.servers.faulty);
    client.send("x\r\n");
    expect(await client.rest()).toContain("This session has failed. Goodbye.\r\n");
    expect(await closed).toMatchObject({ reason: "error" });
    other.send("y\r\n");
    expect(await other.rest()).toContain("This session has failed.");
  });

  test("cannot read two lines at once", async () => {
    await using lab = await startLab({
      hasty: telnet({
        async session(terminal) {
          const first = terminal.readLine("? ");
          await terminal.readLine("?? ").catch((error) => terminal.write(`${error.code}\n`));
          await terminal.write(`${await first}\n`);
        },
      }),
    });
    using client = new RawClient(lab.servers.hasty);
    await client.read("BAD_OPTION\r\n? ");
    client.send("one\r\n");
    expect(await client.rest()).toBe("one\r\n");
  });

  test("may write while a line is being typed", async () => {
    let tell: (text: string) => Promise<void> = async () => {};
    await using lab = await startLab({
      clock: telnet({
        async session(terminal) {
          tell = (text) => terminal.write(text);
          await terminal.readLine("> ");
        },
      }),
    });
    using client = new RawClient(lab.servers.clock);
    await client.read("> ");
    await tell("noon");
    expect(await client.read("> ")).toBe("\r\nnoon\r\n> ");
  });
});

describe("what observers are told", () => {
  test("commands, answers and negotiation", async () => {
    await using lab = await startLab({ shell: telnet() });
    const seen: string[] = [];
    using _subscription = lab.events.subscribe((event) => {
      if (event.type === "frame") seen.push(`${event.kind} ${event.direction} ${event.preview}`);
      else if (event.type === "command") seen.push(`command ${event.verb}|${event.target}`);
      else if (event.type === "reply") seen.push(`reply ${event.text} ${event.ms >= 0}`);
      else seen.push(event.type);
    });
    using client = await arrived(lab);
    client.send(
      [IAC, WILL, 31, IAC, 250, 31, 1, 0, 0, 24, IAC, 240, IAC, 253, 99],
      "Say  hi there \r\nquit\r\n",
    );
    await client.rest();
    await expect.poll(() => seen.at(-1)).toBe("closed");
    expect(seen).toEqual([
      "opened",
      "negotiation out WILL ECHO",
      "negotiation out WILL SGA",
      "negotiation out DO TTYPE",
      "negotiation out DO NAWS",
      'reply Welcome to wirelab. You are guest1, in the room lobby.\nType "help" for the commands, "quit" to leave. true',
      "negotiation in WILL NAWS",
      "negotiation in SB NAWS 256×24",
      "negotiation in DO 99",
      "negotiation out WONT 99",
      "command say|hi there ",
      "reply guest1: hi there true",
      "command quit|undefined",
      "reply Goodbye. true",
      "closed",
    ]);
  });

  test.each([
    ["FIN", "client", (client: RawClient) => client.socket.end()],
    ["RST", "reset", (client: RawClient) => client.socket.resetAndDestroy()],
    ["destroy", "client", (client: RawClient) => client.socket.destroy()],
    ["quit", "server", (client: RawClient) => void client.send("quit\r\n").rest()],
  ])("one end after %s, and the seat is free", async (_name, reason, end) => {
    await using lab = await startLab({ shell: telnet() });
    const closings: string[] = [];
    using _subscription = lab.events.subscribe((event) => {
      if (event.type === "closed") closings.push(event.reason);
    });
    using client = await arrived(lab);
    client.send("nick ann\r\n");
    await client.read("ann> ");
    const closed = lab.events.next("closed");
    end(client);
    await closed;
    using next = await arrived(lab);
    next.send("nick ann\r\n");
    expect(await next.read("> ")).toContain("You are ann.");
    expect(closings).toEqual([reason]);
  });
});

describe("the end of the lab", () => {
  test("is told to everybody, and nobody has to be cut", async () => {
    const lab = await startLab({ shell: telnet() });
    using one = await arrived(lab);
    using other = await arrived(lab);
    other.send([IAC, 253, ECHO, IAC, 253, SGA], "half a li");
    await other.read("half a li");
    const stopping = lab.stop();
    expect(await one.rest()).toMatch(/\r\nThe server is stopping\. Goodbye\.\r\n$/);
    expect(await other.rest()).toMatch(/\r\nThe server is stopping\. Goodbye\.\r\n$/);
    const report = await stopping;
    expect(report.open).toHaveLength(2);
    expect(report.cut).toEqual([]);
  });

  test("waits for a command that is under way", async () => {
    const gate = new EventEmitter();
    const slow = {
      summary: "",
      async run() {
        gate.emit("begun");
        await once(gate, "finish");
        return "done at last";
      },
    };
    const lab = await startLab({ shell: telnet({ shell: { commands: { slow } } }) });
    using client = await arrived(lab);
    const begun = once(gate, "begun");
    client.send("slow\r\nnever\r\n");
    await begun;
    const stopping = lab.stop();
    gate.emit("finish");
    expect(await client.rest()).toBe("done at last\r\n\r\nThe server is stopping. Goodbye.\r\n");
    expect((await stopping).cut).toEqual([]);
  });

  test("comes to those that are idle, have lasted too long, or are too many", async () => {
    await using lab = await startLab({
      idle: telnet({ gate: { idle: 60 } }),
      brief: telnet({ gate: { lifetime: 60 } }),
      small: telnet({ gate: { maxConnections: 1 } }),
    });
    using idle = await arrived(lab, "idle");
    expect(await idle.rest()).toBe("\r\nNothing was typed for too long. Goodbye.\r\n");
    using brief = await arrived(lab, "brief");
    expect(await brief.rest()).toMatch(/\r\nThis connection has lasted as long as it may\. Goodbye\.\r\n$/);
    using first = await arrived(lab, "small");
    using second = new RawClient(lab.servers.small);
    expect(await second.rest()).toBe("The server is full. Try again later.\r\n");
    first.send("quit\r\n");
    await first.rest();
  });

  test("an hour is what a client may be silent", () => {
    expect(telnet().listen.gate?.idle).toBe(3_600_000);
    expect(telnet({ gate: { maxConnections: 3 } }).listen.gate).toEqual({
      idle: 3_600_000,
      maxConnections: 3,
    });
  });
});
