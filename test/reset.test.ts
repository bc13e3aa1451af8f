import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Client } from "basic-ftp";
import { describe, expect, test } from "vitest";
import { ftp, http, memoryStore, startLab, tcp, telnet } from "../index.ts";

const FILES = { "/in/a.csv": "id\n1\n", "/out/b.txt": "b", "/c.bin": new Uint8Array([0, 1, 2]) };

describe("lab.reset()", () => {
  test("makes everything what it was; ports stay", async () => {
    await using lab = await startLab(
      { files: ftp(), web: http(), chat: telnet(), echo: tcp({ behaviour: "echo" }) },
      {
        files: FILES,
        clock: "2026-01-31T12:00:00Z",
        seed: 5,
        faults: [{ when: { server: "nobody" }, fault: { kind: "refuse" } }],
      },
    );
    const urls = Object.values(lab.servers).map(({ url }) => url);
    const before = await lab.store.snapshot();
    lab.clock.advance(60_000);
    await pipeline(["new"], await lab.store.write("/in/new.csv"));
    await pipeline(["changed"], await lab.store.write("/out/b.txt"));
    await lab.store.remove("/in/a.csv");
    await lab.store.rename("/c.bin", "/in/c.bin");
    await lab.store.makeDirectory("/empty");
    lab.faults.add({ fault: { kind: "refuse" } });
    await text(connect(lab.servers.echo.port, "127.0.0.1")).catch(() => {});

    await lab.reset();
    expect(String(await lab.store.diff(before))).toBe("");
    expect(await lab.store.text("/in/a.csv")).toBe("id\n1\n");
    expect((await lab.store.stat("/out/b.txt")).modified.toISOString()).toBe("2026-01-31T12:00:00.000Z");
    expect(lab.faults.unused().length).toBe(1);
    expect([...lab.transcript]).toEqual([]);
    expect(lab.clock.now()).toBe(Date.parse("2026-01-31T12:00:00Z"));
    expect(Object.values(lab.servers).map(({ url }) => url)).toEqual(urls);
    expect(await text(connect(lab.servers.echo.port, "127.0.0.1").end("again"))).toBe("again");
  });

  test("ends open sessions, and counts connections from one again", async () => {
    await using lab = await startLab({ chat: telnet(), echo: tcp({ behaviour: "echo" }) });
    const clients = [lab.servers.chat, lab.servers.echo].map(({ host, port }) =>
      connect(port, host).resume(),
    );
    for (const client of clients) client.on("error", () => {});
    await Promise.all(clients.map((client) => once(client, "connect")));
    const gone = clients.map((client) => once(client, "close"));
    while ([...lab.transcript].filter(({ type }) => type === "opened").length < 2)
      await lab.events.next("opened");
    await lab.reset();
    await Promise.all(gone);
    const opened = lab.events.next("opened");
    connect(lab.servers.echo.port, "127.0.0.1").end();
    expect((await opened).connection).toBe("c1");
  });

  test("clients that keep connections for their next request have noticed", async () => {
    await using lab = await startLab({ web: http() });
    for (let count = 0; count < 20; count += 1) {
      expect((await fetch(`${lab.servers.web.url}/${count}`)).status).toBe(404);
      await lab.reset();
    }
  });

  test("an upload under way leaves nothing", async () => {
    await using lab = await startLab({ files: ftp() });
    const before = await lab.store.snapshot();
    const client = new Client();
    const { host, port } = lab.servers.files;
    await client.access({ host, port, user: "foo", password: "bar" });
    const begun = lab.events.next("reply", { code: 150 });
    const source = new PassThrough();
    source.write("half");
    const upload = client.uploadFrom(source, "/a");
    await begun;
    await Promise.all([expect(upload).rejects.toThrow(), lab.reset()]);
    source.destroy();
    await lab.stop();
    expect(String(await lab.store.diff(before))).toBe("");
  });

  test("a client that does not close its own side is cut", async () => {
    await using lab = await startLab({ echo: tcp({ behaviour: "echo" }) });
    const opened = lab.events.next("opened");
    const client = connect({ port: lab.servers.echo.port, host: "127.0.0.1", allowHalfOpen: true }).resume();
    await Promise.all([opened, once(client, "connect")]);
    await lab.reset();
    expect((await lab.stop()).open).toEqual([]);
    client.destroy();
  });

  test("again and again", async () => {
    await using lab = await startLab({ one: tcp() }, { files: FILES });
    for (let count = 0; count < 20; count += 1) {
      await pipeline([`${count}`], await lab.store.write("/in/a.csv"));
      await lab.reset();
      expect(await lab.store.text("/in/a.csv")).toBe("id\n1\n");
    }
  });

  test("two who reset at once do not get in each other's way", async () => {
    await using lab = await startLab({ one: tcp() }, { files: FILES });
    await lab.store.makeDirectory("/new");
    await pipeline(["new"], await lab.store.write("/new/a.csv"));
    await Promise.all([lab.reset(), lab.reset()]);
    expect((await lab.store.list("/")).map(({ name }) => name)).toEqual(["c.bin", "in", "out"]);
  });

  test("leaves a store of one's own as it is", async () => {
    const store = memoryStore({ files: FILES });
    await using lab = await startLab({}, { store });
    await lab.store.remove("/c.bin");
    await lab.reset();
    await expect(lab.store.stat("/c.bin")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("looking into the store", () => {
  test("text and JSON", async () => {
    await using lab = await startLab({}, { files: { "/a.json": '{"n":[1,2]}', "/b.txt": "grün" } });
    expect(await lab.store.json("/a.json")).toEqual({ n: [1, 2] });
    expect(await lab.store.text("/b.txt")).toBe("grün");
    await expect(lab.store.json("/b.txt")).rejects.toMatchObject({
      code: "BAD_CONTENT",
      message: expect.stringContaining("/b.txt"),
    });
    await expect(lab.store.text("/c")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a diff names what came, changed and went, with the lines of text", async () => {
    await using lab = await startLab({}, { files: { ...FILES, "/same": "same", "/kind": "file" } });
    const before = await lab.store.snapshot();
    await pipeline(["id\n2\n"], await lab.store.write("/in/a.csv"));
    await pipeline([Buffer.from([0, 9])], await lab.store.write("/c.bin"));
    await pipeline(["same"], await lab.store.write("/same"));
    await lab.store.remove("/out/b.txt");
    await lab.store.makeDirectory("/new");
    await lab.store.remove("/kind");
    await lab.store.makeDirectory("/kind");
    const diff = await lab.store.diff(before);
    expect({ added: diff.added, changed: diff.changed, removed: diff.removed }).toEqual({
      added: ["/new"],
      changed: ["/c.bin", "/in/a.csv", "/kind"],
      removed: ["/out/b.txt"],
    });
    expect(String(diff)).toMatchInlineSnapshot(`
      "changed /c.bin
      changed /in/a.csv
      --- /in/a.csv
      +++ /in/a.csv
      @@ -1,2 +1,2 @@
       id
      -1
      +2
      changed /kind
      added /new
      removed /out/b.txt"
    `);
    const after = await lab.store.snapshot();
    await lab.store.restore(before);
    expect(String(await lab.store.diff(before))).toBe("");
    expect((await lab.store.diff(after, before)).added).toEqual(["/out/b.txt"]);
  });
});

describe("the clock", () => {
  test("stands still, and moves when it is told to", async () => {
    await using lab = await startLab({}, { files: { "/a": "a" }, clock: 1_000_000_000_000 });
    expect((await lab.store.stat("/a")).modified.toISOString()).toBe("2001-09-09T01:46:40.000Z");
    lab.clock.advance(1000);
    expect(lab.clock.now()).toBe(1_000_000_001_000);
    lab.clock.set("2030-01-01T00:00:00Z");
    await pipeline(["b"], await lab.store.write("/b"));
    expect((await lab.store.stat("/b")).modified.getUTCFullYear()).toBe(2030);
  });

  test("is that of files on disk as well", async () => {
    const root = mkdtempSync(join(tmpdir(), "lab-"));
    await using lab = await startLab({}, { root, clock: "2001-02-03T04:05:06Z" });
    await pipeline(["a"], await lab.store.write("/a"));
    expect((await lab.store.stat("/a")).modified.toISOString()).toBe("2001-02-03T04:05:06.000Z");
  });

  test("runs if it is not told otherwise", async () => {
    await using lab = await startLab({});
    expect(Math.abs(lab.clock.now() - Date.now())).toBeLessThan(1000);
    expect(() => lab.clock.set("yesterday")).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});
