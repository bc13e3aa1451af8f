import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { ftp, http, type Lab, startLab, tcp } from "../../index.ts";
import "../../testing/index.ts";

const FILES = { "/index.html": "Hello, world!", "/in/old.csv": "id\n0\n" };
const startFiles = () => startLab({ files: ftp(), web: http() }, { files: FILES, seed: 7 });

/** Stores a file by FTP, as people do: by a path from the root. */
async function store(lab: Lab, path: string, content: string): Promise<void> {
  const client = new Client();
  const { host, port } = lab.servers.files!;
  await client.access({ host, port, user: "foo", password: "bar" });
  await client.uploadFrom(Readable.from([content]), path);
  client.close();
}

/** The message with which an assertion fails; one that holds fails the test. */
async function failure(assertion: () => unknown): Promise<string> {
  try {
    await assertion();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("The assertion holds.");
}

describe("toHaveCommand", () => {
  test("a verb, whatever its case; a target; a server; a pattern; a number of times", async () => {
    await using lab = await startFiles();
    await store(lab, "/in/a.csv", "id\n1\n");
    await fetch(`${lab.servers.web.url}/in/a.csv?x=1`);
    expect(lab).toHaveCommand("STOR");
    expect(lab).toHaveCommand("stor");
    expect(lab).toHaveCommand({ server: "files", verb: "STOR", target: "/in/a.csv" });
    expect(lab).toHaveCommand({ verb: "STOR", target: "*.csv", times: 1 });
    expect(lab).toHaveCommand({ verb: /^ST/, target: /a\.csv$/ });
    expect(lab).toHaveCommand({ connection: "c1", verb: "USER", target: "foo" });
    expect(lab).toHaveCommand({ connection: "files#1", verb: "USER" });
    expect(lab.servers.files).toHaveCommand("USER");
    expect(lab.servers.web).toHaveCommand({ verb: "GET", target: "/in/a.csv?x=1" });
    expect(lab).not.toHaveCommand("DELE");
    expect(lab).not.toHaveCommand({ server: "web", verb: "STOR" });
    expect(lab).not.toHaveCommand({ verb: "STOR", target: "/in/a" });
    expect(lab).not.toHaveCommand({ verb: "STOR", times: 2 });
    expect(lab).toHaveCommand({ verb: "RETR", times: 0 });
    expect(lab.servers.web).not.toHaveCommand("STOR");
  });

  test("a failure tells what was wanted, what came nearest and how it differs, transcript, seed and idle rules", async () => {
    await using lab = await startFiles();
    lab.faults.add({ when: { verb: "RETR" }, times: 1, fault: { kind: "reset", afterBytes: 512 } });
    await store(lab, "/in/b.csv", "id\n1\n");
    const message = await failure(() =>
      expect(lab).toHaveCommand({ server: "files", verb: "STOR", target: "/in/a.csv" }),
    );
    expect(message).toMatch(
      /^expect\(lab\)\.toHaveCommand\(\{ server: 'files', verb: 'STOR', target: '\/in\/a\.csv' \}\): there were no such commands\.\n/,
    );
    expect(message).toMatch(/nearest that did happen:\n {2}files#1 > STOR \/in\/b\.csv\n/);
    expect(message).toMatch(/\n {4}target: '\/in\/b\.csv'.* instead of '\/in\/a\.csv'\n/);
    expect(message).not.toMatch(/verb: .* instead of/);
    expect(message).toContain("\n  files#1 < 226 Transfer complete.\n\nSeed: 7\n");
    expect(message).toMatch(/never acted:\n {2}reset afterBytes 512 when verb RETR, times 1$/);
  });

  test("20 lines of the transcript at most, the last ones", async () => {
    await using lab = await startFiles();
    for (let count = 0; count < 30; count += 1) await fetch(`${lab.servers.web.url}/?${count}`);
    const message = await failure(() => expect(lab).toHaveCommand("STOR"));
    const [, shown = ""] = /last 20 of \d+ lines:\n([\s\S]*?)\n\n/.exec(message) ?? [];
    expect(shown.split("\n").length).toBe(20);
    expect(shown).toContain("GET /?29");
    expect(shown).not.toContain("GET /?1\n");
  });

  test("the wrong number of times lists the times there were", async () => {
    await using lab = await startFiles();
    for (const name of ["a", "b"]) await fetch(`${lab.servers.web.url}/${name}`);
    const message = await failure(() => expect(lab.servers.web).toHaveCommand({ verb: "GET", times: 3 }));
    expect(message).toMatch(
      /^expect\(lab\.servers\.web\)\.toHaveCommand\(\{ verb: 'GET', times: 3 \}\): there were 2 such commands\./,
    );
    expect(message).toMatch(/GET \/a\n.*GET \/b\n/);
  });

  test("a negation lists what should not have happened", async () => {
    await using lab = await startFiles();
    await fetch(`${lab.servers.web.url}/secret`);
    const message = await failure(() => expect(lab).not.toHaveCommand({ target: "/secret" }));
    expect(message).toMatch(/: there was 1 such command\.\nSuch:\n {2}web#1 > GET \/secret\n/);
  });

  test("when nothing came at all, that is said", async () => {
    await using lab = await startFiles();
    expect(await failure(() => expect(lab).toHaveCommand("GET"))).toContain("There was no command at all.");
  });

  test("what the transcript has forgotten is said", async () => {
    await using lab = await startLab({ web: http() }, { transcript: 4 });
    for (let count = 0; count < 3; count += 1) await fetch(lab.servers.web.url);
    expect(await failure(() => expect(lab).toHaveCommand("PUT"))).toMatch(/has forgotten \d+ earlier events/);
  });
});

describe("toHaveTransferred", () => {
  test("a path, a direction, a size; only whole ones unless it is said", async () => {
    await using lab = await startFiles();
    await store(lab, "/in/a.csv", "id\n1\n");
    await (await fetch(lab.servers.web.url)).text();
    expect(lab).toHaveTransferred("/in/a.csv");
    expect(lab).toHaveTransferred({ path: "/in/*", direction: "in", bytes: 5, server: "files" });
    expect(lab.servers.web).toHaveTransferred({ path: "/index.html", direction: "out" });
    expect(lab).not.toHaveTransferred({ path: "/in/a.csv", direction: "out" });
    expect(lab).not.toHaveTransferred("/in/b.csv");

    lab.faults.add({ when: { verb: "STOR" }, fault: { kind: "reset", afterBytes: 2 } });
    const broken = lab.events.next("transfer");
    await store(lab, "/in/b.csv", "id\n2\n").catch(() => {});
    await broken;
    expect(lab).not.toHaveTransferred("/in/b.csv");
    expect(lab).toHaveTransferred({ path: "/in/b.csv", complete: false });
    const message = await failure(() => expect(lab).toHaveTransferred("/in/b.csv"));
    expect(message).toContain("complete: false instead of true");
    expect(message).toContain("upload of /in/b.csv: 2 bytes, incomplete");
  });
});

describe("toHaveRefused", () => {
  test("commands that were answered with 400 or more", async () => {
    await using lab = await startFiles();
    expect(lab).not.toHaveRefused();
    await store(lab, "/nowhere/a.csv", "x").catch(() => {});
    await fetch(`${lab.servers.web.url}/missing`);
    expect(lab).toHaveRefused();
    expect(lab).toHaveRefused(404);
    expect(lab).toHaveRefused("STOR");
    expect(lab).toHaveRefused({ server: "files", verb: "STOR", target: "/nowhere/*", code: 550 });
    expect(lab).toHaveRefused({ code: 404, text: /not found/i, times: 1 });
    expect(lab.servers.web).not.toHaveRefused("STOR");
    expect(lab).not.toHaveRefused({ verb: "GET", code: 550 });
    const message = await failure(() => expect(lab).toHaveRefused({ verb: "GET", code: 403 }));
    expect(message).toMatch(/web#1 < 404 .*\n {4}code: 404 instead of 403\n/);
    expect(await failure(() => expect(lab).not.toHaveRefused(404))).toContain("there was 1 such refusal");
  });

  test("replies that a rule has made", async () => {
    await using lab = await startFiles();
    lab.faults.add({
      when: { verb: "GET" },
      times: 1,
      fault: { kind: "reply", with: { code: 503, text: "Busy" } },
    });
    await fetch(lab.servers.web.url);
    await fetch(lab.servers.web.url);
    expect(lab).toHaveRefused({ verb: "GET", code: 503, text: "Busy", times: 1 });
  });

  test("connections that were not let in", async () => {
    await using lab = await startLab({ one: tcp({ gate: { deny: ["127.0.0.1"] } }), two: tcp() });
    const refused = lab.events.next("refused");
    const client = connect(lab.servers.one.port, "127.0.0.1").on("error", () => {});
    await Promise.all([refused, once(client.resume(), "close")]);
    expect(lab).toHaveRefused();
    expect(lab.servers.one).toHaveRefused({ reason: "denied", peer: "127.0.0.1" });
    expect(lab.servers.two).not.toHaveRefused();
    expect(lab).not.toHaveRefused({ reason: "full" });
    expect(await failure(() => expect(lab).toHaveRefused({ reason: "full" }))).toContain(
      "reason: 'denied' instead of 'full'",
    );
  });
});

describe("toHaveStored", () => {
  test("a path, and its content as text, bytes or pattern", async () => {
    await using lab = await startFiles();
    await store(lab, "/in/a.csv", "id\n1\n");
    await expect(lab).toHaveStored("/in/a.csv");
    await expect(lab).toHaveStored("/in/a.csv", "id\n1\n");
    await expect(lab).toHaveStored("/in/a.csv", Buffer.from("id\n1\n"));
    await expect(lab).toHaveStored("/in/a.csv", /^1$/m);
    await expect(lab.servers.files).toHaveStored("in/old.csv", "id\n0\n");
    await expect(lab).not.toHaveStored("/in/b.csv");
    await expect(lab).not.toHaveStored("/in/a.csv/deeper");
    await expect(lab).not.toHaveStored("/in");
    await expect(lab).not.toHaveStored("/in/a.csv", "id\n1");
    await expect(lab).not.toHaveStored("/in/a.csv", Buffer.from("id\n1"));
    await expect(lab).not.toHaveStored("/in/a.csv", /2/);
  });

  test("another content: where it differs, and the upload that brought it", async () => {
    await using lab = await startFiles();
    await store(lab, "/in/a.csv", "id\n2\n");
    const message = await failure(() => expect(lab).toHaveStored("/in/a.csv", "id\n1\n"));
    expect(message).toMatch(
      /^expect\(lab\)\.toHaveStored\('\/in\/a\.csv', 'id\\n1\\n'\): it is not stored so\.\n/,
    );
    expect(message).toContain("it differs from character 3 (line 2) on");
    expect(message).toMatch(/expected, 5 bytes: "id\\n1\\n"\n/);
    expect(message).toMatch(/stored, {3}5 bytes: "id\\n2\\n"\n/);
    expect(message).toMatch(/Its last upload:\n {2}files#1 upload of \/in\/a\.csv: 5 bytes\n/);
    expect(message).toContain("Seed: 7");
  });

  test("contents of which vitest shows a diff; long ones in part", async () => {
    await using lab = await startLab({}, { files: { "/long": `${"a".repeat(100)}b${"c".repeat(100)}` } });
    const wanted = `${"a".repeat(100)}x${"c".repeat(100)}`;
    const error = await expect(lab)
      .toHaveStored("/long", wanted)
      .then(
        () => undefined,
        (reason) => reason,
      );
    expect(error).toMatchObject({ expected: wanted });
    expect(error.message).toMatch(/stored, {3}201 bytes: … "a{30}bc{29}" …/);
    expect(await failure(() => expect(lab).toHaveStored("/long", Buffer.from([1, 255])))).toContain(
      "expected, 2 bytes: 01ff",
    );
  });

  test("a file that is not there: the nearest path, and the upload that came nearest", async () => {
    await using lab = await startFiles();
    await store(lab, "/in/b.csv", "id\n1\n");
    const message = await failure(() => expect(lab).toHaveStored("/in/a.csv"));
    expect(message).toContain("The file with the nearest path: /in/b.csv");
    expect(message).toContain("path: '/in/b.csv' instead of '/in/a.csv'");
    expect(await failure(() => expect(lab).toHaveStored("/in"))).toContain("/in is a directory.");
  });

  test("an upload that broke off", async () => {
    await using lab = await startFiles();
    lab.faults.add({ when: { verb: "STOR" }, fault: { kind: "reset", afterBytes: 2 } });
    const transferred = lab.events.next("transfer");
    await store(lab, "/in/a.csv", "id\n1\n").catch(() => {});
    await transferred;
    expect(await failure(() => expect(lab).toHaveStored("/in/a.csv"))).toContain(
      "upload of /in/a.csv: 2 bytes, incomplete",
    );
  });

  test("a negation", async () => {
    await using lab = await startFiles();
    expect(await failure(() => expect(lab).not.toHaveStored("/index.html"))).toContain(": it is stored.");
  });

  test("an empty store", async () => {
    await using lab = await startLab({}, { files: {} });
    expect(await failure(() => expect(lab).toHaveStored("/a"))).toContain("Nothing is stored at all.");
  });
});

describe("mistakes are told, and pass no negation", () => {
  test.each<[string, (lab: Lab) => unknown, RegExp]>([
    ["no lab", () => expect("lab").not.toHaveCommand("GET"), /expect\(lab\)/],
    [
      "no such server",
      (lab) => expect(lab).not.toHaveCommand({ server: "ftp" }),
      /no server "ftp"; it has files, web/,
    ],
    [
      "no such field",
      (lab) => expect(lab).not.toHaveCommand({ verbs: "GET" } as object),
      /no verbs; it is told by/,
    ],
    ["a bad path", (lab) => expect(lab).not.toHaveStored("/\0"), /path/i],
  ])("%s", async (_, assertion, message) => {
    await using lab = await startFiles();
    expect(await failure(() => assertion(lab))).toMatch(message);
  });

  test("a lab without a transcript", async () => {
    await using lab = await startLab({ web: http() }, { transcript: 0 });
    expect(await failure(() => expect(lab).not.toHaveCommand("GET"))).toContain("keeps no transcript");
  });

  test("a lab that has stopped has kept its transcript", async () => {
    await using lab = await startFiles();
    await fetch(lab.servers.web.url);
    await lab.stop();
    expect(lab).toHaveCommand("GET");
  });
});

test("what is yet to come can be polled for", async () => {
  await using lab = await startFiles();
  await Promise.all([expect.poll(() => lab).toHaveCommand("GET"), fetch(lab.servers.web.url)]);
});
