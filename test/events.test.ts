import { connect } from "node:net";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { messageOf } from "../core/errors.ts";
import { EventStream } from "../core/events/events.ts";
import { startLab, tcp, type WireEvent } from "../index.ts";

const origin = { server: "files", protocol: "ftp", connection: "c1" } as const;
const command = (verb: string) => ({ type: "command", verb }) as const;

describe("observers", () => {
  test("nobody listening: nothing is made, nothing is counted", () => {
    const events = new EventStream();
    events.emit(origin, command("LIST"));
    expect(events.observed).toBe(false);
    const seen: WireEvent[] = [];
    const subscription = events.subscribe((event) => seen.push(event));
    events.emit(origin, command("QUIT"));
    expect(seen).toMatchObject([{ ...origin, seq: 1, type: "command", verb: "QUIT" }]);
    subscription[Symbol.dispose]();
    events.emit(origin, command("NOOP"));
    expect(seen.length).toBe(1);
    expect(events.observed).toBe(false);
  });

  test("milestones alone make nobody build commands", () => {
    const events = new EventStream();
    const seen: string[] = [];
    events.subscribe((event) => seen.push(event.type), "milestones");
    expect(events.observed).toBe(false);
    events.emit(origin, command("LIST"));
    events.emit(origin, { type: "login", user: "ann", ok: true });
    expect(seen).toEqual(["login"]);
  });

  test("one that throws disturbs nobody", () => {
    const events = new EventStream();
    const seen: string[] = [];
    events.subscribe(() => {
      throw new Error("mine alone");
    });
    events.subscribe((event) => seen.push(event.type));
    events.emit(origin, command("LIST"));
    expect(seen).toEqual(["command"]);
  });
});

describe("subscribing while an event is told", () => {
  test("gives the newcomer the next one, and who has left not even this one", () => {
    const events = new EventStream();
    const seen: string[] = [];
    const second = { [Symbol.dispose]() {} };
    events.subscribe((event) => {
      if (event.seq > 1) return;
      second[Symbol.dispose]();
      events.subscribe((later) => seen.push(`newcomer ${later.seq}`));
    });
    Object.assign(
      second,
      events.subscribe(() => seen.push("second")),
    );
    events.emit(origin, command("LIST"));
    events.emit(origin, command("QUIT"));
    expect(seen).toEqual(["newcomer 2"]);
  });

  test("disposing twice counts once", () => {
    const events = new EventStream();
    const one = events.subscribe(() => {});
    events.subscribe(() => {});
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect(events.observed).toBe(true);
  });
});

describe("waiting", () => {
  test("by values, patterns, functions, and values within values", async () => {
    const events = new EventStream();
    const peer = { host: "127.0.0.1", port: 5 };
    const waits = [
      events.next("command", { verb: "RETR" }),
      events.next("command", { verb: /^RE/g }),
      events.next("command", (event) => event.verb.length === 4),
      events.next("opened", { peer: { host: "127.0.0.1", port: 5 }, secure: false }),
      events.next("reply", { code: /^5/ }),
    ];
    events.emit(origin, command("PWD"));
    events.emit(origin, command("RETR"));
    events.emit(origin, { type: "opened", peer: { ...peer, port: 4 }, secure: false });
    events.emit(origin, { type: "opened", peer, secure: false });
    events.emit(origin, { type: "reply", text: "undefined 5", ms: 1 });
    events.emit(origin, { type: "reply", code: 550, text: "no", ms: 1 });
    expect((await Promise.all(waits)).map(({ seq }) => seq)).toEqual([2, 2, 2, 4, 6]);
    expect(events.observed).toBe(false);
  });

  test("one event may be what several wait for, and the next one is another's", async () => {
    const events = new EventStream();
    const waits = [events.next("command"), events.next("command")];
    events.emit(origin, command("PWD"));
    const later = events.next("command");
    events.emit(origin, command("QUIT"));
    expect((await Promise.all([...waits, later])).map(({ verb }) => verb)).toEqual(["PWD", "PWD", "QUIT"]);
  });

  test("a function that throws is told so", async () => {
    const events = new EventStream();
    const waiting = events.next("command", () => {
      throw new TypeError("mine");
    });
    events.emit(origin, command("PWD"));
    await expect(waiting).rejects.toThrow(new TypeError("mine"));
    expect(events.observed).toBe(false);
  });

  test("for no time at all, or for ever", async () => {
    const events = new EventStream();
    await expect(events.next("login", {}, Number.NaN)).rejects.toMatchObject({ code: "BAD_OPTION" });
    await expect(events.next("login", {}, -1)).rejects.toMatchObject({ code: "BAD_OPTION" });
    await expect(events.next("login", {}, 0)).rejects.toMatchObject({ code: "TIMED_OUT" });
    const waiting = events.next("login", {}, Number.POSITIVE_INFINITY);
    await new Promise(setImmediate);
    events.emit(origin, { type: "login", user: "ann", ok: true });
    expect((await waiting).user).toBe("ann");
  });

  test("ends with the lab, and nobody need have awaited it", async () => {
    const events = new EventStream();
    const waiting = events.next("login");
    events.next("login", { user: "ann" });
    events.emit(origin, { type: "login", user: "bob", ok: true });
    const second = events.next("login", { user: "ann" });
    events.emit(origin, { type: "login", user: "bea", ok: false });
    events.stop();
    expect((await waiting).user).toBe("bob");
    await expect(second).rejects.toMatchObject({
      code: "STOPPED",
      message: expect.stringContaining(
        "before the lab stopped; of 1 that did not fit, the nearest:\n  c1 login",
      ),
    });
    await expect(events.next("login")).rejects.toMatchObject({
      code: "STOPPED",
      message: "The lab has stopped: no login event comes any more.",
    });
  });
});

describe("a wait that is in vain tells", () => {
  /** What it says when `happen` was all that happened. */
  async function complaint(
    happen: (events: EventStream) => void,
    wait: (events: EventStream) => Promise<unknown>,
  ) {
    const events = new EventStream();
    const waiting = wait(events);
    happen(events);
    await expect(waiting).rejects.toMatchObject({ code: "TIMED_OUT" });
    return waiting.then(String, messageOf);
  }
  const transfer = (path: string, complete: boolean) =>
    ({ type: "transfer", direction: "in", path, bytes: 5, ms: 1, complete }) as const;

  test("the nearest of those that came, and what was different", async () => {
    const message = await complaint(
      (events) => {
        events.emit(origin, transfer("/out/far.csv", false));
        events.emit(origin, transfer("/in/b.csv", true));
        events.emit(origin, transfer("/in/far.csv", false));
        events.emit(origin, command("QUIT"));
        events.emit(origin, transfer("/in/a.csv", false));
      },
      (events) => events.next("transfer", { path: "/in/a.csv", complete: true }, 10),
    );
    expect(message).toMatchInlineSnapshot(`
      "No transfer event with path "/in/a.csv", complete true came within 10 ms; of 4 that did not fit, the nearest:
        c1 upload of /in/a.csv: 5 bytes, incomplete (complete was false)
        c1 upload of /in/b.csv: 5 bytes (path was "/in/b.csv")
        c1 upload of /in/far.csv: 5 bytes, incomplete (path was "/in/far.csv", complete was false)"
    `);
  });

  test("that none of its type came, but others", async () => {
    const message = await complaint(
      (events) => {
        for (const verb of ["USER", "PASS", "TYPE", "RETR"]) events.emit(origin, command(verb));
        events.emit(origin, { type: "reply", code: 550, text: "No such file\nor directory.", ms: 1 });
      },
      (events) => events.next("transfer", { path: /\.csv$/ }, 10),
    );
    expect(message).toMatchInlineSnapshot(`
      "No transfer event with path /\\.csv$/ came within 10 ms, but 5 of other types, the last of them:
        c1 > TYPE
        c1 > RETR
        c1 < 550 No such file\\nor directory."
    `);
  });

  test("that nothing came", async () => {
    const message = await complaint(
      () => {},
      (events) => events.next("login", { user: "ann" }, 10),
    );
    expect(message).toBe('No login event with user "ann" came within 10 ms, nor any other event.');
  });

  test("what function nothing satisfied, and fields that were not there", async () => {
    const byFunction = await complaint(
      (events) => events.emit(origin, command("QUIT")),
      (events) => events.next("command", (event) => event.verb === "NOOP", 10),
    );
    expect(byFunction).toMatch(
      /^No command event that satisfies \(event\) => event\.verb === "NOOP" came .*\n {2}c1 > QUIT$/s,
    );
    const byField = await complaint(
      (events) => events.emit(origin, command("QUIT")),
      (events) => events.next("command", { target: "/" }, 10),
    );
    expect(byField).toContain("c1 > QUIT (no target)");
  });

  test("little of much", async () => {
    const message = await complaint(
      (events) => {
        for (let count = 0; count < 10_000; count += 1) events.emit(origin, command("X".repeat(10_000)));
      },
      (events) => events.next("command", { verb: "Y".repeat(10_000) }, 10),
    );
    expect(message).toContain("of 10000 that did not fit");
    expect(message.length).toBeLessThan(2000);
  });
});

describe("iterating", () => {
  test("gives the events in order, and ends with the lab", async () => {
    const lab = await startLab({ one: tcp() });
    const types: string[] = [];
    const iterating = (async () => {
      for await (const event of lab.events) types.push(event.type);
    })();
    connect(lab.servers.one.port, lab.servers.one.host).end("x").resume();
    await lab.events.next("closed");
    await lab.stop();
    await iterating;
    expect(types).toEqual(["opened", "frame", "reply", "closed", "stopped"]);
    for await (const event of lab.events) expect.unreachable(event.type);
  });

  test("side by side, each reader at its own pace", async () => {
    const events = new EventStream();
    const readers = [events, events].map((stream) => stream[Symbol.asyncIterator]());
    for (const verb of ["A", "B"]) events.emit(origin, command(verb));
    const read = async (reader = readers[0]!) => (await reader.next()).value;
    expect(await read(readers[0])).toMatchObject({ verb: "A" });
    expect(await read(readers[0])).toMatchObject({ verb: "B" });
    expect(await read(readers[1])).toMatchObject({ verb: "A" });
    // Asked for before they came, and by more than one at a time.
    const coming = [read(), read()];
    for (const verb of ["C", "D"]) events.emit(origin, command(verb));
    expect(await Promise.all(coming)).toMatchObject([{ verb: "C" }, { verb: "D" }]);
    const last = read();
    events.stop();
    expect(await last).toBeUndefined();
    expect(await read(readers[1])).toMatchObject({ verb: "B" });
  });

  test("leaving a for-await lets go of everything", async () => {
    const events = new EventStream();
    const reading = (async () => {
      for await (const event of events) return event.seq;
      return undefined;
    })();
    expect(events.observed).toBe(true);
    events.emit(origin, command("A"));
    events.emit(origin, command("B"));
    expect(await reading).toBe(1);
    expect(events.observed).toBe(false);
    const reader = events[Symbol.asyncIterator]();
    const pending = reader.next();
    await reader.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(events.observed).toBe(false);
  });

  test("a reader that is too slow is told how much it has missed", async () => {
    const events = new EventStream();
    const reader = events[Symbol.asyncIterator]();
    for (let count = 0; count < 10_003; count += 1) events.emit(origin, command("NOOP"));
    expect(reader.dropped).toBe(3);
    expect((await reader.next()).value).toMatchObject({ seq: 4 });
    events.emit(origin, command("NOOP"));
    expect(reader.dropped).toBe(3);
    let last = 0;
    events.stop();
    for await (const { seq } of reader) {
      expect(seq).toBe(last === 0 ? 5 : last + 1);
      last = seq;
    }
    expect(last).toBe(10_004);
  });
});

describe("log", () => {
  /** A stream, and the lines that were written to it. */
  function lines() {
    let written = "";
    const stream = new Writable({
      write(chunk, _encoding, done) {
        written += chunk;
        done();
      },
    });
    return { stream, read: () => written.trim().split("\n") };
  }

  async function oneClient(log: { stream: Writable; level?: "debug"; format?: "pretty" }) {
    await using lab = await startLab({ one: tcp() }, { log });
    const client = connect(lab.servers.one.port, lab.servers.one.host).end("x").resume();
    await lab.events.next("closed");
    return client.localPort;
  }

  test("JSON: every line carries server, connection and event", async () => {
    const { stream, read } = lines();
    await oneClient({ stream });
    const logged = read().map((line) => JSON.parse(line));
    expect(logged.map(({ event }) => event)).toEqual(["listening", "opened", "closed", "stopped"]);
    expect(logged[1]).toMatchObject({ server: "one", protocol: "tcp", connection: "c1", level: 30 });
    expect(logged[2]).toMatchObject({
      connection: "c1",
      msg: expect.stringContaining("closed"),
    });
  });

  test("debug adds what was said", async () => {
    const { stream, read } = lines();
    await oneClient({ stream, level: "debug" });
    expect(read().map((line) => JSON.parse(line).event)).toContain("reply");
  });

  test("pretty: a line for people", async () => {
    const { stream, read } = lines();
    await oneClient({ stream, format: "pretty" });
    expect(read()[1]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: one {2}c1 {2}opened by 127\.0\.0\.1:\d+$/);
  });
});
