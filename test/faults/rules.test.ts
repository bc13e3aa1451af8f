import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { type Rule, startLab, tcp } from "../../index.ts";

const visit = ({ host, port }: { host: string; port: number }) =>
  text(connect({ host, port, allowHalfOpen: true }).end("x")).catch((error) => error.code);

describe("which occurrence", () => {
  test("skip and times choose by number", async () => {
    await using lab = await startLab({ one: tcp() });
    lab.faults.add({ skip: 1, times: 2, fault: { kind: "reply", with: { text: "wrong" } } });
    const answers = [];
    for (let count = 0; count < 5; count += 1) answers.push(await visit(lab.servers.one));
    expect(answers).toEqual(["Hello, world!", "wrong", "wrong", "Hello, world!", "Hello, world!"]);
  });

  test("chance is drawn from the seed: the same seed gives the same faults", async () => {
    const rounds = async (seed: number) => {
      await using lab = await startLab({ one: tcp() }, { seed });
      lab.faults.add({ chance: 0.5, fault: { kind: "reply", with: { text: "wrong" } } });
      const answers = [];
      for (let count = 0; count < 30; count += 1)
        answers.push((await visit(lab.servers.one)) === "wrong" ? "x" : ".");
      expect((await lab.stop()).seed).toBe(seed);
      return answers.join("");
    };
    const first = await rounds(42);
    expect(first).toMatch(/x.*\.|\..*x/);
    expect(await rounds(42)).toBe(first);
    expect(await rounds(43)).not.toBe(first);
  });

  test("server and peer", async () => {
    await using lab = await startLab({ one: tcp(), two: tcp() });
    lab.faults.add({ when: { server: "two" }, fault: { kind: "reply", with: { text: "wrong" } } });
    lab.faults.add({ when: { peer: "127.0.0.9" }, fault: { kind: "refuse" } });
    expect([await visit(lab.servers.one), await visit(lab.servers.two)]).toEqual(["Hello, world!", "wrong"]);
  });

  test("after the reply: a TCP client is reset when it has its answer", async () => {
    await using lab = await startLab({ one: tcp() });
    lab.faults.add({ when: { after: "reply" }, times: 1, fault: { kind: "reset" } });
    const { host, port } = lab.servers.one;
    const client = connect({ host, port, allowHalfOpen: true });
    let answer = "";
    client.on("data", (chunk) => {
      answer += chunk;
    });
    const failed = new Promise<Error & { code?: string }>((resolve) => client.once("error", resolve));
    client.write("x");
    expect((await failed).code).toBe("ECONNRESET");
    expect(answer).toBe("Hello, world!");
    expect(await visit(lab.servers.one)).toBe("Hello, world!");
  });
});

describe("rules", () => {
  test("that never acted are named", async () => {
    await using lab = await startLab({ one: tcp() });
    const used: Rule = { fault: { kind: "reply", with: { text: "wrong" } } };
    const unused: Rule = { fault: { kind: "reset", afterBytes: 1_000_000 } };
    lab.faults.add(used);
    lab.faults.add(unused);
    await visit(lab.servers.one);
    expect(lab.faults.unused()).toEqual([unused]);
    lab.faults.clear();
    expect([lab.faults.active, lab.faults.unused()]).toEqual([false, []]);
    expect(await visit(lab.servers.one)).toBe("Hello, world!");
  });

  test("are told when they act", async () => {
    await using lab = await startLab({ one: tcp() });
    lab.faults.add({ when: { server: "one" }, times: 1, fault: { kind: "reply", with: "drop" } });
    const told = lab.events.next("fault");
    const client = connect({ ...lab.servers.one }).end("x");
    expect(await told).toMatchObject({
      server: "one",
      connection: "c1",
      fault: "reply",
      rule: "reply with drop when server one, times 1",
    });
    client.destroy();
  });

  test.each([
    { fault: { kind: "latency", ms: -1 } },
    { fault: { kind: "bandwidth", bytesPerSecond: 0 } },
    { fault: { kind: "slice", bytes: Number.NaN } },
    { times: 0, fault: { kind: "refuse" } },
    { chance: 1.5, fault: { kind: "refuse" } },
    { fault: { kind: "explode" } as never },
    { fault: { kind: "latency" } as never },
    { fault: { kind: "reset", ms: 1 } as never },
    { fault: { kind: "stall", direction: "up" as never } },
    { wen: {}, fault: { kind: "refuse" } } as never,
    { when: { verbs: "STOR" } as never, fault: { kind: "refuse" } },
    { when: { verb: 5 as never }, fault: { kind: "refuse" } },
    { when: { target: 5 as never }, fault: { kind: "refuse" } },
    { when: { code: 22600 }, fault: { kind: "reset" } },
    { when: null as never, fault: { kind: "refuse" } },
    { when: "STOR" as never, fault: { kind: "refuse" } },
    { fault: "refuse" as never },
    { fault: { kind: "toString" as never } },
    { fault: { kind: "shape", shaper: 5 as never } },
    { fault: { kind: "reply", with: "dropped" as never } },
    { fault: { kind: "reply", with: { code: 503 } as never } },
    { fault: { kind: "reply", with: { code: 503, text: 5 as never } } },
    {} as never,
  ] satisfies Rule[])("%j can never act, and is refused", async (rule) => {
    await using lab = await startLab({});
    expect(() => lab.faults.add(rule)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});
