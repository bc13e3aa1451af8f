import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { forward, ftp, http, serveControl, startLab, tcp, telnet } from "../../index.ts";
import { ControlClient } from "./client.ts";

const services = () => ({
  files: ftp(),
  web: http(),
  console: telnet({ device: { banner: "one", modes: { start: { prompt: "> " } } } }),
  front: forward({ to: ["127.0.0.1:9"] }),
});

/** Logs in by FTP and out again, from an address of loopback. */
async function visit(
  { host, port }: { host: string; port: number },
  user: string,
  from = "127.0.0.1",
): Promise<void> {
  const socket = connect({ host, port, localAddress: from });
  socket.write(`USER ${user}\r\nPASS pw\r\nPWD\r\nQUIT\r\n`);
  socket.resume();
  await once(socket, "end");
  socket.end();
}

test("everything of the description works, and nothing that does is left out of it", async () => {
  await using lab = await startLab(services(), { files: { "/a.txt": "old" }, capture: 100_000 });
  await using client = await ControlClient.of(lab);

  const servers = await client.json<{ name: string; url: string }[]>("GET", "/v1/servers", 200);
  expect(servers.map(({ name }) => name)).toEqual(["files", "web", "console", "front"]);
  expect(await client.json("GET", "/v1/servers/web", 200)).toMatchObject({
    protocol: "http",
    url: lab.servers.web.url,
  });
  expect(await client.json("GET", "/v1/servers/nobody", 404)).toMatchObject({ error: { code: "NOT_FOUND" } });
  expect(await client.json("GET", "/v1/servers/front/targets", 200)).toHaveLength(1);
  await client.json("GET", "/v1/servers/web/targets", 409);

  // Files.
  expect(await client.json("POST", "/v1/snapshots", 201)).toEqual({ id: "s1" });
  expect(await client.json("GET", "/v1/snapshots", 200)).toEqual([{ id: "s1" }]);
  expect(await client.json("PUT", "/v1/files/in/b%20c.txt", 201, { bytes: "new\n" })).toMatchObject({
    path: "/in/b c.txt",
    size: 4,
  });
  expect(await client.json("PUT", "/v1/files/in/b%20c.txt", 200, { bytes: "newer" })).toMatchObject({
    size: 5,
  });
  await client.json("PUT", "/v1/files/a.txt", 200, { bytes: "fresh" });
  expect(await client.json("PUT", "/v1/files/dir/sub/", 201)).toMatchObject({ type: "directory" });
  expect(await (await client.ask("GET", "/v1/files/in/b%20c.txt")).text()).toBe("newer");
  expect(await client.json("GET", "/v1/files/in", 200)).toMatchObject([
    { path: "/in/b c.txt", type: "file" },
  ]);
  expect(await client.json<object[]>("GET", "/v1/files", 200)).toHaveLength(3);
  expect((await client.json<{ error: { code: string } }>("DELETE", "/v1/files/dir", 409)).error.code).toBe(
    "NOT_EMPTY",
  );
  await client.done("DELETE", "/v1/files/dir?recursive=true");
  const diff = await client.json<{ changes: object[]; text: string }>("GET", "/v1/snapshots/s1/diff", 200);
  expect(diff.changes).toMatchObject([
    { path: "/a.txt", change: "changed" },
    { path: "/in", change: "added" },
    { path: "/in/b c.txt" },
  ]);
  expect(diff.text).toContain("+fresh");
  await client.done("POST", "/v1/snapshots/s1/restore");
  expect(await lab.store.text("/a.txt")).toBe("old");
  await client.done("DELETE", "/v1/snapshots/s1");
  await client.json("POST", "/v1/snapshots/s1/restore", 404);
  await client.json("GET", "/v1/files/nothing", 404);
  await client.done("DELETE", "/v1/files?recursive=true");
  expect(await lab.store.list("/")).toEqual([]);

  // Faults.
  const rule = {
    when: { server: "web", verb: "GET" },
    times: 1,
    fault: { kind: "reply", with: { code: 503, text: "Busy" } },
  };
  const { id } = await client.json<{ id: string }>("POST", "/v1/faults", 201, { body: rule });
  expect((await fetch(lab.servers.web.url)).status).toBe(503);
  expect(await client.json("GET", `/v1/faults/${id}`, 200)).toEqual({ id, rule, acted: 1 });
  await client.done("DELETE", `/v1/faults/${id}`);
  await client.json("POST", "/v1/faults", 201, { body: rule });
  expect(await client.json<object[]>("GET", "/v1/faults", 200)).toHaveLength(1);
  await client.done("DELETE", "/v1/faults");
  expect(lab.faults.active).toBe(false);
  const wrong = await client.json<{ error: object }>("POST", "/v1/faults", 400, {
    body: { fault: { kind: "nonsense" } },
  });
  expect(wrong.error).toMatchObject({ code: "BAD_OPTION", message: expect.stringContaining("nonsense") });

  // Stubs.
  const stub = { path: "/users/:id", answer: [{ body: { name: "Ann" } }] };
  const standing = await client.json<{ id: string }>("POST", "/v1/servers/web/stubs", 201, { body: stub });
  expect(await (await fetch(`${lab.servers.web.url}/users/7?full=1`)).json()).toEqual({ name: "Ann" });
  expect(await client.json("GET", `/v1/servers/web/stubs/${standing.id}`, 200)).toMatchObject({
    count: 1,
    calls: [{ params: { id: "7" }, query: { full: "1" } }],
  });
  await fetch(`${lab.servers.web.url}/user/7`);
  expect(await client.json("GET", "/v1/servers/web/unmatched", 200)).toMatchObject([{ url: "/user/7" }]);
  expect(await client.json<object[]>("GET", "/v1/servers/web/stubs", 200)).toHaveLength(1);
  await client.done("DELETE", `/v1/servers/web/stubs/${standing.id}`);
  await client.json("POST", "/v1/servers/web/stubs", 201, { body: stub });
  await client.done("DELETE", "/v1/servers/web/stubs");
  expect(await client.json("GET", "/v1/servers/web/stubs", 200)).toEqual([]);
  await client.json("POST", "/v1/servers/files/stubs", 409, { body: stub });

  // Devices.
  await client.done("PUT", "/v1/servers/console/device", {
    body: { banner: "another", modes: { start: { prompt: "$ " } } },
  });
  const { host, port } = lab.servers.console;
  expect(await text(connect(port, host).end())).toContain("another");
  await client.json("PUT", "/v1/servers/console/device", 400, { body: { banner: 1 } });
  await client.json("PUT", "/v1/servers/web/device", 409, { body: {} });

  // Accounts.
  const ann = { password: "pw", permissions: "elr", home: "/homes/ann" };
  expect(await client.json("PUT", "/v1/accounts/ann", 201, { body: ann })).toMatchObject({ name: "ann" });
  expect(await client.json("PUT", "/v1/accounts/ann", 200, { body: ann })).not.toHaveProperty("password");
  const ftpClient = new Client();
  await ftpClient.access({
    host: lab.servers.files.host,
    port: lab.servers.files.port,
    user: "ann",
    password: "pw",
  });
  expect(await ftpClient.pwd()).toBe("/");
  ftpClient.close();
  expect(await client.json<object[]>("GET", "/v1/accounts", 200)).toHaveLength(2);
  await client.done("DELETE", "/v1/accounts/ann");
  await client.json("DELETE", "/v1/accounts/ann", 404);
  await client.json("PUT", "/v1/accounts/bob", 400, { body: { permissions: "?" } });

  // The clock.
  expect(await client.json("GET", "/v1/clock", 200)).toMatchObject({ running: true });
  expect(await client.json("PUT", "/v1/clock", 200, { body: { now: "2026-01-31T12:00:00Z" } })).toEqual({
    now: "2026-01-31T12:00:00.000Z",
    running: false,
  });
  expect(await client.json("PUT", "/v1/clock", 200, { body: { advance: 1000 } })).toMatchObject({
    now: "2026-01-31T12:00:01.000Z",
  });
  expect(await client.json("DELETE", "/v1/clock", 200)).toMatchObject({ running: true });
  await client.json("PUT", "/v1/clock", 400, { body: {}, wrong: true });

  // What has happened.
  const wait = "/v1/events/wait?type=login&user=ann&ok=true";
  expect(await client.json("GET", wait, 200)).toMatchObject({ type: "login", server: "files" });
  const late = await client.json<{ error: object }>("GET", `${wait}&since=1000000&timeout=50`, 504);
  expect(late.error).toMatchObject({ code: "TIMED_OUT", message: expect.stringContaining("user ann") });
  await client.json("GET", "/v1/events/wait", 400);
  for (const wrong of ["/wait?type=transfers", "/wait?type=login&server=fiels", "?type=transfers"]) {
    const { error } = await client.json<{ error: object }>("GET", `/v1/events${wrong}`, 400);
    expect(error).toMatchObject({ code: "BAD_OPTION", message: expect.stringContaining("; there are ") });
  }
  const transcript = await client.json<{ events: object[]; mark: number }>(
    "GET",
    "/v1/transcript?server=web",
    200,
  );
  expect(transcript.events.length).toBeGreaterThan(3);
  expect(await client.json("GET", `/v1/transcript?since=${transcript.mark}`, 200)).toMatchObject({
    events: [],
  });
  expect(await (await client.ask("GET", "/v1/transcript?format=text")).text()).toContain(
    "files#1 > USER ann\n",
  );
  const packets = Buffer.from(await (await client.ask("GET", "/v1/transcript?format=pcapng")).arrayBuffer());
  expect(packets.readUInt32LE()).toBe(0x0a0d0d0a);
  await client.json("GET", "/v1/transcript?format=xml", 400);
  const stream = await client.ask("GET", "/v1/events?type=command&since=0");
  const reader = stream.body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toMatch(
    /^id: \d+\nevent: command\ndata: \{.*\}\n\n/,
  );
  await reader.cancel();
  await client.done("DELETE", "/v1/transcript");
  expect([...lab.transcript]).toEqual([]);

  await lab.store.write("/new").then((writable) => writable.end("x"));
  await client.json("POST", "/v1/servers/web/stubs", 201, { body: stub });
  await client.done("POST", "/v1/reset");
  expect(await lab.store.text("/a.txt")).toBe("old");
  expect(await client.json("GET", "/v1/servers/web/stubs", 200)).toEqual([]);

  expect(await client.json("POST", "/v1/stop", 202, { body: { grace: 0 } })).toEqual({ stopping: true });
  await lab.stop();
  expect(client.operations.filter((operation) => !client.used.has(operation))).toEqual([]);
});

describe("who is let in", () => {
  const ask = (url: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(url, { headers }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      })
        .on("error", reject)
        .end();
    });

  test("who has the token, and calls the machine by a name of its own", async () => {
    await using lab = await startLab({ web: http() });
    await using control = await serveControl(lab, { token: "a-token-of-ours-0", hosts: ["lab.example"] });
    const url = `${control.url}/v1/servers`;
    const authorization = "Bearer a-token-of-ours-0";
    expect(await ask(url, { authorization })).toBe(200);
    expect(await ask(url, {})).toBe(401);
    expect(await ask(url, { authorization: "Bearer a-token-of-ours-1" })).toBe(401);
    expect(await ask(url, { authorization: "Basic YTpi" })).toBe(401);
    expect(await ask(url, { authorization, host: `localhost:${control.port}` })).toBe(200);
    expect(await ask(url, { authorization, host: "Lab.Example" })).toBe(200);
    expect(await ask(url, { authorization, host: "evil.example" })).toBe(403);
    expect(await ask(`${control.url}/openapi.json`, { host: "evil.example" })).toBe(403);
    expect(await ask(`${control.url}/openapi.json`, {})).toBe(200);
    expect(await ask(`${control.url}/v2`, { authorization })).toBe(404);
  });

  test("a token that can be guessed is none", async () => {
    await using lab = await startLab({});
    await expect(serveControl(lab, { token: "short" })).rejects.toMatchObject({ code: "BAD_OPTION" });
    await using control = await serveControl(lab);
    expect(control.token).toMatch(/^[0-9a-f]{64}$/);
    expect(control.host).toBe("127.0.0.1");
  });

  test("what is no request of this API is refused in the one shape", async () => {
    await using lab = await startLab({ web: http() });
    await using client = await ControlClient.of(lab);
    for (const [path, init, status, code] of [
      [
        "/v1/faults",
        { method: "POST", body: "{", headers: { "content-type": "application/json" } },
        400,
        "BAD_REQUEST",
      ],
      [
        "/v1/faults",
        { method: "POST", body: "[]", headers: { "content-type": "application/json" } },
        400,
        "BAD_CONTENT",
      ],
      [
        "/v1/faults",
        {
          method: "POST",
          body: `"${"x".repeat(2_000_000)}"`,
          headers: { "content-type": "application/json" },
        },
        413,
        "TOO_LARGE",
      ],
      ["/v1/nothing", {}, 404, "NOT_FOUND"],
      ["/v1/events?scope=nobody", {}, 400, "BAD_OPTION"],
      ["/v1/transcript?since=x", {}, 400, "BAD_OPTION"],
      ["/v1/events", { headers: { "last-event-id": "x" } }, 400, "BAD_OPTION"],
      ["/v1/files/..%2f..%2fetc/passwd", {}, 404, "NOT_FOUND"],
      ["/v1/files/%ff", {}, 400, "BAD_REQUEST"],
    ] as const) {
      const headers = {
        ...("headers" in init && init.headers),
        authorization: `Bearer ${client.control.token}`,
      };
      const response = await fetch(`${client.control.url}${path}`, { ...init, headers });
      expect([path, response.status, await response.json()]).toMatchObject([
        path,
        status,
        { error: { code } },
      ]);
    }
  });
});

describe("scopes", () => {
  const accounts = ["ann", "bob"].map((name) => ({ name, password: "pw", permissions: "elr" }));

  test.each([
    ["peer:127.0.0.2", "ann"],
    ["account:ann", "ann"],
  ])("%s sees its own connections alone", async (scope, user) => {
    await using lab = await startLab({ files: ftp() }, { accounts });
    await using client = await ControlClient.of(lab);
    const stream = await client.ask("GET", "/v1/events?type=command", {
      headers: { "wirelab-scope": scope },
    });
    const reader = stream.body!.getReader();
    const waiting = client.json<{ connection: string }>(
      "GET",
      `/v1/events/wait?type=command&verb=QUIT&scope=${scope}`,
      200,
    );
    await Promise.all([visit(lab.servers.files, "bob"), visit(lab.servers.files, user, "127.0.0.2")]);
    const { connection } = await waiting;
    const own = lab.transcript.find("login", { user: "ann", ok: true })?.connection;
    expect(connection).toBe(own);
    const seen = await client.json<{ events: { connection?: string; type: string; verb?: string }[] }>(
      "GET",
      `/v1/transcript?scope=${scope}`,
      200,
    );
    expect(new Set(seen.events.map((event) => event.connection))).toEqual(new Set([undefined, own]));
    expect(seen.events.flatMap(({ verb = [] }) => verb)).toEqual(["USER", "PASS", "PWD", "QUIT"]);
    let told = "";
    while (!told.includes('"QUIT"')) told += Buffer.from((await reader.read()).value!).toString();
    expect(told).not.toContain("bob");
    expect(told.match(/^event: command$/gm)).toHaveLength(4);
    await reader.cancel();
  });

  test("a rule of a scope acts on its peer alone", async () => {
    await using lab = await startLab({ greeter: tcp({ behaviour: "greet" }) });
    await using client = await ControlClient.of(lab);
    const body = { fault: { kind: "refuse" } };
    await client.json("POST", "/v1/faults?scope=peer:127.0.0.2", 201, { body });
    await client.json("POST", "/v1/faults?scope=account:ann", 400, { body });
    const { host, port } = lab.servers.greeter;
    expect(await text(connect({ host, port, localAddress: "127.0.0.3" }))).toBe("Hello, world!");
    await expect(text(connect({ host, port, localAddress: "127.0.0.2" }))).rejects.toMatchObject({
      code: "ECONNRESET",
    });
    expect(await client.json("GET", "/v1/faults?scope=peer:127.0.0.3", 200)).toEqual([]);
    await client.done("DELETE", "/v1/faults?scope=peer:127.0.0.3");
    expect(lab.faults.active).toBe(true);
  });
});

test("an upload that breaks off leaves the old file whole", async () => {
  await using lab = await startLab({}, { files: { "/a": "old" } });
  await using control = await serveControl(lab);
  const upload = request(`${control.url}/v1/files/a`, {
    method: "PUT",
    headers: { authorization: `Bearer ${control.token}`, "content-length": "100" },
  });
  upload.on("error", () => {});
  upload.write("half");
  await new Promise((resolve) => setTimeout(resolve, 50));
  upload.destroy();
  expect(await lab.store.text("/a")).toBe("old");
});

test("it stops with the lab, and its streams with it", async () => {
  const lab = await startLab({ web: http() });
  const { url, token } = await serveControl(lab);
  const headers = { authorization: `Bearer ${token}` };
  const stream = await fetch(`${url}/v1/events`, { headers });
  const waiting = fetch(`${url}/v1/events/wait?type=login`, { headers });
  const ended = stream.text();
  // Its connection comes behind that of the one that waits.
  await fetch(`${url}/v1/servers`, { headers });
  await lab.stop();
  await ended;
  expect((await waiting).status).toBe(503);
  await expect(fetch(`${url}/v1/servers`, { headers })).rejects.toThrow();
});

test("a connection whose answer was on its way when it stopped ends with the answer", async () => {
  await using lab = await startLab({ web: http() });
  const control = await serveControl(lab);
  const client = connect(control.port, control.host);
  client.write(
    `GET /v1/events/wait?type=login HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${control.token}\r\n\r\n`,
  );
  const answer = text(client);
  // One that comes behind it has been answered, and so the first one waits.
  await (await fetch(`${control.url}/openapi.json`)).text();
  const began = performance.now();
  await control.stop();
  // What has not ended is cut after two seconds.
  expect(performance.now() - began).toBeLessThan(1900);
  expect(await answer).toMatch(/^HTTP\/1\.1 503 /);
});
