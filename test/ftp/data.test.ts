import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { ftp, startLab, WirelabError } from "../../index.ts";
import { Dialogue, ftpLab, stored } from "./dialogue.ts";

/** A client's own port for active transfers; `bytes` is what the first connection to it brings. */
async function clientPort(host = "127.0.0.1") {
  const server = createServer({ allowHalfOpen: true });
  const connected = once(server, "connection");
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    argument: `127,0,0,1,${port >> 8},${port & 255}`,
    connected: async () => (await connected)[0],
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/** The first of two ports that are free, out of those that the system gives to nobody by itself. */
async function freePair(): Promise<number> {
  for (let port = 20_000 + (process.pid % 5000) * 2; ; port += 2) {
    const servers = [createServer(), createServer()];
    const bound = await Promise.all(
      servers.map(
        (server, index) =>
          new Promise<boolean>((resolve) => {
            server.once("error", () => resolve(false));
            server.listen(port + index, "127.0.0.1", () => resolve(true));
          }),
      ),
    );
    for (const server of servers) server.close();
    if (bound.every(Boolean)) return port;
  }
}

describe("passive", () => {
  test("PASV and EPSV open a port on the address that the client came in by", async () => {
    await using lab = await ftpLab({ files: { "/a": "content" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const command of ["PASV", "EPSV"] as const) {
      const data = await client.passive(command);
      expect(await client.code("RETR a")).toBe(150);
      expect((await buffer(data)).toString()).toBe("content");
      expect(await client.code("NOOP")).toBe(226);
      expect(await client.reply()).toMatch(/^200 /);
      data.destroy();
    }
  });

  test("EPSV takes the number of its own protocol only, and ALL shuts the other ways", async () => {
    await using lab = await startLab({ files: ftp(), six: ftp({ host: "::1" }) }, { files: { "/a": "six" } });
    await using client = await Dialogue.loggedIn(lab);
    expect(await client.code("EPSV 1")).toBe(229);
    expect(await client.say("EPSV 2")).toMatch(/^522 .*\(1\)/);
    expect(await client.code("EPSV 3")).toBe(522);
    expect(await client.code("EPSV x")).toBe(501);
    expect(await client.code("EPSV ALL")).toBe(200);
    for (const command of ["PASV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|50000|"]) {
      expect(await client.code(command)).toBe(503);
    }
    expect((await client.download("RETR a")).text).toBe("six");

    await using six = await Dialogue.greeted(lab.servers.six);
    await six.say("USER foo");
    await six.say("PASS bar");
    expect(await six.say("EPSV 1")).toMatch(/^522 .*\(2\)/);
    expect(await six.code("PASV")).toBe(425);
    expect(await six.code("PORT 127,0,0,1,200,1")).toBe(501);
    expect((await six.download("RETR a")).text).toBe("six");
    await using port = await clientPort("::1");
    expect(await six.code(`EPRT |1|127.0.0.1|${port.port}|`)).toBe(522);
    expect(await six.code(`EPRT |2|0:0:0:0:0:0:0:1|${port.port}|`)).toBe(200);
    six.write("RETR a\r\n");
    const data = await port.connected();
    expect((await buffer(data)).toString()).toBe("six");
    data.destroy();
  });

  test("a server on every address answers with the one that the client came in by", async () => {
    await using lab = await startLab({ files: ftp({ host: "::" }) }, { files: { "/a": "content" } });
    await using client = await Dialogue.greeted({ ...lab.servers.files, host: "127.0.0.1" });
    await client.say("USER foo");
    await client.say("PASS bar");
    const data = connect(await client.passivePort("PASV"));
    await once(data, "connect");
    expect(data.remoteAddress).toBe("127.0.0.1");
    expect(await client.code("RETR a")).toBe(150);
    expect((await buffer(data)).toString()).toBe("content");
    await using port = await clientPort();
    expect(await client.reply()).toMatch(/^226 /);
    expect(await client.code(`PORT ${port.argument}`)).toBe(200);
    client.write("NLST\r\n");
    const active = await port.connected();
    expect((await buffer(active)).toString()).toBe("a\r\n");
    active.destroy();
  });

  test("a client of a Unix-domain socket gets a port on loopback", async () => {
    const path = join(tmpdir(), `ftp-${process.pid}.sock`);
    await using lab = await startLab({ files: ftp({ path }) }, { files: { "/a": "content" } });
    expect(lab.servers.files.path).toBe(path);
    const control = connect(path);
    let text = "";
    control.on("data", (chunk) => {
      text += chunk;
    });
    control.write("USER foo\r\nPASS bar\r\nPORT 127,0,0,1,200,1\r\nPASV\r\nRETR a\r\n");
    while (!text.includes("150 ")) await once(control, "data");
    expect(text).toContain("501 Rejected data connection to foreign address.");
    const [, high, low] = /\(127,0,0,1,(\d+),(\d+)\)/.exec(text)!;
    const data = connect(Number(high) * 256 + Number(low), "127.0.0.1");
    expect((await buffer(data)).toString()).toBe("content");
    control.destroy();
  });

  test("a client may wait for 150 before it connects, and send ahead of STOR", async () => {
    await using lab = await ftpLab({ files: { "/a": "content" } });
    await using client = await Dialogue.loggedIn(lab);
    const late = await client.passivePort();
    expect(await client.code("RETR a")).toBe(150);
    const data = connect(late);
    expect((await buffer(data)).toString()).toBe("content");
    expect(await client.reply()).toMatch(/^226 /);
    const early = await client.passive();
    early.end("early");
    early.resume();
    await once(early, "finish");
    expect(await client.code("STOR b")).toBe(150);
    expect(await client.reply()).toMatch(/^226 /);
    expect(await stored(lab, "/b")).toBe("early");
  });

  test("the address and the ports of PASV can be set", async () => {
    const from = await freePair();
    await using lab = await ftpLab({}, { passiveHost: "192.0.2.7", passivePorts: { from, to: from + 1 } });
    await using one = await Dialogue.loggedIn(lab);
    await using two = await Dialogue.loggedIn(lab);
    await using three = await Dialogue.loggedIn(lab);
    const answers = [await one.say("PASV"), await two.say("PASV")];
    const ports = answers.map((answer) => {
      const [, high, low] = /\(192,0,2,7,(\d+),(\d+)\)/.exec(answer)!;
      return Number(high) * 256 + Number(low);
    });
    expect(ports.sort()).toEqual([from, from + 1]);
    expect(await three.code("EPSV")).toBe(425);
    await one.say("ABOR");
    expect(await three.code("EPSV")).toBe(229);
  });

  test.each([
    { passiveHost: "::1" },
    { passiveHost: "localhost" },
    { passivePorts: { from: 2000, to: 1999 } },
    { passivePorts: { from: 0, to: 70_000 } },
    { loginPause: -1 },
    { maxLoginTries: 0 },
  ])("%o is refused", (options) => {
    expect(() => ftp(options)).toThrow(WirelabError);
  });

  test("thirty EPSV leave one port", async () => {
    await using lab = await ftpLab({ files: { "/a": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    const listening = () =>
      process.getActiveResourcesInfo().filter((resource) => resource === "TCPServerWrap").length;
    const before = listening();
    for (let count = 0; count < 30; count += 1) await client.passivePort();
    expect(listening()).toBe(before + 1);
    expect((await client.download("RETR a")).text).toBe("1");
    expect(listening()).toBe(before);
  });

  test("a stranger at the port is turned away, and the client still served", async () => {
    await using lab = await ftpLab({ files: { "/a": "secret" } });
    await using client = await Dialogue.loggedIn(lab);
    const port = await client.passivePort();
    const refused = lab.events.next("refused", { reason: "stranger" });
    const stranger = connect({ ...port, localAddress: "127.0.0.2" });
    stranger.on("error", () => {});
    await refused;
    const data = connect(port);
    expect(await client.code("RETR a")).toBe(150);
    expect((await buffer(data)).toString()).toBe("secret");
    expect(stranger.bytesRead).toBe(0);
    stranger.destroy();
  });

  test.each([
    ["a stranger that resets before it is accepted does not take the client's place", "127.0.0.2"],
    ["a client that resets before it is accepted can come again", "127.0.0.1"],
  ])("%s", async (_, localAddress) => {
    await using lab = await ftpLab({ files: { "/a": "secret" } });
    await using client = await Dialogue.loggedIn(lab);
    const port = await client.passivePort();
    comeAndGo({ ...port, localAddress });
    const data = connect(port);
    expect(await client.code("RETR a")).toBe(150);
    expect((await buffer(data)).toString()).toBe("secret");
    expect(await client.reply()).toMatch(/^226 /);
  });

  test("a data connection that was reset before it was accepted costs that transfer", async () => {
    await using lab = await ftpLab({ files: { "/a": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    comeAndGo(await client.passivePort());
    expect(await client.code("RETR a")).toBe(150);
    expect(await client.reply()).toMatch(/^426 /);
    expect((await client.download("RETR a")).text).toBe("1");
  });

  test("a data connection that was reset before the command costs that transfer, not the session", async () => {
    await using lab = await ftpLab({ files: { "/a": "1" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const command of ["RETR a", "LIST", "STOR b"]) {
      const data = await client.passive();
      data.resetAndDestroy();
      await once(data, "close");
      expect(await client.code(command)).toBe(150);
      expect(await client.reply(), command).toMatch(/^4(25|26) /);
    }
    expect(await stored(lab, "/b")).toBeUndefined();
    expect((await client.download("RETR a")).text).toBe("1");
  });
});

describe("active", () => {
  test("PORT and EPRT connect to the client's own port", async () => {
    await using lab = await ftpLab({ files: { "/a": "content" } });
    await using client = await Dialogue.loggedIn(lab);
    for (const extended of [false, true]) {
      await using port = await clientPort();
      const command = extended ? `EPRT |1|127.0.0.1|${port.port}|` : `PORT ${port.argument}`;
      expect(await client.code(command)).toBe(200);
      client.write("RETR a\r\n");
      const data = await port.connected();
      expect(await client.reply()).toMatch(/^150 /);
      expect((await buffer(data)).toString()).toBe("content");
      data.destroy();
      expect(await client.reply()).toMatch(/^226 /);
      expect(await client.code("RETR a")).toBe(425);
    }
    await using port = await clientPort();
    await client.say(`EPRT !1!127.0.0.1!${port.port}!`);
    client.write("STOR b\r\n");
    const data = await port.connected();
    data.end("up");
    data.resume();
    expect(await client.reply()).toMatch(/^150 /);
    expect(await client.reply()).toMatch(/^226 /);
    expect(await stored(lab, "/b")).toBe("up");
  });

  test("a port where nobody listens gets 425, and nothing is stored", async () => {
    await using lab = await ftpLab({ files: { "/a": "old" } });
    await using client = await Dialogue.loggedIn(lab);
    const { argument } = await (async () => {
      await using port = await clientPort();
      return port;
    })();
    await client.say(`PORT ${argument}`);
    expect(await client.code("RETR a")).toBe(425);
    await client.say(`PORT ${argument}`);
    expect(await client.code("STOR a")).toBe(425);
    expect(await stored(lab, "/a")).toBe("old");
  });

  test("no other address is ever connected to, and no port below 1024", async () => {
    await using lab = await ftpLab();
    await using client = await Dialogue.loggedIn(lab);
    for (const command of [
      "PORT 127,0,0,2,200,1",
      "PORT 10,0,0,1,200,1",
      "PORT 127,0,0,1,0,25",
      "PORT 127,0,0,1,3,255",
      "EPRT |1|127.0.0.2|50000|",
      "EPRT |1|127.0.0.1|80|",
    ]) {
      // RFC 2577 §3 has 504 for low ports.
      expect(await client.code(command), command).toBe(/,0,25|,3,255|80/.test(command) ? 504 : 501);
      expect(await client.code("LIST"), command).toBe(425);
    }
    for (const command of [
      "PORT 127,0,0,1,200",
      "PORT 127,0,0,1,256,1",
      "PORT 127,0,0,1,200,1,1",
      "PORT a,b,c,d,e,f",
      "PORT 127.0.0.1.200.1",
      "EPRT |1|127.0.0.1|99999|",
      "EPRT |1|127.0.0.1|",
      "EPRT 1|127.0.0.1|50000",
      "EPRT |x|127.0.0.1|50000|",
      "EPRT |1|localhost|50000|",
      "EPRT |1|1.2.3.256|50000|",
      "EPRT ||||",
    ]) {
      expect(await client.code(command), command).toBe(501);
    }
    expect(await client.code("EPRT |3|127.0.0.1|50000|")).toBe(522);
  });
});

test("a transfer without an arranged connection gets 425, one that cannot be 550", async () => {
  await using lab = await ftpLab({ files: { "/a": "1" } });
  await using client = await Dialogue.loggedIn(lab);
  for (const command of ["RETR a", "STOR b", "APPE a", "STOU", "LIST", "NLST", "MLSD"]) {
    expect(await client.code(command), command).toBe(425);
  }
  expect(await client.code("RETR missing")).toBe(550);
  expect((await lab.store.list("/")).map(({ name }) => name)).toEqual(["a"]);
});

/** Connects and resets while this process, and so the server in it, waits: it is accepted when it has gone. */
function comeAndGo(to: object): void {
  const script = `const socket = require("net").connect(${JSON.stringify(to)}, () => socket.resetAndDestroy())`;
  expect(spawnSync(process.execPath, ["-e", script]).status).toBe(0);
}
