import { once } from "node:events";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { ftp, http, type Service, startLab, tcp, telnet, WirelabError } from "../index.ts";

const dial = ({ host, port }: { host: string; port: number }) => connect({ host, port, allowHalfOpen: true });

describe("starting", () => {
  test("free ports, told by host, port and url", async () => {
    await using lab = await startLab({ one: tcp(), two: tcp() });
    const { one, two } = lab.servers;
    expect(one.host).toBe("127.0.0.1");
    expect(one.port).toBeGreaterThan(0);
    expect(two.port).not.toBe(one.port);
    expect(one.url).toBe(`tcp://127.0.0.1:${one.port}`);
    expect([one.name, one.protocol]).toEqual(["one", "tcp"]);
    expect(one.lab).toBe(lab);
    expect(await text(dial(two).end("x"))).toBe("Hello, world!");
  });

  test("IPv6", async () => {
    await using lab = await startLab({ six: tcp({ host: "::1" }) });
    expect(lab.servers.six.url).toBe(`tcp://[::1]:${lab.servers.six.port}`);
    expect(await text(dial(lab.servers.six).end("x"))).toBe("Hello, world!");
  });

  test("all or nothing: one address that is taken stops what had started, at once, and is named", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    const free = await freePort();
    const began = performance.now();
    const failure = startLab({ good: tcp({ port: free }), bad: tcp({ port }) });
    await expect(failure).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: expect.stringMatching(
        new RegExp(`^bad cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`),
      ),
    });
    // Far below the grace for clients: nothing waited for a time-out.
    expect(performance.now() - began).toBeLessThan(1500);
    await using again = await startLab({ good: tcp({ port: free }) });
    expect(again.servers.good.port).toBe(free);
    holder.close();
  });

  test("a service that cannot open stops the others too", async () => {
    const closed: string[] = [];
    const fine: Service = {
      protocol: "tcp",
      listen: {},
      open: () => ({
        accept: (connection) => connection.cut("server"),
        close: () => void closed.push("fine"),
      }),
    };
    const broken: Service = {
      protocol: "tcp",
      listen: {},
      open: () => Promise.reject(new Error("no engine")),
    };
    await expect(startLab({ fine, broken })).rejects.toThrow("no engine");
    expect(closed).toEqual(["fine"]);
  });

  test.each([
    [{ host: "192.0.2.1" }, "ADDRESS_UNAVAILABLE"],
    [{ host: "no.such.host.invalid" }, "ADDRESS_UNAVAILABLE"],
    [{ path: "/no/such/folder/x.sock" }, "ADDRESS_"],
    [{ gate: { deny: ["x"] } }, "BAD_OPTION"],
  ])("%j is refused with %s", async (listen, code) => {
    const failure = await startLab({ one: tcp(listen) }).catch((error) => error);
    expect(failure).toBeInstanceOf(WirelabError);
    expect(failure.code).toContain(code);
  });

  test("files and root cannot both be given", async () => {
    await expect(startLab({}, { files: {}, root: "/tmp" })).rejects.toMatchObject({ code: "BAD_OPTION" });
  });
});

describe("stopping", () => {
  test("a report tells what was open and what had to be cut", async () => {
    await using lab = await startLab({ ends: tcp(), stays: tcp({ behaviour: "echo" }) });
    const polite = dial(lab.servers.ends);
    const rude = dial(lab.servers.stays);
    const first = await lab.events.next("opened");
    const second = await lab.events.next("opened").catch(() => undefined);
    expect([first.connection, second?.connection]).toEqual(["c1", "c2"]);
    polite.on("end", () => polite.end()).resume();
    // Reads the goodbye and never closes its own side.
    rude.resume();
    const report = await lab.stop({ grace: 100 });
    expect(report.open.map(({ server }) => server).sort()).toEqual(["ends", "stays"]);
    expect(report.cut).toMatchObject([{ server: "stays", peer: `127.0.0.1:${rude.localPort}` }]);
    rude.destroy();
  });

  test("clients may take for ever", async () => {
    const lab = await startLab({ stays: tcp({ behaviour: "echo" }) });
    const client = dial(lab.servers.stays).resume();
    await lab.events.next("opened");
    client.once("end", () => setTimeout(() => client.end(), 50));
    const report = await lab.stop({ grace: Number.POSITIVE_INFINITY });
    expect([report.open.length, report.cut.length]).toEqual([1, 0]);
  });

  test("called twice it gives the same report", async () => {
    const lab = await startLab({ one: tcp() });
    const [first, second] = await Promise.all([lab.stop(), lab.stop()]);
    expect(second).toBe(first);
    expect(await lab.stop()).toBe(first);
    await lab[Symbol.asyncDispose]();
  });

  test("nobody is let in any more", async () => {
    const lab = await startLab({ one: tcp() });
    const { one } = lab.servers;
    await lab.stop();
    const [error] = await once(dial(one), "error");
    expect(error.code).toBe("ECONNREFUSED");
  });

  test("one server alone", async () => {
    await using lab = await startLab({ one: tcp(), two: tcp() });
    await lab.servers.one.stop();
    expect(await text(dial(lab.servers.two).end("x"))).toBe("Hello, world!");
  });

  test("200 cycles leave as many handles and listeners as one", async () => {
    const held = () => ({
      resources: process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate")
        .length,
      signals: ["SIGINT", "SIGTERM", "SIGQUIT", "exit", "uncaughtException", "unhandledRejection"].map(
        (name) => process.listenerCount(name),
      ),
    });
    const cycle = async () => {
      await using lab = await startLab({
        one: tcp(),
        two: tcp({ behaviour: "echo" }),
        files: ftp(),
        chat: telnet(),
        web: http(),
      });
      const silent = dial(lab.servers.two);
      await once(silent, "connect");
      for (const server of [lab.servers.files, lab.servers.chat, lab.servers.web]) {
        const client = dial(server).on("error", () => {});
        client.end(server.protocol === "http" ? "GET / HTTP/1.1\r\nHost: x\r\n\r\n" : "quit\r\n");
        expect(await text(client)).not.toBe("");
      }
      expect(await text(dial(lab.servers.one).end("x"))).toBe("Hello, world!");
      silent.destroy();
    };
    await cycle();
    const before = held();
    for (let count = 0; count < 200; count += 1) await cycle();
    expect(held()).toEqual(before);
  }, 60_000);
});

describe("side by side", () => {
  test("two labs share nothing", async () => {
    await using first = await startLab(
      { one: tcp() },
      { files: { "/a": "1" }, accounts: [{ name: "ann", password: "1" }] },
    );
    await using second = await startLab(
      { one: tcp() },
      { files: { "/b": "2" }, accounts: [{ name: "bob", password: "2" }] },
    );
    expect(await text(dial(first.servers.one).end("x"))).toBe("Hello, world!");
    expect([...first.accounts].map(({ name }) => name)).toEqual(["ann"]);
    expect(first.accounts.verify("bob", "2")).toBeUndefined();
    await expect(second.store.stat("/a")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect([...first.transcript].length).toBeGreaterThan(1);
    expect([...second.transcript].map(({ type }) => type)).toEqual(["listening"]);
  });

  test("homes are made", async () => {
    await using lab = await startLab({}, { accounts: [{ name: "ann", password: "1", home: "/homes/ann" }] });
    expect((await lab.store.stat("/homes/ann")).type).toBe("directory");
  });
});

test("a running server has what its engine adds of its own", async () => {
  let calls = 0;
  const counting: Service<{ readonly calls: number; count(): void }> = {
    protocol: "tcp",
    listen: {},
    open: () => ({
      accept: (connection) => connection.end(),
      own: {
        get calls() {
          return calls;
        },
        count() {
          calls += 1;
        },
      },
    }),
  };
  await using lab = await startLab({ counter: counting, plain: tcp() });
  lab.servers.counter.count();
  expect(lab.servers.counter.calls).toBe(1);
  expect(lab.servers.counter.url).toMatch(/^tcp:/);
  // @ts-expect-error: what one server has of its own, another has not.
  expect(lab.servers.plain.calls).toBeUndefined();
});

describe("the gate", () => {
  test("who is denied is cut without a word, and told to observers", async () => {
    await using lab = await startLab({ one: tcp({ behaviour: "greet", gate: { deny: ["127.0.0.1"] } }) });
    const refused = lab.events.next("refused");
    const client = dial(lab.servers.one).on("error", () => {});
    expect(await text(client).catch(() => "")).toBe("");
    expect(await refused).toMatchObject({ reason: "denied", server: "one" });
  });

  test("the idle clock ends those who are silent, and them alone", async () => {
    await using lab = await startLab({ one: tcp({ behaviour: "echo", gate: { idle: 600 } }) });
    const silent = dial(lab.servers.one).resume();
    const busy = dial(lab.servers.one).resume();
    silent.on("end", () => silent.end());
    const ticking = setInterval(() => busy.write("."), 20);
    const closed = await lab.events.next("closed");
    expect(closed.reason).toBe("idle");
    expect(busy.readableEnded).toBe(false);
    clearInterval(ticking);
    busy.destroy();
  });

  test("the lifetime clock ends everybody", async () => {
    await using lab = await startLab({ one: tcp({ behaviour: "echo", gate: { lifetime: 100 } }) });
    const client = dial(lab.servers.one).resume();
    client.on("end", () => client.end());
    expect((await lab.events.next("closed")).reason).toBe("lifetime");
  });
});

/** A port that was free a moment ago, for the test of pinned ports alone. */
async function freePort(): Promise<number> {
  await using lab = await startLab({ probe: tcp() });
  return lab.servers.probe.port;
}
