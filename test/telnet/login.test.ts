import { expect, test } from "vitest";
import { startLab, telnet } from "../../index.ts";
import { DO, ECHO, IAC, RawClient } from "./dialogue.ts";

const ACCOUNTS = [
  { name: "ann", password: "pw", home: "/ann", permissions: "elr" },
  { name: "two words", password: "secret" },
];

const lab = (login: Parameters<typeof telnet>[0] = { login: "required" }) =>
  startLab({ shell: telnet(login) }, { accounts: ACCOUNTS, files: { "/ann/a.txt": "mine", "/b.txt": "" } });

test("an account gets its own name, home and files", async () => {
  await using running = await lab();
  using client = new RawClient(running.servers.shell);
  await client.read("login: ");
  await client.send("ann\r\n").read("Password: ");
  expect(await client.send("pw\r\n").read("ann> ")).toContain("You are ann, in the room lobby.");
  expect(await client.send("ls\r\n").read("ann> ")).toMatch(/ a\.txt\r\nann> $/);
  expect(await client.send("cat /b.txt\r\n").read("ann> ")).toContain("outside the home of ann");
});

test("a second one of the same account, and one whose name is no nick, come in as guests", async () => {
  await using running = await lab();
  using first = new RawClient(running.servers.shell);
  await first.send("ann\r\npw\r\n").read("ann> ");
  using second = new RawClient(running.servers.shell);
  await second.send("ann\r\npw\r\n").read("guest2> ");
  using third = new RawClient(running.servers.shell);
  await third.send("two words\r\nsecret\r\n").read("guest3> ");
});

test("a password is not echoed, and in no event", async () => {
  await using running = await lab();
  using client = new RawClient(running.servers.shell);
  await client.send([IAC, DO, ECHO]).read("login: ");
  expect(await client.send("ann\r\n").read("Password: ")).toBe("ann\r\nPassword: ");
  expect(await client.send("pXw\x7f\x7fw\r\n").read("ann> ")).toMatch(/^\r\n/);
  // Nor is the name among the lines that Cursor Up brings back.
  expect(await client.send("\x1b[Aecho hi\r\n").read("\r\nann> ")).toBe("echo hi\r\nhi\r\nann> ");
  await client.send("quit\r\n").read("Goodbye.");
  expect(running.transcript.verbs()).toEqual(["echo", "quit"]);
  expect(running.transcript.find("login")).toMatchObject({ user: "ann", ok: true });
  expect(JSON.stringify([...running.transcript])).not.toMatch(/"pw|pXw/);
});

test("three tries, and the connection ends; nothing that follows is a command", async () => {
  await using running = await lab({ login: { pause: 1, failure: "No." } });
  using client = new RawClient(running.servers.shell);
  client.send("ann\r\nwrong\r\nconstructor\r\npw\r\n\r\nann\r\n\r\nhelp\r\nsay hi\r\n");
  const text = await client.rest();
  expect(text.match(/No\./g)).toHaveLength(3);
  expect(text).not.toContain("You are");
  expect(text).toMatch(/No\.\r\nGoodbye\.\r\n$/);
  expect([...running.transcript].filter(({ type }) => type === "login")).toMatchObject([
    { user: "ann", ok: false },
    { user: "constructor", ok: false },
    { user: "ann", ok: false },
  ]);
});

test("the pause of one keeps nobody else waiting, and neither does it keep the lab from stopping", async () => {
  const running = await lab({ login: { pause: 60_000 } });
  using slow = new RawClient(running.servers.shell);
  const refused = running.events.next("login", { ok: false });
  slow.send("ann\r\nwrong\r\n");
  await refused;
  using quick = new RawClient(running.servers.shell);
  await quick.send("ann\r\npw\r\n").read("ann> ");
  const [report] = await Promise.all([running.stop(), slow.rest(), quick.rest()]);
  expect(report.cut).toEqual([]);
});

test("a client that goes while it is asked is let go", async () => {
  await using running = await lab({ login: { pause: 60_000 } });
  const closed = running.events.next("closed");
  using client = new RawClient(running.servers.shell);
  await client.read("login: ");
  client.socket.end();
  await client.rest();
  expect(await closed).toMatchObject({ reason: "client" });
});

test("a session of one's own is behind the login as well, and knows who it is", async () => {
  await using running = await lab({
    login: "required",
    session: async (terminal) =>
      terminal.write(`Hello ${terminal.account?.name}, ${terminal.account?.home}\n`),
  });
  using client = new RawClient(running.servers.shell);
  client.send("ann\r\npw\r\n");
  expect(await client.rest()).toContain("Hello ann, /ann");
});

test("a device has its own", () => {
  expect(() => telnet({ device: {}, login: "required" })).toThrow("in its own description");
});
