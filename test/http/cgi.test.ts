import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { type Address, answersIn, ask, FOO, hears, open, request, say } from "./dialogue.ts";

const scratch = mkdtempSync(join(tmpdir(), "wirelab-cgi-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folders = 0;
/** A folder of shell scripts, by name. */
function folderOf(scripts: Readonly<Record<string, string>>): string {
  folders += 1;
  const folder = join(scratch, String(folders));
  for (const [name, body] of Object.entries(scripts)) {
    const file = join(folder, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, body.startsWith("#!") || body === "" ? body : `#!/bin/sh\n${body}\n`, {
      mode: 0o755,
    });
  }
  return folder;
}

const TEXT = "printf 'Content-Type: text/plain\\n\\n'";

async function environment(to: Address, line: string, headers = {}, body = ""): Promise<Map<string, string>> {
  const answer = await ask(to, line, headers, body);
  expect(answer.status).toBe(200);
  const lines = unchunked(answer.body).trim().split("\n");
  return new Map(lines.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]));
}

function unchunked(body: string): string {
  let rest = body;
  let text = "";
  for (;;) {
    const end = rest.indexOf("\r\n");
    const size = Number.parseInt(rest.slice(0, end), 16);
    if (!(size > 0)) return text;
    text += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 4 + size);
  }
}

describe("what a program gets", () => {
  test("the variables of RFC 3875, the request's headers, and nothing of this process", async () => {
    const folder = folderOf({ env: `${TEXT}; env` });
    await using lab = await startLab({ web: http({ cgi: { folder, environment: { LESSON: "7" } } }) });
    const { web } = lab.servers;
    const headers = { "X-One-Two": "yes", Proxy: "evil", X_One: "double", "Content-Type": "text/x", ...FOO };
    const got = await environment(web, "POST /cgi-bin/env/more%20path?a=1&b=%20", headers, "body");
    expect(Object.fromEntries(got)).toMatchObject({
      GATEWAY_INTERFACE: "CGI/1.1",
      SERVER_PROTOCOL: "HTTP/1.1",
      SERVER_NAME: "127.0.0.1",
      SERVER_PORT: String(web.port),
      REQUEST_METHOD: "POST",
      SCRIPT_NAME: "/cgi-bin/env",
      PATH_INFO: "/more path",
      QUERY_STRING: "a=1&b=%20",
      REMOTE_ADDR: "127.0.0.1",
      REMOTE_USER: "foo",
      AUTH_TYPE: "Basic",
      CONTENT_LENGTH: "4",
      CONTENT_TYPE: "text/x",
      HTTP_X_ONE_TWO: "yes",
      HTTP_HOST: "127.0.0.1",
      LESSON: "7",
      PATH: "/usr/local/bin:/usr/bin:/bin",
    });
    for (const name of ["HTTP_PROXY", "HTTP_AUTHORIZATION", "HTTP_X_ONE", "HOME", "NODE_ENV", "VITEST"]) {
      expect(got.has(name)).toBe(false);
    }
    // A character for each byte, as they are sent and, by run(), written.
    const utf8 = Buffer.from("n=ü€").toString("latin1");
    expect((await environment(web, "GET /cgi-bin/env", { Cookie: utf8 })).get("HTTP_COOKIE")).toBe(utf8);
    expect((await environment(web, "GET /cgi-bin/env/")).get("PATH_INFO")).toBe("/");
    expect((await environment(web, "GET /cgi-bin/env")).has("CONTENT_LENGTH")).toBe(false);
  });

  test("where the path behind its name would lead in the lab's files, if those are in a folder", async () => {
    const folder = folderOf({ env: `${TEXT}; env` });
    const root = folderOf({ "page.html": "" });
    await using lab = await startLab({ web: http({ cgi: folder }) }, { root });
    const translated = async (rest: string) =>
      (await environment(lab.servers.web, `GET /cgi-bin/env${rest}`)).get("PATH_TRANSLATED");
    expect(await translated("/in/../a%20b/c")).toBe(join(root, "a b", "c"));
    expect(await translated("")).toBeUndefined();
    await using inMemory = await startLab({ web: http({ cgi: folder }) });
    expect((await environment(inMemory.servers.web, "GET /cgi-bin/env/x")).has("PATH_TRANSLATED")).toBe(
      false,
    );
  });

  test("its own folder as working directory, no arguments, and no shell in between", async () => {
    const folder = folderOf({ "sub/a b;c": `${TEXT}; pwd; echo "$#:$0"` });
    await using lab = await startLab({ web: http({ cgi: folder }) });
    const { body } = await ask(lab.servers.web, "GET /cgi-bin/sub/a%20b%3Bc?-d+x");
    expect(unchunked(body)).toBe(`${folder}/sub\n0:${folder}/sub/a b;c\n`);
  });

  test("the body, of a told length or in chunks", async () => {
    const folder = folderOf({ cat: `${TEXT}; echo "$CONTENT_LENGTH"; cat` });
    await using lab = await startLab({ web: http({ cgi: folder }) });
    const { web } = lab.servers;
    expect(unchunked((await ask(web, "POST /cgi-bin/cat", {}, "hello")).body)).toBe("5\nhello");
    const chunked =
      "POST /cgi-bin/cat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    expect(unchunked(answersIn(await say(web, chunked))[0]?.body ?? "")).toBe("5\nabcde");
  });

  test("no more of a body than it may have", async () => {
    const folder = folderOf({ cat: `${TEXT}; cat` });
    await using lab = await startLab({ web: http({ cgi: folder, maxBody: 4 }) });
    expect((await ask(lab.servers.web, "POST /cgi-bin/cat", {}, "hello")).status).toBe(413);
  });

  clientTest("curl", "20 MB go in and come back, though nobody holds them", async () => {
    const folder = folderOf({ cat: `${TEXT}; cat` });
    const big = join(scratch, "big");
    writeFileSync(big, Buffer.alloc(20_000_000, "0123456789"));
    await using lab = await startLab({ web: http({ cgi: folder }) });
    const out = join(scratch, "out");
    const { stdout } = await run("curl", [
      "-sS",
      "--data-binary",
      `@${big}`,
      "-o",
      out,
      "-w",
      "%{http_code} %{size_download}",
      `${lab.servers.web.url}/cgi-bin/cat`,
    ]);
    expect(stdout).toBe("200 20000000");
    expect((await run("cmp", [big, out])).code).toBe(0);
  });
});

describe("what a program says", () => {
  const say200 = async (script: string, line = "GET /cgi-bin/x") => {
    await using lab = await startLab({ web: http({ cgi: folderOf({ x: script }) }) });
    return await ask(lab.servers.web, line);
  };

  test("its status, its headers, and a body of the length that it promises", async () => {
    const answer = await say200(
      "printf 'Status: 418 Short and stout\\r\\nX-A: b\\r\\nContent-Length: 3\\r\\n\\r\\nteapot'",
    );
    expect(answer).toMatchObject({ status: 418, reason: "Short and stout", body: "tea" });
    expect(answer.headers).toMatchObject({ "x-a": "b", "content-length": "3" });
    expect(answer.headers).not.toHaveProperty("status");
  });

  test("no length where there is no content", async () => {
    const answer = await say200("printf 'Status: 204\\nX-A: b\\nContent-Length: 5\\n\\nhello'");
    expect(answer).toMatchObject({ status: 204, headers: { "x-a": "b" }, body: "" });
    expect(answer.headers).not.toHaveProperty("content-length");
  });

  test("HEAD gets the head alone", async () => {
    const answer = await say200(`${TEXT}; echo body`, "HEAD /cgi-bin/x");
    expect(answer).toMatchObject({ status: 200, body: "" });
  });

  test("a Location elsewhere is a redirection", async () => {
    const answer = await say200("printf 'Location: http://127.0.0.1/x\\n\\n'");
    expect(answer).toMatchObject({ status: 302, headers: { location: "http://127.0.0.1/x" } });
    expect(await say200("printf 'Status: 303 See Other\\nLocation: /y\\n\\n'")).toMatchObject({
      status: 303,
    });
  });

  test("a Location on this server is answered at once, and not in circles", async () => {
    expect((await say200("printf 'Location: /index.html\\n\\n'", "POST /cgi-bin/x")).body).toBe(
      "Hello, world!",
    );
    expect((await say200("printf 'Location: /_/echo?ü\\n\\n'")).body).toContain(
      Buffer.from("?ü").toString("latin1"),
    );
    expect((await say200("printf 'Location: /cgi-bin/x\\n\\n'")).status).toBe(502);
  });

  test.each([
    ["nothing", "true"],
    ["no header fields", "echo hello"],
    ["half a header", "printf 'Content-Type: text/plain'"],
    ["no field of CGI", "printf 'X-A: b\\n\\nhello'"],
    ["a bad status", "printf 'Status: hello\\n\\n'"],
    ["a bad length", "printf 'Content-Type: a/b\\nContent-Length: -1\\n\\n'"],
    ["a crash before the head", "echo oops >&2; exit 3"],
    ["a crash behind the head", `${TEXT}; exit 3`],
    ["a signal", "kill -9 $$"],
    ["no interpreter", "#!/no/such/interpreter\n"],
    ["no program at all", ""],
    ["an endless head", "yes 'X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"],
  ])("%s is answered for with 502", async (_what, script) => {
    const answer = await say200(script);
    expect(answer.status).toBe(502);
    expect(answer.body).toContain("/cgi-bin/x");
    expect(answer.body).not.toContain("oops");
  });

  test("its complaints are told to observers", async () => {
    await using lab = await startLab({ web: http({ cgi: folderOf({ x: "echo oops >&2; exit 3" }) }) });
    const told = lab.events.next("error");
    await ask(lab.servers.web, "GET /cgi-bin/x");
    expect(await told).toMatchObject({ code: "CGI", message: "/cgi-bin/x ended with code 3: oops" });
  });

  test("a body that breaks off does not look whole", async () => {
    const text = await (async () => {
      await using lab = await startLab({
        web: http({ cgi: folderOf({ x: `${TEXT}; echo some; kill -9 $$` }) }),
      });
      return await say(lab.servers.web, request("GET /cgi-bin/x"));
    })();
    expect(text).toContain("some");
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  test("it comes as it is written, and the connection lives on", async () => {
    const folder = folderOf({ x: `${TEXT}; echo first; read answer; echo last` });
    await using lab = await startLab({ web: http({ cgi: folder }) });
    const socket = await open(lab.servers.web);
    const first = hears(socket, (text) => text.includes("first"));
    socket.write("POST /cgi-bin/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n");
    await first;
    const all = hears(socket, (text) => text.includes("Hello, world!"));
    socket.write(`ok\n${request("GET /index.html")}`);
    expect(await all).toMatch(/last\n\r\n0\r\n\r\nHTTP\/1\.1 200/);
    socket.destroy();
  });
});

describe("how long a program lives", () => {
  test("one that hangs is ended, with its children, and answered for with 504", async () => {
    const folder = folderOf({ x: "sleep 60 & sleep 60" });
    await using lab = await startLab({ web: http({ cgi: { folder, timeout: 200 } }) });
    const told = lab.events.next("error");
    expect((await ask(lab.servers.web, "GET /cgi-bin/x")).status).toBe(504);
    expect(await told).toMatchObject({ code: "TIMED_OUT" });
  });

  test("one that ignores SIGTERM is ended too", async () => {
    const folder = folderOf({ x: "trap '' TERM; while :; do sleep 1; done" });
    await using lab = await startLab({ web: http({ cgi: { folder, timeout: 100 } }) });
    expect((await ask(lab.servers.web, "GET /cgi-bin/x")).status).toBe(504);
  });

  test("one whose child holds its output is not waited for", async () => {
    const folder = folderOf({ x: `${TEXT}; echo body; sleep 60 &` });
    await using lab = await startLab({ web: http({ cgi: { folder, timeout: 200 } }) });
    expect((await say(lab.servers.web, request("GET /cgi-bin/x"))).includes("body")).toBe(true);
  });

  test.each([
    ["by RST", (socket: Socket) => socket.resetAndDestroy()],
    ["by FIN", (socket: Socket) => socket.destroy()],
  ])("it ends when its client leaves %s", async (_how, leave) => {
    const folder = folderOf({ x: `${TEXT}; echo $$; while :; do sleep 1; done` });
    await using lab = await startLab({ web: http({ cgi: folder }) });
    const socket = await open(lab.servers.web);
    // Behind a FIN it has three seconds.
    const ended = lab.events.next("error", {}, 15_000);
    const begun = hears(socket, (text) => /\r\n\r\n\w+\r\n\d+\n/.test(text));
    socket.write(request("GET /cgi-bin/x"));
    const [, pid = ""] = /\r\n\r\n\w+\r\n(\d+)\n/.exec(await begun) ?? [];
    leave(socket);
    expect((await ended).message).toMatch(/SIGTERM/);
    expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
  });

  test("it ends with the lab, and with a reset", async () => {
    const folder = folderOf({ x: `${TEXT}; echo begun; while :; do sleep 1; done` });
    await using lab = await startLab({ web: http({ cgi: folder }) });
    for (const end of [() => lab.reset(), () => lab.stop({ grace: 0 })]) {
      const socket = await open(lab.servers.web);
      const begun = hears(socket, (text) => text.includes("begun"));
      socket.write(request("GET /cgi-bin/x"));
      await begun;
      await end();
      socket.destroy();
    }
  });

  test("so many run at once, and the others wait", async () => {
    const folder = folderOf({ x: `${TEXT}; mkdir lock && sleep 0.05 && rmdir lock && echo alone` });
    await using lab = await startLab({ web: http({ cgi: { folder, maxScripts: 1 } }) });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => ask(lab.servers.web, "GET /cgi-bin/x")),
    );
    expect(answers.map(({ body }) => unchunked(body))).toEqual(answers.map(() => "alone\n"));
  });
});

describe("what can be run", () => {
  test("regular files that may be executed, inside the folder, and never a source", async () => {
    const folder = folderOf({ x: `${TEXT}; echo ran`, ".hidden": TEXT, "sub/y": TEXT });
    writeFileSync(join(folder, "plain"), "secret source", { mode: 0o644 });
    symlinkSync("/bin/ls", join(folder, "ls"));
    await run("mkfifo", [join(folder, "fifo")]);
    await using lab = await startLab({ web: http({ cgi: folder }) });
    const status = async (line: string) => (await ask(lab.servers.web, line, FOO)).status;
    expect(await status("GET /cgi-bin/x")).toBe(200);
    expect(await status("GET //cgi-bin/./sub/../x")).toBe(200);
    expect(await status("GET /cgi-bin%2fx")).toBe(200);
    expect(await status("GET /cgi-bin/plain")).toBe(403);
    expect(await status("GET /cgi-bin/")).toBe(403);
    expect(await status("GET /cgi-bin/sub")).toBe(403);
    for (const name of ["ls", "fifo", ".hidden", "nothing", "..%2f..%2fbin%2fls", "x%00"]) {
      expect([name, await status(`GET /cgi-bin/${name}`)]).toEqual([name, name === "x%00" ? 400 : 404]);
    }
    expect(await status("TRACE /cgi-bin/x")).toBe(405);
    expect(await status("PUT /cgi-bin/new")).toBe(404);
  });

  test("another path, and files beside it as ever", async () => {
    const folder = folderOf({ x: `${TEXT}; echo "$SCRIPT_NAME"` });
    await using lab = await startLab({ web: http({ cgi: { folder, path: "run" } }) });
    expect(unchunked((await ask(lab.servers.web, "GET /run/x")).body)).toBe("/run/x\n");
    expect((await ask(lab.servers.web, "GET /cgi-bin/x")).status).toBe(404);
    expect((await ask(lab.servers.web, "GET /")).body).toBe("Hello, world!");
  });

  test("by those who may read", async () => {
    const folder = folderOf({ x: `${TEXT}; echo "$REMOTE_USER"` });
    await using lab = await startLab({ web: http({ cgi: folder, public: "" }) });
    const { web } = lab.servers;
    expect((await ask(web, "GET /cgi-bin/x")).status).toBe(401);
    expect((await ask(web, "GET /cgi-bin/x", { Authorization: "Basic eDp5" })).status).toBe(401);
    expect(unchunked((await ask(web, "GET /cgi-bin/x", FOO)).body)).toBe("foo\n");
  });

  test("a folder, and within limits", async () => {
    const folder = folderOf({ x: "" });
    for (const cgi of [
      join(folder, "nothing"),
      "/bin/sh",
      { folder, maxScripts: 0 },
      { folder, timeout: -1 },
      { folder, path: "/" },
    ]) {
      await expect(startLab({ web: http({ cgi }) })).rejects.toMatchObject({ code: "BAD_OPTION" });
    }
  });
});
