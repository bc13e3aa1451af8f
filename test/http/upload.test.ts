import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { expect, test } from "vitest";
import { http, memoryStore, type Store, startLab } from "../../index.ts";
import { answersIn, ask, FOO, heard, hears, open, request, say, sayAndWait } from "./dialogue.ts";

async function contentOf(store: Store, path: string): Promise<string> {
  const reading = await store.read(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reading.stream()) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

test("PUT makes a file or replaces it, and DELETE removes it", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const made = await ask(web, "PUT /a%20b.txt", FOO, "one");
  expect([made.status, made.headers["content-length"], made.body]).toEqual([201, "0", ""]);
  expect(await contentOf(lab.store, "/a b.txt")).toBe("one");
  const replaced = await ask(web, "PUT /a%20b.txt", FOO, "two!");
  expect([replaced.status, replaced.headers["content-length"]]).toEqual([204, undefined]);
  expect(await contentOf(lab.store, "/a b.txt")).toBe("two!");
  expect((await ask(web, "DELETE /a%20b.txt", FOO)).status).toBe(204);
  expect((await ask(web, "GET /a%20b.txt")).status).toBe(404);
  expect((await ask(web, "DELETE /a%20b.txt", FOO)).status).toBe(404);
});

test("an empty body makes an empty file, with or without a length", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  expect((await ask(web, "PUT /one", { ...FOO, "Content-Length": "0" })).status).toBe(201);
  expect((await ask(web, "PUT /two", FOO)).status).toBe(201);
  const { status, headers, body } = await ask(web, "GET /two");
  expect([status, headers["content-length"], body]).toEqual([200, "0", ""]);
});

test("chunks are put together, trailers and extensions left out", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const chunked = `${request("PUT /c", { ...FOO, "Transfer-Encoding": "chunked" })}3;x=1\r\none\r\n5\r\n, two\r\n0\r\nX-T: 1\r\n\r\n`;
  expect(answersIn(await say(web, chunked)).map(({ status }) => status)).toEqual([201]);
  expect(await contentOf(lab.store, "/c")).toBe("one, two");
});

test("a packed body is refused: nobody would know that the file is to be unpacked", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  for (const line of ["PUT /x", "POST /"]) {
    const refused = await ask(web, line, { ...FOO, "Content-Encoding": "gzip" }, "x");
    expect([refused.status, refused.headers["accept-encoding"]]).toEqual([415, "identity"]);
  }
  expect((await ask(web, "PUT /x", { ...FOO, "Content-Encoding": "identity" }, "x")).status).toBe(201);
});

test("directories come first, and are no files", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/in/a": "a", "/file": "f" } });
  const { web } = lab.servers;
  const orphan = await ask(web, "PUT /nowhere/x", FOO, "x");
  expect(orphan.status).toBe(409);
  expect(orphan.body).toContain("directory");
  expect((await ask(web, "PUT /file/x", FOO, "x")).status).toBe(409);
  for (const target of ["/in", "/in/", "/"]) {
    const { status, headers } = await ask(web, `PUT ${target}`, FOO, "x");
    expect([target, status, headers.allow]).toEqual([target, 405, "GET, HEAD, OPTIONS, POST, DELETE"]);
  }
  expect((await ask(web, "PUT /new/", FOO, "x")).status).toBe(409);
  expect((await ask(web, "DELETE /in", FOO)).status).toBe(409);
  expect((await ask(web, "DELETE /in/a", FOO)).status).toBe(204);
  expect((await ask(web, "DELETE /in/", FOO)).status).toBe(204);
  expect((await ask(web, "DELETE /", FOO)).status).toBe(403);
});

test("a client that waits for 100 gets it before it sends, and not where it is refused", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const socket = await open(web);
  const expecting = { Expect: "100-continue", "Content-Length": "4" };
  const asked = hears(socket, (text) => text.endsWith("\r\n\r\n"));
  socket.write(request("PUT /x", { ...FOO, ...expecting }));
  expect(await asked).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  const answer = heard(socket);
  socket.end("body");
  expect(answersIn(await answer)[0]?.status).toBe(201);
  for (const [line, headers, status] of [
    ["PUT /y", {}, 401],
    ["PUT /nowhere/y", FOO, 409],
    ["POST /y", FOO, 405],
    ["GET /", {}, 200],
  ] as const) {
    const text = await sayAndWait(web, request(line, { ...headers, ...expecting }));
    expect([line, answersIn(text).map((refused) => refused.status)]).toEqual([line, [status]]);
  }
});

test("a body that breaks off leaves the old file whole", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/x": "old" } });
  const { web } = lab.servers;
  const broken = lab.events.next("transfer", { direction: "in", complete: false, path: "/x" });
  const socket = await open(web);
  socket.write(`${request("PUT /x", { ...FOO, "Content-Length": "1000" })}half`);
  await lab.events.next("command", { verb: "PUT" });
  socket.resetAndDestroy();
  expect(await broken).toMatchObject({ bytes: expect.any(Number) });
  expect((await ask(web, "GET /x")).body).toBe("old");
});

test("a client that closes its side in the middle of a body is told so", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/x": "old" } });
  const { web } = lab.servers;
  for (const rest of [
    `${request("PUT /x", { ...FOO, "Content-Length": "1000" })}half`,
    `${request("PUT /x", { ...FOO, "Transfer-Encoding": "chunked" })}4\r\nhalf\r\n`,
    `${request("PUT /x", { ...FOO, "Transfer-Encoding": "chunked" })}zz\r\nhalf\r\n`,
    `${request("PUT /x", { ...FOO, "Transfer-Encoding": "chunked" })}2\r\nhalf\r\n`,
    `${request("PUT /x", { ...FOO, "Transfer-Encoding": "chunked" })}ffffffffffffffffff\r\n`,
  ]) {
    const [answer, ...more] = answersIn(await say(web, rest));
    expect([answer?.status, answer?.headers.connection, more.length]).toEqual([400, "close", 0]);
    expect((await ask(web, "GET /x")).body).toBe("old");
  }
});

test("a file that a store opens for a client that is gone by then is let go of", async () => {
  const under = memoryStore({ files: { "/x": "old" } });
  for (const leave of [
    async (socket: Socket) => {
      const answer = heard(socket);
      // No chunk: the request is refused, and over.
      socket.write("zz\r\n");
      expect(answersIn(await answer).map(({ status }) => status)).toEqual([400]);
    },
    async (socket: Socket) => {
      socket.resetAndDestroy();
    },
  ]) {
    const files: Writable[] = [];
    const store: Store = Object.assign(Object.create(under), {
      stat: (path: string) => under.stat(path),
      async write(path: string) {
        const file = await under.write(path);
        await leave(socket);
        await closed;
        files.push(file);
        return file;
      },
    });
    await using lab = await startLab({ web: http() }, { store });
    const closed = lab.events.next("closed");
    const transfer = lab.events.next("transfer");
    const socket = await open(lab.servers.web);
    socket.write(request("PUT /x", { ...FOO, "Transfer-Encoding": "chunked" }));
    expect(await transfer).toMatchObject({ direction: "in", complete: false });
    expect(files.map(({ destroyed }) => destroyed)).toEqual([true]);
  }
});

test("a body that is too long is refused before it is sent, or as soon as it is seen", async () => {
  await using lab = await startLab({ web: http({ maxBody: 1000 }) }, { files: { "/x": "old" } });
  const { web } = lab.servers;
  const announced = await sayAndWait(web, request("PUT /x", { ...FOO, "Content-Length": "100000000" }));
  const [early] = answersIn(announced);
  expect([early?.status, early?.headers.connection]).toEqual([413, "close"]);
  const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`;
  const sent = await sayAndWait(
    web,
    request("PUT /x", { ...FOO, "Transfer-Encoding": "chunked" }) + chunk.repeat(50),
  );
  expect(answersIn(sent)[0]?.status).toBe(413);
  expect((await ask(web, "GET /x")).body).toBe("old");
  expect((await ask(web, "PUT /x", FOO, "y".repeat(1000))).status).toBe(204);
  expect((await ask(web, "PUT /x", FOO, "y".repeat(1001))).status).toBe(413);
});

test("a client that goes on sending what nobody wants still hears why", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const socket = await open(web);
  const answer = heard(socket);
  const body = Buffer.alloc(8_000_000, "x");
  socket.write(request("PUT /x", { "Content-Length": String(body.length) }));
  socket.end(body);
  expect(answersIn(await answer).map(({ status }) => status)).toEqual([401]);
});

test("50 MB go in and come out as they were, in memory and on disk", async (context) => {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const root = await mkdtemp(join(tmpdir(), "wirelab-"));
  context.onTestFinished(() => rm(root, { recursive: true }));
  const chunk = createHash("sha512").update("wirelab").digest();
  const body = Buffer.concat(Array.from({ length: 50_000_000 / 64 }, () => chunk));
  const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  for (const options of [{}, { root }]) {
    await using lab = await startLab({ web: http() }, options);
    const url = `${lab.servers.web.url}/big.bin`;
    const put = await fetch(url, { method: "PUT", body, headers: FOO });
    expect(put.status).toBe(201);
    const get = await fetch(url, { headers: { Connection: "close" } });
    expect(get.headers.get("content-length")).toBe("50000000");
    expect(digest(new Uint8Array(await get.arrayBuffer()))).toBe(digest(body));
    const part = await fetch(url, {
      headers: { Range: "bytes=1000000-1999999, 40000000-40999999", Connection: "close" },
    });
    expect(part.status).toBe(206);
    const parts = Buffer.from(await part.arrayBuffer());
    expect(parts.length).toBe(Number(part.headers.get("content-length")));
    expect(parts.includes(body.subarray(40_000_000, 41_000_000))).toBe(true);
  }
});

test("a store that is full says so, and keeps what it has", async () => {
  const store = memoryStore({ files: { "/x": "old" }, capacity: 1000 });
  await using lab = await startLab({ web: http() }, { store });
  const { web } = lab.servers;
  const full = await ask(web, "PUT /x", FOO, "y".repeat(2000));
  expect(full.status).toBe(507);
  expect((await ask(web, "GET /x")).body).toBe("old");
  expect((await ask(web, "PUT /x", FOO, "new")).status).toBe(204);
});

test("what a disk refuses is told without its paths", async (context) => {
  const { mkdtemp, rm, symlink, writeFile } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const root = await mkdtemp(join(tmpdir(), "wirelab-"));
  context.onTestFinished(() => rm(root, { recursive: true }));
  await writeFile(join(root, "a"), "a");
  await symlink("/etc/passwd", join(root, "outside"));
  await using lab = await startLab({ web: http() }, { root });
  const { web } = lab.servers;
  expect((await ask(web, "GET /a")).body).toBe("a");
  for (const line of [
    "GET /outside",
    "GET /a/b",
    "GET /b",
    `GET /${"n".repeat(300)}`,
    "PUT /no/b",
    "DELETE /b",
  ]) {
    const { status, body } = await ask(web, line, FOO);
    expect([line, status >= 400 && status < 500]).toEqual([line, true]);
    expect(body).not.toContain(root);
  }
});
