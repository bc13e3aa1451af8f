import { describe, expect, test } from "vitest";
import { type DatagramEngine, type Fault, type Rule, type Service, startLab, tcp, udp } from "../../index.ts";
import { Peer } from "./dialogue.ts";

/** What comes back of some datagrams that are sent one after another, up to the last one, or to `count` of them. */
async function echoes(rule: Rule, sent: string, count = sent.length, seed = 1): Promise<string> {
  await using lab = await startLab({ one: udp() }, { faults: [rule], seed });
  using peer = await Peer.of(lab.servers.one);
  for (const datagram of sent) await peer.send(datagram);
  let received = "";
  while (received.length < count) received += await peer.receive();
  // Behind a barrier that no rule touches, nothing more is on its way.
  lab.faults.clear();
  await peer.send("|");
  while (!received.endsWith("|")) received += await peer.receive();
  return received.slice(0, -1);
}

describe("what becomes of a datagram", () => {
  test("loss: it does not arrive; each datagram is an occurrence of its own", async () => {
    expect(await echoes({ skip: 1, times: 2, fault: { kind: "loss", direction: "in" } }, "abcde", 3)).toBe(
      "ade",
    );
    expect(await echoes({ skip: 1, times: 1, fault: { kind: "loss", direction: "out" } }, "abc", 2)).toBe(
      "ac",
    );
  });

  test("duplicate: it arrives twice", async () => {
    expect(await echoes({ times: 1, fault: { kind: "duplicate", direction: "out" } }, "ab", 3)).toBe("aab");
    expect(await echoes({ times: 1, fault: { kind: "duplicate", direction: "in" } }, "ab", 3)).toBe("aab");
  });

  test("without a direction both ways count", async () => {
    // In, out, and each of the two that came of it out again.
    expect(await echoes({ fault: { kind: "duplicate" } }, "a", 4)).toBe("aaaa");
  });

  test("reorder: the next one overtakes it", async () => {
    expect(await echoes({ times: 1, fault: { kind: "reorder", direction: "in" } }, "abc")).toBe("bac");
    expect(await echoes({ fault: { kind: "reorder", direction: "out" } }, "abcd")).toBe("badc");
  });

  test("reorder: where none comes, it is late", async () => {
    expect(await echoes({ fault: { kind: "reorder", ms: 20, direction: "in" } }, "a")).toBe("a");
  });

  test("reorder concerns one peer", async () => {
    await using lab = await startLab({ one: udp() });
    lab.faults.add({ times: 1, fault: { kind: "reorder", ms: 60_000, direction: "in" } });
    using first = await Peer.of(lab.servers.one);
    using second = await Peer.of(lab.servers.one);
    const chosen = lab.events.next("fault");
    await first.send("a");
    await chosen;
    expect(await second.ask("x")).toBe("x");
    expect(first.unread).toBe(0);
    expect([await first.ask("b"), String(await first.receive())]).toEqual(["b", "a"]);
  });

  test("latency: it is held, and one that is held for less overtakes it", async () => {
    await using lab = await startLab({ one: udp() });
    lab.faults.add({ times: 1, fault: { kind: "latency", ms: 200, direction: "in" } });
    using peer = await Peer.of(lab.servers.one);
    const began = performance.now();
    await peer.send("a");
    expect(await peer.ask("b")).toBe("b");
    expect(String(await peer.receive())).toBe("a");
    expect(performance.now() - began).toBeGreaterThan(190);
  });

  test("chance is drawn from the seed", async () => {
    const sent = "abcdefghijklmnopqrstuvwxyz";
    const rounds = async (seed: number) => {
      await using lab = await startLab({ one: udp({ behaviour: "discard" }) }, { seed });
      lab.faults.add({ chance: 0.5, fault: { kind: "loss", direction: "in" } });
      using peer = await Peer.of(lab.servers.one);
      const fates = [];
      for (const datagram of sent) {
        const fate = Promise.race([lab.events.next("fault"), lab.events.next("frame")]);
        await peer.send(datagram);
        fates.push((await fate).type === "fault" ? "x" : ".");
      }
      return fates.join("");
    };
    const first = await rounds(42);
    expect(first).toMatch(/x.*\.|\..*x/);
    expect(await rounds(42)).toBe(first);
    expect(await rounds(43)).not.toBe(first);
  });
});

describe("which datagram", () => {
  test("server and peer", async () => {
    await using lab = await startLab({ one: udp(), two: udp() });
    lab.faults.add({ when: { server: "two" }, fault: { kind: "duplicate", direction: "out" } });
    lab.faults.add({ when: { peer: "127.0.0.9" }, fault: { kind: "duplicate", direction: "out" } });
    using one = await Peer.of(lab.servers.one);
    using nine = await Peer.of(lab.servers.one, "127.0.0.9");
    using two = await Peer.of(lab.servers.two);
    for (const peer of [one, nine, two]) await peer.ask("a");
    expect([String(await two.receive()), String(await nine.receive())]).toEqual(["a", "a"]);
    await one.ask("b");
    expect(one.unread).toBe(0);
  });

  test("rules for datagrams leave connections alone, and the other way round", async () => {
    await using lab = await startLab({ stream: tcp(), packets: udp() });
    lab.faults.add({ fault: { kind: "loss" } });
    lab.faults.add({ fault: { kind: "reply", with: "drop" }, when: { server: "packets" } });
    expect(
      await (await fetch(lab.servers.stream.url.replace("tcp", "http")).catch(() => undefined))?.text(),
    ).toBe(undefined);
    expect(lab.faults.unused().length).toBe(2);
    using peer = await Peer.of(lab.servers.packets);
    const lost = lab.events.next("fault");
    await peer.send("x");
    expect((await lost).rule).toBe("loss");
    expect(lab.faults.unused().length).toBe(1);
  });

  test.each([
    [{ when: { verb: "GET" }, fault: { kind: "loss" } }, 'has "verb", and knows server, peer'],
    [{ when: { after: "reply" }, fault: { kind: "duplicate" } }, 'has "after"'],
    [{ fault: { kind: "loss", ms: 3 } as unknown as Fault }, 'has "ms"'],
    [{ fault: { kind: "reorder", ms: -1 } }, "0 or more"],
  ] satisfies [Rule, string][])("a rule that could never act is refused: %j", async (rule, why) => {
    await using lab = await startLab({ one: udp() });
    expect(() => lab.faults.add(rule)).toThrow(why);
  });
});

describe("what is told, and what is left", () => {
  test("a lost datagram is told by its fault alone, a duplicate twice", async () => {
    await using lab = await startLab({ one: udp() });
    lab.faults.add({ times: 1, fault: { kind: "loss", direction: "out" } });
    lab.faults.add({ skip: 1, times: 1, fault: { kind: "duplicate", direction: "out" } });
    using peer = await Peer.of(lab.servers.one);
    const lost = lab.events.next("fault");
    await peer.send("a");
    await lost;
    await peer.ask("b");
    await peer.receive();
    expect(String(lab.transcript)).toMatchInlineSnapshot(`
      "one#1 > datagram a (1 byte)
      one#1 fault: loss direction out when times 1
      one#1 > datagram b (1 byte)
      one#1 fault: duplicate direction out when skip 1, times 1
      one#1 < datagram b (1 byte)
      one#1 < datagram b (1 byte)"
    `);
  });

  test("removing a rule drops nothing that is under way", async () => {
    await using lab = await startLab({ one: udp() });
    const rule = lab.faults.add({ fault: { kind: "latency", ms: 100, direction: "out" } });
    using peer = await Peer.of(lab.servers.one);
    const chosen = lab.events.next("fault");
    await peer.send("a");
    await chosen;
    rule[Symbol.dispose]();
    expect(String(await peer.receive())).toBe("a");
  });

  test("a reset drops what is held; a stop lets answers leave", async () => {
    await using lab = await startLab({ one: udp() });
    lab.faults.add({ times: 2, fault: { kind: "latency", ms: 300, direction: "out" } });
    using peer = await Peer.of(lab.servers.one);
    const chosen = lab.events.next("fault");
    await peer.send("a");
    await chosen;
    await lab.reset();
    expect(await peer.ask("b")).toBe("b");
    lab.faults.add({ times: 1, fault: { kind: "latency", ms: 300, direction: "out" } });
    const again = lab.events.next("fault");
    await peer.send("c");
    await again;
    await lab.stop();
    expect(String(await peer.receive())).toBe("c");
    expect(peer.unread).toBe(0);
  });

  test("a stop without grace drops them", async () => {
    await using lab = await startLab({ one: udp() });
    lab.faults.add({ fault: { kind: "latency", ms: 60_000 } });
    using peer = await Peer.of(lab.servers.one);
    const chosen = lab.events.next("fault");
    await peer.send("a");
    await chosen;
    await lab.stop({ grace: 0 });
  });

  test("what is held is bounded", async () => {
    const flooding: Service = {
      protocol: "udp",
      listen: {},
      open: (): DatagramEngine => ({
        receive({ answer }) {
          for (let count = 0; count < 300; count += 1) answer(Buffer.alloc(65_507));
        },
      }),
    };
    await using lab = await startLab({ one: flooding });
    lab.faults.add({ fault: { kind: "latency", ms: 60_000, direction: "out" } });
    using peer = await Peer.of(lab.servers.one);
    const full = lab.events.next("error", { code: "OVERFLOW" });
    await peer.send("a");
    await full;
    await lab.stop({ grace: 0 });
  });
});
