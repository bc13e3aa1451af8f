import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needPrograms, run } from "../clients.ts";
import { root } from "../sources.ts";

const launcher = join(root, "dist", "launcher.js");

/** The command, running, with what it has told. */
class Running {
  readonly ready: {
    readonly control: { readonly url: string; readonly token: string };
    readonly servers: Readonly<
      Record<string, { readonly url: string; readonly host: string; readonly port: number }>
    >;
  };
  readonly environment: Record<string, string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ready: string, environment: string) {
    this.#child = child;
    this.ready = JSON.parse(ready);
    this.environment = Object.fromEntries(
      [...environment.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
    );
  }

  static async start(...flags: readonly string[]): Promise<Running> {
    const file = join(mkdtempSync(join(tmpdir(), "wirelab-control-")), "lab.env");
    const child = spawn(process.execPath, [launcher, "--ready=json", "--env", file, ...flags], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let ready = "";
    for await (const chunk of child.stdout) {
      ready += chunk;
      if (ready.endsWith("\n")) break;
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    return new Running(child, ready, readFileSync(file, "utf8"));
  }

  get ended(): Promise<unknown> {
    return this.#child.exitCode === null
      ? once(this.#child, "close")
      : Promise.resolve([this.#child.exitCode]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

const FLAGS = ["--ftp=0", "--http=0", "--control=0"];

test.for([
  ["python3", ["-m", "unittest", "examples/control/upload_test.py"], ["python3"], /^OK$/m],
  ["sh", ["examples/control/upload-test.sh"], ["sh", "curl", "jq"], /^ok: and stored whole$/m],
  [process.execPath, ["--test", "examples/control/upload.test.mjs"], [], /^# pass 2$|ℹ pass 2$/m],
] as const)("%s drives a lab", { timeout: 90_000 }, async ([program, args, programs, printed], context) => {
  needPrograms(context, ...programs);
  await using lab = await Running.start(...FLAGS);
  const { code, stdout, stderr } = await run(program, args, {
    cwd: root,
    env: lab.environment,
    timeout: 60_000,
  });
  expect(`${stdout}${stderr}`).toMatch(printed);
  expect(code).toBe(0);
});

test.for([
  ["examples/control/upload_test.py", ["python3"]],
  ["examples/control/upload-test.sh", ["curl", "jq"]],
  ["examples/control/upload.test.mjs", []],
] as const)("%s runs as its head says", { timeout: 90_000 }, async ([file, programs], context) => {
  needPrograms(context, "sh", ...programs);
  const [told = ""] = /wirelab run .*/.exec(readFileSync(join(root, file), "utf8")) ?? [];
  const command = told.replace(/^wirelab /, "node dist/launcher.js ");
  expect(command).toContain(file);
  const { code } = await run("sh", ["-c", command], { cwd: root, timeout: 60_000 });
  expect(code).toBe(0);
});

test("the token is one's own, and a stop by the API ends the command", async (context) => {
  needPrograms(context, "curl");
  await using lab = await Running.start(...FLAGS, "--control-token", "0123456789abcdef");
  const { url, token } = lab.ready.control;
  expect(token).toBe("0123456789abcdef");
  expect(lab.environment).toMatchObject({ WIRELAB_CONTROL_URL: url, WIRELAB_CONTROL_TOKEN: token });
  const { stdout } = await run("curl", [
    "-sS",
    "-X",
    "POST",
    "-H",
    `Authorization: Bearer ${token}`,
    `${url}/v1/stop`,
  ]);
  expect(stdout).toBe('{"stopping":true}');
  expect(await lab.ended).toEqual([0, null]);
});

test("run has it too, on a free port", async () => {
  const script =
    "fetch(process.env.WIRELAB_CONTROL_URL + '/v1/servers', { headers: { authorization: 'Bearer ' + process.env.WIRELAB_CONTROL_TOKEN } }).then((r) => r.json()).then((s) => console.log(s[0].url === process.env.WIRELAB_TCP_URL))";
  const outcome = await run(process.execPath, [
    launcher,
    "run",
    "--tcp",
    "--control",
    "--",
    process.execPath,
    "-e",
    script,
  ]);
  expect(outcome).toMatchObject({ code: 0, stdout: "true\n" });
});

test("what is wrong is said", async () => {
  expect(
    await run(process.execPath, [launcher, "--tcp=0", "--control=0", "--control-token", "short"]),
  ).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("16 printable characters"),
  });
  await using lab = await Running.start(...FLAGS);
  const taken = new URL(lab.ready.control.url).port;
  expect(await run(process.execPath, [launcher, "--tcp=0", `--control=${taken}`])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining(`control cannot listen on 127.0.0.1:${taken}`),
  });
});
