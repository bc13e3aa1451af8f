import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { type ForwardOptions, forward } from "../../index.ts";
import { Backend, deaf, forwarding, named, nobody } from "./dialogue.ts";

/** Three targets that say who they are. */
async function three() {
  const targets = await Promise.all(["a", "b", "c"].map((name) => named(name)));
  return {
    targets,
    to: targets.map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      for (const target of targets) await target[Symbol.asyncDispose]();
    },
  };
}

type Forwarder = Awaited<ReturnType<typeof forwarding>>;

/** Who answers so many clients, one after another. */
async function answers(server: Forwarder, count: number, localAddress?: string): Promise<string> {
  let all = "";
  for (let asked = 0; asked < count; asked += 1) all += await text(server.dial(localAddress));
  return all;
}

describe("round robin", () => {
  test("is exact", async () => {
    await using backends = await three();
    await using server = await forwarding({ to: backends.to });
    expect(await answers(server, 9)).toBe("abcabcabc");
  });

  test("gives each its weight, evenly", async () => {
    await using backends = await three();
    const [a, b] = backends.targets;
    const at = ({ port }: Backend) => ({ host: "127.0.0.1", port });
    await using server = await forwarding({ to: [{ ...at(a!), weight: 3 }, at(b!)] });
    expect(await answers(server, 8)).toBe("aabaaaba");
  });

  test("is exact for clients that come at once", async () => {
    await using backends = await three();
    await using server = await forwarding({ to: backends.to });
    const all = await Promise.all(Array.from({ length: 30 }, () => answers(server, 1)));
    expect(all.sort().join("")).toBe(`${"a".repeat(10)}${"b".repeat(10)}${"c".repeat(10)}`);
  });
});

describe("least connections", () => {
  test("takes the target with the fewest, and of several the next", async () => {
    const keep = (name: string) => Backend.start((socket) => socket.write(name));
    await using a = await keep("a");
    await using b = await keep("b");
    await using server = await forwarding({ to: [a.name, b.name], balance: "least-connections" });
    const open = async () => {
      const client = server.dial();
      const [who] = await once(client, "data");
      return { client, who: String(who) };
    };
    const both = [await open(), await open()];
    expect(both.map(({ who }) => who).sort()).toEqual(["a", "b"]);
    const more = [await open(), await open(), await open()];
    expect(
      server.proxy
        .targets()
        .map(({ active }) => active)
        .sort(),
    ).toEqual([2, 3]);
    const clients = [...both, ...more];
    const [leaving, staying] = [
      clients.filter(({ who }) => who === "b"),
      clients.filter(({ who }) => who === "a"),
    ];
    for (const { client } of leaving) client.resetAndDestroy();
    await expect.poll(() => server.proxy.targets()[1]!.active).toBe(0);
    // As many as were there, minus one: a has still more than b.
    for (let count = 1; count < staying.length; count += 1) {
      const one = await open();
      expect(one.who).toBe("b");
      staying.push(one);
      if (server.proxy.targets()[1]!.active + 1 === server.proxy.targets()[0]!.active) break;
    }
    for (const { client } of staying) client.destroy();
  });

  test("counts connections that are being made, and weights", async () => {
    await using a = await Backend.start((socket) => socket.write("a"));
    await using b = await Backend.start((socket) => socket.write("b"));
    const to = [
      { host: "127.0.0.1", port: a.port, weight: 2 },
      { host: "127.0.0.1", port: b.port },
    ];
    await using server = await forwarding({ to, balance: "least-connections" });
    const clients = Array.from({ length: 9 }, () => server.dial());
    await Promise.all(clients.map((client) => once(client, "data")));
    expect(server.proxy.targets().map(({ active }) => active)).toEqual([6, 3]);
    for (const client of clients) client.destroy();
  });
});

describe("sticky", () => {
  const clients = Array.from({ length: 30 }, (_, index) => `127.0.0.${index + 2}`);

  test("holds, and when a target goes only its own clients move, and come back", async () => {
    await using backends = await three();
    await using server = await forwarding({ to: backends.to, balance: "sticky" });
    const homes = async () => {
      const each = await Promise.all(clients.map((client) => answers(server, 2, client)));
      for (const twice of each) expect(twice[0]).toBe(twice[1]);
      return each.map((twice) => twice[0]);
    };
    const before = await homes();
    expect(new Set(before)).toEqual(new Set(["a", "b", "c"]));
    server.proxy.setTarget(backends.to[1]!, "drained");
    const without = await homes();
    for (const [index, home] of before.entries()) {
      if (home === "b") expect(without[index]).not.toBe("b");
      else expect(without[index]).toBe(home);
    }
    server.proxy.setTarget(backends.to[1]!, "up");
    expect(await homes()).toEqual(before);
  });
});

describe("health", () => {
  test("a target that refuses is gone round, marked down, and comes back", async () => {
    const gone = await nobody();
    await using other = await named("other");
    await using server = await forwarding({ to: [gone.name, other.name], health: { backOff: 20 } });
    const down = server.lab.events.next("target", { state: "down" });
    expect(await answers(server, 1)).toBe("other");
    expect(await down).toMatchObject({ target: gone.name });
    expect(await answers(server, 2)).toBe("otherother");
    expect(server.proxy.targets()).toMatchObject([
      { target: gone.name, state: "down", failed: 1, total: 0, active: 0 },
      { target: other.name, state: "up", failed: 0, total: 3 },
    ]);
    const up = server.lab.events.next("target", { state: "up" });
    await using _back = await named("back", { port: gone.port });
    expect(await up).toMatchObject({ target: gone.name });
    expect((await answers(server, 4)).replaceAll("back", "b").replaceAll("other", "o")).toMatch(
      /^(bobo|obob)$/,
    );
  });

  test("a target that does not answer is gone round as well", async () => {
    await using silent = await deaf();
    await using other = await named("other");
    await using server = await forwarding({ to: [silent.name, other.name], connectTimeout: 100 });
    expect(await answers(server, 2)).toBe("otherother");
    const [figures] = server.proxy.targets();
    expect(figures).toMatchObject({ state: "down", failed: 1 });
    expect(figures!.lastError).toContain("no answer within 0.1 s");
  });

  test("takes as many failures as it is told", async () => {
    const gone = await nobody();
    await using server = await forwarding({ to: gone.name, health: { failures: 3 } });
    const states: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      await once(server.dial(), "error");
      states.push(server.proxy.targets()[0]!.state);
    }
    expect(states).toEqual(["up", "up", "down"]);
  });

  test("probes a target that is up where it is asked to", async () => {
    const target = await named("a");
    await using server = await forwarding({ to: target.name, health: { interval: 10 } });
    const down = server.lab.events.next("target", { state: "down" });
    await target[Symbol.asyncDispose]();
    await down;
    expect(server.proxy.targets()).toMatchObject([{ state: "down", failed: 0 }]);
  });

  test("one that is the last is tried though it is down", async () => {
    const gone = await nobody();
    await using server = await forwarding({
      to: gone.name,
      health: { backOff: 100_000, maxBackOff: 100_000 },
    });
    await once(server.dial(), "error");
    await using _back = await named("back", { port: gone.port });
    expect(server.proxy.targets()[0]!.state).toBe("down");
    expect(await answers(server, 1)).toBe("back");
    expect(server.proxy.targets()[0]!.state).toBe("up");
  });
});

describe("by hand", () => {
  test("a drained target keeps what it has; one that is down loses it", async () => {
    await using a = await Backend.start((socket) => socket.pipe(socket));
    await using b = await named("b");
    await using server = await forwarding({ to: [a.name, b.name] });
    const client = server.dial();
    client.write("x");
    await once(client, "data");
    server.proxy.setTarget(a.name, "drained");
    expect(await answers(server, 2)).toBe("bb");
    client.write("still");
    expect(String((await once(client, "data"))[0])).toBe("still");
    const reset = once(client, "error");
    server.proxy.setTarget(a.name, "down");
    expect((await reset)[0].code).toBe("ECONNRESET");
    expect(server.proxy.targets().map(({ state }) => state)).toEqual(["down", "up"]);
  });

  test("where all are set so, clients are reset", async () => {
    await using a = await named("a");
    await using server = await forwarding({ to: a.name });
    server.proxy.setTarget(a.name, "drained");
    const told = server.lab.events.next("error");
    await once(server.dial(), "error");
    expect((await told).message).toBe("No target is left. All targets are set to down or drained.");
  });

  test("an unknown target is named, with those that there are", async () => {
    await using server = await forwarding({ to: "127.0.0.1:81" });
    expect(() => server.proxy.setTarget("127.0.0.1:82", "up")).toThrow(
      'proxy has no target "127.0.0.1:82"; it has 127.0.0.1:81.',
    );
  });
});

test("a reset ends what is open, and its figures begin anew", async () => {
  await using target = await Backend.start((socket) => socket.pipe(socket));
  await using server = await forwarding({ to: target.name });
  const speak = async () => {
    const client = server.dial();
    client.write("hello");
    await once(client, "data");
    return client;
  };
  const client = await speak();
  const opened = server.lab.transcript.find("opened", { connection: "c1.1" });
  expect(opened).toMatchObject({ opener: "server", parent: "c1" });
  const gone = once(client, "end");
  await server.lab.reset();
  await gone;
  client.destroy();
  expect(server.proxy.targets()).toMatchObject([{ active: 0, total: 0, in: 0, out: 0 }]);
  const another = await speak();
  expect(server.proxy.targets()).toMatchObject([{ active: 1, total: 1, in: 5, out: 5 }]);
  another.destroy();
});

test("a reset makes figures and health what they were", async () => {
  const gone = await nobody();
  await using a = await named("a");
  await using server = await forwarding({ to: [gone.name, a.name] });
  await answers(server, 3);
  server.proxy.setTarget(a.name, "drained");
  await server.lab.reset();
  const fresh = { state: "up", active: 0, total: 0, failed: 0, in: 0, out: 0 };
  expect(server.proxy.targets()).toEqual([
    { target: gone.name, weight: 1, ...fresh },
    { target: a.name, weight: 1, ...fresh },
  ]);
});

describe("options that cannot be", () => {
  test.each<[ForwardOptions, string]>([
    [{ to: [] }, "needs a target"],
    [{ to: "127.0.0.1" }, '"127.0.0.1" is no address'],
    [{ to: "::1:80" }, "without brackets"],
    [{ to: "a:99999" }, "ports end at 65535"],
    [{ to: "a:0" }, "port 0"],
    [{ to: "http://a:80" }, "is no address"],
    [{ to: "a b:80" }, '"a b" is no host name'],
    [{ to: ["a:80", "a:80"] }, "names a:80 twice"],
    [{ to: { host: "a", port: 80, weight: 0 } }, "weight 0"],
    [{ to: { host: "a", port: 1.5 } }, "is no address"],
    [{ port: 8080, to: "127.0.0.1:8080" }, "itself"],
    [{ port: 8080, to: "8080" }, "itself"],
    [{ port: 8080, host: "0.0.0.0", to: "localhost:8080" }, "itself"],
    [{ path: "/tmp/x", to: "unix:/tmp/x" }, "itself"],
    [{ to: "a:80", connectTimeout: 0 }, "connectTimeout is 0"],
    [{ to: "a:80", health: { backOff: -1 } }, "health.backOff is -1"],
    [{ to: "a:80", balance: "random" as "sticky" }, "round-robin, least-connections, sticky"],
    [{ to: "a:80", proxyProtocol: "v3" as "v2" }, "v1, v2"],
  ])("%j", (options, why) => {
    expect(() => forward(options)).toThrow(why);
  });

  test("an address that turns out to be the forwarder itself", async () => {
    const { port } = await nobody();
    await using server = await forwarding({ port, to: `127.0.0.2:${port}` }, { host: "127.0.0.2" });
    const told = server.lab.events.next("error");
    await once(server.dial(), "error");
    expect((await told).message).toContain("is the forwarder itself");
    expect(server.proxy.targets()).toMatchObject([{ total: 0, state: "down" }]);
  });
});
