import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { authority } from "../core/tls/authority.ts";
import { type Outcome, run } from "./clients.ts";
import { root } from "./sources.ts";

const launcher = join(root, "dist", "launcher.js");
/** All servers, on free ports. */
const FREE = ["--ftp=0", "--telnet=0", "--http=0", "--ws=0", "--tcp=0", "--udp=0"];
const folder = () => mkdtempSync(join(tmpdir(), "wirelab-"));
const wirelab = (...args: string[]): Promise<Outcome> => run(process.execPath, [launcher, ...args]);

interface Ready {
  readonly pid: number;
  readonly ca?: string;
  readonly servers: Record<string, { url: string; host: string; port: number; path?: string }>;
}

/** The built command, running; it is stopped when the test ends. */
class Running {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Outcome>;

  private constructor(child: ChildProcess, ready: Ready, ended: Promise<Outcome>) {
    this.#child = child;
    this.ready = ready;
    this.#ended = ended;
  }

  static async start(...args: string[]): Promise<Running> {
    const child = spawn(process.execPath, [launcher, ...args, "--ready=json"]);
    let stdout = "";
    const ended = Promise.all([once(child, "close"), text(child.stderr)]).then(([[code], stderr]) => ({
      code,
      stdout,
      stderr,
    }));
    const ready = await new Promise<Ready>((resolve, reject) => {
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
        if (stdout.endsWith("\n")) resolve(JSON.parse(stdout));
      });
      ended.then(({ stderr }) => reject(new Error(`ended before it was ready: ${stderr}`)));
    });
    return new Running(child, ready, ended);
  }

  /** Waits until the log says something, from now on. */
  logged(words: string): Promise<void> {
    let said = "";
    return new Promise((resolve) => {
      this.#child.stderr?.on("data", (chunk) => {
        said += chunk;
        if (said.includes(words)) resolve();
      });
    });
  }

  get ended(): Promise<Outcome> {
    return this.#ended;
  }

  at(name: string) {
    const server = this.ready.servers[name];
    if (!server) throw new Error(`no server ${name}`);
    return server;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Signals, and tells how it ended. */
  stop(name: NodeJS.Signals = "SIGTERM"): Promise<Outcome> {
    this.signal(name);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }
}

describe("starting", () => {
  test("one line on stdout when everything listens", async () => {
    await using running = await Running.start("--all", ...FREE);
    expect(running.ready).toMatchObject({ wirelab: 1, ready: true, pid: expect.any(Number) });
    expect(Object.keys(running.ready.servers)).toEqual(["ftp", "telnet", "http", "ws", "tcp", "udp"]);
    for (const [name, { url, host, port }] of Object.entries(running.ready.servers)) {
      expect(url).toBe(`${name}://${host}:${port}`);
      if (name === "udp") continue;
      const client = connect(port, host);
      await once(client, "connect");
      client.destroy();
    }
    const { code, stdout, stderr } = await running.stop();
    expect(code).toBe(0);
    expect(stdout.trim().split("\n").length).toBe(1);
    expect(stderr).toContain(`curl ${running.at("http").url}/`);
    expect(stderr).toContain(`telnet 127.0.0.1 ${running.at("telnet").port}`);
    expect(stderr).toContain(running.at("ftp").url);
    expect(stderr).toContain(`wscat -c ${running.at("ws").url}/`);
    expect(stderr).toContain(`nc -N 127.0.0.1 ${running.at("tcp").port}`);
    expect(stderr).toContain(`nc -u -w1 127.0.0.1 ${running.at("udp").port}`);
  });

  test("--tls: every server speaks TLS, and a shell is told where what its clients are to trust is", async () => {
    const at = folder();
    const [ca, client, env] = ["ca.pem", "client.pem", "lab.env"].map((name) => join(at, name)) as [
      string,
      string,
      string,
    ];
    const servers = ["--ftp=0", "--telnet=0", "--http=0", "--tcp=0"];
    const files = ["--ca-file", ca, "--client-cert", client, "--env", env];
    await using running = await Running.start(...servers, "--tls", ...files);
    const scheme = (name: string) => running.at(name).url.replace(/:.*/, "");
    expect(["ftp", "telnet", "http", "tcp"].map(scheme)).toEqual(["ftp", "telnets", "https", "tls"]);
    expect(running.ready.ca).toBe(readFileSync(ca, "utf8"));
    expect(statSync(client).mode & 0o777).toBe(0o600);
    const variables = '. "$0"; echo "$WIRELAB_CA_FILE $WIRELAB_CLIENT_CERT_FILE"';
    expect((await run("sh", ["-c", variables, env])).stdout).toBe(`${ca} ${client}\n`);
    const identity = readFileSync(client, "utf8");
    const { host, port } = running.at("tcp");
    const trusted = { host, port, ca: running.ready.ca!, allowHalfOpen: true };
    expect(await text(connectTls({ ...trusted, cert: identity, key: identity }).end("x"))).toBe(
      "Hello, world!",
    );
    await expect(text(connectTls(trusted).end("x"))).rejects.toThrow("certificate required");
    const { stderr } = await running.stop();
    expect(stderr).toContain(`curl --cacert ${ca} ${running.at("http").url}/`);
    expect(stderr).toContain(`openssl s_client -quiet -connect ${host}:${port}`);
  });

  test("--tls=expired: a certificate that clients must refuse, or with --cert one's own", async () => {
    await using running = await Running.start("--tcp=0", "--tls=expired");
    const { host, port } = running.at("tcp");
    const client = connectTls({ host, port, ca: running.ready.ca! });
    expect(await once(client, "error")).toMatchObject([{ code: "CERT_HAS_EXPIRED" }]);
    const pem = join(folder(), "own.pem");
    const { cert, key } = await (await authority()).server(["own.test"]);
    writeFileSync(pem, `${cert}${key}`);
    await using own = await Running.start("--tcp=0", "--cert", pem, "--key", pem);
    expect(own.ready.ca).toBe(`${cert}${key}`);
  });

  test("one server flag starts that server alone", async () => {
    await using running = await Running.start("--tcp=0");
    expect(Object.keys(running.ready.servers)).toEqual(["tcp"]);
    const { port } = running.at("tcp");
    expect(await text(connect({ port, host: "127.0.0.1", allowHalfOpen: true }).end("x"))).toBe(
      "Hello, world!",
    );
  });

  test("WebSockets, and on the port of HTTP too", async () => {
    await using running = await Running.start("--http=0", "--ws=0");
    const { port } = running.at("http");
    for (const url of [running.at("ws").url, `ws://127.0.0.1:${port}/ws`]) {
      const client = new WebSocket(url);
      await once(client, "open");
      client.send("[1]");
      expect(`${(await once(client, "message"))[0]}`).toBe("Text message received: [1]");
      client.close();
      await once(client, "close");
    }
    expect(await (await fetch(running.at("http").url)).text()).toBe("Hello, world!");
  });

  test("a script over TCP and over UDP", async () => {
    const file = join(folder(), "script.json");
    writeFileSync(file, JSON.stringify([{ expect: "/hello (.*)/" }, { send: "welcome $1\n" }]));
    await using running = await Running.start(
      "--tcp=0",
      "--udp=0",
      "--tcp-script",
      file,
      "--udp-script",
      file,
    );
    const { host, port } = running.at("tcp");
    expect(await text(connect({ host, port, allowHalfOpen: true }).end("hello ann\n"))).toBe("welcome ann\n");
    const client = createSocket("udp4");
    client.send("hello bob", running.at("udp").port, host);
    expect(String(await once(client, "message"))).toMatch(/^welcome bob\n/);
    client.close();
  });

  test("UDP tells the time", async () => {
    await using running = await Running.start("--udp=[::1]:0", "--udp-behaviour=daytime");
    const { url, host, port } = running.at("udp");
    expect(url).toBe(`udp://[::1]:${port}`);
    const client = createSocket("udp6");
    client.send("", port, host);
    expect(String(await once(client, "message"))).toMatch(/^\w+day, .*-UTC\r\n/);
    client.close();
  });

  test.each([
    ["tcp", []],
    ["http", ["express"]],
    ["ws", ["ws"]],
  ] as const)("only the engines that are needed are loaded for --%s", async (name, engines) => {
    // Ends as soon as it is ready, with the files that have been loaded by then.
    const program = `
      import { createRequire } from "node:module";
      const { cache } = createRequire(import.meta.url);
      const write = process.stdout.write.bind(process.stdout);
      process.stdout.write = () => write(Object.keys(cache).join("\\n"), () => process.exit());
      process.argv = [process.argv[0], "wirelab", "--${name}=0", "--ready=json"];
      await import(${JSON.stringify(launcher)});
    `;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program]);
    const loaded = new Set(stdout.match(/(?<=\/node_modules\/)[^/]+/g));
    expect(loaded).toContain("pino");
    expect(["express", "ftp-srv", "ws", "commander"].filter((engine) => loaded.has(engine))).toEqual(engines);
  });

  test("a folder, accounts and IPv6", async () => {
    const root = folder();
    writeFileSync(join(root, "a.txt"), "from disk");
    await using running = await Running.start("--http=[::1]:0", "--root", root, "--user", "ann:secret:elrw");
    const { url } = running.at("http");
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(await (await fetch(`${url}/a.txt`)).text()).toBe("from disk");
    const authorization = `Basic ${Buffer.from("ann:secret").toString("base64")}`;
    expect(
      (await fetch(`${url}/b.txt`, { method: "PUT", body: "b", headers: { authorization } })).status,
    ).toBe(201);
    expect(readFileSync(join(root, "b.txt"), "utf8")).toBe("b");
    const { stderr } = await running.stop();
    expect(stderr).not.toContain("secret");
  });

  test("a copy of a folder, which is left alone", async () => {
    const copied = folder();
    writeFileSync(join(copied, "a.txt"), "from disk");
    await using running = await Running.start("--http=0", "--copy", copied);
    const { url } = running.at("http");
    expect(await (await fetch(`${url}/a.txt`)).text()).toBe("from disk");
    const authorization = `Basic ${Buffer.from("foo:bar").toString("base64")}`;
    expect((await fetch(`${url}/a.txt`, { method: "DELETE", headers: { authorization } })).ok).toBe(true);
    expect(readFileSync(join(copied, "a.txt"), "utf8")).toBe("from disk");
    expect((await running.stop()).stderr).toContain(`files of ${copied}, in memory`);
  });

  test("what others change in the folder", async () => {
    const watched = folder();
    await using running = await Running.start("--http=0", "--root", watched, "--watch", "--log-format=json");
    const told = running.logged("added on disk: /a.txt");
    writeFileSync(join(watched, "a.txt"), "by hand");
    await told;
    const { code, stderr } = await wirelab("--http=0", "--watch");
    expect([code, stderr]).toEqual([2, expect.stringContaining("give root, a folder to watch")]);
  });

  test("programs of a folder, found as this process finds them", async () => {
    const cgi = folder();
    writeFileSync(
      join(cgi, "hello"),
      "#!/usr/bin/env node\nconsole.log('Content-Type: text/plain\\n\\nHi');\n",
      {
        mode: 0o755,
      },
    );
    await using running = await Running.start("--http=0", "--cgi", cgi);
    expect(await (await fetch(`${running.at("http").url}/cgi-bin/hello`)).text()).toBe("Hi\n");
    const { code, stderr } = await wirelab("--http=0", "--cgi", cgi, "--root", cgi);
    expect([code, stderr]).toEqual([2, expect.stringContaining("could run programs")]);
  });

  test("stubs from a file", async () => {
    const file = join(folder(), "stubs.json");
    writeFileSync(
      file,
      JSON.stringify([{ path: "/users/:id", answer: { status: 201, body: { name: "Ann" } } }]),
    );
    await using running = await Running.start("--http=0", "--stubs", file);
    const answer = await fetch(`${running.at("http").url}/users/7`);
    expect([answer.status, await answer.json()]).toEqual([201, { name: "Ann" }]);
    writeFileSync(file, JSON.stringify([{ path: "users", answer: {} }]));
    const { code, stderr } = await wirelab("--http=0", "--stubs", file);
    expect([code, stderr]).toEqual([2, expect.stringContaining("from its first slash on")]);
  });

  test("a single-page app for pages of other origins", async () => {
    const flags = ["--http=0", "--fallback", "/index.html", "--cors"];
    const origin = "http://127.0.0.1:3000";
    const allowed = async (running: Running) => {
      const { status, headers } = await fetch(`${running.at("http").url}/users/7`, { headers: { origin } });
      return [status, headers.get("access-control-allow-origin")];
    };
    await using everybody = await Running.start(...flags);
    expect(await allowed(everybody)).toEqual([200, "*"]);
    await using some = await Running.start(...flags, `http://localhost:3000,${origin}`);
    expect(await allowed(some)).toEqual([200, origin]);
    const { code, stderr } = await wirelab(...flags, "=localhost");
    expect([code, stderr]).toEqual([2, expect.stringContaining('"=localhost" is no command')]);
    const strange = await wirelab(...flags.slice(0, -1), "--cors=localhost");
    expect([strange.code, strange.stderr]).toEqual([
      2,
      expect.stringContaining("write http://127.0.0.1:3000"),
    ]);
  });

  test("a Unix-domain socket", async () => {
    const path = join(folder(), "lab.sock");
    await using running = await Running.start(`--tcp=unix:${path}`, "--socket-mode=660");
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(running.at("tcp")).toEqual({ url: `unix:${path}`, path });
    expect(await text(connect({ path, allowHalfOpen: true }).end("x"))).toBe("Hello, world!");
    expect((await running.stop()).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test("an environment file that a shell reads", async () => {
    const file = join(folder(), "lab.env");
    await using running = await Running.start("--tcp=0", "--env", file);
    const { stdout } = await run("sh", [
      "-c",
      `. ${file}; echo "$WIRELAB_TCP_URL $WIRELAB_TCP_HOST $WIRELAB_TCP_PORT"`,
    ]);
    const { url, host, port } = running.at("tcp");
    expect(stdout).toBe(`${url} ${host} ${port}\n`);
  });

  test("an environment file of an earlier run is replaced, somebody else's file is not", async () => {
    const file = join(folder(), "lab.env");
    for (let count = 0; count < 2; count += 1) {
      await using running = await Running.start("--tcp=0", "--env", file);
      expect(readFileSync(file, "utf8")).toContain(running.at("tcp").url);
    }
    writeFileSync(file, "SECRET=1\n");
    const { code, stderr } = await wirelab("--tcp=0", "--env", file);
    expect([code, stderr]).toEqual([2, expect.stringContaining("name another")]);
    expect(readFileSync(file, "utf8")).toBe("SECRET=1\n");
  });

  test("an environment file that is a pipe, for whoever reads it", async () => {
    const pipe = join(folder(), "lab.env");
    const script = 'mkfifo "$0"; "$1" "$2" run --tcp --env "$0" -- true & cat "$0"; wait $!; test -p "$0"';
    const { code, stdout } = await run("sh", ["-c", script, pipe, process.execPath, launcher]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("WIRELAB_TCP_URL=tcp://127.0.0.1:")]);
  });

  test("an environment file behind a link, as /dev/stdout is one", async () => {
    const at = folder();
    const [file, link] = [join(at, "out"), join(at, "lab.env")];
    writeFileSync(file, "");
    symlinkSync(file, link);
    expect((await wirelab("run", "--tcp", "--env", link, "--", "true")).code).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, "utf8")).toContain("WIRELAB_TCP_URL=tcp://127.0.0.1:");
  });

  test("fault rules from a file", async () => {
    const file = join(folder(), "faults.json");
    writeFileSync(file, JSON.stringify([{ times: 1, fault: { kind: "reply", with: { text: "wrong" } } }]));
    await using running = await Running.start("--tcp=0", "--faults", file, "--seed", "7");
    const { port } = running.at("tcp");
    const visit = () => text(connect({ port, host: "127.0.0.1", allowHalfOpen: true }).end("x"));
    expect([await visit(), await visit()]).toEqual(["wrong", "Hello, world!"]);
    writeFileSync(file, JSON.stringify([{ fault: { kind: "explode" } }]));
    const { code, stderr } = await wirelab("--tcp=0", "--faults", file);
    expect([code, stderr]).toEqual([2, expect.stringContaining('found "explode"')]);
  });

  test("--log-format json: every line of stderr is JSON", async () => {
    await using running = await Running.start("--tcp=0", "--log-format=json", "--log-level=debug");
    await text(connect({ port: running.at("tcp").port, host: "127.0.0.1", allowHalfOpen: true }).end("x"));
    const { stderr } = await running.stop();
    const events = stderr
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("wirelab: stopping"))
      .map((line) => JSON.parse(line).event);
    expect(events).toEqual(["listening", "opened", "frame", "reply", "closed", "stopped"]);
  });
});

describe("forwarding", () => {
  test("what comes to a port goes to another server", async () => {
    await using target = await Running.start("--tcp=0");
    const { port } = target.at("tcp");
    const first = `0=127.0.0.1:${port}`;
    await using running = await Running.start("--forward", first, "--forward", `127.0.0.2:0=${port}`);
    expect(Object.keys(running.ready.servers)).toEqual(["forward", "forward2"]);
    expect(running.at("forward2").url).toMatch(/^tcp:\/\/127\.0\.0\.2:\d+$/);
    for (const name of ["forward", "forward2"]) {
      const { host, port } = running.at(name);
      expect(await text(connect(port, host).end("x"))).toBe("Hello, world!");
    }
  });
});

describe("stopping", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends it with 0", async (signal) => {
    await using running = await Running.start("--all", ...FREE);
    expect((await running.stop(signal)).code).toBe(0);
  });

  test("a client that stays is given its grace, then cut", async () => {
    await using running = await Running.start("--tcp=0", "--tcp-behaviour=echo");
    const client = connect({ port: running.at("tcp").port, host: "127.0.0.1", allowHalfOpen: true }).resume();
    await once(client, "connect");
    client.on("error", () => {});
    const { code, stderr } = await running.stop();
    expect([code, stderr]).toEqual([0, expect.stringContaining("1 connection")]);
    client.destroy();
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second %s ends it at once with %d", async (signal, code) => {
    await using running = await Running.start("--tcp=0", "--tcp-behaviour=echo");
    const client = connect({ port: running.at("tcp").port, host: "127.0.0.1", allowHalfOpen: true }).resume();
    client.on("error", () => {});
    await once(client, "connect");
    running.signal(signal);
    // Our FIN tells that the graceful stop is under way.
    await once(client, "end");
    expect((await running.stop(signal)).code).toBe(code);
    client.destroy();
  });

  test("Ctrl+C lets an upload come to its end; a second one does not, and leaves the old file whole", async () => {
    const at = folder();
    writeFileSync(join(at, "a"), "old");
    const uploading = async () => {
      const running = await Running.start("--ftp=0", "--root", at);
      const client = new Client();
      const { host, port } = running.at("ftp");
      await client.access({ host, port, user: "foo", password: "bar" });
      const source = new PassThrough();
      const outcome = client.uploadFrom(source, "a").then(
        () => "stored",
        () => "torn",
      );
      source.write("new ");
      await expect.poll(() => readdirSync(at)).toContainEqual(expect.stringMatching(/part$/));
      const stopping = running.logged("stopping");
      running.signal("SIGINT");
      await stopping;
      return { running, source, outcome };
    };
    const patient = await uploading();
    patient.source.end("file");
    expect([await patient.outcome, (await patient.running.ended).code]).toEqual(["stored", 0]);
    expect(readFileSync(join(at, "a"), "utf8")).toBe("new file");
    const hasty = await uploading();
    expect((await hasty.running.stop("SIGINT")).code).toBe(130);
    expect(await hasty.outcome).toBe("torn");
    expect(readFileSync(join(at, "a"), "utf8")).toBe("new file");
  });
});

test("Telnet asks who it is, and runs what is allowed", async () => {
  await using running = await Running.start("--telnet=0", "--telnet-login", "--run", `v=${process.execPath}`);
  const { host, port } = running.at("telnet");
  const client = connect({ host, port, allowHalfOpen: true }).end("foo\r\nbar\r\nrun v --version\r\n");
  const said = await text(client);
  expect(said).toContain("login: Password: ");
  expect(said).toContain(`${process.version}\r\n`);
});

test("Telnet is a device", async () => {
  await using running = await Running.start(
    "--telnet=0",
    "--device",
    join(root, "examples/devices/switch.json"),
  );
  const { host, port } = running.at("telnet");
  const client = connect({ host, port, allowHalfOpen: true }).end("admin\r\nswitch\r\nexit\r\n");
  expect(await text(client)).toContain("sw1>");
});

describe("exit codes", () => {
  test("3: an address is taken, said with server and address", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    const { code, stdout, stderr } = await wirelab("--tcp=0", `--http=${port}`, "--ready=json");
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toContain(`wirelab: http cannot listen on 127.0.0.1:${port}: the address is in use`);
    holder.close();
  });

  test.each([
    [["--fpt"], "Did you mean --ftp?"],
    [["--ftp=http"], "is no address"],
    [["--tcp=127.0.0.1:99999"], "ports end at 65535"],
    [["serve"], '"serve" is no command'],
    [["--user", "ann"], "NAME:PASSWORD"],
    [["--user", "ann:pw:xyz"], 'permission "x"'],
    [["--user", "ann:1", "--user", "ann:2"], "twice"],
    [["--anonymous=q"], 'permission "q"'],
    [["--allow", "10.0.0.0/99"], "no CIDR block"],
    [["--tcp-behaviour", "dance"], "none of hello"],
    [["--socket-mode", "rw"], "no mode of a file"],
    [["--tcp=0", "--tcp-script", "/no/such/script"], "The script file /no/such/script cannot be read"],
    [["--tcp=0", "--tcp-behaviour=echo", "--tcp-script=x.json"], "give one of them"],
    [["--udp=unix:/tmp/no.sock"], "it cannot have a Unix-domain socket"],
    [["--passive-ports", "9-1"], "FROM-TO"],
    [["--cert", "/no/such/file", "--key", "/no/such/file"], "no such file"],
    [["--cert", "package.json"], "--cert and --key go together"],
    [["--tls=torn"], '"torn" is none of expired'],
    [["--tcp=0", "--ca-file", "ca.pem"], "--ca-file needs --tls"],
    [["--tcp=0", "--tls", "--ca-file", "package.json"], "name another"],
    [["--tcp=0", "--cert", "package.json", "--key", "package.json"], "a certificate and its own key"],
    [["--seed", "x"], "whole number"],
    [["--faults", "/no/such/file"], "no such file"],
    [["--env", "/no/such/folder/lab.env"], "/no/such/folder/lab.env: there is no such folder"],
    [["--tcp=0", "--env", "x".repeat(300)], `--env ${"x".repeat(300)}: `],
    [["--run", "ls"], "A program is NAME=PROGRAM"],
    [["--telnet=0", "--device", "/no/such/device"], "The device file /no/such/device cannot be read"],
    [["--log-level", "loud"], "none of error"],
    [["--ready=xml"], "none of json"],
    [["--root", "/no/such/folder", "--tcp=0"], "/no/such/folder"],
    [["--tcp=0.0.0.0:0", "--anonymous=elrw"], "--open"],
  ])("2: %j", async (args, why) => {
    const { code, stdout, stderr } = await wirelab(...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(why);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("0: --help and --version, on stdout", async () => {
    const help = await wirelab("--help");
    expect([help.code, help.stderr]).toEqual([0, ""]);
    for (const word of [
      "--ftp[=ADDR]",
      "--telnet",
      "--http",
      "--tcp",
      "--ws[=ADDR]",
      "--udp[=ADDR]",
      "--ready",
      "--root",
      "Exit codes",
      "unix:",
    ]) {
      expect(help.stdout).toContain(word);
    }
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(await wirelab("--version")).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test("what is exposed is said", async () => {
    await using running = await Running.start("--tcp=0.0.0.0:0");
    expect(running.at("tcp").url).toMatch(/^tcp:\/\/127\.0\.0\.1:/);
    expect((await running.stop()).stderr).toContain("Other machines can reach tcp");
  });
});

describe("on a fresh clone", () => {
  test("npm start builds and starts, and a signal to npm stops it", async () => {
    const clone = folder();
    const files = [
      ...readdirSync(root).filter((name) => /\.(ts|json)$/.test(name)),
      "control",
      "core",
      "servers",
      "launch",
      "tools",
    ];
    for (const name of files) cpSync(join(root, name), join(clone, name), { recursive: true });
    // What is installed already need not be installed again: that is npm's own business.
    symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
    const child = spawn("npm", ["start", "--silent", "--", "--tcp=0", "--ready=json"], { cwd: clone });
    const ended = once(child, "close");
    const said = text(child.stderr);
    const [line] = await Promise.race([once(child.stdout, "data"), ended.then(async () => [await said])]);
    const { port } = JSON.parse(line).servers.tcp;
    expect(await text(connect({ port, host: "127.0.0.1", allowHalfOpen: true }).end("x"))).toBe(
      "Hello, world!",
    );
    child.kill("SIGTERM");
    await ended;
    const gone = connect(port, "127.0.0.1");
    expect(await once(gone, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
    // It compiles, which takes its time on a busy machine.
  }, 120_000);
});

describe("recordings", () => {
  /** What a client says to FTP, and the answers. */
  async function say(
    { host, port }: { host: string; port: number },
    ...lines: readonly string[]
  ): Promise<string> {
    const socket = connect(port, host);
    socket.end(lines.map((line) => `${line}\r\n`).join(""));
    return text(socket);
  }

  test("--record and --pcap write while it happens; show draws, replay holds clients against it", async () => {
    const record = join(folder(), "lab.ndjson");
    const pcap = join(folder(), "lab.pcapng");
    {
      await using running = await Running.start("--ftp=0", "--tcp=0", "--record", record, "--pcap", pcap);
      expect(await say(running.at("ftp"), "USER foo", "PASS bar", "PWD", "QUIT")).toContain("257");
      expect(await say(running.at("tcp"), "hi")).toBe("Hello, world!");
      expect(readFileSync(record, "utf8")).toContain('"verb":"PWD"');
      expect((await running.stop()).code).toBe(0);
    }
    for (const file of [record, pcap]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readFileSync(file).includes("PWD")).toBe(true);
      expect(readFileSync(file).includes("bar")).toBe(false);
    }

    const shown = await wirelab("show", record);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/ftp#1 {2}│ PWD ─+► │ {2}where am I\?\n/);
    expect(
      (await run(process.execPath, [launcher, "show", "-"], { input: readFileSync(record) })).stdout,
    ).toBe(shown.stdout);

    await using followed = await Running.start("replay", record, "--once");
    expect(await say(followed.at("ftp"), "user foo", "PASS another", "PWD", "QUIT")).toContain("221");
    expect(await say(followed.at("tcp"), "hi")).toBe("Hello, world!");
    expect(await followed.ended).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/every client followed\n$/),
    });

    await using left = await Running.start("replay", record, "--at", "ftp=127.0.0.1:0");
    expect(await say(left.at("ftp"), "USER foo", "PASS bar", "CWD /", "QUIT")).toContain("500 ftp#1, step 6");
    const { code, stderr } = await left.stop();
    expect(stderr).toContain("expected PWD, and CWD / came.");
    expect(stderr).toMatch(/1 of 1 clients did not follow\n$/);
    expect(code).toBe(1);
  });

  test("a start that fails leaves the recording of who has the address, one that succeeds begins it anew", async () => {
    const record = join(folder(), "lab.ndjson");
    const pcap = join(folder(), "lab.pcapng");
    writeFileSync(record, "an earlier one".repeat(1000));
    {
      await using first = await Running.start("--tcp=0", "--record", record, "--pcap", pcap);
      expect(await say(first.at("tcp"), "hi")).toBe("Hello, world!");
      const { port } = first.at("tcp");
      const second = await wirelab(`--tcp=${port}`, "--record", record, "--pcap", pcap);
      expect(second.code).toBe(3);
      expect(await say(first.at("tcp"), "there")).toBe("Hello, world!");
      expect((await first.stop()).code).toBe(0);
    }
    const lines = readFileSync(record, "utf8").trimEnd().split("\n");
    const recorded = lines.map((line) => JSON.parse(line));
    expect(recorded[0]).toMatchObject({ type: "recording" });
    const sent = recorded.filter(({ type, direction }) => type === "bytes" && direction === "in");
    expect(sent.map((bytes) => bytes.text)).toEqual(["hi\r\n", "there\r\n"]);
    // The block that begins a file is in it once.
    expect(readFileSync(pcap).toString("latin1").split("\x0a\x0d\x0d\x0a")).toHaveLength(2);
  });

  test("what is wrong is said, and how it is meant", async () => {
    expect(await wirelab("show")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("wirelab show takes one file"),
    });
    for (const command of ["show", "replay"]) {
      const stderr = "wirelab: /nowhere.ndjson: there is no such file.\n";
      expect(await wirelab(command, "/nowhere.ndjson")).toMatchObject({ code: 2, stderr });
    }
    expect((await wirelab("show", root)).stderr).toBe(
      `wirelab: ${root}: this is a folder; name a file in it.\n`,
    );
    expect((await wirelab("show", launcher)).stderr).toContain("line 1: this is no line of a recording");
    expect((await wirelab("replay", "--help")).stdout).toContain("Usage: wirelab replay FILE|- [FLAGS]");
    const nowhere = await wirelab("--tcp=0", "--record", "/nowhere/at/all");
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining("--record") });
  });
});
