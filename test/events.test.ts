import { connect } from "node:net";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { EventStream } from "../core/events.ts";
import { transcriptOf } from "../core/transcript.ts";
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

describe("waiting", () => {
  test("by fields, patterns and functions", async () => {
    const events = new EventStream();
    const waits = [
      events.next("command", { verb: "RETR" }),
      events.next("command", { verb: /^RE/ }),
      events.next("command", (event) => event.verb.length === 4),
    ];
    events.emit(origin, command("PWD"));
    events.emit(origin, command("RETR"));
    expect((await Promise.all(waits)).map(({ verb }) => verb)).toEqual(["RETR", "RETR", "RETR"]);
  });

  test("ends with a time-out, or with the lab", async () => {
    const events = new EventStream();
    await expect(events.next("login", {}, 10)).rejects.toMatchObject({ code: "TIMED_OUT" });
    const waiting = events.next("login");
    events.stop();
    await expect(waiting).rejects.toMatchObject({ code: "STOPPED" });
    await expect(events.next("login")).rejects.toMatchObject({ code: "STOPPED" });
  });

  test("iteration gives the events in order, and ends with the lab", async () => {
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
  });
});

describe("transcript", () => {
  test("remembers so many, in order, and counts what it dropped", () => {
    const events = new EventStream();
    const transcript = transcriptOf(events, 3);
    for (const verb of ["A", "B", "C", "D", "E"]) events.emit(origin, command(verb));
    expect([...transcript].map((event) => event.type === "command" && event.verb)).toEqual(["C", "D", "E"]);
    expect(transcript.dropped).toBe(2);
    expect(String(transcript)).toBe("c1 ftp > C\nc1 ftp > D\nc1 ftp > E");
  });

  test("of a capacity of 0 observes nothing", async () => {
    await using lab = await startLab({ one: tcp() }, { transcript: 0 });
    expect(lab.events.observed).toBe(false);
    expect([...lab.transcript]).toEqual([]);
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
