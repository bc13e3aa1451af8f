import { describe, expect, test } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { CHARSET, COMPRESS2, EOR, GMCP, MSSP, NEW_ENVIRON } from "../../servers/telnet/options.ts";
import {
  arrived,
  BINARY,
  DO,
  DONT,
  ECHO,
  IAC,
  NAWS,
  RawClient,
  SB,
  SE,
  SGA,
  STATUS,
  TIMING_MARK,
  TTYPE,
  typist,
  WILL,
  WONT,
} from "./dialogue.ts";
import { ScreenModel } from "./screen.ts";

const latin1 = (...bytes: number[]) => Buffer.from(bytes).toString("latin1");

/** What the server has said when it has answered a TIMING-MARK: all that came of what was sent before. */
async function settled(client: RawClient): Promise<string> {
  const mark = latin1(IAC, WILL, TIMING_MARK);
  return (await client.send([IAC, DO, TIMING_MARK]).read(mark)).slice(0, -mark.length);
}

describe("echo", () => {
  test("comes once, for what is typed and for the line end", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    for (const key of "echo hi") expect(await client.send(key).read(key)).toBe(key);
    expect(await client.send("\r\0").read("> ")).toBe("\r\nhi\r\nguest1> ");
  });

  test("comes once for a line that comes in one packet", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    expect(await client.send("echo hi\r\n").read("> ")).toBe("echo hi\r\nhi\r\nguest1> ");
  });

  test("comes never for a client that has refused it, or has not answered", async () => {
    await using lab = await startLab({ shell: telnet() });
    using silent = await arrived(lab);
    expect(await silent.send("echo hi\r\n").read("> ")).toBe("hi\r\nguest1> ");
    using refusing = await arrived(lab);
    expect(await refusing.send([IAC, DONT, ECHO, IAC, DO, SGA], "echo hi\r\n").read("> ")).toBe(
      "hi\r\nguest2> ",
    );
  });

  test("comes and goes when the client changes its mind", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    await client.send("echo 1\r\n").read("guest1> ");
    client.send([IAC, DONT, ECHO], "echo 2\r\n");
    expect(await client.read("> ")).toBe(`${latin1(IAC, WONT, ECHO)}2\r\nguest1> `);
    client.send([IAC, DO, ECHO], "echo 3\r\n");
    expect(await client.read("> ")).toBe(`${latin1(IAC, WILL, ECHO)}echo 3\r\n3\r\nguest1> `);
  });

  test("is of whole characters, also when they come in two packets", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    const [first = 0, ...others] = Buffer.from("李");
    client.send("echo ", [first]);
    expect(await settled(client)).toBe("echo ");
    client.send(others, "\r\0");
    expect(Buffer.from(await client.read("> "), "latin1").toString()).toBe("李\r\n李\r\nguest1> ");
  });

  test("is left out for a password", async () => {
    await using lab = await startLab({
      login: telnet({
        async session(terminal) {
          const password = await terminal.readLine("password: ", { hidden: true });
          await terminal.write(`${password === "secret"}\n`);
          await terminal.readLine("again: ");
        },
      }),
    });
    using client = new RawClient(lab.servers.login);
    await client.read("password: ");
    client.send([IAC, DO, ECHO, IAC, DO, SGA], "secreX\x7ft\r\0");
    expect(await client.read("again: ")).toBe("\r\ntrue\r\nagain: ");
    client.send("\x1b[A");
    expect(await settled(client)).toBe("");
  });
});

describe("editing", () => {
  test("BS and DEL, Ctrl-U, Ctrl-W", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    client.send("wrong\x15echo one twp\x7fo\b\x17three\r\0");
    expect(await client.read("> ")).toBe("echo one three\r\none three\r\nguest1> ");
    client.send("a");
    await client.read("a");
    expect(await client.send("\x7f").read("\b \b")).toBe("\b \b");
  });

  test("Ctrl-L clears the screen, and shows the line on it again", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    await client.send("echo hi\x1b[D").read("hi\b");
    expect(await client.send("\x0c").read("\b")).toBe("\x1b[H\x1b[2Jguest1> echo hi\b");
    expect(await client.send("\r\0").read("guest1> ")).toBe("i\r\nhi\r\nguest1> ");
  });

  test("Ctrl-C clears the line", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    client.send("quit\x03echo still here\r\0");
    expect(await client.read("here\r\nguest1> ")).toBe(
      "quit^C\r\nguest1> echo still here\r\nstill here\r\nguest1> ",
    );
  });

  test("Ctrl-D on an empty line leaves, on another one does not", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    client.send("x\x04\x7f\x04");
    expect(await client.rest()).toBe("\r\n");
  });

  test("Cursor Up brings back the last line", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    await client.send("echo hi\r\0").read("hi\r\nguest1> ");
    expect(await client.send("\x1b[A\r\0").read("> ")).toBe("echo hi\r\nhi\r\nguest1> ");
  });

  test("a line that is too long rings the bell and is not done", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    client.send(`echo ${"x".repeat(5000)}`);
    await client.read("\x07");
    client.send("\r\0");
    expect(await client.read("> ")).toContain("longer than 4096 characters");
  });
});

test("the last words of a server that stops stand below a line of several rows", async () => {
  const lab = await startLab({ shell: telnet() });
  using client = await typist(lab);
  client.send([IAC, WILL, NAWS, IAC, SB, NAWS, 0, 20, 0, 24, IAC, SE]);
  const screen = new ScreenModel(20).show("guest1> ");
  client.send("say the quick brown fox jumps over\x01");
  screen.show(await settled(client));
  expect(screen.cursor).toEqual([0, 8]);
  const stopped = lab.stop();
  screen.show(await client.rest());
  await stopped;
  expect(screen.text).toBe(
    "guest1> say the quic\nk brown fox jumps ov\ner\nThe server is stoppi\nng. Goodbye.",
  );
});

describe("functions of RFC 854", () => {
  test.each([
    ["IP", [IAC, 244]],
    ["BRK", [IAC, 243]],
    ["EL", [IAC, 248]],
    ["IP with a synch whose DM is lost", [IAC, 244, IAC, DO, TIMING_MARK, IAC]],
    ["IP with a synch whose IAC is lost", [IAC, 244, IAC, DO, TIMING_MARK, 242]],
  ])("%s clears the line", async (_name, bytes) => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send("nonsense ", bytes, "echo ok\r\nquit\r\n");
    expect(await client.rest()).toMatch(/ok\r\nguest1> Goodbye\.\r\n$/);
    using other = await typist(lab);
    other.send("nonsense ", bytes, "echo ok\r\nquit\r\n");
    expect(await other.rest()).toMatch(/\r\nok\r\nguest2> quit\r\nGoodbye\.\r\n$/);
  });

  test("EC takes a character away", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send("echo abX", [IAC, 247], "c\r\n");
    expect(await client.read("> ")).toBe("abc\r\nguest1> ");
  });

  test("AYT is answered, and the line that is being typed stays", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    expect(await client.send([IAC, 246]).read("> ")).toBe("\r\n[Yes]\r\nguest1> ");
    using other = await typist(lab);
    await other.send("echo h").read("echo h");
    expect(await other.send([IAC, 246]).read("echo h")).toBe("\r\0\x1b[J[Yes]\r\nguest2> echo h");
    expect(await other.send("i\r\0").read("> ")).toBe("i\r\nhi\r\nguest2> ");
  });

  test("AO lets a command run to its end, and shows no more of what it says", async () => {
    let proceed = () => {};
    let stopped = false;
    const work = {
      summary: "",
      run: () =>
        (async function* () {
          yield "begun\n";
          await new Promise<void>((resolve) => {
            proceed = resolve;
          });
          while (!stopped) yield "more\n";
          yield "done\n";
        })(),
    };
    await using lab = await startLab({ shell: telnet({ shell: { commands: { work } } }) });
    using client = await arrived(lab);
    await client.send("work\r\n").read("begun\r\n");
    client.send([IAC, 245, IAC, 245]);
    expect(await settled(client)).toBe(latin1(IAC, 242));
    proceed();
    // What has no end keeps nobody else waiting.
    using other = await arrived(lab);
    await other.send("echo hi\r\n").read("hi\r\n");
    stopped = true;
    expect(await client.read("guest1> ")).toBe("* guest2 has joined lobby.\r\nguest1> ");
    expect(await client.send("echo next\r\n").read("> ")).toBe("next\r\nguest1> ");
  });

  test("NOP, DM, AO, GA, EOR and the like do nothing", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    const nothing = [236, 237, 238, 239, 240, 241, 242, 245, 249].flatMap((code) => [IAC, code]);
    expect(await client.send("echo a", nothing, "b\r\n").read("> ")).toBe("ab\r\nguest1> ");
  });

  test("an interrupt in line mode shows the prompt behind the timing mark", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send("abc", [IAC, 244, IAC, DO, TIMING_MARK]);
    expect(await client.read("> ")).toBe(`${latin1(IAC, WILL, TIMING_MARK)}\r\nguest1> `);
  });
});

describe("options", () => {
  test("TIMING-MARK is answered each time", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    for (let round = 0; round < 3; round += 1) expect(await settled(client)).toBe("");
    client.send([IAC, DONT, TIMING_MARK, IAC, WONT, TIMING_MARK, IAC, WILL, TIMING_MARK]);
    expect(await settled(client)).toBe(latin1(IAC, DONT, TIMING_MARK));
  });

  test("TIMING-MARK stands behind the answers to what was sent before it", async () => {
    let proceed = () => {};
    const slow = {
      summary: "",
      run: () =>
        new Promise<string>((resolve) => {
          proceed = () => resolve("at last");
        }),
    };
    const mark = latin1(IAC, WILL, TIMING_MARK);
    const marks = [IAC, DO, TIMING_MARK];
    await using lab = await startLab({ shell: telnet({ shell: { commands: { slow } } }) });
    using client = await arrived(lab);
    client.send("echo a\r\n", marks, marks, "echo b\r\nec", marks, "ho c\r\n", marks);
    expect(await client.read("c\r\n")).toBe(`a\r\nguest1> ${mark}${mark}b\r\nguest1> ${mark}c\r\n`);
    expect(await client.read(mark)).toBe(`guest1> ${mark}`);
    // One that takes its time holds up no mark but those behind what nobody has read yet.
    client.send("slow\r\n", marks, "echo d\r\n", marks);
    expect(await client.read(mark)).toBe(mark);
    proceed();
    expect(await client.read("> ")).toBe("at last\r\nguest1> ");
    expect(await client.read(mark)).toBe(`d\r\nguest1> ${mark}`);
    using other = await typist(lab);
    await client.read("joined lobby.\r\nguest1> ");
    expect(await other.send("ab", marks, "c").read("c")).toBe(`ab${mark}c`);
    other.send(marks);
    other.socket.end();
    expect(await other.rest()).toContain(mark);
  });

  test("window size and terminal type are known where they were agreed on", async () => {
    const seen: unknown[] = [];
    await using lab = await startLab({
      shell: telnet({
        shell: {
          commands: {
            look: {
              summary: "",
              run(_text, { terminal }) {
                seen.push([terminal.columns, terminal.rows, terminal.type]);
                return "";
              },
            },
          },
        },
      }),
    });
    using client = await arrived(lab);
    const size = (...bytes: number[]) => [IAC, SB, NAWS, ...bytes, IAC, SE];
    const type = (name: string) => [IAC, SB, TTYPE, 0, ...Buffer.from(name), IAC, SE];
    // Nothing was agreed on yet.
    await client.send(size(0, 80, 0, 24), type("XTERM"), "look\r\n").read("> ");
    client.send([IAC, WILL, NAWS, IAC, WILL, TTYPE]);
    expect(await settled(client)).toBe(latin1(IAC, SB, TTYPE, 1, IAC, SE));
    await client.send(size(0, 80, 0, 24), type("XTERM-256COLOR"), "look\r\n").read("> ");
    // Unsigned, with a doubled IAC; and a size of the wrong length counts for nothing.
    await client
      .send(size(IAC, IAC, IAC, IAC, 128, 0), size(0, 80), type("a\x1b[2Jb"), "look\r\n")
      .read("> ");
    await client
      .send(size(0, 0, 0, 0), [IAC, SB, TTYPE, IAC, SE], type("x".repeat(99)), "look\r\n")
      .read("> ");
    expect(seen).toEqual([
      [undefined, undefined, undefined],
      [80, 24, "XTERM-256COLOR"],
      [65_535, 32_768, "a[2Jb"],
      [undefined, undefined, "x".repeat(40)],
    ]);
  });

  test("STATUS tells what is in force", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send([IAC, SB, STATUS, 1, IAC, SE]);
    expect(await settled(client)).toBe("");
    client.send([IAC, DO, STATUS, IAC, DO, ECHO, IAC, WILL, NAWS, IAC, SB, STATUS, 1, IAC, SE]);
    expect(await settled(client)).toBe(
      latin1(IAC, WILL, STATUS, IAC, SB, STATUS, 0, WILL, ECHO, WILL, STATUS, DO, NAWS, IAC, SE),
    );
  });

  test("BINARY is agreed to both ways, and lines still end", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send([IAC, DO, BINARY, IAC, WILL, BINARY]);
    expect(await settled(client)).toBe(latin1(IAC, WILL, BINARY, IAC, DO, BINARY));
    expect(await client.send("echo a\recho b\r\necho c\n").read("c\r\nguest1> ")).toBe(
      "a\r\nguest1> b\r\nguest1> c\r\nguest1> ",
    );
  });

  test("a client that refuses to do without GA gets it behind each prompt", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    client.send([IAC, DONT, ECHO, IAC, DONT, SGA, IAC, WONT, TTYPE, IAC, WONT, NAWS]);
    expect(await client.read(latin1(IAC, 249))).toBe(latin1(IAC, 249));
    expect(await client.send("echo hi\r\n").read(latin1(IAC, 249))).toBe(`hi\r\nguest1> ${latin1(IAC, 249)}`);
    // No word of negotiation has been said to all this refusing.
    expect(await settled(client)).toBe("");
  });

  test("a client that agrees to everything and proposes everything gets one answer to each", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    const all = Array.from({ length: 255 }, (_, option) => option).filter(
      // What is said behind the one of COMPRESS2 cannot be read so.
      (option) => option !== TIMING_MARK && option !== COMPRESS2,
    );
    client.send(all.flatMap((option) => [IAC, DO, option, IAC, WILL, option]));
    const first = await settled(client);
    const words = first.replace(/\xff\xfa.*?\xff\xf0/gs, "");
    // Of the 253 options two times, four had been asked for already.
    expect(words.length).toBe((253 * 2 - 4) * 3);
    client.send(all.flatMap((option) => [IAC, WONT, option, IAC, DONT, option]));
    const ours = [ECHO, SGA, BINARY, STATUS, EOR, CHARSET, MSSP, GMCP];
    const theirs = [BINARY, SGA, TTYPE, NAWS, NEW_ENVIRON, CHARSET, GMCP];
    const last = (await settled(client)).replace(latin1(IAC, 239), "");
    expect(last.length).toBe((ours.length + theirs.length) * 3);
  });
});

describe("a message while a line is being typed", () => {
  test("stands above the line, which is shown again with the cursor where it was", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    const screen = new ScreenModel(80).show("guest1> ");
    client.send("say hallo\x1b[D\x1b[D\x1b[D");
    screen.show(await settled(client));
    expect(screen.cursor).toEqual([0, 14]);
    using other = await arrived(lab);
    screen.show(await client.read("joined lobby.\r\n"));
    other.send("say good morning\r\n");
    screen.show(await client.read("good morning\r\n"));
    screen.show(await settled(client));
    expect(screen.text).toBe("* guest2 has joined lobby.\nguest2: good morning\nguest1> say hallo");
    expect(screen.cursor).toEqual([2, 14]);
    client.send("\x1b[F!\r\0");
    expect(await other.read("hallo!\r\n")).toContain("guest1: hallo!");
  });

  test("finds the first row of a line that wraps", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await typist(lab);
    client.send([IAC, WILL, NAWS, IAC, SB, NAWS, 0, 20, 0, 24, IAC, SE]);
    const screen = new ScreenModel(20).show("guest1> ");
    client.send("say the quick brown fox jumps over");
    screen.show(await settled(client));
    using _other = await arrived(lab);
    screen.show(await client.read("joined lobby.\r\n"));
    screen.show(await settled(client));
    expect(screen.text).toBe("* guest2 has joined\nlobby.\nguest1> say the quic\nk brown fox jumps ov\ner");
  });

  test("goes to a line of its own for a client in line mode", async () => {
    await using lab = await startLab({ shell: telnet() });
    using client = await arrived(lab);
    using _other = await arrived(lab);
    expect(await client.read("> ")).toBe("\r\n* guest2 has joined lobby.\r\nguest1> ");
  });
});
