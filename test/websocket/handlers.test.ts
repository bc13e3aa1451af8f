import { describe, expect, test } from "vitest";
import { startLab, type WebSocketSession, WirelabError, websocket } from "../../index.ts";
import { closing, frame, RawClient, talking } from "./dialogue.ts";

describe("without options", () => {
  test.each([
    ['{"hello": "world"}', 'Text message received: {"hello":"world"}'],
    ['"just a text"', 'Text message received: "just a text"'],
    [" 42 ", "Text message received: 42"],
    ["null", "Text message received: null"],
    ['{"__proto__": 1, "ü": "\\u2028"}', `Text message received: {"__proto__":1,"ü":"\u2028"}`],
  ])("%j is answered with the JSON", async (sent, answer) => {
    await using talk = await talking();
    const { data } = await talk.client.send(frame("text", sent)).next();
    expect(`${data}`).toBe(answer);
  });

  test.each([["hello"], [""], ["{"], ["[".repeat(100_000)], ["[".repeat(100_000) + "]".repeat(100_000)]])(
    "%.10s is told to be no JSON, and the connection stays",
    async (sent) => {
      await using talk = await talking();
      expect(`${(await talk.client.send(frame("text", sent)).next()).data}`).toMatch(
        /^Text message received, but it is no JSON: ./,
      );
      expect(await talk.client.send(frame("text", "1")).words()).toBe("text Text message received: 1");
    },
  );

  test.each([0, 1, 100_000])("of %i bytes the number is told", async (bytes) => {
    await using talk = await talking();
    const { kind, data } = await talk.client.send(frame("binary", Buffer.alloc(bytes))).next();
    expect([kind, `${data}`]).toEqual(["text", `Binary message received: ${bytes} bytes`]);
  });

  test("echo sends back what it gets, in its kind", async () => {
    await using talk = await talking({}, "/echo");
    const { client } = talk;
    for (const [kind, data] of [
      ["text", "grüße 👋🏽"],
      ["binary", Buffer.from([0, 255, 254])],
      ["text", ""],
      ["binary", ""],
    ] as const) {
      const heard = await client.send(frame(kind, data)).next();
      expect([heard.kind, heard.data]).toEqual([kind, Buffer.from(data)]);
    }
  });
});

describe("a handler", () => {
  test("knows what was asked for, and by whom", async () => {
    const { promise, resolve } = settled<WebSocketSession>();
    await using talk = await talking({ handler: (socket) => resolve(socket) }, "/any/path?a=1&a=2", {
      "X-Token": "secret",
      "Sec-WebSocket-Protocol": "v2",
    });
    const socket = await promise;
    expect(socket).toMatchObject({ path: "/any/path", subprotocol: "v2", secure: false, connection: "c1" });
    expect(socket.query.getAll("a")).toEqual(["1", "2"]);
    expect(socket.headers["x-token"]).toBe("secret");
    expect(socket.peer).toMatchObject({ host: "127.0.0.1", port: talk.client.socket.localPort });
  });

  test("iterates messages, and closes with 1000 when it is done", async () => {
    const heard: unknown[] = [];
    await using talk = await talking({
      handler: async (socket) => {
        for await (const message of socket) {
          heard.push(message);
          if (heard.length === 2) break;
        }
        heard.push(await socket.receive());
        await socket.send("bye");
        await socket.send(new Uint8Array([1, 2]).subarray(1));
      },
    });
    talk.client.send(frame("text", "ü"), frame("binary", "b"), frame("text", ""), frame("text", "unread"));
    expect(await talk.client.words()).toBe("text bye");
    expect(await talk.client.next()).toMatchObject({ kind: "binary", data: Buffer.from([2]) });
    talk.client.send(frame("close", closing(1000)));
    expect(await talk.client.rest()).toEqual(["close 1000", "end"]);
    expect(heard).toEqual(["ü", Buffer.from("b"), ""]);
  });

  test("that throws closes with 1011, and only what was meant for clients is said", async () => {
    for (const [error, reason, code] of [
      [new Error("the password is x"), "The server has failed.", "HANDLER"],
      [new WirelabError("MISMATCH", "Expected hello."), "Expected hello.", "MISMATCH"],
    ] as const) {
      await using talk = await talking({
        handler: async () => {
          throw error;
        },
      });
      const told = talk.lab.transcript.find("error") ?? talk.lab.events.next("error");
      expect(await talk.client.words()).toBe(`close 1011 ${reason}`);
      expect(await told).toMatchObject({ code, message: error.message });
    }
  });

  test("hears how it ended", async () => {
    const ends: unknown[] = [];
    const options = {
      handler: async (socket: WebSocketSession) => {
        for await (const message of socket) ends.push(message);
        ends.push(socket.signal.aborted, await socket.closed);
        await socket.send("too late");
      },
    };
    for (const leave of [
      (client: RawClient) => client.send(frame("close", closing(4001, "bye"))),
      (client: RawClient) => client.send(frame("close")),
      (client: RawClient) => client.socket.end(),
      (client: RawClient) => client.socket.resetAndDestroy(),
    ]) {
      await using talk = await talking(options);
      const closed = talk.lab.events.next("closed");
      leave(talk.client.send(frame("text", "1")));
      await talk.client.rest();
      await closed;
    }
    expect(ends.filter((end) => end !== "1")).toEqual(
      [
        { code: 4001, reason: "bye" },
        { code: 1005, reason: "" },
        { code: 1006, reason: "" },
        { code: 1006, reason: "" },
      ].flatMap((end) => [true, end]),
    );
  });

  test("closes with a code of its own, and a reason that fits", async () => {
    for (const [code, reason, words] of [
      [undefined, undefined, "close 1000"],
      [3000, "x".repeat(200), `close 3000 ${"x".repeat(123)}`],
      [4999, "👋".repeat(50), `close 4999 ${"👋".repeat(30)}`],
    ] as const) {
      await using talk = await talking({ handler: (socket) => socket.close(code, reason) });
      const { data } = await talk.client.next();
      expect(`close ${data.readUInt16BE()} ${data.toString("utf8", 2)}`.trimEnd()).toBe(words);
    }
  });

  test.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5])("cannot close with %d", async (code) => {
    await using talk = await talking({
      handler: (socket) => expect(() => socket.close(code)).toThrow("is no code"),
    });
    expect(await talk.client.words()).toBe("close 1000");
  });

  test("can crash", async () => {
    await using talk = await talking({ handler: (socket) => socket.reset() });
    expect(await talk.client.rest()).toContain("reset");
  });

  test("by path, beside what is there or in its place", async () => {
    const answer = (text: string) => (socket: WebSocketSession) => socket.send(text);
    await using lab = await startLab({
      some: websocket({ routes: { "/feed": answer("feed"), "/echo": answer("mine") } }),
      all: websocket({ handler: answer("all"), routes: { "/echo": "echo" } }),
    });
    const first = async (server: "some" | "all", path: string) => {
      using client = await RawClient.open(lab.servers[server], path);
      return await client.send(frame("text", "1")).words();
    };
    expect(await first("some", "/feed")).toBe("text feed");
    expect(await first("some", "/feed/")).toBe("text feed");
    expect(await first("some", "/echo")).toBe("text mine");
    expect(await first("some", "/")).toBe("text Text message received: 1");
    await expect(first("some", "/nothing")).rejects.toThrow("404");
    expect(await first("all", "/")).toBe("text all");
    expect(await first("all", "/chat")).toBe("text all");
    expect(await first("all", "/echo")).toBe("text 1");
  });

  test("waits with send for a client that does not read", async () => {
    let sent = 0;
    await using talk = await talking({
      maxBuffered: 100_000,
      handler: async (socket) => {
        while (!socket.signal.aborted) {
          await socket.send(Buffer.alloc(50_000));
          sent += 50_000;
        }
      },
    });
    talk.client.socket.pause();
    await stable(() => sent);
    expect(sent).toBeLessThan(20_000_000);
    const before = sent;
    talk.client.socket.resume();
    while (sent < before + 10_000_000) await new Promise((resolve) => setImmediate(resolve));
  });

  test("that does not read its messages keeps few of them", async () => {
    const { promise: over, resolve: finish } = settled<void>();
    await using talk = await talking({
      maxBuffered: 100_000,
      handler: async (socket) => {
        await over;
        let bytes = 0;
        for await (const message of socket) {
          bytes += message.length;
          if (bytes === 30_000_000) break;
        }
        await socket.send(`${bytes}`);
      },
    });
    const { client } = talk;
    for (let sent = 0; sent < 30; sent += 1) client.send(frame("binary", Buffer.alloc(1_000_000)));
    await stable(() => client.socket.writableLength);
    expect(client.socket.writableLength).toBeGreaterThan(10_000_000);
    finish();
    expect(await client.words()).toBe("text 30000000");
  });
});

function settled<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Waits until a figure has stood still for a while. */
async function stable(figure: () => number): Promise<void> {
  let before = -1;
  while (before !== figure()) {
    before = figure();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
