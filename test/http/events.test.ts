import { expect, test } from "vitest";
import { http, memoryStore, startLab, type WireEvent } from "../../index.ts";
import { ask, FOO, request, say, sayAndWait } from "./dialogue.ts";

function told(events: readonly WireEvent[]): unknown[] {
  return events.flatMap((event): unknown[] => {
    switch (event.type) {
      case "command":
        return [[event.verb, event.target]];
      case "reply":
        return [[event.code, event.text]];
      case "transfer":
        return [[event.direction, event.path, event.bytes, event.complete]];
      default:
        return [];
    }
  });
}

test("a conversation is told as it goes: command, reply, transfer", async () => {
  await using lab = await startLab({ web: http() });
  await say(
    lab.servers.web,
    [
      request("GET /?q=1"),
      request("HEAD /"),
      request("PUT /x", FOO, "body"),
      request("GET /x", { Range: "bytes=1-2" }),
      request("GET /nothing"),
      request("DELETE /x", FOO),
      request("OPTIONS *"),
    ].join(""),
  );
  await lab.stop();
  expect(told([...lab.transcript])).toEqual([
    ["GET", "/?q=1"],
    [200, "OK"],
    ["out", "/index.html", 13, true],
    ["HEAD", "/"],
    [200, "OK"],
    ["PUT", "/x"],
    ["in", "/x", 4, true],
    [201, "Created"],
    ["GET", "/x"],
    [206, "Partial Content"],
    ["out", "/x", 2, true],
    ["GET", "/nothing"],
    [404, "Not Found"],
    ["DELETE", "/x"],
    [204, "No Content"],
    ["OPTIONS", "*"],
    [200, "OK"],
  ]);
});

test("transfers are told even to those who leave out the conversation, listings are none", async () => {
  await using lab = await startLab({ web: http() }, { transcript: 0, files: { "/in/a": "abc" } });
  const seen: WireEvent[] = [];
  lab.events.subscribe((event) => seen.push(event), "milestones");
  await ask(lab.servers.web, "GET /in/");
  await ask(lab.servers.web, "GET /in/a");
  await ask(lab.servers.web, "HEAD /in/a");
  expect(told(seen)).toEqual([["out", "/in/a", 3, true]]);
});

test("commands name the file that they are about, however it is written, and nothing where there is none", async () => {
  await using lab = await startLab({ web: http({ inspect: "/try/" }) }, { files: { "/a b/c": "c" } });
  const lines = ["/a%20b/./c?q=1", "//a%20b/", "http://u:pw@x/a%20b/c", "*", "/%zz", "/try/echo"];
  await say(lab.servers.web, lines.map((target) => request(`OPTIONS ${target}`)).join(""));
  await lab.stop();
  const commands = [...lab.transcript].flatMap((event) => (event.type === "command" ? [event] : []));
  expect(commands.map(({ path }) => path)).toEqual([
    "/a b/c",
    "/a b",
    "/a b/c",
    undefined,
    undefined,
    undefined,
  ]);
});

test("a fault rule finds a file by its path", async () => {
  await using lab = await startLab({ web: http() }, { files: { "/a b/c": "c" } });
  lab.faults.add({
    when: { verb: "GET", target: "/a b/*" },
    fault: { kind: "reply", with: { code: 503, text: "No" } },
  });
  expect((await ask(lab.servers.web, "GET /a%20b/c")).status).toBe(503);
});

test("a failure inside is told, and the client learns no more than that there was one", async () => {
  const under = memoryStore({ files: { "/x": "x" } });
  const store = Object.assign(Object.create(under), {
    read: async () => {
      throw new Error("the cellar of /srv/secret is flooded");
    },
  });
  await using lab = await startLab({ web: http() }, { store });
  const error = lab.events.next("error");
  const answer = await ask(lab.servers.web, "GET /x");
  expect(answer.status).toBe(500);
  expect(answer.body).not.toMatch(/secret|cellar|\.ts/);
  expect(await error).toMatchObject({ message: expect.stringContaining("flooded") });
});

test("a file that gets shorter while it is sent breaks the connection off, so that nobody takes it for whole", async () => {
  const { Readable } = await import("node:stream");
  const entry = { path: "/x", name: "x", type: "file", size: 1_000_000, modified: new Date(), mode: 0o644 };
  const store = Object.assign(Object.create(memoryStore()), {
    read: async () => ({ entry, stream: () => Readable.from([Buffer.alloc(1000)]), close: async () => {} }),
  });
  await using lab = await startLab({ web: http() }, { store });
  const transfer = lab.events.next("transfer");
  const text = await say(lab.servers.web, request("GET /x"));
  expect(text).toContain("Content-Length: 1000000");
  expect(text.length).toBeLessThan(10_000);
  expect(await transfer).toMatchObject({ complete: false });
});

test("a scripted reply takes the place of the real one, once its time has come", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const fault = { kind: "reply", with: { code: 503, text: "Out of order" } } as const;
  lab.faults.add({ when: { verb: "GET" }, skip: 1, times: 1, fault });
  expect((await ask(web, "GET /")).status).toBe(200);
  expect(await ask(web, "GET /")).toMatchObject({
    status: 503,
    reason: "Out of order",
    body: "Out of order\n",
  });
  expect((await ask(web, "GET /")).status).toBe(200);
});

test("a reply that is dropped leaves its client waiting, and the lab can stop", async () => {
  await using lab = await startLab({ web: http() });
  lab.faults.add({ when: { verb: "GET" }, fault: { kind: "reply", with: "drop" } });
  const fault = lab.events.next("fault");
  const answer = sayAndWait(lab.servers.web, request("GET /"));
  await fault;
  expect((await lab.stop({ grace: 20 })).cut).toHaveLength(1);
  expect(await answer).toBe("");
});
