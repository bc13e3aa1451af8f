import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { ask } from "./dialogue.ts";

const FILES = {
  "/in/b10.txt": "x".repeat(1234),
  "/in/b9.txt": "x".repeat(99),
  "/in/sub/c": "c",
  '/in/<img src=x onerror="alert(1)">&\'.html': "evil",
  "/in/a ü%#?.txt": "odd",
};

function hrefsIn(page: string): string[] {
  return [...page.matchAll(/<td class="name"><a href="([^"]*)"/g)].map(([, href = ""]) => href);
}

test("a directory without index.html is listed: directories first, names as people sort them", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const answer = await ask(lab.servers.web, "GET /in/");
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    vary: "Accept, Accept-Encoding",
    "content-security-policy": expect.stringContaining("default-src 'none'"),
  });
  expect(answer.body).toContain("<title>Index of /in/</title>");
  const hrefs = hrefsIn(answer.body);
  expect(hrefs.slice(0, 2)).toEqual(["../", "./sub/"]);
  expect(hrefs.indexOf("./b9.txt")).toBeLessThan(hrefs.indexOf("./b10.txt"));
  expect(answer.body).toContain("1.23 kB");
  expect(Buffer.from(answer.body, "latin1").toString()).toContain("1 directory · 4 files");
  expect(answer.body).toMatch(/<time datetime="\d{4}-\d\d-\d\dT[\d:.]+Z">/);
});

test("every link of a listing leads where it says, whatever the name, and no name is markup", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const { web } = lab.servers;
  const { body } = await ask(web, "GET /in/");
  expect(body).not.toContain("<img");
  expect(body).not.toContain("<script");
  const statuses = await Promise.all(
    hrefsIn(body).map(async (href) => {
      const { pathname } = new URL(href, `${web.url}/in/`);
      return (await ask(web, `GET ${pathname}`)).status;
    }),
  );
  expect(statuses).toEqual(statuses.map(() => 200));
  expect(statuses.length).toBe(6);
});

test("the topmost directory has no parent, and an empty one says so", async () => {
  await using lab = await startLab({ web: http() }, { files: {} });
  const { body } = await ask(lab.servers.web, "GET /");
  expect(hrefsIn(body)).toEqual([]);
  expect(body).toContain("This directory is empty.");
});

test("sizes have three digits at most, whatever they are rounded to", async () => {
  const sizes = [0, 999, 1000, 999_499, 999_500, 999_999, 1_000_000];
  const files = Object.fromEntries(sizes.map((size) => [`/in/${size}`, "x".repeat(size)]));
  await using lab = await startLab({ web: http() }, { files });
  const { body } = await ask(lab.servers.web, "GET /in/");
  const shown = [...body.matchAll(/bytes">([^<]*)</g)].map(([, text]) => text);
  expect(shown).toEqual(["0 B", "999 B", "1.00 kB", "999 kB", "1.00 MB", "1.00 MB", "1.00 MB"]);
});

test("a directory whose slash is written as %2F is asked for with a real one, so that its links lead where they say", async () => {
  await using lab = await startLab({ web: http() }, { files: { ...FILES, "/page/index.html": "page" } });
  const { web } = lab.servers;
  const location = async (what: string) => {
    const { status, headers } = await ask(web, what);
    return [status, headers.location];
  };
  expect(await location("GET /in%2F")).toEqual([301, "/in/"]);
  expect(await location("GET /in%2fsub%2F?sort=size")).toEqual([301, "/in/sub/?sort=size"]);
  expect(await location("HEAD /page%2F.")).toEqual([301, "/page/"]);
  expect(await location("GET /%2Fevil.example%2F")).toEqual([301, "/evil.example/"]);
  expect((await ask(web, "GET /in/?sort=%2F")).status).toBe(200);
});

test("a listing is sorted as asked for", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/b": "1", "/a": "333", "/c": "22" } });
  const order = async (query: string) => hrefsIn((await ask(lab.servers.web, `GET /${query}`)).body).join("");
  expect(await order("")).toBe("./a./b./c");
  expect(await order("?sort=name&order=descending")).toBe("./c./b./a");
  expect(await order("?sort=size")).toBe("./b./c./a");
  expect(await order("?sort=size&order=descending")).toBe("./a./c./b");
  expect(await order("?sort=__proto__&order=x")).toBe("./a./b./c");
  expect(await order("?sort=size&sort=name")).toBe("./a./b./c");
});

test("programs get a listing as JSON", async () => {
  await using lab = await startLab({ web: http() }, { files: FILES });
  const answer = await ask(lab.servers.web, "GET /in/", { Accept: "application/json" });
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  const entries = JSON.parse(Buffer.from(answer.body, "latin1").toString());
  expect(entries[0]).toEqual({ name: "sub", type: "directory", size: 0, modified: expect.any(String) });
  expect(entries).toContainEqual({ name: "b9.txt", type: "file", size: 99, modified: expect.any(String) });
  expect(entries.map(({ name }: { name: string }) => name)).toContain("a ü%#?.txt");
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  expect((await ask(lab.servers.web, "GET /in/", { Accept: browser })).body).toContain("<!doctype html>");
});

test("a program that accepts JSON alone gets a listing even where there is an index", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const json = await ask(web, "GET /", { Accept: "application/json" });
  expect(JSON.parse(json.body)).toMatchObject([{ name: "index.html", size: 13 }]);
  for (const Accept of ["*/*", "application/json, text/plain, */*", "text/html"]) {
    expect((await ask(web, "GET /", { Accept })).body).toBe("Hello, world!");
  }
});

test("a listing that did not change is not sent again", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/in/a": "a" } });
  const { web } = lab.servers;
  const { headers } = await ask(web, "GET /in/");
  expect(headers.etag).toMatch(/^W\//);
  expect(headers).not.toHaveProperty("last-modified");
  expect((await ask(web, "GET /in/", { "If-None-Match": headers.etag ?? "" })).status).toBe(304);
});
