import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { clientTest, type Outcome, type RunOptions, run } from "../clients.ts";
import { root } from "../sources.ts";

const launcher = join(root, "dist", "launcher.js");
const wirelab = (args: readonly string[], options?: RunOptions): Promise<Outcome> =>
  run(process.execPath, [launcher, ...args], options);
/** `wirelab run` of a program in JavaScript, which `lab` of its environment helps. */
const running = (flags: readonly string[], program: string, options?: RunOptions) =>
  wirelab(["run", ...flags, "--", process.execPath, "-e", program], options);

describe("what the command has", () => {
  test("servers by their names, the first account, and nothing of ours on its output", async () => {
    const config = join(mkdtempSync(join(tmpdir(), "wirelab-")), "lab.json");
    const socket = join(mkdtempSync(join(tmpdir(), "wirelab-")), "s");
    const servers = { "in-box": { protocol: "ftp" }, tcp: { path: socket } };
    writeFileSync(config, JSON.stringify({ servers, accounts: ["ann:pw:elr", "bob:x"] }));
    const outcome = await running(
      ["--config", config],
      "console.log(JSON.stringify(Object.entries(process.env).filter(([name]) => name.startsWith('WIRELAB_'))))",
      { env: { WIRELAB_SEED: "7" } },
    );
    const variables = Object.fromEntries(JSON.parse(outcome.stdout));
    const port = variables.WIRELAB_IN_BOX_PORT;
    expect(variables).toMatchObject({
      WIRELAB_IN_BOX_HOST: "127.0.0.1",
      WIRELAB_IN_BOX_URL: `ftp://127.0.0.1:${port}`,
      WIRELAB_TCP_URL: `unix:${socket}`,
      WIRELAB_TCP_PATH: socket,
      WIRELAB_USER: "ann",
      WIRELAB_PASSWORD: "pw",
      WIRELAB_SEED: "7",
    });
    expect(variables).not.toHaveProperty("WIRELAB_CA_FILE");
    expect([Number(port) > 0, port]).toEqual([true, expect.not.stringMatching(/^2121$/)]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
  });

  test("servers that answer, and this terminal's input", async () => {
    const outcome = await running(
      ["--http"],
      `fetch(process.env.WIRELAB_HTTP_URL).then((page) => page.text()).then((page) => {
        process.stdin.on("data", (chunk) => console.log(page, String(chunk)));
      });`,
      { input: "and hello" },
    );
    expect(outcome).toMatchObject({ code: 0, stdout: "Hello, world! and hello\n", stderr: "" });
  });

  test("a file of what to trust, which is gone afterwards", async () => {
    const outcome = await running(
      ["--http", "--tls"],
      `const { readFileSync } = require("node:fs");
      const { get } = require("node:https");
      const { WIRELAB_CA_FILE: file, WIRELAB_HTTP_URL: url } = process.env;
      get(url, { ca: readFileSync(file) }, (response) => { console.log(response.statusCode, file); response.resume(); });`,
    );
    const [status, file = ""] = outcome.stdout.trim().split(" ");
    expect([outcome.code, status, existsSync(file)]).toEqual([0, "200", false]);
  });

  test("the file that was asked for, and an environment file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    const outcome = await wirelab(
      [
        "run",
        "--http",
        "--tls",
        "--ca-file",
        "ca.pem",
        "--env",
        "lab.env",
        "--",
        "sh",
        "-c",
        'echo "$WIRELAB_CA_FILE"; cat lab.env',
      ],
      { cwd: folder },
    );
    expect(outcome.stdout).toMatch(new RegExp(`^${join(folder, "ca.pem")}\n`));
    expect(outcome.stdout).toContain(`WIRELAB_CA_FILE=${join(folder, "ca.pem")}\n`);
    expect(outcome.stdout).toContain("WIRELAB_USER=foo\nWIRELAB_PASSWORD=bar\n");
    expect(existsSync(join(folder, "ca.pem"))).toBe(true);
  });
});

describe("how it ends", () => {
  test("as the command; where that fails, with what has crossed the wire, and faults that never came", async () => {
    const faults = join(mkdtempSync(join(tmpdir(), "wirelab-")), "faults.json");
    writeFileSync(faults, JSON.stringify([{ when: { verb: "STOR" }, fault: { kind: "reset" } }]));
    const outcome = await running(
      ["--ftp", "--http", "--faults", faults],
      "fetch(process.env.WIRELAB_HTTP_URL + '/nothing').then(() => process.exit(7))",
    );
    expect(outcome).toMatchObject({ code: 7, stdout: "" });
    expect(outcome.stderr).toContain(
      "ended with 7; this has crossed the wire:\n  http#1 opened\n  http#1 > GET /nothing\n  http#1 < 404",
    );
    expect(outcome.stderr).toContain("this fault has never come: reset when verb STOR\n");
  });

  test("no more than the last lines of a long conversation", async () => {
    const outcome = await running(
      ["--http"],
      `(async () => { for (let count = 0; count < 30; count += 1) await (await fetch(process.env.WIRELAB_HTTP_URL + "/" + count)).text(); process.exit(1); })()`,
    );
    const told = outcome.stderr.split("\n").filter((line) => line.startsWith("  "));
    expect([outcome.code, told.length]).toEqual([1, 40]);
    expect(outcome.stderr).toContain("these are the last 40:");
    expect(outcome.stderr).toContain("GET /29");
  });

  test.each([
    [["no-such-command"], 127, "there is no such command"],
    [[join(root, "README.md")], 126, "no program that may be run"],
    [["sh", "-c", "kill -KILL $$"], 137, "ended with 137; nothing has come to any server"],
  ])("%j with %d", async (program, code, why) => {
    const outcome = await wirelab(["run", "--tcp", "--", ...program]);
    expect(outcome).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(why) });
  });

  test.each([[["--tcp"]], [["--tcp", "--", ""]]])("with 2 where no command is named: %j", async (line) => {
    const outcome = await wirelab(["run", ...line]);
    const stderr = expect.stringContaining("there is no command to run");
    expect(outcome).toMatchObject({ code: 2, stdout: "", stderr });
  });

  test("with 1 where there is no folder for what to trust", async () => {
    const outcome = await wirelab(["run", "--tcp", "--tls", "--", "echo", "I ran"], {
      env: { TMPDIR: "/no/such/folder" },
    });
    expect(outcome).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("/no/such/folder"),
    });
  });

  test("with 3 where an address is taken, and the command is not run", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    const outcome = await wirelab(["run", `--tcp=${port}`, "--", "echo", "I ran"]);
    expect(outcome).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("in use") });
    holder.close();
  });
});

describe("signals", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s is passed on, and the servers stop behind the command",
    async (signal) => {
      const program = `
      process.on("${signal}", () => fetch(process.env.WIRELAB_HTTP_URL).then(({ status }) => process.exit(status - 157)));
      setInterval(() => {}, 1000);
      console.log("ready");`;
      const child = spawn(process.execPath, [
        launcher,
        "run",
        "--http",
        "--",
        process.execPath,
        "-e",
        program,
      ]);
      const ended = once(child, "close");
      await once(child.stdout, "data");
      child.kill(signal);
      expect(await ended).toEqual([43, null]);
    },
  );

  test("end a start that takes long", async () => {
    const config = join(mkdtempSync(join(tmpdir(), "wirelab-")), "lab.mjs");
    const open = "() => { console.log('opening'); return new Promise(() => setInterval(() => {}, 1000)); }";
    writeFileSync(
      config,
      `export default { servers: { slow: { protocol: "tcp", listen: {}, open: ${open} } } };`,
    );
    const child = spawn(process.execPath, [launcher, "run", "--config", config, "--", "true"]);
    const ended = once(child, "close");
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await ended).toEqual([null, "SIGTERM"]);
  });

  test("that end the command make 128 and their number", async () => {
    const child = spawn(process.execPath, [
      launcher,
      "run",
      "--tcp",
      "--",
      "sh",
      "-c",
      "echo ready; exec sleep 100",
    ]);
    const [said, ended] = [text(child.stderr), once(child, "close")];
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
    expect(await said).toContain("ended with 143");
  });

  clientTest("python3", "Ctrl+C reaches the command once, and leaves nothing behind", async () => {
    const program = `
      let times = 0;
      process.on("SIGINT", () => { times += 1; setTimeout(() => { console.log("times " + times); process.exit(9); }, 300); });
      setInterval(() => {}, 1000);
      console.log("ready " + process.pid);`;
    const folder = mkdtempSync(join(tmpdir(), "wirelab-"));
    writeFileSync(join(folder, "program.js"), program);
    const script = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
def until(word):
    global said
    while word not in said:
        said += os.read(terminal, 1024)
until(b"ready")
until(b"\\n")
os.write(terminal, b"\\x03")
until(b"times ")
until(b"\\n")
print(said.decode())
print("code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
    const outcome = await run("/usr/bin/python3", [
      "-c",
      script,
      process.execPath,
      launcher,
      "run",
      "--tcp",
      "--",
      process.execPath,
      join(folder, "program.js"),
    ]);
    expect(outcome.stderr).toBe("");
    expect(outcome.stdout).toContain("times 1");
    expect(outcome.stdout).toContain("code 9");
    const pid = Number(/ready (\d+)/.exec(outcome.stdout)?.[1]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
