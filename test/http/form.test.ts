import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { type Address, type Answer, ask, basic, FOO, open, request } from "./dialogue.ts";

const FILES = { "/in/old.txt": "old", "/in/two.txt": "two", "/in/sub/x": "x" };
const MULTIPART = { "Content-Type": "multipart/form-data; boundary=b" };

function file(name: string, content: string): string {
  return `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n`;
}

function field(name: string, value: string): string {
  return `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

function post(to: Address, body: string, headers = {}, path = "/in/"): Promise<Answer> {
  return ask(to, `POST ${path}`, { ...MULTIPART, ...FOO, ...headers }, `${body}--b--\r\n`);
}

test("files of a form are stored, those that are there replaced, and the browser led back to the page", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const answer = await post(lab.servers.web, file("old.txt", "new") + file("b.txt", "umlaut") + file("", ""));
  expect(answer).toMatchObject({ status: 303, headers: { location: "/in/?list" } });
  expect(await lab.store.text("/in/old.txt")).toBe("new");
  const transfers = [...lab.transcript].filter((event) => event.type === "transfer");
  expect(transfers).toMatchObject([
    { direction: "in", path: "/in/old.txt", bytes: 3, complete: true },
    { direction: "in", bytes: 6, complete: true },
  ]);
});

test("programs are told in JSON what became of it", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const body = file("a", "1") + field("delete", "old.txt") + field("other", "x");
  const answer = await post(lab.servers.web, body, { Accept: "application/json" });
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { stored: ["a"], deleted: ["old.txt"] }]);
  await expect(lab.store.stat("/in/old.txt")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("files have the names that they had before a browser wrote them into a form", async () => {
  await using lab = await startLab({ web: http() }, { files: {} });
  await post(lab.servers.web, file("a%22b%0Ac%0D%20%.txt", "1"), {}, "/");
  expect((await lab.store.list("/")).map(({ name }) => name)).toEqual(['a"b\nc\r%20%.txt']);
});

test("names whose line breaks no form would keep are deleted by what they are in URLs", async () => {
  await using lab = await startLab(
    { web: http() },
    { files: { "/in/a\nb": "1", "/in/a%0Ab": "2", "/in/c\rd": "3" } },
  );
  const { web } = lab.servers;
  const page = (await ask(web, "GET /in/", FOO)).body;
  const button = /<button name="([^"]*)" value="([^"]*)"/g;
  const fields = [...page.matchAll(button)].map(([, name = "", value = ""]) => [name, value]);
  expect(fields).toEqual([
    ["delete-encoded", "a%0Ab"],
    ["delete", "a%0Ab"],
    ["delete-encoded", "c%0Dd"],
  ]);
  for (const [name = "", value = ""] of fields.slice(0, 2)) {
    expect((await post(web, field(name, value))).status).toBe(303);
  }
  expect((await lab.store.list("/in")).map(({ name }) => name)).toEqual(["c\rd"]);
  expect((await post(web, field("delete-encoded", "%zz"))).status).toBe(400);
  expect((await post(web, field("delete-encoded", "..%2Fin"))).status).toBe(400);
});

test("who may not is asked to log in, or refused", async () => {
  const accounts = [
    { name: "foo", password: "bar", permissions: "elradfmwMT" },
    { name: "reader", password: "pw", permissions: "elr" },
  ];
  await using lab = await startLab({ web: http() }, { files: FILES, accounts });
  const { web } = lab.servers;
  const headers = (own: Record<string, string>) => ({ ...MULTIPART, ...own });
  for (const body of [file("a", "1"), field("delete", "old.txt")]) {
    const whole = `${body}--b--\r\n`;
    const stranger = await ask(web, "POST /in/", headers({}), whole);
    expect([stranger.status, stranger.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringContaining("Basic"),
    ]);
    expect((await ask(web, "POST /in/", headers(basic("reader", "pw")), whole)).status).toBe(403);
  }
  expect((await lab.store.list("/in")).map(({ name }) => name)).toEqual(["old.txt", "sub", "two.txt"]);
});

test("a page of another site cannot use the password that a browser remembers", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { web } = lab.servers;
  const status = async (headers: Record<string, string>) => (await post(web, file("a", "1"), headers)).status;
  expect(await status({ "Sec-Fetch-Site": "cross-site", Origin: "http://evil.example" })).toBe(403);
  expect(await status({ Origin: "http://evil.example" })).toBe(403);
  expect(await status({ Origin: "null" })).toBe(403);
  expect(await status({ Origin: "http://127.0.0.1" })).toBe(303);
  expect(await status({ Origin: "null", "Sec-Fetch-Site": "same-origin" })).toBe(303);
});

test.each([
  ["no form", { "Content-Type": "text/plain" }, "x", 415],
  ["a form without a boundary", { "Content-Type": "multipart/form-data" }, "x", 400],
  ["an empty form", {}, "", 400],
  ["an unknown entry to delete", {}, field("delete", "nothing"), 404],
  ["a directory that is not empty", {}, field("delete", "sub"), 409],
  ["a name that leads elsewhere", {}, field("delete", "../in"), 400],
  ["the directory itself", {}, field("delete", "."), 400],
  ["a hidden name", {}, file(".profile", "x"), 403],
  ["a directory's name", {}, file("sub", "x"), 409],
])("%s is refused", async (_what, headers, body, status) => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  expect((await post(lab.servers.web, body, headers)).status).toBe(status);
  expect((await lab.store.list("/in")).map(({ name }) => name)).toEqual(["old.txt", "sub", "two.txt"]);
});

test("a name is only ever one in this directory", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  await post(lab.servers.web, file("../../up.txt", "1") + file("C:\\\\dir\\\\win.txt", "2"));
  expect((await lab.store.list("/in")).map(({ name }) => name)).toEqual(
    expect.arrayContaining(["up.txt", "win.txt"]),
  );
  await expect(lab.store.stat("/up.txt")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("only directories take forms", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  for (const path of ["/in/old.txt", "/nothing/"]) {
    expect((await post(lab.servers.web, file("a", "1"), {}, path)).status).toBe(405);
  }
});

test("too much is refused, whether it says so or not", async () => {
  await using lab = await startLab({ web: http({ maxBody: 1000 }) }, { files: FILES });
  const { web } = lab.servers;
  expect((await post(web, file("old.txt", "x".repeat(2000)))).status).toBe(413);
  const socket = await open(web);
  const body = `${file("old.txt", "x".repeat(2000))}--b--\r\n`;
  const answer = new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
  socket.write(request("POST /in/", { ...MULTIPART, ...FOO, "Transfer-Encoding": "chunked" }));
  socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
  expect(await lab.store.text("/in/old.txt")).toBe("old");
});

test("a form that breaks off leaves the old file whole", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { web } = lab.servers;
  const unfinished = file("old.txt", "half").slice(0, -2);
  expect((await ask(web, "POST /in/", { ...MULTIPART, ...FOO }, unfinished)).status).toBe(400);
  const socket = await open(web);
  const told = lab.events.next("transfer", { complete: false });
  const head = request("POST /in/", { ...MULTIPART, ...FOO, "Content-Length": "10000" });
  socket.write(`${head}${unfinished}${"y".repeat(500)}`, () => socket.resetAndDestroy());
  await told;
  expect(await lab.store.text("/in/old.txt")).toBe("old");
});

test("the page offers what its reader may do, and a way to log in", async () => {
  await using lab = await startLab({ web: http() }, { files: { ...FILES, "/index.html": "index" } });
  const { web } = lab.servers;
  const stranger = (await ask(web, "GET /in/")).body;
  expect(stranger).not.toMatch(/<form|<script/);
  expect(stranger).toContain('href="/?login=%2Fin"');
  const owner = (await ask(web, "GET /in/", FOO)).body;
  expect(owner).toContain('<form id="upload"');
  expect(owner).toContain('name="delete" value="old.txt"');
  // Buttons that name their form take browsers long where there are thousands.
  expect(owner).toMatch(/<form id="delete"[^>]*>\s*<table>[\s\S]*<\/table>\s*<\/form>/);
  expect((await ask(web, "GET /?login=%2Fin")).status).toBe(401);
  expect(await ask(web, "GET /?login=%2Fin", FOO)).toMatchObject({
    status: 303,
    headers: { location: "/in/?list" },
  });
  expect((await ask(web, "GET /?login=//evil.example", FOO)).headers.location).toBe("/evil.example/?list");
  const odd = encodeURIComponent("/100% sure?");
  expect((await ask(web, `GET /?login=${odd}`, FOO)).headers.location).toBe("/100%25%20sure%3F/?list");
  expect((await ask(web, "GET /?login=%00", FOO)).status).toBe(404);
  expect((await ask(web, "GET /")).body).toBe("index");
  expect((await ask(web, "GET /?list")).body).toContain("Index of /");
});

clientTest("curl", "several files by -F, large ones too, to disk", async () => {
  const root = mkdtempSync(join(tmpdir(), "wirelab-"));
  const from = mkdtempSync(join(tmpdir(), "wirelab-"));
  writeFileSync(join(from, "big"), Buffer.alloc(5_000_000, "0123456789\r\n--b"));
  writeFileSync(join(from, "small"), "small");
  try {
    await using lab = await startLab({ web: http() }, { root });
    const sent = ["-F", `a=@${from}/big`, "-F", `b=@${from}/small;filename=renamed`];
    const { stdout } = await run("curl", [
      "-sS",
      "-u",
      "foo:bar",
      "-w",
      "%{http_code}",
      ...sent,
      `${lab.servers.web.url}/`,
    ]);
    expect(stdout).toContain("Stored: 2");
    expect(readFileSync(join(root, "big")).equals(readFileSync(join(from, "big")))).toBe(true);
    expect(readFileSync(join(root, "renamed"), "utf8")).toBe("small");
  } finally {
    rmSync(root, { recursive: true });
    rmSync(from, { recursive: true });
  }
});
