import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { directoryStore, ftp, http, memoryStore, startLab } from "../../index.ts";
import { clientTest, run } from "../clients.ts";
import { Dialogue } from "../ftp/dialogue.ts";
import { ask, FOO } from "./dialogue.ts";

const SCRIPT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\nContent-Length: 3\\n\\nran'\n";

/** A folder with an executable file at each path, and what it is called behind all symlinks. */
function folderOf(...paths: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "wirelab-cgi-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const path of paths) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), SCRIPT, { mode: 0o755 });
  }
  return folder;
}

test("by HTTP, programs among the lab's files run, and are not there for the rest", async () => {
  const root = folderOf("scripts/x", "lib/y", "page.html");
  symlinkSync("scripts", join(root, "alias"));
  symlinkSync("scripts/x", join(root, "source"));
  await using lab = await startLab({ web: http({ cgi: join(root, "alias") }) }, { root });
  const { web } = lab.servers;
  expect((await ask(web, "GET /cgi-bin/x")).body).toBe("ran");
  const listed = await ask(web, "GET /", { ...FOO, Accept: "application/json" });
  expect(JSON.parse(listed.body).map(({ name }: { name: string }) => name)).toEqual(["lib", "page.html"]);
  for (const path of ["/scripts/x", "/scripts/", "/scripts", "/alias/x", "/source", "/lib/../scripts/x"]) {
    expect([path, (await ask(web, `GET ${path}`, FOO)).status]).toEqual([path, 404]);
    expect([path, (await ask(web, `DELETE ${path}`, FOO)).status]).toEqual([path, 404]);
    expect((await ask(web, `PUT ${path}`, FOO, "#!/bin/sh\n")).status).toBeGreaterThanOrEqual(400);
  }
  expect((await ask(web, "PUT /scripts/new", FOO, SCRIPT)).status).toBe(409);
  expect(readdirSync(join(root, "scripts"))).toEqual(["x"]);
  expect(readFileSync(join(root, "scripts/x"), "utf8")).toBe(SCRIPT);
});

test("by FTP they are not there either", async () => {
  const root = folderOf("scripts/x", "page.html", "lib/y");
  await using lab = await startLab({ web: http({ cgi: join(root, "scripts") }), files: ftp() }, { root });
  const client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER foo");
  expect(await client.code("PASS bar")).toBe(230);
  expect((await client.download("NLST")).text).toBe("lib\r\npage.html\r\n");
  for (const command of [
    "CWD scripts",
    "SIZE scripts/x",
    "MDTM scripts/x",
    "MLST scripts",
    "DELE scripts/x",
    "RNFR scripts/x",
    "RNFR scripts",
    "RMD scripts",
    "MKD scripts",
    "MKD scripts/sub",
    "SITE CHMOD 777 scripts/x",
  ]) {
    expect([command, await client.code(command)]).toEqual([command, 550]);
  }
  for (const command of [
    "RETR scripts/x",
    "STOR scripts/new",
    "STOR scripts",
    "APPE scripts/x",
    "LIST scripts",
  ]) {
    expect([command, (await client.download(command)).reply]).toEqual([
      command,
      expect.stringMatching(/^550/),
    ]);
  }
  for (const [from, to] of [
    ["page.html", "scripts/x"],
    ["page.html", "scripts"],
    ["lib", "scripts"],
    ["lib", "scripts/sub"],
  ]) {
    expect(await client.code(`RNFR ${from}`)).toBe(350);
    expect(await client.code(`RNTO ${to}`)).toBe(550);
  }
  client.socket.destroy();
  expect(readdirSync(join(root, "scripts"))).toEqual(["x"]);
  expect(readFileSync(join(root, "scripts/x"), "utf8")).toBe(SCRIPT);
});

clientTest("lftp", "a mirror of the root holds no program", async () => {
  const root = folderOf("cgi-bin/x", "page.html");
  const copy = folderOf();
  await using lab = await startLab({ web: http({ cgi: join(root, "cgi-bin") }), files: ftp() }, { root });
  const { code } = await run("lftp", [
    "-u",
    "foo,bar",
    lab.servers.files.url,
    "-e",
    `mirror / ${copy}; exit`,
  ]);
  expect([code, readdirSync(copy)]).toEqual([0, ["page.html"]]);
});

test("what the programs lie in stays where it is", async () => {
  const root = folderOf("site/cgi-bin/x", "site/page.html");
  await using lab = await startLab({ web: http({ cgi: join(root, "site", "cgi-bin") }) }, { root });
  const { store } = lab;
  await expect(store.rename("/site", "/other")).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(store.rename("/site/cgi-bin", "/other")).rejects.toMatchObject({ code: "FORBIDDEN" });
  await store.rename("/site/page.html", "/page.html");
  await expect(store.remove("/site")).rejects.toMatchObject({ code: "NOT_EMPTY" });
  // Where disks do not tell capitals from small letters, it is the same folder.
  await expect(store.makeDirectory("/site/CGI-bin")).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect((await ask(lab.servers.web, "GET /cgi-bin/x")).body).toBe("ran");
});

test("an account's home is no way to them", async () => {
  const root = folderOf("home/cgi-bin/x", "home/page.html");
  const accounts = [{ name: "ann", password: "pw", home: "/home", permissions: "elradfmwMT" }];
  await using lab = await startLab(
    { web: http({ cgi: join(root, "home", "cgi-bin") }), files: ftp() },
    { root, accounts },
  );
  const client = await Dialogue.greeted(lab.servers.files);
  await client.say("USER ann");
  expect(await client.code("PASS pw")).toBe(230);
  expect((await client.download("NLST")).text).toBe("page.html\r\n");
  expect(await client.code("SIZE cgi-bin/x")).toBe(550);
  client.socket.destroy();
});

test("a folder that holds the lab's files, or lies in a store that cannot hide it, is refused", async () => {
  const root = folderOf("cgi-bin/x");
  symlinkSync(root, join(root, "link"));
  for (const cgi of [root, dirname(root), join(root, "link")]) {
    await expect(startLab({ web: http({ cgi }) }, { root })).rejects.toMatchObject({ code: "BAD_OPTION" });
  }
  const disk = await directoryStore(root);
  const cgi = join(root, "cgi-bin");
  const blunt = Object.assign(memoryStore(), { folder: root });
  await expect(startLab({ web: http({ cgi }) }, { store: blunt })).rejects.toMatchObject({
    code: "BAD_OPTION",
  });
  await using lab = await startLab({ web: http({ cgi }) }, { store: disk });
  expect((await ask(lab.servers.web, "GET /cgi-bin/x")).body).toBe("ran");
  expect((await lab.store.list("/")).map(({ name }) => name)).toEqual(["link"]);
});
