import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { ask, FOO } from "./dialogue.ts";

const TEXT = "All work and no play makes a dull text. ".repeat(100);
const FILES = { "/a.txt": TEXT, "/short.txt": "short", "/a.png": TEXT, "/in/x": "x" };
const bytes = (body: string) => Buffer.from(body, "latin1");

test("a text is packed as the client likes it best, and says so", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const get = (accept: string) => ask(lab.servers.web, "GET /a.txt", { "Accept-Encoding": accept });
  const gzip = await get("gzip");
  expect(gzip.headers).toMatchObject({
    "content-encoding": "gzip",
    vary: "Accept-Encoding",
    "content-type": "text/plain; charset=utf-8",
  });
  expect(gunzipSync(bytes(gzip.body)).toString()).toBe(TEXT);
  const br = await get("gzip;q=0.5, br;q=0.9, deflate");
  expect(br.headers["content-encoding"]).toBe("br");
  expect(brotliDecompressSync(bytes(br.body)).toString()).toBe(TEXT);
  for (const accept of ["", "identity", "deflate", "gzip;q=0", "*;q=0", "identity, gzip;q=0.1"]) {
    const plain = await get(accept);
    expect(plain.headers).not.toHaveProperty("content-encoding");
    expect(plain.headers.vary).toBe("Accept-Encoding");
    expect(plain.body).toBe(TEXT);
  }
  const tags = [gzip, br, await get("")].map(({ headers }) => headers.etag);
  expect(new Set(tags).size).toBe(3);
});

test("without Accept-Encoding nothing is packed, but caches are told", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { headers, body } = await ask(lab.servers.web, "GET /a.txt");
  expect(body).toBe(TEXT);
  expect(headers.vary).toBe("Accept-Encoding");
});

test("what gains nothing stays as it is: short texts, pictures", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  for (const path of ["/short.txt", "/a.png"]) {
    const { headers } = await ask(lab.servers.web, `GET ${path}`, { "Accept-Encoding": "gzip, br" });
    expect(headers).not.toHaveProperty("content-encoding");
    expect(headers).not.toHaveProperty("vary");
  }
});

test("it can be switched off", async () => {
  await using lab = await startLab({ web: http({ compression: "off" }) }, { files: FILES });
  const { headers } = await ask(lab.servers.web, "GET /a.txt", { "Accept-Encoding": "gzip" });
  expect(headers).not.toHaveProperty("content-encoding");
});

test("HEAD equals GET, a listing is packed too", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  for (const path of ["/a.txt", "/in/"]) {
    const gzip = { "Accept-Encoding": "gzip" };
    const [get, head] = [
      await ask(lab.servers.web, `GET ${path}`, gzip),
      await ask(lab.servers.web, `HEAD ${path}`, gzip),
    ];
    expect({ ...head.headers, date: "" }).toEqual({ ...get.headers, date: "" });
    expect(get.headers["content-encoding"]).toBe("gzip");
    expect(get.headers["content-length"]).toBe(String(get.body.length));
    if (path === "/in/") expect(get.headers.vary).toBe("Accept, Accept-Encoding");
  }
});

test("ranges are of the file itself", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { web } = lab.servers;
  const part = await ask(web, "GET /a.txt", { "Accept-Encoding": "gzip", Range: "bytes=0-3" });
  expect(part).toMatchObject({ status: 206, body: "All " });
  expect(part.headers).not.toHaveProperty("content-encoding");
  const packed = await ask(web, "GET /a.txt", { "Accept-Encoding": "gzip" });
  const resumed = { Range: "bytes=4-", "If-Range": packed.headers.etag ?? "" };
  expect(await ask(web, "GET /a.txt", resumed)).toMatchObject({ status: 200, body: TEXT });
});

test("conditions look at the form that would be sent", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { web } = lab.servers;
  const gzip = { "Accept-Encoding": "gzip" };
  const etag = (await ask(web, "GET /a.txt", gzip)).headers.etag ?? "";
  const again = await ask(web, "GET /a.txt", { ...gzip, "If-None-Match": etag });
  expect(again).toMatchObject({ status: 304, headers: { etag, vary: "Accept-Encoding" } });
  expect((await ask(web, "GET /a.txt", { "If-None-Match": etag })).status).toBe(200);
});

test("whoever read a packed form can store under If-Match all the same", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { web } = lab.servers;
  const etag = (await ask(web, "GET /a.txt", { "Accept-Encoding": "br" })).headers.etag ?? "";
  expect((await ask(web, "PUT /a.txt", { ...FOO, "If-None-Match": etag }, "new")).status).toBe(412);
  expect((await ask(web, "PUT /a.txt", { ...FOO, "If-Match": etag }, "new")).status).toBe(204);
  expect((await ask(web, "PUT /a.txt", { ...FOO, "If-Match": etag }, "newer")).status).toBe(412);
});

test("a sibling that is packed already is sent, unless it is older than the file", async () => {
  const files = { "/a.js": TEXT, "/a.js.gz": gzipSync(`ready ${TEXT}`) };
  await using lab = await startLab({ web: http() }, { files });
  const { web } = lab.servers;
  const unpacked = async () =>
    gunzipSync(bytes((await ask(web, "GET /a.js", { "Accept-Encoding": "gzip" })).body)).toString();
  expect(await unpacked()).toBe(`ready ${TEXT}`);
  expect((await ask(web, "GET /a.js.gz")).headers["content-type"]).toBe("application/gzip");
  await lab.store.setModified("/a.js.gz", new Date(0));
  expect(await unpacked()).toBe(TEXT);
});

clientTest("curl", "files from disk come out as they are, small and large", async () => {
  const root = mkdtempSync(join(tmpdir(), "wirelab-"));
  for (const [name, size] of Object.entries({ small: 10_000, medium: 500_000, large: 3_000_000 })) {
    writeFileSync(join(root, `${name}.txt`), TEXT.repeat(size / 1000).slice(0, size));
  }
  writeFileSync(join(root, "large.txt.gz"), gzipSync("from the sibling"));
  try {
    await using lab = await startLab({ web: http() }, { root });
    const get = async (name: string) =>
      (await run("curl", ["-sS", "--compressed", `${lab.servers.web.url}/${name}.txt`])).stdout;
    expect((await get("small")).length).toBe(10_000);
    expect((await get("medium")).length).toBe(500_000);
    expect(await get("large")).toBe("from the sibling");
    rmSync(join(root, "large.txt.gz"));
    expect((await get("large")).length).toBe(3_000_000);
  } finally {
    rmSync(root, { recursive: true });
  }
});
