import { execPath } from "node:process";
import { expect, test } from "vitest";
import { type ShellProgram, startLab, telnet } from "../../index.ts";
import { arrived, typist } from "./dialogue.ts";

/** A program of node's, so that it is the same everywhere. */
const node = (code: string, limits: Partial<ShellProgram> = {}): ShellProgram => ({
  program: execPath,
  args: ["-e", code, "--"],
  ...limits,
});

const lab = (programs: Readonly<Record<string, string | ShellProgram>>) =>
  startLab({ shell: telnet({ shell: { programs } }) });

test("nothing can be run where nothing is allowed", async () => {
  await using running = await startLab({ shell: telnet() });
  using client = await arrived(running);
  expect(await client.send("run ls\r\n").read("guest1> ")).toBe(
    "run: ls is not allowed. There is nothing to run.\r\nguest1> ",
  );
  for (const name of ["constructor", "__proto__", "/bin/sh"]) {
    expect(await client.send(`run ${name}\r\n`).read("guest1> ")).toContain("is not allowed");
  }
});

test("arguments arrive as they are typed, and no shell sees them", async () => {
  await using running = await lab({ args: node("console.log(JSON.stringify(process.argv.slice(1)))") });
  using client = await arrived(running);
  const sent = `run args one "two words" 'it"s' $HOME \`id\` ; ls | cat > /tmp/x * && "" x"y z"\r\n`;
  const [json = ""] = (await client.send(sent).read("guest1> ")).split("\r\n");
  expect(JSON.parse(json)).toEqual([
    "one",
    "two words",
    'it"s',
    "$HOME",
    "`id`",
    ";",
    "ls",
    "|",
    "cat",
    ">",
    "/tmp/x",
    "*",
    "&&",
    "",
    "xy z",
  ]);
});

test("a program has an environment of its own, and an empty input", async () => {
  const code = "process.stdin.on('end', () => console.log(Object.keys(process.env).sort().join())).resume()";
  await using running = await lab({ env: node(code, { environment: { A: "1" } }) });
  using client = await arrived(running);
  expect(await client.send("run env\r\n").read("guest1> ")).toMatch(/^A,PATH,TERM\b/);
});

test("what it says and complains of is shown, and how it ended where it did not end well", async () => {
  await using running = await lab({
    both: node("console.log('out'); console.error('err'); process.exitCode = 3"),
    nothing: node(""),
    missing: "/no/such/program",
  });
  using client = await arrived(running);
  const both = await client.send("run both\r\n").read("guest1> ");
  expect(both).toContain("out\r\n");
  expect(both).toContain("err\r\n");
  expect(both).toMatch(/run: both ended with code 3\.\r\nguest1> $/);
  expect(await client.send("run nothing\r\n").read("guest1> ")).toBe("guest1> ");
  expect(await client.send("run missing\r\n").read("guest1> ")).toContain("run: missing cannot be started: ");
  expect(await client.send("run\r\n").read("guest1> ")).toBe(
    "Usage: run NAME [ARGS]. There is both, missing, nothing.\r\nguest1> ",
  );
});

test("time and output have their limits", async () => {
  await using running = await lab({
    slow: node("console.log('begun'); setInterval(() => {}, 1000)", { timeout: 500 }),
    loud: node("for (;;) console.log('x'.repeat(99))", { maxOutput: 1000 }),
  });
  using client = await arrived(running);
  expect(await client.send("run slow\r\n").read("guest1> ")).toMatch(
    /run: slow stopped after 0\.5 s\.\r\nguest1> $/,
  );
  const loud = await client.send("run loud\r\n").read("guest1> ");
  expect(loud).toMatch(/run: loud stopped after 1000 bytes of output\.\r\nguest1> $/);
  expect(loud.length).toBeLessThan(1200);
});

/** Says its number, and that of a child of its own, and lives on. */
const FAMILY = node(
  "const c = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);" +
    "console.log('pids', process.pid, c.pid, 'ready'); setInterval(() => {}, 1000)",
  { timeout: 60_000 },
);

async function pidsOf(client: { read(until: string): Promise<string> }): Promise<number[]> {
  const [, ...pids] = /pids (\d+) (\d+) ready/.exec(await client.read("ready\r\n")) ?? [];
  return pids.map(Number);
}

async function gone(pids: readonly number[]): Promise<void> {
  expect(pids).toHaveLength(2);
  const lives = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await expect.poll(() => pids.filter(lives), { timeout: 5000 }).toEqual([]);
}

test("it is killed with its session, and all that it has started", async () => {
  await using running = await lab({ family: FAMILY });
  using client = await arrived(running);
  const pids = await pidsOf(client.send("run family\r\n"));
  client.socket.destroy();
  await gone(pids);
});

test("it ends with its own process, and so does what it has left running", async () => {
  const code =
    "const c = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });" +
    "console.log('pids', process.pid, c.pid, 'ready'); c.unref()";
  await using running = await lab({ starter: node(code, { timeout: 60_000 }) });
  using client = await arrived(running);
  const pids = await pidsOf(client.send("run starter\r\n"));
  expect(await client.read("guest1> ")).toBe("guest1> ");
  await gone(pids);
});

test("Ctrl-C ends it, and the next command is heard", async () => {
  await using running = await lab({ family: FAMILY });
  using client = await typist(running);
  const pids = await pidsOf(client.send("run family\r\n"));
  expect(await client.send("\x03").read("guest1> ")).toContain("run: family interrupted.");
  await gone(pids);
  expect(await client.send("echo hi\r\n").read("guest1> ")).toContain("hi");
});

test("a command of one's own may take the name", async () => {
  const commands = { run: { summary: "runs away", run: () => "no" } };
  await using running = await startLab({ shell: telnet({ shell: { commands } }) });
  using client = await arrived(running);
  expect(await client.send("run x\r\n").read("guest1> ")).toBe("no\r\nguest1> ");
});
