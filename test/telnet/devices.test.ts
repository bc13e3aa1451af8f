import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Telnet } from "telnet-client";
import { describe, expect, test } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { root } from "../sources.ts";

// The devices that are shipped, driven by what people drive devices with.

const file = (name: string) => join(root, "examples", "devices", name);

async function device(name: string) {
  const lab = await startLab({ box: telnet({ device: file(name) }) });
  const { host, port } = lab.servers.box;
  return { lab, host, port, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
}

/** The npm package telnet-client, logged in to the switch. */
async function signedIn({ host, port }: { host: string; port: number }, more: object): Promise<Telnet> {
  const client = new Telnet();
  await client.connect({
    host,
    port,
    timeout: 5000,
    loginPrompt: /Username: $/,
    username: "admin",
    passwordPrompt: /Password: $/,
    password: "switch",
    ...more,
  });
  return client;
}

describe("npm telnet-client", () => {
  test("logs in to the switch, becomes enabled, and reads pages", async () => {
    await using box = await device("switch.json");
    const client = await signedIn(box, { shellPrompt: /sw1>$/, pageSeparator: " --More-- " });
    expect(await client.exec("show version")).toContain("Version 15.2(4)E7");
    await client.send("enable", { waitFor: "Password: " });
    await client.send("secret", { waitFor: "sw1#" });
    const ports = await client.exec("show int status", { shellPrompt: /sw1#$/ });
    expect(ports.match(/^Gi1\/0\/\d+ /gm)).toHaveLength(24);
    await client.destroy();
    expect(box.lab.transcript.find("login")).toMatchObject({ user: "admin", ok: true });
    expect(JSON.stringify([...box.lab.transcript])).not.toContain("secret");
  });

  test("prepares the switch before it is enabled, and finds its own words in what comes", async () => {
    await using box = await device("switch.json");
    const client = await signedIn(box, { shellPrompt: /sw1[>#]$/, echoLines: 0 });
    expect(await client.exec("terminal length 0")).toBe("terminal length 0\n");
    expect(await client.exec("terminal width 511")).toBe("terminal width 511\n");
    await client.send("enable", { waitFor: "Password: " });
    await client.send("secret", { waitFor: "sw1#" });
    expect(await client.exec("show interfaces status")).toMatch(
      /^show interfaces status\n[\s\S]*Gi1\/0\/24 /,
    );
    await client.send("config term", { waitFor: "sw1(config)#" });
    await client.destroy();
  });

  test("hears from the switch that the login was wrong", async () => {
    await using box = await device("switch.json");
    const client = new Telnet();
    const failed = client.connect({
      host: box.host,
      port: box.port,
      timeout: 5000,
      loginPrompt: /Username: $/,
      username: "admin",
      passwordPrompt: /Password: $/,
      password: "wrong",
      shellPrompt: /sw1>$/,
      failedLoginMatch: "% Login invalid",
    });
    await expect(failed).rejects.toThrow("Failed login");
    await client.destroy();
  });

  test("walks through the terminal server, which speaks code page 437 in odd pieces", async () => {
    await using box = await device("terminal-server.json");
    const client = new Telnet();
    await client.connect({
      host: box.host,
      port: box.port,
      timeout: 5000,
      negotiationMandatory: false,
      disableLogon: true,
      encoding: "latin1",
    });
    const heard = async (waitFor: RegExp, line?: string) =>
      String(await (line === undefined ? client.write("", { waitFor }) : client.send(line, { waitFor })));
    expect(await heard(/login: $/)).toContain("B\x81ro, Stra\xe1e 7, 2\xf8");
    expect(await heard(/Password: $/, "operator")).toBe("operator\r\nPassword: ");
    // The echo is always on, for all but the password.
    expect(await heard(/\[q\]uit: $/, "console")).not.toContain("console");
    expect(await heard(/\[q\]uit: $/, "s")).toMatch(/^s\r\n1 router {3}idle\r\n2 modem {4}busy\r\n/);
    expect(await heard(/console> $/, "1")).toContain("Connected to port 1. Escape with ~.");
    const gone = new Promise((resolve) => client.once("error", resolve));
    await client.send("crash", { waitFor: "Guru Meditation" });
    expect(await gone).toMatchObject({ code: "ECONNRESET" });
  });

  test("plays the game, whose echo is off and whose lines end with LF CR", async () => {
    await using box = await device("mud.mjs");
    const client = new Telnet();
    await client.connect({
      host: box.host,
      port: box.port,
      timeout: 5000,
      loginPrompt: /Name: $/,
      username: "Ann",
      passwordPrompt: /Password: $/,
      password: "tallow",
      shellPrompt: /<\w+> $/,
      irs: "\n\r",
      echoLines: 0,
    });
    expect(await client.exec("down")).toContain("There is no way down.");
    expect(await client.exec("n")).toContain("A brass lamp lies here.");
    expect(await client.exec("take lamp")).toContain("Taken.");
    expect(await client.exec("d")).toContain("Something breathes");
    await client.destroy();
  });
});

/** The python3 that has pexpect: the first on the path need not be the system's own. */
const python = ["python3", "/usr/bin/python3"].find(
  (program) => spawnSync(program, ["-c", "import pexpect"]).status === 0,
);

/** A test that drives a device by python3's pexpect; where that is missing it is skipped, as real clients are. */
function pexpectTest(name: string, box: string, program: string): void {
  clientTest("telnet", `pexpect ${name}`, async (context) => {
    if (python === undefined) {
      if (process.env.WIRELAB_REAL_CLIENTS === "1") throw new Error("python3 has no pexpect");
      context.skip("python3 has no pexpect");
      return;
    }
    await using running = await device(box);
    const prelude = `
import pexpect, sys
host, port = sys.argv[1:]
def telnet(**options):
    return pexpect.spawn("telnet", [host, port], timeout=5, dimensions=(24, 80), **options)
`;
    const { code, stderr } = await run(python, ["-c", prelude + program, running.host, `${running.port}`]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });
}

describe("python3", () => {
  pexpectTest(
    "configures the switch, and reloads it",
    "switch.json",
    `
c = telnet()
c.expect_exact("Username: "); c.sendline("admin")
c.expect_exact("Password: "); c.sendline("switch")
c.expect_exact("sw1>"); assert b"switch" not in c.before, c.before
c.sendline("en"); c.expect_exact("Password: "); c.sendline("wrong")
c.expect_exact("Password: "); c.sendline("secret")
c.expect_exact("sw1#"); c.sendline("show int status")
pages = 1
while c.expect_exact([" --More-- ", "sw1#"]) == 0:
    pages += 1
    c.send(" ")
assert pages == 2, pages
c.sendline("terminal length 0"); c.expect_exact("sw1#")
c.sendline("show interfaces status"); c.expect_exact(["sw1#", " --More-- "])
assert c.after == b"sw1#", c.after
c.sendline("conf t"); c.expect_exact("sw1(config)#")
c.sendline("interface Gi1/0/4"); c.expect_exact("sw1(config-if)#")
c.sendline("no shutdown"); c.expect_exact("sw1(config-if)#")
c.sendline("nonsense"); c.expect_exact('Invalid input detected: "nonsense"'); c.expect_exact("sw1(config-if)#")
c.send("half a line"); c.sendcontrol("z"); c.expect_exact("half a line^Z"); c.expect_exact("sw1#")
c.sendline("conf t"); c.expect_exact("sw1(config)#"); c.sendline("end"); c.expect_exact("sw1#")
c.sendline("wr"); c.expect_exact("[OK]"); c.expect_exact("sw1#")
c.sendline("reload"); c.expect_exact("[confirm]"); c.send("\\r")
c.expect(pexpect.EOF)
`,
  );

  pexpectTest(
    "walks through the terminal server, which speaks code page 437 in odd pieces",
    "terminal-server.json",
    `
c = telnet(encoding="cp437")
c.expect_exact("Büro, Straße 7, 2°"); c.expect_exact("login: "); c.sendline("operator")
c.expect_exact("Password: "); c.sendline("console")
c.expect_exact("[q]uit: "); c.sendline("s"); c.expect_exact("2 modem"); c.expect_exact("[q]uit: ")
c.sendline("5"); c.expect_exact("Port 5 is not connected."); c.expect_exact("[q]uit: ")
c.sendline("1"); c.expect_exact("router console> ")
c.sendline("ping 10.0.0.1"); c.expect_exact("10.0.0.1 is alive"); c.expect_exact("console> ")
c.sendline("~."); c.expect_exact("[q]uit: "); c.sendline("q")
c.expect_exact("bis später."); c.expect(pexpect.EOF)
`,
  );

  pexpectTest(
    "plays the game",
    "mud.mjs",
    `
c = telnet()
c.expect_exact("Name: "); c.sendline("Bob"); c.expect_exact("Password: "); c.sendline("x")
c.expect_exact("Nobody of that name"); c.expect_exact("Name: "); c.sendline("Ann")
c.expect_exact("Password: "); c.sendline("tallow")
c.expect_exact("<gate> "); assert b"tallow" not in c.before, c.before
c.sendline("north"); c.expect_exact("brass lamp"); c.expect_exact("<market> ")
c.sendline("say hello"); c.expect_exact("You say: hello"); c.expect_exact("<market> ")
c.sendline("quit"); c.expect_exact("The city fades."); c.expect(pexpect.EOF)
`,
  );
});
