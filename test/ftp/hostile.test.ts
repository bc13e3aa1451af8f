import { once } from "node:events";
import { expect, test } from "vitest";
import { Dialogue, ftpLab } from "./dialogue.ts";

const MEGABYTE = 1024 * 1024;

/** Writes as long as the peer takes it, `total` bytes at most; how many it took. */
async function flood(client: Dialogue, chunk: Buffer, total: number): Promise<number> {
  let sent = 0;
  while (sent < total) {
    sent += chunk.length;
    if (client.socket.write(chunk)) continue;
    const drained = once(client.socket, "drain").then(() => true);
    const stuck = new Promise<false>((resolve) => setTimeout(resolve, 300, false));
    if (!(await Promise.race([drained, stuck]))) break;
  }
  return sent;
}

test("64 MB without a line's end are read and kept nowhere", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  const before = process.memoryUsage().rss;
  expect(await flood(client, Buffer.alloc(MEGABYTE, "x"), 64 * MEGABYTE)).toBe(64 * MEGABYTE);
  client.write("\r\nNOOP\r\n");
  expect(await client.reply()).toMatch(/^500 /);
  expect(await client.reply()).toMatch(/^200 /);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * MEGABYTE);
});

test("64 MB of an unfinished subnegotiation do no harm either", async () => {
  await using lab = await ftpLab();
  await using client = await Dialogue.greeted(lab.servers.files);
  client.write(Buffer.from([255, 250]));
  await flood(client, Buffer.alloc(MEGABYTE, "x"), 64 * MEGABYTE);
  client.write("\r\nNOOP\r\n");
  expect(await client.reply()).toMatch(/^(500|200) /);
});

test("a client that reads no replies is not read any further, and others are served", async () => {
  await using lab = await ftpLab({ transcript: 0 });
  await using client = await Dialogue.greeted(lab.servers.files);
  await using other = await Dialogue.loggedIn(lab);
  client.socket.pause();
  const before = process.memoryUsage().rss;
  const sent = await flood(client, Buffer.from("HELP\r\n".repeat(10_000)), 400 * MEGABYTE);
  expect(sent).toBeLessThan(400 * MEGABYTE);
  expect(await other.code("NOOP")).toBe(200);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * MEGABYTE);
});

test("a client that reads again gets every reply", async () => {
  await using lab = await ftpLab({ transcript: 0 });
  await using client = await Dialogue.greeted(lab.servers.files);
  client.socket.pause();
  client.write("SYST\r\n".repeat(50_000));
  client.write("NOOP\r\n");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const chunks: Buffer[] = [];
  client.socket.removeAllListeners("data").on("data", (chunk) => chunks.push(chunk));
  client.socket.resume();
  while (!chunks.at(-1)?.includes("200 ")) await once(client.socket, "data");
  expect(Buffer.concat(chunks).toString().match(/^215 /gm)?.length).toBe(50_000);
});

test("two hundred sessions leave nothing behind", async () => {
  await using lab = await ftpLab({ files: { "/a": "1" } });
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const session = async () => {
    await using client = await Dialogue.loggedIn(lab);
    await client.passivePort();
    expect((await client.download("RETR a")).text).toBe("1");
    expect(await client.code("MKD x")).toBeGreaterThan(0);
    await client.passivePort();
    expect(await client.code("QUIT")).toBe(221);
  };
  await session();
  const before = timers();
  for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 20 }, session));
  expect(timers()).toBeLessThanOrEqual(before + 1);
  expect(process.getActiveResourcesInfo().filter((resource) => resource === "TCPServerWrap").length).toBe(1);
});

test("random bytes never cost more than their own session", async () => {
  await using lab = await ftpLab({}, { loginPause: 0 });
  await using witness = await Dialogue.loggedIn(lab);
  let seed = 20_260_101;
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed >> 8;
  };
  const verbs = [
    "USER foo",
    "PASS bar",
    "EPSV",
    "RETR ",
    "STOR ",
    "LIST ",
    "SITE ",
    "\xff\xfd",
    "\xff\xfa",
    "\r",
    "\0",
    "PORT ",
  ];
  for (let round = 0; round < 100; round += 1) {
    const client = await Dialogue.greeted(lab.servers.files);
    client.socket.on("error", () => {});
    for (let part = 0; part < 20; part += 1) {
      const junk = Buffer.from(Array.from({ length: random() % 40 }, () => random() & 255));
      client.write(
        Buffer.concat([Buffer.from(verbs[random() % verbs.length]!, "latin1"), junk, Buffer.from("\r\n")]),
      );
    }
    client.socket.end();
    client.socket.resume();
    await once(client.socket, "close");
  }
  expect(await witness.code("NOOP")).toBe(200);
});
