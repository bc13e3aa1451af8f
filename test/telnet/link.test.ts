import { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection } from "../../index.ts";
import { Link, PATIENCE } from "../../servers/telnet/link.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** A link over a stream whose other end takes what is written only when it is told to. */
function linked() {
  const taken: (() => void)[] = [];
  const heard: string[] = [];
  const stream = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => void taken.push(done),
  });
  let close = () => {};
  const connection = {
    stream,
    observed: false,
    emit: ({ message }: { message: string }) => void heard.push(message),
    cut: (reason: string) => void heard.push(`cut ${reason}`),
    closed: new Promise<void>((resolve) => {
      close = resolve;
    }),
  };
  const link = new Link(connection as unknown as Connection, {
    ready: true,
    data() {
      throw new Error("a fault of ours");
    },
    command: () => {},
    settled: () => {},
    subnegotiation: () => undefined,
    resized: () => {},
    marked: () => {},
    paused: () => {},
    ended: () => {},
    drained: () => void heard.push("drained"),
    stalled: () => void heard.push("stalled"),
  });
  const write = (bytes: number) => {
    link.send(new Uint8Array(bytes));
    link.flush();
  };
  const take = async () => {
    for (const done of taken.splice(0)) done();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { link, stream, heard, write, take, close };
}

test("a client that takes nothing has so long and no longer, whatever else is written", async () => {
  const { heard, write } = linked();
  write(100_000);
  await vi.advanceTimersByTimeAsync(PATIENCE - 1);
  write(100_000);
  expect(heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(heard).toEqual(["stalled"]);
});

test("one that takes it in time has all the time again", async () => {
  const { heard, write, take } = linked();
  write(100_000);
  await vi.advanceTimersByTimeAsync(PATIENCE - 1);
  await take();
  expect(heard).toEqual(["drained"]);
  write(100_000);
  await vi.advanceTimersByTimeAsync(PATIENCE - 1);
  expect(heard).toEqual(["drained"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(heard).toEqual(["drained", "stalled"]);
});

test("one that is gone is not waited for", async () => {
  const { heard, write, close } = linked();
  write(100_000);
  close();
  await vi.advanceTimersByTimeAsync(PATIENCE);
  expect(heard).toEqual([]);
});

test("input is not taken while output backs up", async () => {
  const { link, stream, write, take } = linked();
  write(100_000);
  expect(link.congested).toBe(true);
  link.regulate();
  expect(stream.isPaused()).toBe(true);
  await take();
  expect(link.congested).toBe(false);
  expect(stream.isPaused()).toBe(false);
});

test("a fault of ours costs one client its connection, not the process", async () => {
  const { stream, heard } = linked();
  stream.push("x");
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual(["a fault of ours", "cut error"]);
});
