import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { ftp } from "../../index.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

test("idle sessions are told 421 when the lab stops", async () => {
  const lab = await ftpLab();
  const client = await Dialogue.loggedIn(lab);
  const stopped = lab.stop();
  expect(await client.reply()).toMatch(/^421 /);
  expect(await client.reply()).toBe("<end>");
  client.socket.end();
  expect((await stopped).cut).toEqual([]);
});

test("a transfer is finished first, and what is behind it is not begun", async () => {
  const lab = await ftpLab();
  const client = await Dialogue.loggedIn(lab);
  const data = await client.passive();
  await client.say("STOR a");
  data.write("first ");
  client.write("MKD late\r\n");
  const stopped = lab.stop();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(client.unread).toBe("");
  data.end("second");
  data.resume();
  expect(await client.reply()).toMatch(/^226 /);
  expect(await client.reply()).toMatch(/^421 /);
  expect(await client.reply()).toBe("<end>");
  client.socket.end();
  expect((await stopped).cut).toEqual([]);
  expect(await stored(lab, "/a")).toBe("first second");
  await expect(lab.store.stat("/late")).rejects.toThrow();
});

test("a transfer that does not end is cut when the grace is over, and its file stays as it was", async () => {
  const lab = await ftpLab({ files: { "/a": "old" } });
  const client = await Dialogue.loggedIn(lab);
  const data = await client.passive();
  data.on("error", () => {});
  await client.say("STOR a");
  data.write("half");
  const { cut } = await lab.stop({ grace: 50 });
  expect(cut.map(({ connection }) => connection)).toEqual(["c1", "c1.1"]);
  expect(await stored(lab, "/a")).toBe("old");
  client.socket.destroy();
  data.destroy();
});

test("five minutes is the patience with silent clients, unless another is asked for", () => {
  expect(ftp().listen.gate?.idle).toBe(300_000);
  expect(ftp({ gate: { maxConnections: 5 } }).listen.gate).toEqual({ idle: 300_000, maxConnections: 5 });
  expect(ftp({ gate: { idle: 1000 } }).listen.gate?.idle).toBe(1000);
});

test("a client that says nothing is sent away with 421", async () => {
  await using lab = await ftpLab({}, { gate: { idle: 60 } });
  const client = await Dialogue.loggedIn(lab);
  expect(await client.reply()).toMatch(/^421 /);
  expect(await client.reply()).toBe("<end>");
  client.socket.end();
});

test("traffic on the data connection keeps the control connection", async () => {
  await using lab = await ftpLab({}, { gate: { idle: 150 } });
  await using client = await Dialogue.loggedIn(lab);
  const data = await client.passive();
  await client.say("STOR a");
  for (let count = 0; count < 10; count += 1) {
    data.write("x");
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  data.end();
  data.resume();
  expect(await client.reply()).toMatch(/^226 /);
  expect(await stored(lab, "/a")).toBe("x".repeat(10));
});

test("one client too many is told 421", async () => {
  await using lab = await ftpLab({}, { gate: { maxConnections: 1 } });
  await using _client = await Dialogue.loggedIn(lab);
  const full = await Dialogue.greeted(lab.servers.files);
  expect(full.greeting).toMatch(/^421 /);
  expect(await full.reply()).toBe("<end>");
  full.socket.end();
});

test("a download is finished when the lab stops", async () => {
  const content = Buffer.alloc(20_000_000, "content");
  const lab = await ftpLab({ files: { "/large": content } });
  const client = await Dialogue.loggedIn(lab);
  const data = await client.passive();
  await client.say("RETR large");
  await once(data, "readable");
  const stopped = lab.stop();
  expect((await buffer(data)).length).toBe(content.length);
  data.end();
  expect(await client.reply()).toMatch(/^226 /);
  expect(await client.reply()).toMatch(/^421 /);
  client.socket.end();
  expect((await stopped).cut).toEqual([]);
});
