import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startLab, tcp } from "../../index.ts";
import { needPrograms, run } from "../clients.ts";
import { filesBelow, root } from "../sources.ts";

const at = (name: string) => join(root, "examples", "documents", `${name}.mjs`);
const example = (name: string, ...args: readonly string[]) =>
  run(process.execPath, [at(name), ...args], { cwd: root, timeout: 30_000 });

/** A server of the examples, running; what it prints. */
class Running implements AsyncDisposable {
  printed = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close");
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        this.printed += chunk;
      });
    }
  }

  static async start(name: string, ...args: readonly string[]): Promise<Running> {
    const running = new Running(spawn(process.execPath, [at(name), ...args], { cwd: root }));
    await running.says(/Listening on|Open http|3\. listening/);
    return running;
  }

  async says(wanted: RegExp): Promise<string> {
    while (!wanted.test(this.printed)) {
      const ended = await Promise.race([once(this.#child.stdout!, "data"), this.#ended.then(() => "ended")]);
      if (ended === "ended") throw new Error(`ended, having printed ${this.printed}`);
    }
    return this.printed;
  }

  /** The port or path in what it has printed. */
  get where(): string {
    return /(?::|port )(\d+)\b(?!\.)/.exec(this.printed.replaceAll(/\d+\.\d+\.\d+\.\d+/g, ""))?.[1] ?? "";
  }

  /** Ends it as Ctrl+C does. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGINT");
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

describe("a server and its client", () => {
  test.each([
    [
      "tcp-server",
      "tcp-client",
      /^Received: Hello, world!$/m,
      /Connection from: 127\.0\.0\.1:\d+\nReceived: Hello, world!/,
    ],
    ["greeting-server", "greeting-client", /^Received: Hello, world!$/m, /Connection from: 127/],
    [
      "async-server",
      "async-client",
      /HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nHello, world!/,
      /Received 'GET \/ HTTP/,
    ],
    ["udp-server", "udp-client", /^Received: Hello, world!$/m, /Received: Hello, world!/],
    [
      "websocket-server",
      "websocket-client",
      /^Text message received: \{"greeting":"Hello, world!"\}\nBinary message received: 3 bytes\n.*JSON/m,
      /WebSocket connection open\.\nClient said: /,
    ],
    [
      "ftp-server",
      "ftp-session",
      /Logged in; this is \/\n[\s\S]*the same\nDownloaded; nothing has changed/,
      /foo has logged in\nupload of/,
    ],
    ["telnet-server", "telnet-client", /robot: Hello, everybody!\n\d+ seconds/, /c1: nick robot/],
  ])("%s and %s", { timeout: 60_000 }, async (server, client, said, seen) => {
    await using running = await Running.start(
      server,
      "0",
      ...(server === "ftp-server" ? [mkdtempSync(join(tmpdir(), "wirelab-ftp-"))] : []),
    );
    const { stdout, stderr, code } = await example(client, running.where);
    expect(stderr).toBe("");
    expect(stdout.replaceAll("\r\n", (end) => (client === "async-client" ? end : "\n"))).toMatch(said);
    expect(code).toBe(0);
    expect(await running.says(seen)).toMatch(seen);
    expect(await running.stop()).toBe(0);
  });

  test("unix-server and unix-client", { timeout: 60_000 }, async () => {
    const path = join(mkdtempSync(join(tmpdir(), "wirelab-unix-")), "lab.sock");
    await using running = await Running.start("unix-server", path);
    expect((await example("unix-client", path)).stdout).toBe("Received: Hello, world!\n");
    expect(await running.stop()).toBe(0);
  });

  test("step-by-step", { timeout: 60_000 }, async () => {
    await using running = await Running.start("step-by-step", "0");
    const { stdout } = await example("tcp-client", running.where);
    expect(stdout).toBe("Received: Hello, client!\n");
    expect(await running.says(/7\. closed/)).toMatch(/5\. Received: Hello, world!\n6\. answered, and closed/);
  });

  test("http-server and cgi-server, by curl", { timeout: 60_000 }, async (context) => {
    needPrograms(context, "curl", "sh", "tr");
    await using web = await Running.start("http-server", "0");
    expect(web.printed).toMatch(/^Starting httpd on port \d+\.\.\./);
    expect((await run("curl", ["-sS", `http://127.0.0.1:${web.where}/`])).stdout).toBe("Hello, world!");
    await using cgi = await Running.start("cgi-server", "0");
    const url = `http://127.0.0.1:${cgi.where}/cgi-bin/hello`;
    expect((await run("curl", ["-sS", url])).stdout).toBe("Hello World! You have asked by GET.\n");
    expect((await run("curl", ["-sS", "-d", "", `${url}?name=Ann`])).stdout).toBe(
      "Hello Ann! You have asked by POST.\n",
    );
    expect([await web.stop(), await cgi.stop()]).toEqual([0, 0]);
  });

  test("game", { timeout: 60_000 }, async (context) => {
    needPrograms(context, "nc");
    await using running = await Running.start("game", "0");
    // Nought is never right, so that there are two tries at least.
    const guesses = Array.from({ length: 101 }, (_, guess) => `${guess}\r\n`).join("");
    const { stdout } = await run("nc", ["127.0.0.1", running.where], { input: guesses });
    expect(stdout).toMatch(/More\.[\s\S]*Right, after \d+ tries\./);
  });
});

describe("a program that is all of it", () => {
  test.each([
    [
      "concurrent-server",
      /^(client (two|three|four|five): Hello, world!\n){4}client one, and slow: Hello, world!\n$/,
    ],
    ["loopback", /^Received: Hello, World!\n$/],
    ["url-parts", /^username username\npassword password\nhost {5}www\.example\.com\n/m],
    [
      "http-methods",
      /PUT {5}\/note\.txt {2}201[\s\S]*HEAD[\s\S]*POST {4}\/ {10}200[\s\S]*allowed: GET, HEAD[\s\S]*DELETE {2}\/note\.txt {2}204[\s\S]*404/,
    ],
    [
      "tls",
      /^tls:\/\/127\.0\.0\.1:PORT: TLSv1\.3, .*\nReceived: Hello, world!\nWithout its authority: UNABLE_TO_VERIFY_LEAF_SIGNATURE\n$/,
    ],
    ["balancing", /^round robin: {7}one 2, two 2, three 2\nleast connections: one 1, two 1, three 3\n$/],
    ["compression", /^identity +42000 bytes[^\n]*\ngzip +\d{2,3} bytes on the wire, 42000 as a page\n$/],
    ["framing", /all one: onetwo, and longerthree\n[^\n]* 3: one \| two, and longer \| three\n$/],
    ["chat", /^ann reads: bob: Hello from a browser!\nbob reads: ann: Hello from a terminal!\n$/],
    ["firewall", /^127\.0\.0\.1 +Hello, world!\n127\.0\.0\.66 +refused \(denied\)\n$/],
    ["caching", /^200 first\n(304|200) first\n200 second\n$/],
    ["recovery", /^attempt 1: cut off\nattempt 2: 206, complete\nnothing is missing\n$/],
    ["logging", /^2 times 200, 1 times 404\nand the bytes of all answers\n$/],
  ])("%s", { timeout: 60_000 }, async (name, printed) => {
    const { stdout, stderr, code } = await example(name);
    expect(stdout).toMatch(printed);
    if (name !== "logging") expect(stderr).toBe("");
    else expect(stderr).toContain('"event":"command"');
    expect(code).toBe(0);
  });

  test("load", { timeout: 60_000 }, async () => {
    expect((await example("load", "50", "10")).stdout).toMatch(
      /^50 requests, \d+ a second\nmedian [\d.]+ ms, /,
    );
  });
});

test("nobody listens, and a server that waits, are said in words", { timeout: 60_000 }, async () => {
  await using lab = await startLab({ gone: tcp(), waiting: tcp() });
  const { gone, waiting } = lab.servers;
  await gone.stop();
  expect(await example("tcp-client", `${gone.port}`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("nobody listens there"),
  });
  expect(await example("greeting-client", `${waiting.port}`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("it waits for us"),
  });
});

test("every example is in the documents, and in these tests", () => {
  const listed = readFileSync(join(root, "docs", "examples.md"), "utf8");
  const tested = readFileSync(join(root, "test", "examples", "documents.test.ts"), "utf8");
  for (const file of filesBelow("examples/documents", ".mjs")) {
    const name = file.replace(/^.*\/|\.mjs$/g, "");
    expect(listed).toContain(`documents/${name}.mjs`);
    expect(tested).toContain(`"${name}"`);
  }
});
