import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { answersIn, ask, FOO, request, say } from "./dialogue.ts";

test("a fresh lab's page says Hello, world!", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  expect(web.url).toBe(`http://127.0.0.1:${web.port}`);
  for (const path of ["/", "/index.html"]) {
    const answer = await ask(web, `GET ${path}`);
    expect(answer).toMatchObject({ status: 200, reason: "OK", body: "Hello, world!" });
    expect(answer.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-length": "13",
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    });
    expect(Date.parse(answer.headers["last-modified"] ?? "")).toBeLessThanOrEqual(Date.now());
    expect(answer.headers).not.toHaveProperty("x-powered-by");
  }
});

test("HEAD is GET without the body, for files, listings, redirects and errors alike", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/a.txt": "abc", "/in/b.txt": "b" } });
  const { web } = lab.servers;
  for (const path of ["/a.txt", "/in/", "/in", "/nothing", "/%zz"]) {
    const get = await ask(web, `GET ${path}`);
    const text = await say(web, request(`HEAD ${path}`));
    expect(text.endsWith("\r\n\r\n")).toBe(true);
    const [head] = answersIn(text, { bodies: "none" });
    expect({ ...head?.headers, date: "" }).toEqual({ ...get.headers, date: "" });
    expect(head?.status).toBe(get.status);
  }
});

test("media types come with a charset where they are text", async () => {
  const names = [
    "a.html",
    "a.css",
    "a.js",
    "a.json",
    "a.txt",
    "a.svg",
    "a.png",
    "a.pdf",
    "a.wasm",
    "a.unheard-of",
    "a",
    "html",
  ];
  await using lab = await startLab(
    { web: http() },
    { files: Object.fromEntries(names.map((name) => [`/${name}`, "x"])) },
  );
  const types = await Promise.all(
    names.map(async (name) => (await ask(lab.servers.web, `HEAD /${name}`)).headers["content-type"]),
  );
  expect(types).toEqual([
    "text/html; charset=utf-8",
    "text/css; charset=utf-8",
    "text/javascript; charset=utf-8",
    "application/json; charset=utf-8",
    "text/plain; charset=utf-8",
    "image/svg+xml",
    "image/png",
    "application/pdf",
    "application/wasm",
    "application/octet-stream",
    "application/octet-stream",
    "application/octet-stream",
  ]);
});

test("a directory is reached with a slash at its end, and the way there keeps the query and leaves the host alone", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/in/a b/c.txt": "c", "/evil.com/x": "x" } });
  const { web } = lab.servers;
  const location = async (target: string) => {
    const { status, headers } = await ask(web, `GET ${target}`);
    return [status, headers.location];
  };
  expect(await location("/in?x=1&y=2")).toEqual([301, "/in/?x=1&y=2"]);
  expect(await location("/in/a%20b")).toEqual([301, "/in/a%20b/"]);
  expect(await location("//evil.com")).toEqual([301, "/evil.com/"]);
  expect(await location("//evil.com/%2e%2e/in")).toEqual([301, "/in/"]);
  expect(await location("/in/../in/./a%20b")).toEqual([301, "/in/a%20b/"]);
});

test("a directory's index.html is its page", async () => {
  await using lab = await startLab(
    { web: http() },
    { files: { "/site/index.html": "<p>site", "/odd/index.html/x": "x", "/odd/y": "y" } },
  );
  const { web } = lab.servers;
  expect((await ask(web, "GET /site/")).body).toBe("<p>site");
  expect((await ask(web, "GET /odd/")).body).toContain("Index of /odd/");
});

test("paths are decoded once, normalised, and never leave the store", async () => {
  await using lab = await startLab(
    { web: http() },
    {
      files: {
        "/a b.txt": "space",
        "/ü.txt": "umlaut",
        "/50%25.txt": "percent",
        "/in/x": "x",
        "/a\\b": "back",
      },
    },
  );
  const { web } = lab.servers;
  const status = async (target: string) => (await ask(web, `GET ${target}`)).status;
  const body = async (target: string) => (await ask(web, `GET ${target}`)).body;
  expect(await body("/a%20b.txt")).toBe("space");
  expect(await body("/%C3%BC.txt?x")).toBe("umlaut");
  expect(await body("/50%2525.txt")).toBe("percent");
  expect(await body("//in//x")).toBe("x");
  expect(await body("/nowhere/../in/./x")).toBe("x");
  expect(await body("/in%2Fx")).toBe("x");
  expect(await body("/a%5Cb")).toBe("back");
  expect(await body("/../../in/x")).toBe("x");
  expect(await body("/%2e%2e/..%2fin/x")).toBe("x");
  expect(await status("/..\\..\\etc\\passwd")).toBe(404);
  expect(await status("/../../../../etc/passwd")).toBe(404);
  expect(await status("/%2e%2e/%2e%2e/etc/passwd")).toBe(404);
  for (const bad of ["/%00", "/in/x%00.txt", "/%", "/%zz", "/%C3", "/%ff%fe"]) {
    expect(await status(bad)).toBe(400);
  }
  expect(await status(`/${"a/".repeat(2100)}`)).toBe(414);
  expect(await status(`/${"a".repeat(300)}`)).toBe(404);
  expect((await ask(web, `PUT /${"a".repeat(300)}`, FOO, "x")).status).toBe(400);
});

test("a slash at the end of a file's name names nothing", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/a.txt": "abc" } });
  const { web } = lab.servers;
  for (const target of ["/a.txt/", "/a.txt/b", "/a.txt/."]) {
    expect((await ask(web, `GET ${target}`)).status).toBe(404);
    expect((await ask(web, `DELETE ${target}`, FOO)).status).toBe(404);
    expect((await ask(web, `PUT ${target}`, FOO, "x")).status).toBe(409);
  }
  expect((await ask(web, "GET /a.txt")).body).toBe("abc");
});

test("names that begin with a dot are served only where that was asked for", async () => {
  const files = { "/.secret": "s", "/.git/config": "c", "/in/.x": "x", "/in/y": "y" };
  await using lab = await startLab({ hidden: http(), open: http({ dotfiles: "allow" }) }, { files });
  const { hidden, open } = lab.servers;
  for (const path of Object.keys(files).filter((path) => path.includes("/."))) {
    expect((await ask(hidden, `GET ${path}`)).status).toBe(404);
    expect((await ask(hidden, `DELETE ${path}`, FOO)).status).toBe(404);
    expect((await ask(hidden, `PUT ${path}`, FOO, "!")).status).toBe(403);
    expect((await ask(open, `GET ${path}`)).status).toBe(200);
  }
  expect((await ask(hidden, "GET /%2esecret")).status).toBe(404);
  expect((await ask(hidden, "GET /.git/")).status).toBe(404);
  expect((await ask(hidden, "GET /in/")).body).not.toContain(".x");
  expect((await ask(open, "GET /in/")).body).toContain(".x");
});

test("OPTIONS tells what is possible, of the server too", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const allow = async (target: string) => {
    const { status, headers, body } = await ask(web, `OPTIONS ${target}`);
    expect([status, headers["content-length"], body]).toEqual([200, "0", ""]);
    return headers.allow;
  };
  expect(await allow("*")).toBe("GET, HEAD, OPTIONS, PUT, DELETE");
  expect(await allow("/index.html")).toBe("GET, HEAD, OPTIONS, PUT, DELETE");
  expect(await allow("/not-yet.txt")).toBe("GET, HEAD, OPTIONS, PUT, DELETE");
  expect(await allow("/")).toBe("GET, HEAD, OPTIONS, POST, DELETE");
});

test("a method without meaning is refused with those that have one; an unknown one is not implemented", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  for (const method of ["POST", "PATCH", "TRACE"]) {
    const answer = await ask(web, `${method} /index.html`, {}, method === "TRACE" ? "" : "a=b");
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD, OPTIONS, PUT, DELETE");
    expect(answer.body).toContain(method);
  }
  for (const method of ["PROPFIND", "MKCOL", "FOO", "get"]) {
    expect((await ask(web, `${method} /index.html`)).status).toBe(501);
  }
});

test("errors are a text, or JSON for who prefers it", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const text = await ask(web, "GET /<script>%1b%0a");
  expect(text.status).toBe(404);
  expect(text.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  expect(text.body).toContain("<script>");
  expect(text.body).not.toContain("\x1b");
  const json = await ask(web, "GET /nothing", { Accept: "application/json" });
  expect(JSON.parse(json.body)).toMatchObject({ status: 404, code: "NOT_FOUND" });
  expect(JSON.parse(json.body).message).toContain("/nothing");
});

test("what another protocol writes to the store is served at once, and the other way round", async () => {
  await using lab = await startLab({ one: http(), other: http() });
  const { one, other } = lab.servers;
  expect((await ask(one, "PUT /index.html", FOO, "changed")).status).toBe(204);
  expect((await ask(other, "GET /")).body).toBe("changed");
  const file = await lab.store.write("/new.txt");
  await new Promise<void>((resolve) => file.end("written", resolve));
  expect((await ask(one, "GET /new.txt")).body).toBe("written");
  await ask(other, "PUT /back.txt", FOO, "stored");
  const reading = await lab.store.read("/back.txt");
  expect(Buffer.from(reading.bytes!).toString()).toBe("stored");
});

test("what is asked for again and again is what is there at that moment, for whoever may have it", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/a": "one", "/b/index.html": "page" } });
  const { web } = lab.servers;
  const body = async (path: string) => (await ask(web, `GET ${path}`)).body;
  const status = async (path: string, headers = {}) => (await ask(web, `GET ${path}`, headers)).status;
  for (let round = 0; round < 3; round += 1) expect(await body("/a")).toBe("one");
  await lab.store.rename("/a", "/c");
  expect([await status("/a"), await body("/c")]).toEqual([404, "one"]);
  (await lab.store.write("/c")).end("two");
  await expect.poll(() => body("/c")).toBe("two");
  await lab.store.setModified("/c", new Date(0));
  const { headers } = await ask(web, "GET /c");
  expect(headers["last-modified"]).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
  expect(await body("/b/")).toBe("page");
  await lab.store.remove("/b/index.html");
  expect(await body("/b/")).not.toBe("page");
  // Who may not read gets nothing that others have read before.
  expect(await status("/c")).toBe(200);
  lab.accounts.put({ name: "anonymous", permissions: "el" });
  expect(await status("/c")).toBe(401);
  expect(await status("/c", FOO)).toBe(200);
  lab.accounts.put({ name: "anonymous", permissions: "elr", paths: { "/c": "el" } });
  expect(await status("/c")).toBe(401);
});
