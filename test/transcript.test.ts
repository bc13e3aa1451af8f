import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { EventStream } from "../core/events/events.ts";
import { RECORDING_TEXT } from "../core/events/recording.ts";
import { recordingFor, transcriptOf } from "../core/events/transcript.ts";
import { ftp, http, type Lab, type LabOptions, startLab, type TelnetSession, tcp, telnet } from "../index.ts";
import { clientTest, run } from "./clients.ts";
import { Dialogue } from "./ftp/dialogue.ts";
import { basic, FOO, request, say } from "./http/dialogue.ts";
import { arrived, RawClient } from "./telnet/dialogue.ts";

const FILES = { "/index.html": "Hello, world!", "/d/a.csv": "id\n1\n", "/big": new Uint8Array(3_000_000) };

/** A lab of one server of each kind. */
async function fourServers(options: LabOptions = {}) {
  return startLab(
    { files: ftp({ loginPause: 5 }), web: http(), shell: telnet(), raw: tcp({ behaviour: "echo" }) },
    { files: FILES, ...options },
  );
}

type FourServers = Awaited<ReturnType<typeof fourServers>>;

/** What is done in a lab, and what its transcript then says; three times, in labs of their own. */
async function threeTimes(scene: (lab: FourServers) => Promise<void>): Promise<string> {
  const texts: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    await using lab = await fourServers();
    await scene(lab);
    texts.push(`${lab.transcript}\n\n${lab.transcript.byConnection()}`);
  }
  expect(texts[1]).toBe(texts[0]);
  expect(texts[2]).toBe(texts[0]);
  return texts[0]!.split("\n\n")[0]!;
}

describe("the text is the same in every run", () => {
  test("of an FTP session with all its ports and times", async () => {
    const scene = async (lab: FourServers) => {
      lab.faults.add({ when: { verb: "APPE" }, fault: { kind: "reset", afterBytes: 3, direction: "in" } });
      await using client = await Dialogue.greeted(lab.servers.files);
      for (const line of ["USER foo", "PASS bar", "TYPE I", "EPRT |1|127.0.0.1|50123|"])
        await client.say(line);
      await client.say(`PORT 127,0,0,1,${Math.floor(Math.random() * 200) + 20},9`);
      const data = await client.passive("PASV");
      await client.say("STOU");
      data.end("unique").resume();
      await client.reply();
      await client.upload("STOR in.csv", "id\n1\n");
      const unused = await client.passive();
      await client.say("RETR nothing");
      unused.destroy();
      const broken = await client.passive();
      broken.on("error", () => {});
      await client.say("APPE in.csv");
      broken.end("2\n3\n");
      await client.reply();
      for (const line of ["MDTM in.csv", "MLST in.csv", "STAT in.csv", "MFMT 20200101000000 in.csv", "QUIT"])
        await client.say(line);
    };
    expect(await threeTimes(scene)).toMatchInlineSnapshot(`
      "files#1 opened
      files#1 < 220 wirelab FTP server ready.
      files#1 > USER foo
      files#1 < 331 Password, please.
      files#1 > PASS ****
      files#1 login of foo accepted
      files#1 < 230 Logged in.
      files#1 > TYPE I
      files#1 < 200 Type is image.
      files#1 > EPRT |1|127.0.0.1|<port>|
      files#1 < 200 The data connection will be made to that port.
      files#1 > PORT 127,0,0,1,<port>
      files#1 < 200 The data connection will be made to that port.
      files#1 > PASV
      files#1 < 227 Entering Passive Mode (127,0,0,1,<port>).
      files#1 > STOU
      files#1 < 150 FILE: <unique>
      files#1.data1 opened
      files#1 upload of /<unique>: 6 bytes
      files#1 < 226 Stored as <unique>
      files#1 > EPSV
      files#1 < 229 Entering Extended Passive Mode (|||<port>|)
      files#1 > STOR in.csv
      files#1 < 150 Opening BINARY mode data connection for in.csv.
      files#1.data2 opened
      files#1 upload of /in.csv: 5 bytes
      files#1 < 226 Transfer complete.
      files#1 > EPSV
      files#1 < 229 Entering Extended Passive Mode (|||<port>|)
      files#1 > RETR nothing
      files#1 < 550 No such file or directory.
      files#1 > EPSV
      files#1 < 229 Entering Extended Passive Mode (|||<port>|)
      files#1 > APPE in.csv
      files#1 < 150 Opening BINARY mode data connection for in.csv.
      files#1.data3 opened
      files#1.data3 fault: reset afterBytes 3, direction in when verb APPE
      files#1 upload of /in.csv: incomplete
      files#1 < 426 Data connection lost; transfer aborted.
      files#1 > MDTM in.csv
      files#1 < 213 <time>
      files#1 > MLST in.csv
      files#1 < 250-Listing begins.
      files#1 <  type=file;perm=adfrw;size=5;modify=<time>;unique=<unique>;UNIX.mode=0644; /in.csv
      files#1 < 250 Listing ends.
      files#1 > STAT in.csv
      files#1 < 213-Status of in.csv:
      files#1 < -rw-r--r-- 1 ftp ftp            5 <time> in.csv
      files#1 < 213 End of status
      files#1 > MFMT <time> in.csv
      files#1 < 213 Modify=<time>; in.csv
      files#1 > QUIT
      files#1 < 221 Goodbye."
    `);
  });

  test("of HTTP, Telnet and TCP beside it", async () => {
    const scene = async (lab: FourServers) => {
      const { web, raw } = lab.servers;
      await say(
        web,
        [request(`GET ${web.url}/d/a.csv`), request("PUT /new", FOO, "new"), request("GET /none")].join(""),
      );
      using telnetter = await arrived(lab, "shell");
      telnetter.send([255, 253, 1]);
      for (const line of ["ls", "time", "echo one two", "quit"]) telnetter.send(`${line}\r\n`);
      await telnetter.rest();
      const sender = connect({ port: raw.port, host: raw.host, noDelay: true });
      const echoed = textOf(sender);
      for (const piece of ["first\n", "second ", "x".repeat(100), "\x1b[2J"]) {
        sender.write(piece);
        await lab.events.next("frame", { server: "raw" });
      }
      sender.end();
      await echoed;
    };
    expect(await threeTimes(scene)).toMatchInlineSnapshot(`
      "web#1 opened
      web#1 > GET <web>/d/a.csv
      web#1 < 200 OK
      web#1 download of /d/a.csv: 5 bytes
      web#1 > PUT /new
      web#1 login of foo accepted
      web#1 upload of /new: 3 bytes
      web#1 < 201 Created
      web#1 > GET /none
      web#1 < 404 Not Found
      shell#1 opened
      shell#1 < IAC WILL ECHO
      shell#1 < IAC WILL SGA
      shell#1 < IAC DO TTYPE
      shell#1 < IAC DO NAWS
      shell#1 < Welcome to wirelab. You are guest1, in the room lobby.
      shell#1 < Type "help" for the commands, "quit" to leave.
      shell#1 > IAC DO ECHO
      shell#1 > ls
      shell#1 <      3000000  <time>  big
      shell#1 <            -  <time>  d/
      shell#1 <           13  <time>  index.html
      shell#1 <            3  <time>  new
      shell#1 > time
      shell#1 < <time>
      shell#1 > echo one two
      shell#1 < one two
      shell#1 > quit
      shell#1 < Goodbye.
      raw#1 opened
      raw#1 > first\\nsecond xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (117 bytes)"
    `);
  });

  const folder = mkdtempSync(join(tmpdir(), "wirelab-transcript-"));
  const upload = join(folder, "up.csv");
  writeFileSync(upload, "id\n1\n");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  clientTest("curl", "whose data connection is heard of sooner or later", async () => {
    const curl = (...args: string[]) => run("curl", ["-sS", "--user", "foo:bar", ...args], { cwd: folder });
    const said = await threeTimes(async ({ servers: { files, web } }) => {
      await curl("-T", upload, `${files.url}/in.csv`);
      await curl(`${files.url}/big`, "-o", "big");
      await curl(`${files.url}/nothing`, `${web.url}/in.csv`);
      await curl("-P", "-", `${files.url}/d/`);
    });
    expect(said).toContain(
      [
        "files#1 > STOR in.csv",
        "files#1 < 150 Opening BINARY mode data connection for in.csv.",
        "files#1.data1 opened",
        "files#1 upload of /in.csv: 5 bytes",
      ].join("\n"),
    );
  });

  clientTest("lftp", "which connects before, while and after it asks", async () => {
    const script = `put ${upload}; get big -o big2; mirror d; put ${upload} -o d; ls; quit`;
    const said = await threeTimes(async ({ servers }) => {
      const cwd = mkdtempSync(join(folder, "lftp-"));
      await run("lftp", ["-u", "foo,bar", "-e", script, servers.files.url], { cwd });
    });
    expect(said).toContain("files#1.data3 opened");
  });

  test("of clients that speak at the same time, one after another", async () => {
    const texts: string[] = [];
    for (const pauses of [
      [0, 3],
      [3, 0],
    ]) {
      await using lab = await fourServers();
      await using one = await Dialogue.greeted(lab.servers.files);
      await using other = await Dialogue.greeted(lab.servers.files);
      const speak = async (client: Dialogue, pause: number) => {
        for (const line of ["USER foo", "PASS bar", "PWD"]) {
          await client.say(line);
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      };
      await Promise.all([speak(one, pauses[0]!), speak(other, pauses[1]!)]);
      texts.push(String(lab.transcript.byConnection()));
    }
    expect(texts[1]).toBe(texts[0]);
    expect(texts[0]!.split("\n").map((line) => line.split(" ", 1)[0])).toEqual([
      ...Array(9).fill("files#1"),
      ...Array(9).fill("files#2"),
    ]);
  });
});

const PEER = { host: "127.0.0.1", port: 50_000 };

/** An event stream and its transcript, with a way to tell of a server's connections. */
function stage(capacity?: number) {
  const events = new EventStream();
  const transcript = transcriptOf(events, recordingFor(capacity));
  const on = (connection: string, server = "files", protocol: "ftp" | "http" | "tcp" = "ftp") => ({
    opened: () =>
      events.emit({ server, protocol, connection }, { type: "opened", peer: PEER, secure: false }),
    command: (verb: string, target?: string) =>
      events.emit(
        { server, protocol, connection },
        { type: "command", verb, ...(target !== undefined && { target }) },
      ),
    reply: (code: number, text: string) =>
      events.emit({ server, protocol, connection }, { type: "reply", code, text, ms: Math.random() }),
    data: (preview: string, bytes: number, direction: "in" | "out" = "in") =>
      events.emit(
        { server, protocol, connection },
        { type: "frame", kind: "data", direction, bytes, preview },
      ),
  });
  return { events, transcript, on };
}

describe("a line", () => {
  test("cannot be forged, and moves no cursor", () => {
    const { transcript, on } = stage();
    on("c1").command("STOR", "a\r\nfiles#1 < 226 Transfer complete.\x1b[2J\x9b\u2028b");
    on("c1").reply(500, "first\nsecond\x07\nlast");
    expect(String(transcript)).toBe(
      [
        "files#1 > STOR a\\r\\nfiles#1 < 226 Transfer complete.\\u001b[2J\\u009b\\u2028b",
        "files#1 < 500-first",
        "files#1 < second\\u0007",
        "files#1 < 500 last",
      ].join("\n"),
    );
  });

  test("tells of a stream as if it had come in one piece", () => {
    const whole = stage();
    whole.on("c1", "raw", "tcp").data(`\\r\\n${"x".repeat(78)}`, 300);
    const cut = stage();
    const connection = cut.on("c1", "raw", "tcp");
    connection.data("\\r", 1);
    cut.on("c2", "raw", "tcp").data("other", 5);
    connection.data(`\\n${"x".repeat(9)}`, 10);
    connection.data("x".repeat(80), 289);
    connection.data("answer", 6, "out");
    connection.data("more", 4);
    const [first, ...rest] = String(cut.transcript).split("\n");
    expect(first).toBe(String(whole.transcript));
    expect(rest).toEqual(["raw#2 > other (5 bytes)", "raw#1 < answer (6 bytes)", "raw#1 > more (4 bytes)"]);
    expect([...cut.transcript].length).toBe(6);
  });

  test("names the servers' own addresses, and no other", () => {
    const { events, transcript, on } = stage();
    events.emit({ server: "web", protocol: "http" }, { type: "listening", url: "http://127.0.0.1:8080" });
    events.emit({ server: "six", protocol: "http" }, { type: "listening", url: "http://[::1]:80" });
    events.emit({ server: "unix", protocol: "http" }, { type: "listening", url: "unix:/run/web.sock" });
    const web = on("c1", "web", "http");
    web.command("GET", "http://127.0.0.1:8080/a?from=http://[::1]:80/b&at=localhost:8080");
    web.command("GET", "http://127.0.0.1:80801/ unix:/run/web.sock 127.0.0.2:8080");
    events.emit(
      { server: "web", protocol: "http" },
      { type: "error", code: "IO", message: "connect ECONNREFUSED 127.0.0.1:43210" },
    );
    expect(String(transcript)).toBe(
      [
        "web#1 > GET <web>/a?from=<six>/b&at=<web>",
        "web#1 > GET http://127.0.0.1:80801/ <unix> 127.0.0.2:8080",
        "web error IO: connect ECONNREFUSED 127.0.0.1:<port>",
      ].join("\n"),
    );
  });

  test("leaves dates alone that are part of a name", () => {
    const { transcript, on } = stage();
    on("c1").command("RETR", "backup-20240101120000.tar");
    on("c1").reply(150, "Opening BINARY mode data connection for backup-20240101120000.tar.");
    on("c1").command("MDTM", "20240101120000.tar");
    on("c1").reply(213, "20240101120000");
    expect(String(transcript).match(/<time>/g)).toEqual(["<time>"]);
  });

  test("tells of who was not let in, by address, and of ends that nothing else tells of", async () => {
    await using lab = await startLab({ web: http({ gate: { deny: ["127.0.0.0/8"] } }) });
    const refused = lab.events.next("refused");
    connect(lab.servers.web.port, lab.servers.web.host)
      .on("error", () => {})
      .resume();
    await refused;
    expect(String(lab.transcript)).toBe("web refused 127.0.0.1: denied");
    const { events, transcript, on } = stage();
    for (const reason of ["client", "idle", "reset", "fault", "server"] as const) {
      on("c1").opened();
      events.emit(
        { server: "files", protocol: "ftp", connection: "c1" },
        { type: "closed", reason, received: 5, sent: 5, ms: 1 },
      );
    }
    expect(String(transcript).match(/closed.*/g)).toEqual(["closed (idle)"]);
  });
});

describe("a data connection", () => {
  const said = (happen: (on: ReturnType<typeof stage>["on"]) => void) => {
    const { transcript, on } = stage();
    happen(on);
    return String(transcript).split("\n");
  };
  const announced = [
    "files#1 > RETR a",
    "files#1 < 150 Coming.",
    "files#1.data1 opened",
    "files#1 < 226 Done.",
  ];

  test("is told behind its transfer's announcement, whenever it was heard of", () => {
    for (const moment of [0, 1, 2]) {
      const lines = said((on) => {
        on("c1").reply(229, "(|||50000|)");
        if (moment === 0) on("c1.1").opened();
        on("c1").command("RETR", "a");
        if (moment === 1) on("c1.1").opened();
        on("c1").reply(150, "Coming.");
        if (moment === 2) on("c1.1").opened();
        on("c1").reply(226, "Done.");
      });
      expect(lines.slice(1)).toEqual(announced);
    }
  });

  test("that carried nothing is neither told nor counted", () => {
    const lines = said((on) => {
      on("c1").reply(229, "(|||50000|)");
      on("c1.1").opened();
      on("c1").command("RETR", "nothing");
      on("c1").reply(550, "No such file.");
      on("c1").reply(229, "(|||50001|)");
      on("c1").command("RETR", "a");
      on("c1").reply(150, "Coming.");
      on("c1.2").opened();
      on("c1").reply(226, "Done.");
    });
    expect(lines).toEqual([
      "files#1 < 229 (|||<port>|)",
      "files#1 > RETR nothing",
      "files#1 < 550 No such file.",
      "files#1 < 229 (|||<port>|)",
      ...announced,
    ]);
  });

  test("is a connection's own, among those of others", () => {
    const lines = said((on) => {
      for (const id of ["c1", "c2"]) on(id).reply(229, "(|||50000|)");
      on("c2.1").opened();
      on("c1.1").opened();
      for (const id of ["c1", "c2"]) on(id).reply(150, "Coming.");
    });
    expect(lines.slice(2)).toEqual([
      "files#1 < 150 Coming.",
      "files#1.data1 opened",
      "files#2 < 150 Coming.",
      "files#2.data1 opened",
    ]);
  });
});

describe("a view", () => {
  function two() {
    const stands = stage();
    const { events, on } = stands;
    for (const server of ["files", "web"])
      events.emit(
        { server, protocol: "ftp" },
        { type: "listening", url: `ftp://127.0.0.1:${server.length}` },
      );
    on("c1").command("USER", "foo");
    on("c2", "web", "http").command("GET", "/");
    on("c3").command("NOOP");
    on("c1").reply(150, "Coming.");
    on("c1.1").opened();
    on("c1").command("QUIT");
    return stands;
  }

  test("of one server, of one connection, by name and by id", () => {
    const { transcript } = two();
    expect(transcript.verbs()).toEqual(["USER", "GET", "NOOP", "QUIT"]);
    expect(transcript.of("files").verbs()).toEqual(["USER", "NOOP", "QUIT"]);
    expect(String(transcript.of("web"))).toBe("web#1 > GET /");
    const first = ["files#1 > USER foo", "files#1 < 150 Coming.", "files#1.data1 opened", "files#1 > QUIT"];
    expect(String(transcript.connection("files#1"))).toBe(first.join("\n"));
    expect(String(transcript.connection("c1"))).toBe(first.join("\n"));
    expect(String(transcript.connection("files#1.data1"))).toBe("files#1.data1 opened");
    expect(String(transcript.of("files").connection("files#2"))).toBe("files#2 > NOOP");
    expect(String(transcript.of("web").connection("files#2"))).toBe("");
    expect([...transcript.of("files").byConnection()].map(({ seq }) => seq)).toEqual([1, 3, 6, 8, 7, 5]);
  });

  test("of a server that there is not is a mistake, of a connection that may still come is none", () => {
    const { transcript } = two();
    expect(() => transcript.of("file")).toThrow(
      expect.objectContaining({ code: "BAD_OPTION", message: expect.stringContaining("it has files, web") }),
    );
    expect([...transcript.connection("files#9")]).toEqual([]);
  });

  test("shows what comes later, and counts connections from its mark", () => {
    const { transcript, on } = two();
    const mark = transcript.mark();
    const later = transcript.since(mark).of("files");
    const second = transcript.connection("files#4");
    expect(String(later)).toBe("");
    on("c9").command("PWD");
    on("c3").command("QUIT");
    on("c10").command("SYST");
    expect(String(later)).toBe("files#1 > PWD\nfiles#2 > QUIT\nfiles#3 > SYST");
    expect(second.verbs()).toEqual(["SYST"]);
    expect(later.connection("files#2").verbs()).toEqual(["QUIT"]);
    expect(transcript.connection("files#2").since(mark).verbs()).toEqual(["QUIT"]);
  });

  test("finds the first and the last that is like what is wanted", () => {
    const { transcript } = two();
    expect(transcript.find("command")).toMatchObject({ verb: "USER" });
    expect(transcript.last("command")).toMatchObject({ verb: "QUIT" });
    expect(transcript.find("command", { verb: /^N/ })?.target).toBeUndefined();
    expect(transcript.of("web").last("command", ({ verb }) => verb !== "GET")).toBeUndefined();
    expect(transcript.find("login")).toBeUndefined();
  });

  test("gives what has happened, or else waits for it", async () => {
    await using lab = await fourServers();
    const served = async () =>
      lab.transcript.find("reply", { code: 200 }) ?? (await lab.events.next("reply"));
    const before = served();
    await fetch(lab.servers.web.url);
    expect((await before).seq).toBe((await served()).seq);
  });
});

describe("what is remembered", () => {
  test("are so many events; what had to go is counted, and told", () => {
    const { transcript, on } = stage(3);
    for (const verb of ["A", "B", "C", "D", "E"]) on("c1").command(verb);
    expect(transcript.verbs()).toEqual(["C", "D", "E"]);
    expect(transcript.dropped).toBe(2);
    expect(transcript.since(1).dropped).toBe(1);
    expect(transcript.since(2).dropped).toBe(0);
    expect(String(transcript)).toBe("(2 earlier events were dropped)\nfiles#1 > C\nfiles#1 > D\nfiles#1 > E");
    transcript.clear();
    expect([transcript.dropped, String(transcript), transcript.verbs()]).toEqual([0, "", []]);
    for (const verb of ["F", "G", "H", "I"]) on("c1").command(verb);
    expect(transcript.dropped).toBe(1);
  });

  test("is so much text, however few events hold it", () => {
    const { transcript, on } = stage();
    const megabyte = "x".repeat(2 ** 20);
    for (let count = 0; count < 40; count += 1) on("c1").command(`${count}`, megabyte);
    const kept = RECORDING_TEXT / megabyte.length - 1;
    expect(transcript.verbs()).toEqual(Array.from({ length: kept }, (_, index) => `${40 - kept + index}`));
    expect(transcript.dropped).toBe(40 - kept);
    on("c1").command("huge", "x".repeat(2 * RECORDING_TEXT));
    expect(transcript.verbs()).toEqual(["huge"]);
  });

  test("is nothing where the capacity is 0, and nobody observes", async () => {
    await using lab = await fourServers({ transcript: 0 });
    expect(lab.events.observed).toBe(false);
    await say(lab.servers.web, request("GET /"));
    expect([[...lab.transcript], String(lab.transcript), lab.transcript.of("web").verbs()]).toEqual([
      [],
      "",
      [],
    ]);
  });

  test.each([-1, 2.5, Number.NaN, Number.POSITIVE_INFINITY])("cannot be %d events", async (transcript) => {
    await expect(startLab({}, { transcript })).rejects.toMatchObject({ code: "BAD_OPTION" });
  });

  test("begins anew when the lab is reset", async () => {
    await using lab = await fourServers();
    const scene = async () => {
      await say(lab.servers.web, request("GET /"));
      return String(lab.transcript);
    };
    const first = await scene();
    const mark = lab.transcript.mark();
    await lab.reset();
    expect(await scene()).toBe(first);
    expect(String(lab.transcript.since(mark))).toBe(first);
  });
});

describe("a password", () => {
  const PASSWORD = "Sesame-7f3a9c";
  const USER = { name: "ann", password: PASSWORD, permissions: "elradfmwMT" };

  /** A Telnet session with a login of its own. */
  const login: TelnetSession = async (terminal) => {
    const user = await terminal.readLine("login: ");
    const password = await terminal.readLine("password: ", { hidden: true });
    await terminal.write(password === PASSWORD ? `Hello, ${user}.\n` : "No.\n");
  };

  const FTP_FORMS = [
    `USER ann\r\nPASS ${PASSWORD}\r\n`,
    `user ann\r\npass ${PASSWORD}\r\npwd\r\n`,
    `USER ann\nPaSs ${PASSWORD}\n`,
    `PASS ${PASSWORD}\r\nUSER ann\r\nPASS ${PASSWORD}\r\nPASS ${PASSWORD}\r\n`,
    `USER ann\r\nPASS wrong${PASSWORD}\r\nUSER ann\r\nPASS ${PASSWORD} \r\n`,
    `USER ann\r\n PASS ${PASSWORD}\r\n`,
    `USER ann\r\nPASS\t${PASSWORD}\r\n`,
    `USER ann\r\nPASS${PASSWORD}\r\nPASSWORD ${PASSWORD}\r\nPASS:${PASSWORD}\r\nPASS=${PASSWORD} x\r\n`,
    `USER ann\r\nPASS \0${PASSWORD}\r\nPASS \xff\xf4${PASSWORD}\r\n\xff\xf4\xf2PASS ${PASSWORD}\r\n`,
    `ACCT ${PASSWORD}\r\nSITE PSWD old ${PASSWORD}\r\nsite pass ${PASSWORD}\r\nHELP\r\n`,
    `AUTHINFO PASS ${PASSWORD}\r\nXPASS ${PASSWORD}\r\nLOGIN ann ${PASSWORD}\r\n`,
    `USER ann\r\nPASS ${"x".repeat(5000)}${PASSWORD}\r\n`,
    `USER ann\r\nPASS ${PASSWORD}`,
  ];

  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const HTTP_FORMS = [
    request("GET /", basic("ann", PASSWORD)) + request("PUT /x", basic("ann", PASSWORD), "x"),
    request("GET /", basic("ann", `wrong${PASSWORD}`)),
    request("GET /", { authorization: `basic ${base64(`ann:${PASSWORD}`)}` }),
    request("GET /", { Authorization: `Basic ann:${PASSWORD}` }),
    request("GET /", { Authorization: `Bearer ${PASSWORD}` }),
    request("GET /", { Authorization: `Basic ${base64(`ann:${PASSWORD}`)}!!` }),
    request("GET /", { "Proxy-Authorization": `Basic ${base64(`ann:${PASSWORD}`)}` }),
    request(`GET http://ann:${PASSWORD}@127.0.0.1/index.html`),
    request(`GET //ann:${PASSWORD}@127.0.0.1/index.html`),
    `GET http://ann:${PASSWORD}@ HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nAuthorization Basic ${base64(`ann:${PASSWORD}`)}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic\r\n ${base64(`ann:${PASSWORD}`)}\r\n\r\n`,
    `GET / HTTP/1.1\r\nAuthorization: Basic ${base64(`ann:${PASSWORD}`)}`,
    `Authorization: Basic ${base64(`ann:${PASSWORD}`)}\r\n\r\n`,
  ];

  /** What a lab tells by events, transcript and log while somebody logs in. */
  async function told(
    scene: (lab: Lab<"files" | "web" | "shell" | "raw">) => Promise<void>,
  ): Promise<string> {
    let log = "";
    const stream = new Writable({
      write(chunk, _encoding, done) {
        log += chunk;
        done();
      },
    });
    const events: unknown[] = [];
    await using lab = await startLab(
      {
        files: ftp({ loginPause: 0, maxLoginTries: 10 }),
        web: http(),
        shell: telnet({ session: login }),
        raw: tcp(),
      },
      { accounts: [USER], log: { stream, level: "trace" } },
    );
    lab.events.subscribe((event) => events.push(event));
    await scene(lab);
    await lab.stop();
    expect(log).toContain('"event":"stopped"');
    return [JSON.stringify(events), JSON.stringify([...lab.transcript]), String(lab.transcript), log].join(
      "\n",
    );
  }

  /** None of the forms that it could show in, in any case. */
  function expectNoPassword(text: string) {
    const secrets = [PASSWORD, base64(PASSWORD).slice(2, 12), base64(`ann:${PASSWORD}`)];
    for (const secret of secrets.map((each) => each.toLowerCase())) {
      expect(text.split(/\n|(?<=\}),/).filter((line) => line.toLowerCase().includes(secret))).toEqual([]);
    }
  }

  test("of FTP is in no event, transcript or log, however it was sent", async () => {
    const text = await told(async ({ servers: { files } }) => {
      for (const form of FTP_FORMS) {
        const socket = connect({ ...files, allowHalfOpen: true });
        await once(socket, "connect");
        socket.end(Buffer.from(form, "latin1"));
        await textOf(socket);
      }
    });
    expect(text).toContain('"type":"login"');
    expect(text).toMatch(/login of ann accepted/);
    expect(text).toMatch(/> PASS \*\*\*\*/);
    expectNoPassword(text);
  });

  test("of FTP that comes byte by byte", async () => {
    const text = await told(async ({ servers: { files } }) => {
      await using client = await Dialogue.greeted(files);
      await client.say("USER ann");
      for (const byte of `PASS ${PASSWORD}\r\n`) {
        client.write(byte);
        await new Promise(setImmediate);
      }
      expect(await client.reply()).toMatch(/^230/);
    });
    expectNoPassword(text);
  });

  test("of HTTP is in none either", async () => {
    const text = await told(async ({ servers: { web } }) => {
      for (const form of HTTP_FORMS) await say(web, form);
    });
    expect(text).toMatch(/login of ann accepted/);
    expect(text).toMatch(/login of ann refused/);
    expectNoPassword(text);
  });

  test("that a Telnet session has asked for is in none either", async () => {
    const text = await told(async ({ servers: { shell } }) => {
      using client = new RawClient(shell);
      await client.read("login: ");
      await client.send("ann\r\n").read("password: ");
      expect(await client.send(`${PASSWORD}\r\n`).read("Hello, ann.")).not.toContain(PASSWORD);
      await client.rest();
    });
    expect(text).toContain("Hello, ann.");
    expectNoPassword(text);
  });
});
