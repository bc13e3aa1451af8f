import { expect, test } from "vitest";
import { http, type Lab, startLab } from "../../index.ts";
import { ask, FOO } from "./dialogue.ts";

const TEN = "0123456789";

function lab(): Promise<Lab<"web">> {
  return startLab({ web: http() }, { files: { "/ten": TEN, "/empty": "" } });
}

test("a range is a part of the file, its end included", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const part = async (range: string) => {
    const { status, headers, body } = await ask(web, "GET /ten", { Range: range });
    expect(headers["content-length"]).toBe(String(body.length));
    return [status, headers["content-range"], body];
  };
  expect(await part("bytes=0-0")).toEqual([206, "bytes 0-0/10", "0"]);
  expect(await part("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await part("bytes=7-")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await part("bytes=7-1000")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await part("bytes=-3")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await part("bytes=-1000")).toEqual([206, "bytes 0-9/10", TEN]);
  expect(await part("Bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await part("bytes=, 2-4,,")).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await part("bytes= ,2-3 , , 4-4")).toEqual([206, "bytes 2-4/10", "234"]);
});

test("a part carries the validators of the whole", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const { headers: whole } = await ask(web, "GET /ten");
  const { headers: part } = await ask(web, "GET /ten", { Range: "bytes=1-1" });
  expect(part).toMatchObject({
    etag: whole.etag,
    "last-modified": whole["last-modified"],
    "accept-ranges": "bytes",
  });
});

test("several ranges come as one body of parts, overlapping ones as one", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const { status, headers, body } = await ask(web, "GET /ten", { Range: "bytes=0-1, 4-5, -2" });
  expect(status).toBe(206);
  expect(headers).not.toHaveProperty("content-range");
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers["content-type"] ?? "") ?? [];
  const type = "Content-Type: application/octet-stream";
  expect(body).toBe(
    [
      `--${boundary}\r\n${type}\r\nContent-Range: bytes 0-1/10\r\n\r\n01`,
      `--${boundary}\r\n${type}\r\nContent-Range: bytes 4-5/10\r\n\r\n45`,
      `--${boundary}\r\n${type}\r\nContent-Range: bytes 8-9/10\r\n\r\n89`,
      `--${boundary}--\r\n`,
    ].join("\r\n"),
  );
  const merged = await ask(web, "GET /ten", { Range: "bytes=0-4,3-6" });
  expect([merged.headers["content-range"], merged.body]).toEqual(["bytes 0-6/10", "0123456"]);
  const one = await ask(web, "GET /ten", { Range: "bytes=50-60,1-2" });
  expect([one.headers["content-range"], one.body]).toEqual(["bytes 1-2/10", "12"]);
});

test("a range outside of the file is refused with the file's length", async () => {
  await using running = await lab();
  const { web } = running.servers;
  for (const range of ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-100,200-"]) {
    const { status, headers } = await ask(web, "GET /ten", { Range: range });
    expect([range, status, headers["content-range"]]).toEqual([range, 416, "bytes */10"]);
  }
});

test("what is no range of bytes, or is asked of a HEAD, of an empty file, or too often, gets the whole", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const many = Array.from({ length: 100 }, () => "0-0,9-9").join(",");
  for (const range of ["lines=1-2", "bytes=", "bytes=a-b", "bytes=5-2", "2-4", "bytes 2-4", "bytes=1"]) {
    const { status, body } = await ask(web, "GET /ten", { Range: range });
    expect([range, [200, 416].includes(status)]).toEqual([range, true]);
    if (status === 200) expect(body).toBe(TEN);
  }
  const some = await ask(web, "GET /ten", { Range: `bytes=${many}` });
  expect([some.status, some.body.length < 1000]).toEqual([206, true]);
  expect((await ask(web, "GET /empty", { Range: "bytes=0-" })).status).toBe(200);
  expect((await ask(web, "GET /empty", { Range: "bytes=-5" })).status).toBe(200);
  const { status, headers } = await ask(web, "HEAD /ten", { Range: "bytes=2-4" });
  expect([status, headers["content-length"]]).toEqual([200, "10"]);
});

test("a hundred far ranges are not answered one by one", async () => {
  await using running = await startLab({ web: http() }, { files: { "/long": "x".repeat(10_000) } });
  const range = Array.from({ length: 100 }, (_, index) => `${index * 100}-${index * 100}`).join(",");
  const { status, body } = await ask(running.servers.web, "GET /long", { Range: `bytes=${range}` });
  expect([status, body.length]).toEqual([200, 10_000]);
});

test("If-Range gives the whole where the file has changed", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const { headers } = await ask(web, "GET /ten");
  const { etag = "", "last-modified": modified = "" } = headers;
  const status = async (condition: string) =>
    (await ask(web, "GET /ten", { Range: "bytes=1-2", "If-Range": condition })).status;
  expect(await status(etag)).toBe(206);
  expect(await status(`W/${etag}`)).toBe(200);
  expect(await status('"x"')).toBe(200);
  expect(await status("Thu, 01 Jan 1970 00:00:00 GMT")).toBe(200);
  // A time is a validator only when its second is over.
  expect(await status(modified)).toBe(200);
  await running.store.setModified("/ten", new Date("2024-05-06T07:08:09Z"));
  expect(await status("Mon, 06 May 2024 07:08:09 GMT")).toBe(206);
});

test("a condition that shortens the answer goes before the range", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const { headers } = await ask(web, "GET /ten");
  const conditions = { Range: "bytes=50-", "If-None-Match": headers.etag ?? "" };
  expect((await ask(web, "GET /ten", conditions)).status).toBe(304);
  expect((await ask(web, "GET /ten", { Range: "bytes=1-2", "If-Match": '"x"' })).status).toBe(412);
});

test("a part of a body has no meaning for a PUT", async () => {
  await using running = await lab();
  const { web } = running.servers;
  const answer = await ask(web, "PUT /ten", { ...FOO, "Content-Range": "bytes 0-1/10" }, "xy");
  expect(answer.status).toBe(400);
  expect((await ask(web, "GET /ten")).body).toBe(TEN);
});
