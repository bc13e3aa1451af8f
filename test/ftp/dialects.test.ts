import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { FTP_DIALECTS, FTP_FEATURES, type FtpDialect, type FtpDialectName, ftp } from "../../index.ts";
import { needPrograms, run } from "../clients.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

const FILES = { "/a.txt": "hello\n", "/sub dir/b.txt": "12" };
const CLOCK = "2026-03-04T15:06:07Z";
const speaking = (dialect: FtpDialect | FtpDialectName, files: Record<string, string> = FILES) =>
  ftpLab({ files, clock: CLOCK }, { dialect });

describe("listings", () => {
  test.each<[NonNullable<FtpDialect["listing"]>, string[]]>([
    [
      "unix",
      [
        "-rw-r--r-- 1 ftp ftp            6 Mar 04 15:06 a.txt",
        "drwxr-xr-x 2 ftp ftp            0 Mar 04 15:06 sub dir",
      ],
    ],
    [
      "dos",
      ["03-04-26  03:06PM                    6 a.txt", "03-04-26  03:06PM       <DIR>          sub dir"],
    ],
    ["eplf", ["+m1772636767,r,s6,\ta.txt", "+m1772636767,/,\tsub dir"]],
    [
      "netware",
      [
        "- [RWCEAFMS] supervisor             6       Mar 04 15:06    a.txt",
        "d [RWCEAFMS] supervisor           512       Mar 04 15:06    sub dir",
      ],
    ],
    [
      "vxworks",
      ["       6    Mar-04-2026  15:06:07   a.txt", "     512    Mar-04-2026  15:06:07   sub dir <DIR>"],
    ],
    [
      ({ name, size }, now) => `${name};${size}\n${new Date(now).getUTCFullYear()}`,
      ["a.txt;6?2026", "sub dir;0?2026"],
    ],
  ])("%s", async (listing, lines) => {
    await using lab = await speaking({ listing });
    await using client = await Dialogue.loggedIn(lab);
    const { text } = await client.download("LIST");
    expect(text.split("\r\n")).toEqual([...lines, ""]);
    expect((await client.say("STAT a.txt")).split("\n")[1]!.trim()).toBe(lines[0]!.trim());
  });
});

test("every feature can be switched off: its verb is answered 502, and missing in FEAT and HELP", async () => {
  await using lab = await speaking({ without: FTP_FEATURES });
  await using client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER foo");
  expect(await client.say("PASS bar")).toMatch(/^230/);
  const verbs = FTP_FEATURES.filter((name) => !["MODE Z", "TVFS", "UTF8"].includes(name));
  for (const verb of verbs) expect([verb, await client.code(verb)]).toEqual([verb, 502]);
  await using other = await speaking({
    without: FTP_FEATURES.filter((name) => !/^(FEAT|HELP|OPTS)$/.test(name)),
  });
  await using speaker = await Dialogue.greeted(other.servers.files);
  expect(await speaker.say("FEAT")).toBe("211-Extensions supported:\n211 End");
  expect(await speaker.say("HELP")).toMatch(/^214-.*\n +FEAT +HELP +OPTS +PASS +QUIT +USER\n214 [^\n]*$/);
  expect(await speaker.code("OPTS UTF8 ON")).toBe(501);
  expect(await speaker.code("HELP EPSV")).toBe(501);
});

test("one feature alone is missing, and all others are there", async () => {
  await using lab = await speaking({ without: ["EPSV", "UTF8", "MODE Z"] });
  await using client = await Dialogue.loggedIn(lab);
  expect(await client.code("EPSV")).toBe(502);
  const features = await client.say("FEAT");
  expect(features).not.toMatch(/EPSV|UTF8|MODE Z/);
  expect(features).toMatch(/ EPRT\n(?:.*\n)* MLST /);
  expect(await client.code("MODE Z")).toBe(504);
  expect(await client.code("MODE S")).toBe(200);
});

test("lines of replies and of listings end with LF alone", async () => {
  await using lab = await speaking({ lineEnd: "\n", listingEnd: "\n", greeting: "One\nTwo" });
  const { host, port } = lab.servers.files;
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.end("SYST\r\nQUIT\r\n");
  expect((await buffer(socket)).toString()).toBe("220-One\n220 Two\n215 UNIX Type: L8\n221 Goodbye.\n");
  await using other = await speaking({ listingEnd: "\n" });
  await using dialogue = await Dialogue.loggedIn(other);
  expect((await dialogue.download("NLST")).text).toBe("a.txt\nsub dir\n");
});

test("replies have several lines, bare or each with the code", async () => {
  const replies = { "PASS 230": "230 Welcome.\n230 is a number.\nGo on.", "226": "226 {text}\nThat was it." };
  await using bare = await speaking({ replies, greeting: "Hello,\nyou" });
  await using client = await Dialogue.greeted(bare.servers.files);
  expect(client.greeting).toBe("220-Hello,\n220 you");
  await client.say("USER foo");
  expect(await client.say("PASS bar")).toBe("230-Welcome.\n 230 is a number.\n230 Go on.");
  expect((await client.download("NLST")).reply).toBe("226-Listing complete.\n226 That was it.");
  await using coded = await speaking({ replies, continuation: "code" });
  await using other = await Dialogue.greeted(coded.servers.files);
  await other.say("USER foo");
  expect(await other.say("PASS bar")).toBe("230-Welcome.\n230-230 is a number.\n230 Go on.");
  expect(await other.say("FEAT")).toMatch(/^211-[^\n]*\n AUTH|^211-[^\n]*\n AVBL/);
});

test.each(["0.0.0.0", "10.1.2.3"])(
  "PASV answers %s, and EPSV leads there all the same",
  async (passiveAddress) => {
    await using lab = await speaking({ passiveAddress });
    await using client = await Dialogue.loggedIn(lab);
    expect((await client.passivePort("PASV")).host).toBe(passiveAddress);
    expect((await client.download("RETR a.txt")).text).toBe("hello\n");
    await using told = await ftpLab(
      {},
      { dialect: { passiveAddress }, passiveHost: "127.0.0.1", greeting: "Mine" },
    );
    await using other = await Dialogue.loggedIn(told);
    expect(other.greeting).toBe("220 Mine");
    expect((await other.passivePort("PASV")).host).toBe("127.0.0.1");
  },
);

test("names are in Latin-1, both ways", async () => {
  await using lab = await speaking({ encoding: "latin1" }, { "/grün": "1", "/漢": "2" });
  await using client = await Dialogue.loggedIn(lab);
  expect((await client.download("NLST")).bytes).toEqual(Buffer.from("gr\xfcn\r\n?\r\n", "latin1"));
  client.write(Buffer.from("MKD d\xe9j\xe0\r\n", "latin1"));
  expect(await client.reply()).toMatch(/^257 /);
  // What would be UTF-8 elsewhere is two letters here.
  expect(await client.code("MKD é")).toBe(257);
  expect((await lab.store.list("/")).map(({ name }) => name).sort()).toEqual(
    ["déjà", "grün", "Ã©", "漢"].sort(),
  );
  expect(await client.say("FEAT")).not.toContain("UTF8");
});

test("replies are other ones, with what the server's own have in them", async () => {
  await using lab = await speaking(
    {
      replies: {
        "150": "125 Transfer starting.",
        "RETR 226": "250 {path} is sent: {text}",
        "PWD 257": "257 {value}",
        "PASV 227": "227 Entering passive mode. {value}",
        "SYST 215": "215 VMS",
        "CWD 250": "200 {argument} {nonsense}",
        "NLST empty": "450 No files found",
        "PASS 230": "230 In with {argument}.",
      },
    },
    { "/d/x {text}": "1", "/e/f/.keep": "" },
  );
  await using client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER foo");
  expect(await client.say("PASS bar")).toBe("230 In with .");
  expect(await client.say("CWD d")).toBe("200 d {nonsense}");
  expect(await client.say("PWD")).toBe("257 /d");
  expect(await client.say("SYST")).toBe("215 VMS");
  const { opening, reply } = await client.download("RETR x {text}");
  expect(opening).toBe("125 Transfer starting.");
  expect(reply).toBe("250 /d/x {text} is sent: Transfer complete.");
  expect(await client.say("PASV")).toMatch(/^227 Entering passive mode. 127,0,0,1,\d+,\d+$/);
  await client.say("DELE x {text}");
  expect((await client.download("NLST")).reply).toBe("450 No files found");
  expect((await client.download("LIST")).text).toBe("");
});

test("anonymous is in without a password, and nobody else", async () => {
  const accounts = [{ name: "anonymous" }, { name: "foo", password: "bar" }];
  await using lab = await ftpLab({ accounts }, { dialect: { noAnonymousPassword: true } });
  await using client = await Dialogue.greeted(lab.servers.files);
  expect(await client.code("USER foo")).toBe(331);
  expect(await client.code("PWD")).toBe(530);
  expect(await client.code("USER anonymous")).toBe(230);
  expect(await client.code("PWD")).toBe(257);
});

test("what is no dialect is refused, with what there is", () => {
  const refused = (dialect: unknown) => () => ftp({ dialect: dialect as FtpDialect });
  expect(refused("wuftpd")).toThrow(/dialect is "wuftpd"; there are vsftpd, /);
  expect(refused("toString")).toThrow(/"toString"/);
  expect(refused(7)).toThrow("it is a name or an object");
  expect(refused({ listing: "vms" })).toThrow(
    /dialect\.listing is "vms"; it can be "unix", .* or a function/,
  );
  expect(refused({ without: ["QUIT"] })).toThrow('dialect.without is "QUIT"');
  expect(refused({ lineEnd: "\r" })).toThrow("dialect.lineEnd is");
  expect(refused({ passiveAddress: "::1" })).toThrow("no IPv4 address");
  expect(refused({ replies: { LIST: "250 x" } })).toThrow('has the key "LIST"');
  expect(refused({ replies: { "226": "done" } })).toThrow('replies ["226"] is "done"');
  expect(refused({ replies: { "226": "226 a\r\n530 b" } })).toThrow(/"226 a\\r/);
  expect(refused({ greetings: "x" })).toThrow(/no "greetings"; there are listing, /);
});

test.each(Object.keys(FTP_DIALECTS) as FtpDialectName[])(
  "%s is a dialect, and another may be made of it",
  async (name) => {
    ftp({ dialect: { ...FTP_DIALECTS[name] } });
    const dialect: FtpDialect = { ...FTP_DIALECTS[name], greeting: "Mine", replies: {} };
    await using lab = await speaking(dialect);
    await using client = await Dialogue.loggedIn(lab);
    expect(client.greeting).toBe("220 Mine");
  },
);

/** What a client makes of a server: the names that it reads in a listing, a file, and an upload; or why there is none. */
type Meeting = readonly [lists: string, gets: string, puts: string];

const FINE: Meeting = ["a.txt, sub dir/", "hello", "stored"];
const LS = "-rw-r--r-- 1 ftp ftp            6 Mar 04 15:06 a.txt";
/** curl shows a listing as it comes. */
const raw = (line: string): Meeting => [line, "hello", "stored"];

const NO_FORMAT = "This library only supports MLSD, Unix- or DOS-style directory listing";
/** rclone looks files up in listings, of which it leaves out what it cannot read. */
const BLIND: Meeting = ["", "exit 3", "stored, exit 4"];
/** The password `me@` as rclone wants it (`rclone obscure`). */
const OBSCURED = "9KrNmWKypLc072DhsxP5KMPf5w";

const MEETINGS: Readonly<
  Record<FtpDialectName, Readonly<Record<"basic-ftp" | "curl" | "lftp" | "rclone", Meeting>>>
> = {
  vsftpd: { "basic-ftp": FINE, curl: raw(LS), lftp: FINE, rclone: FINE },
  proftpd: { "basic-ftp": FINE, curl: raw(LS), lftp: FINE, rclone: FINE },
  "pure-ftpd": { "basic-ftp": FINE, curl: raw(LS), lftp: FINE, rclone: FINE },
  iis: {
    "basic-ftp": FINE,
    curl: raw("03-04-26  03:06PM                    6 a.txt"),
    lftp: FINE,
    rclone: FINE,
  },
  filezilla: { "basic-ftp": FINE, curl: raw(LS), lftp: FINE, rclone: FINE },
  netware: {
    "basic-ftp": [NO_FORMAT, "hello", "stored"],
    curl: raw("- [RWCEAFMS] supervisor             6       Mar 04 15:06    a.txt"),
    lftp: FINE,
    rclone: BLIND,
  },
  vxworks: {
    // Taken for lines of DOS or Unix that hold nothing but a name.
    "basic-ftp": [
      "      6    Mar-04-2026  15:06:07   a.txt,     512    Mar-04-2026  15:06:07   sub dir <DIR>",
      "hello",
      "stored",
    ],
    curl: raw("       6    Mar-04-2026  15:06:07   a.txt"),
    // It turns to NLST, which does not tell directories.
    lftp: ["a.txt, sub dir", "hello", "stored"],
    rclone: BLIND,
  },
  nat: {
    // With an address on loopback all but rclone, which dials it, reach the server.
    "basic-ftp": FINE,
    curl: raw(LS),
    lftp: FINE,
    rclone: ["exit 5", "exit 1", "exit 5"],
  },
  publicfile: {
    "basic-ftp": [NO_FORMAT, "hello", "553 Sorry, I don't allow file modification"],
    curl: ["+m1772636767,r,s6,\ta.txt", "hello", "exit 25"],
    lftp: ["a.txt, sub dir/", "hello", "exit 1"],
    // It finds no brackets in the reply to PASV.
    rclone: ["exit 1", "exit 1", "exit 1"],
  },
};

/** What there is of a promise, or the first sentence of why there is nothing. */
const orWhy = (promise: Promise<string>) =>
  promise.catch((error: Error) => /^[^.:(]*/.exec(error.message.replace(/^Error: /, ""))?.[0]?.trim() ?? "");

/** The names in a listing, those that clients have stored meanwhile aside. */
const names = (lines: readonly string[]) =>
  lines
    .filter((line) => /a\.txt|sub dir/.test(line))
    .sort()
    .join(", ");

describe("clients meet", () => {
  for (const [name, expected] of Object.entries(MEETINGS) as [FtpDialectName, unknown][]) {
    test(name, async (context) => {
      needPrograms(context, "curl", "lftp", "rclone");
      // No packet leaves this machine: the address is on loopback, where nobody listens.
      const dialect = name === "nat" ? { ...FTP_DIALECTS.nat, passiveAddress: "127.0.0.99" } : name;
      const accounts = [{ name: "anonymous", permissions: "elradfmwMT" }];
      await using lab = await ftpLab({ files: FILES, clock: CLOCK, accounts }, { dialect });
      const cwd = await mkdtemp(join(tmpdir(), "ftp-dialect-"));
      await writeFile(join(cwd, "up"), "up");
      const { port } = lab.servers.files;
      const url = `ftp://127.0.0.1:${port}`;
      const put = async (client: string, why: string) =>
        (await stored(lab, `/${client}`)) === "up" ? (why === "" ? "stored" : `stored, ${why}`) : why;

      const basic = async (): Promise<Meeting> => {
        const client = new Client(10_000);
        await client.access({ host: "127.0.0.1", port, user: "anonymous", password: "me@" });
        const listing = await orWhy(
          client
            .list()
            .then((files) => names(files.map((file) => file.name + (file.isDirectory ? "/" : "")))),
        );
        let got = "";
        const sink = new Writable({
          write(chunk, _encoding, done) {
            got += chunk;
            done();
          },
        });
        const getting = await orWhy(client.downloadTo(sink, "a.txt").then(() => got.trim()));
        const putting = await orWhy(client.uploadFrom(Readable.from(["up"]), "basic-ftp").then(() => ""));
        client.close();
        return [listing, getting, await put("basic-ftp", putting)];
      };
      const program = async (command: string, ...args: string[]) => {
        const { code, stdout } = await run(command, args, { cwd, env: { HOME: cwd, LC_ALL: "C.UTF-8" } });
        return { stdout: stdout.trimEnd(), why: code === 0 ? "" : `exit ${code}` };
      };
      const curl = async (): Promise<Meeting> => {
        const reading = await program("curl", "-sS", `${url}/`, `${url}/a.txt`);
        const putting = await program("curl", "-sS", "-T", "up", `${url}/curl`);
        const lines = reading.stdout.split(/\r?\n/);
        return [reading.why || lines[0]!, lines.at(-1)!, await put("curl", putting.why)];
      };
      const lftp = async (): Promise<Meeting> => {
        const commands = "echo .; cls -1; echo .; cat a.txt; echo .; put up -o lftp";
        const settings = "set net:max-retries 1; set net:timeout 10";
        const { stdout, why } = await program("lftp", "-c", `${settings}; open ${url}; ${commands}`);
        const [, listing = "", getting = ""] = stdout.split(/^\.$/m);
        return [names(listing.split("\n")), getting.trim(), await put("lftp", why)];
      };
      const rclone = async (): Promise<Meeting> => {
        const remote = `:ftp,host=127.0.0.1,port=${port},user=anonymous,pass=${OBSCURED}:`;
        const flags = ["--config", "/dev/null", "--retries", "1", "--low-level-retries", "1"];
        const listing = await program("rclone", ...flags, "lsf", remote);
        const getting = await program("rclone", ...flags, "cat", `${remote}a.txt`);
        const putting = await program("rclone", ...flags, "copyto", "up", `${remote}rclone`);
        return [
          listing.why || names(listing.stdout.split("\n")),
          getting.why || getting.stdout,
          await put("rclone", putting.why),
        ];
      };
      try {
        const [ofBasic, ofCurl, ofLftp, ofRclone] = await Promise.all([basic(), curl(), lftp(), rclone()]);
        expect({ "basic-ftp": ofBasic, curl: ofCurl, lftp: ofLftp, rclone: ofRclone }).toEqual(expected);
      } finally {
        await rm(cwd, { recursive: true, force: true });
      }
    });
  }
});
