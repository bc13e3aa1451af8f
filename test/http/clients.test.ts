import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import { http, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";

async function folderFor(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wirelab-"));
  context.onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

clientTest("curl", "GET, HEAD, upload, delete, as it is used every day", async (context) => {
  const folder = await folderFor(context);
  await writeFile(join(folder, "note.txt"), "from curl");
  await using lab = await startLab({ web: http() });
  const { url } = lab.servers.web;
  const curl = async (...args: string[]) => (await run("curl", ["-sS", ...args], { cwd: folder })).stdout;
  expect(await curl(url)).toBe("Hello, world!");
  expect(await curl("-I", url)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*Content-Length: 13\r\n/s);
  expect(await curl("-u", "foo:bar", "-T", "note.txt", `${url}/`, "-w", "%{http_code}")).toBe("201");
  expect(await curl("--compressed", `${url}/note.txt`)).toBe("from curl");
  expect(await curl("-u", "foo:bar", "-T", "-", `${url}/stdin.txt`, "-w", "%{http_code}")).toBe("201");
  expect(await curl("-u", "foo:bar", "-X", "DELETE", `${url}/note.txt`, "-w", "%{http_code}")).toBe("204");
  expect(await curl("-o", "/dev/null", `${url}/note.txt`, "-w", "%{http_code}")).toBe("404");
  expect(await curl("-X", "OPTIONS", "-i", url)).toContain("Allow: GET, HEAD, OPTIONS");
  expect(await curl("-F", "file=@note.txt", "-o", "/dev/null", url, "-w", "%{http_code}")).toBe("401");
  expect(
    await curl(
      "--digest",
      "-u",
      "foo:bar",
      "-o",
      "/dev/null",
      `${url}/x`,
      "-T",
      "note.txt",
      "-w",
      "%{http_code}",
    ),
  ).toBe("401");
  expect(await curl("--anyauth", "-u", "foo:bar", "-T", "note.txt", `${url}/x`, "-w", "%{http_code}")).toBe(
    "201",
  );
});

clientTest("curl", "ranges, conditions, redirects and reuse of a connection", async (context) => {
  const folder = await folderFor(context);
  await using lab = await startLab({ web: http() }, { files: { "/ten": "0123456789", "/in/a": "a" } });
  const { url } = lab.servers.web;
  const curl = async (...args: string[]) => (await run("curl", ["-sS", ...args], { cwd: folder })).stdout;
  expect(await curl("-r", "2-4", `${url}/ten`)).toBe("234");
  expect(await curl("-r", "-3", `${url}/ten`)).toBe("789");
  expect(await curl("-r", "0-1,8-9", `${url}/ten`)).toContain("Content-Range: bytes 8-9/10");
  expect(await curl("-L", `${url}/in`)).toContain("Index of /in/");
  expect(await curl("-w", "%{num_connects}", `${url}/ten`, `${url}/in/a`)).toBe("01234567891a0");
  const etags = ["--etag-save", "etag", "--etag-compare", "etag", "-o", "ten", "-w", "%{http_code}"];
  expect(await curl(...etags, `${url}/ten`)).toBe("200");
  expect(await curl(...etags, `${url}/ten`)).toBe("304");
  await writeFile(join(folder, "part"), "0123");
  await curl("-C", "-", "-o", "part", `${url}/ten`);
  expect(await readFile(join(folder, "part"), "latin1")).toBe("0123456789");
});

clientTest("curl", "50 MB up and down, with Expect: 100-continue", async (context) => {
  const folder = await folderFor(context);
  const body = randomBytes(50_000_000);
  await writeFile(join(folder, "big"), body);
  await using lab = await startLab({ web: http() }, { root: await folderFor(context) });
  const url = `${lab.servers.web.url}/big`;
  const up = await run("curl", ["-sS", "-v", "-u", "foo:bar", "-T", "big", url], {
    cwd: folder,
    timeout: 60_000,
  });
  expect(up.stderr).toContain("100 Continue");
  expect(up.code).toBe(0);
  const down = await run("curl", ["-sS", "-o", "back", url], { cwd: folder, timeout: 60_000 });
  expect(down.code).toBe(0);
  expect((await readFile(join(folder, "back"))).equals(body)).toBe(true);
});

clientTest("curl", "IPv6", async () => {
  await using lab = await startLab({ web: http({ host: "::1" }) });
  expect((await run("curl", ["-sS", "-g", lab.servers.web.url])).stdout).toBe("Hello, world!");
});

clientTest("wget", "a download, its continuation, and a whole directory", async (context) => {
  const folder = await folderFor(context);
  const body = randomBytes(1_000_000);
  await using lab = await startLab(
    { web: http() },
    { files: { "/index.html": "page", "/in/big": body, "/in/sub/a b.txt": "deep" } },
  );
  const { url, host, port } = lab.servers.web;
  const wget = (...args: string[]) => run("wget", ["-nv", "--tries=1", ...args], { cwd: folder });
  await writeFile(join(folder, "big"), body.subarray(0, 400_000));
  expect((await wget("-c", `${url}/in/big`)).code).toBe(0);
  expect((await readFile(join(folder, "big"))).equals(body)).toBe(true);
  expect((await wget("-r", "-np", "-e", "robots=off", `${url}/in/`)).code).toBe(0);
  expect(await readFile(join(folder, `${host}:${port}`, "in/sub/a b.txt"), "latin1")).toBe("deep");
  expect((await wget("-O", "-", "--user=foo", "--password=bar", "--auth-no-challenge", url)).stdout).toBe(
    "page",
  );
});

clientTest("python3", "http.client and urllib", async () => {
  await using lab = await startLab({ web: http() });
  const script = `
import base64, http.client, sys, urllib.error, urllib.request
host, port = sys.argv[1], int(sys.argv[2])
auth = {"Authorization": "Basic " + base64.b64encode(b"foo:bar").decode()}
connection = http.client.HTTPConnection(host, port, timeout=10)
def ask(method, path, body=None, headers={}):
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    print(method, path, response.status, response.read())
ask("GET", "/")
ask("HEAD", "/")
ask("PUT", "/x", b"from python", auth)
ask("GET", "/x")
ask("PUT", "/x", iter([b"chunk", b"ed"]), auth)
ask("GET", "/x", headers={"Range": "bytes=0-4"})
ask("POST", "/x", b"a=b")
ask("DELETE", "/x", headers=auth)
connection.close()
url = "http://%s:%d" % (host, port)
manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
manager.add_password(None, url, "foo", "bar")
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
print(opener.open(urllib.request.Request(url + "/y", data=b"auth", method="PUT"), timeout=10).status)
print(urllib.request.urlopen(url + "/y", timeout=10).read())
try:
    urllib.request.urlopen(url + "/nothing", timeout=10)
except urllib.error.HTTPError as error:
    print(error.code)
`;
  const { host, port } = lab.servers.web;
  const { stdout, stderr } = await run("python3", ["-c", script, host, String(port)]);
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "GET / 200 b'Hello, world!'",
    "HEAD / 200 b''",
    "PUT /x 201 b''",
    "GET /x 200 b'from python'",
    "PUT /x 204 b''",
    "GET /x 206 b'chunk'",
    expect.stringContaining("POST /x 405"),
    "DELETE /x 204 b''",
    "201",
    "b'auth'",
    "404",
  ]);
});

clientTest("nc", "a request typed by hand", async () => {
  await using lab = await startLab({ web: http() });
  const { host, port } = lab.servers.web;
  const { stdout } = await run("nc", ["-N", host, String(port)], { input: "GET / HTTP/1.0\r\n\r\n" });
  expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nHello, world!$/s);
});
