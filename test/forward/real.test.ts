import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { type Fault, ftp, startLab } from "../../index.ts";
import { clientTest, needPrograms, run } from "../clients.ts";
import { Backend, forwarding, heard } from "./dialogue.ts";
import { Nginx } from "./nginx.ts";

/** A port at the end of a line: alone, or behind an address. */
const PORT = /(?:^|:)(\d+)$/m;

/** A program that prints the port which it listens on. */
async function program(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  let said = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (PORT.test(said)) break;
  }
  child.stdout.resume();
  return {
    name: `127.0.0.1:${PORT.exec(said)?.[1]}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const HTTP_SERVER = `
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_address[1], flush=True)
server.serve_forever()
`;

describe("targets that die and return under load", () => {
  /** What became of a request. */
  interface Request {
    readonly answer: string | undefined;
    /** The client's end of its connection. */
    readonly port: number;
  }

  function ask(port: number): Promise<Request> {
    return new Promise((resolve) => {
      let local = 0;
      const request = get({ host: "127.0.0.1", port, agent: false }, async (response) => {
        resolve({ answer: await text(response).catch(() => undefined), port: local });
      });
      request.on("socket", (socket) => socket.once("connect", () => (local = socket.localPort ?? 0)));
      request.on("error", () => resolve({ answer: undefined, port: local }));
    });
  }

  clientTest("nginx", "no request is lost that had not begun", async (context) => {
    const start = (name: string, port?: number) => Nginx.start(context, name, "", port);
    let [a, b] = [await start("a"), await start("b")];
    await using c = await start("c");
    const to = [a.name, b.name, c.name];
    await using server = await forwarding({ to, health: { backOff: 20 } }, { transcript: 100_000 });
    const requests: Request[] = [];
    let loaded = true;
    const load = Array.from({ length: 8 }, async () => {
      while (loaded && requests.length < 5000) requests.push(await ask(server.port));
    });
    const some = async () => {
      const wanted = requests.length + 25;
      await expect.poll(() => requests.length, { timeout: 10_000 }).toBeGreaterThan(wanted);
    };
    /** When each target was gone. */
    const deaths = new Map<string, number[]>();
    for (const signal of ["SIGKILL", "SIGQUIT"] as const) {
      const dying = signal === "SIGKILL" ? a : b;
      await some();
      const down = server.lab.events.next("target", { target: dying.name, state: "down" }, 10_000);
      await dying.end(signal);
      deaths.set(dying.name, [Date.now()]);
      await down;
      await some();
      const up = server.lab.events.next("target", { target: dying.name, state: "up" }, 10_000);
      if (signal === "SIGKILL") a = await start("a", dying.port);
      else b = await start("b", dying.port);
      await up;
      await some();
    }
    loaded = false;
    await Promise.all(load);
    await a.end("SIGKILL");
    await b.end("SIGKILL");

    const lost = requests.filter(({ answer }) => answer === undefined);
    for (const { port } of lost) {
      const { connection } = server.lab.transcript.find(
        "opened",
        ({ peer }) => "port" in peer && peer.port === port,
      )!;
      const conversation = server.lab.transcript.connection(connection!);
      const begun = conversation.last("reply", { text: "connected" })!;
      const { target } = conversation.last("command")!;
      expect(begun.at).toBeLessThanOrEqual(deaths.get(target!)![0]!);
    }
    // Those that were under way when their target died, and no more than there are clients.
    expect(lost.length).toBeLessThanOrEqual(2 * load.length);
    const answers = new Map<string | undefined, number>();
    for (const { answer } of requests) answers.set(answer, (answers.get(answer) ?? 0) + 1);
    for (const name of "abc") expect(answers.get(name)).toBeGreaterThan(10);
    expect(server.proxy.targets().map(({ state }) => state)).toEqual(["up", "up", "up"]);
  });
});

describe("faults in front of real servers", () => {
  const through = (to: string, ...faults: Fault[]) =>
    forwarding({ to }, { faults: faults.map((fault) => ({ fault })) });

  clientTest("curl", "an HTTP server of python3", async (context) => {
    needPrograms(context, "python3");
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    writeFileSync(join(folder, "file"), Buffer.alloc(60_000, "x"));
    await using target = await program("python3", ["-c", HTTP_SERVER, folder]);
    // curl's exit codes: 18 is a file that is not whole, 28 a time-out, 52 no answer, 56 a reset.
    const faults: [Fault, { code: number; bytes: number; slower?: number }][] = [
      [
        { kind: "latency", ms: 150 },
        { code: 0, bytes: 60_000, slower: 0.3 },
      ],
      [
        { kind: "bandwidth", bytesPerSecond: 120_000 },
        { code: 0, bytes: 60_000, slower: 0.4 },
      ],
      [
        { kind: "slice", bytes: 7000, ms: 20 },
        { code: 0, bytes: 60_000, slower: 0.15 },
      ],
      [
        { kind: "close", afterBytes: 30_000, direction: "out" },
        { code: 18, bytes: 30_000 },
      ],
      [
        { kind: "reset", afterBytes: 30_000, direction: "out" },
        { code: 56, bytes: 30_000 },
      ],
      [
        { kind: "stall", afterBytes: 30_000, direction: "out" },
        { code: 28, bytes: 30_000 },
      ],
      [
        { kind: "close", direction: "out" },
        { code: 52, bytes: 0 },
      ],
    ];
    for (const [fault, expected] of faults) {
      await using server = await through(target.name, fault);
      const options = ["-sS", "-o", join(folder, "got"), "--max-time", fault.kind === "stall" ? "1" : "10"];
      const format = ["-w", "%{size_download} %{size_header} %{time_total}"];
      const url = `http://127.0.0.1:${server.port}/file`;
      const { code, stdout } = await run("curl", [...options, ...format, url]);
      const [body = 0, head = 0, seconds] = stdout.split(" ").map(Number);
      const bytes = expected.code === 0 ? body : body + head;
      expect({ code, bytes }, fault.kind).toEqual({ code: expected.code, bytes: expected.bytes });
      expect(seconds, fault.kind).toBeGreaterThanOrEqual(expected.slower ?? 0);
    }
    await using server = await through(target.name, { kind: "refuse" });
    // Whether it still sees the connection come about is chance.
    expect([7, 56]).toContain((await run("curl", ["-sS", `http://127.0.0.1:${server.port}/file`])).code);
    rmSync(folder, { recursive: true });
  });

  clientTest("curl", "an FTP control connection", async () => {
    await using real = await startLab({ files: ftp() }, { files: { "/note.txt": "by ftp" } });
    const to = `127.0.0.1:${real.servers.files.port}`;
    const list = (port: number) =>
      run("curl", ["-sS", "--max-time", "5", "--user", "foo:bar", `ftp://127.0.0.1:${port}/note.txt`]);
    {
      await using server = await through(to, { kind: "slice", bytes: 1 }, { kind: "latency", ms: 5 });
      expect(await list(server.port)).toMatchObject({ code: 0, stdout: "by ftp" });
      expect(String(server.lab.transcript)).toContain("> PASS ***");
    }
    // Within the greeting.
    await using server = await through(to, { kind: "close", afterBytes: 5, direction: "out" });
    expect(await list(server.port)).toMatchObject({ code: 56, stdout: "" });
  });

  clientTest("curl", "a TLS server of openssl", async (context) => {
    needPrograms(context, "openssl");
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    const request = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "1",
    ];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const { code } = await run("openssl", [...request, ...subject, "-keyout", key, "-out", cert]);
    expect(code).toBe(0);
    const serve = ["s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", cert, "-www"];
    await using target = await program("openssl", serve);
    const fetched = (port: number) =>
      run("curl", [
        "-sS",
        "--max-time",
        "5",
        "--cacert",
        cert,
        "--resolve",
        `localhost:${port}:127.0.0.1`,
        `https://localhost:${port}/`,
      ]);
    {
      await using server = await through(
        target.name,
        { kind: "slice", bytes: 100 },
        { kind: "latency", ms: 2 },
      );
      const page = await fetched(server.port);
      expect(page.code).toBe(0);
      expect(page.stdout).toContain("s_server");
    }
    // 35: the handshake has failed.
    await using server = await through(target.name, { kind: "reset", afterBytes: 200, direction: "out" });
    expect((await fetched(server.port)).code).toBe(35);
    rmSync(folder, { recursive: true });
  });
});

describe("stopping", () => {
  test("what is under way comes to its end; what is quiet does not hold it up", async () => {
    let answer: (() => void) | undefined;
    await using target = await Backend.start((socket) => {
      socket.on("data", (question) => {
        if (String(question) === "quick") socket.write("answer");
        else answer = () => socket.end("answer, late");
      });
      socket.on("end", () => socket.end());
    });
    await using server = await forwarding({ to: target.name });
    const quiet = server.dial();
    quiet.on("end", () => quiet.end());
    quiet.write("quick");
    await once(quiet, "data");
    const waiting = server.dial();
    const came = target.next();
    waiting.write("slow");
    await once(await came, "data");
    const stopped = server.lab.stop({ grace: 10_000 });
    await once(quiet, "close");
    answer?.();
    expect(String(await heard(waiting))).toBe("answer, late");
    waiting.end();
    const { open, cut } = await stopped;
    expect(open.map(({ connection }) => connection).sort()).toEqual(["c1", "c1.1", "c2", "c2.1"]);
    expect(cut).toEqual([]);
  });

  test("what comes to no end is cut on both sides", async () => {
    await using target = await Backend.start((socket) => void socket.resume());
    await using server = await forwarding({ to: target.name });
    const came = target.next();
    const client = server.dial().resume();
    client.write("x");
    const other = await came;
    await once(other, "data");
    const ended = Promise.all([client, other].map((socket) => once(socket, "end")));
    const { cut } = await server.lab.stop({ grace: 50 });
    expect(cut).toHaveLength(2);
    await ended;
    client.destroy();
  });
});
