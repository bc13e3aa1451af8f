import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { type RecordedLine, readRecording, wholeRecording } from "../../core/capture/recorded.ts";
import { ladder } from "../../launch/ladder.ts";
import { codeWords, verbWords } from "../../servers/ftp/words.ts";
import { statusWords } from "../../servers/http/words.ts";
import { negotiationWords } from "../../servers/telnet/words.ts";

const ftp = { server: "files", protocol: "ftp", connection: "c1" } as const;
const shell = { server: "shell", protocol: "telnet", connection: "c2" } as const;
const peer = { host: "127.0.0.1", port: 50_000 };

const recorded: readonly RecordedLine[] = [
  { seq: 1, at: 1000, server: "files", protocol: "ftp", type: "listening", url: "ftp://127.0.0.1:2121" },
  { seq: 2, at: 1250, ...ftp, type: "opened", peer, secure: false },
  { seq: 3, at: 1251, ...ftp, type: "reply", code: 220, text: "Ready.", ms: 1 },
  {
    seq: 4,
    at: 1260,
    ...ftp,
    type: "command",
    verb: "RETR",
    target: "a\u001b[2J.txt",
    path: "/a",
    data: true,
  },
  { seq: 5, at: 1261, ...ftp, type: "reply", code: 211, text: "Features:\n UTF8\nEnd", ms: 1 },
  {
    seq: 6,
    at: 1262,
    ...ftp,
    type: "transfer",
    direction: "out",
    path: "/a",
    bytes: 1,
    ms: 1,
    complete: true,
  },
  { seq: 7, at: 1300, ...ftp, type: "closed", reason: "client", received: 1, sent: 20, ms: 50 },
  {
    seq: 8,
    at: 2000,
    ...shell,
    type: "frame",
    direction: "out",
    kind: "negotiation",
    bytes: 3,
    preview: "WILL ECHO",
  },
  { seq: 9, at: 2000, server: "t", protocol: "tcp", connection: "c3", type: "opened", peer, secure: true },
  { at: 2001, server: "t", protocol: "tcp", connection: "c3", type: "bytes", direction: "out", text: "hi\n" },
];

test("client left, server right, and in plain words what it means", () => {
  expect([...ladder(recorded, { width: 100, colours: "off" })].join("\n")).toMatchInlineSnapshot(`
    "                    client                                         server
       +0.000s files    │ listening on ftp://127.0.0.1:2121
       +0.250s files#1  ┌─ 127.0.0.1:50000 connects to ftp://127.0.0.1:2121
       +0.251s files#1  │ ◄──────────────────────────────────── 220 Ready. │  ready for a new user
       +0.260s files#1  │ RETR a\\u001b[2J.txt ───────────────────────────► │  download this file
       +0.261s files#1  │ ◄───────────────────────────────── 211-Features: │
               files#1  │                                      UTF8         │
               files#1  │                                     211 End       │  how things stand
       +0.262s files#1  │ download of /a: 1 byte
       +0.300s files#1  └─ closed (client): 1 byte in, 20 out
       +1.000s shell#1  │ ◄───────────────────────────────── IAC WILL ECHO │  the server offers, or agrees to do: who shows what is typed (RFC 857)
       +1.000s t#1      ┌─ 127.0.0.1:50000 connects to t with TLS
       +1.001s t#1      │ ◄──────────────────────────────── hi\\n (3 bytes) │"
  `);
});

test("colours only where they are wanted", () => {
  expect([...ladder(recorded, { width: 100, colours: "on" })].join("\n")).toContain("\u001b[36mfiles#1");
});

test("words for codes, verbs and options", () => {
  expect(codeWords(226)).toBe("the transfer is complete");
  expect(codeWords(599)).toBe("no, and not later either");
  expect(verbWords("SITE CHMOD")).toBe("something that only this server knows");
  expect(statusWords(404)).toBe("there is no such thing");
  expect(statusWords(418)).toBe("i'm a teapot");
  expect(negotiationWords("in", "DO SGA")).toBe(
    "the client asks the server for, or agrees to: both may speak at any time (RFC 858)",
  );
  expect(negotiationWords("in", "AYT")).toBe("are you there?");
  expect(negotiationWords("in", "SB 99 1 2")).toBe("the client tells details of: option 99");
});

test("what is no recording is refused, by its line", async () => {
  const reading = (content: string) => {
    const source = new PassThrough();
    source.end(content);
    return wholeRecording(source);
  };
  const head = '{"type":"recording","format":1,"at":1}\n';
  await expect(reading(`${head}{"seq":1}\n`)).rejects.toThrow("line 2: this is no line of a recording");
  const line = JSON.stringify(recorded[0]);
  expect(await reading(`${head}${line}\n${line.slice(0, 20)}`)).toEqual([recorded[0]]);
  await expect(reading(`${head}${line.slice(0, 20)}\n${line}`)).rejects.toThrow("line 2: this is no line");
  await expect(reading(line.slice(0, 20))).rejects.toThrow("line 1: this is no line");
  await expect(reading("hello\n")).rejects.toMatchObject({ code: "BAD_CONTENT" });
  await expect(reading("")).rejects.toThrow("is empty");
  expect(await reading(`${head}${line}\n\n{"type":"missing","lines":3}\n`)).toEqual([recorded[0]]);
  await expect(wholeRecording("/nowhere/at/all.ndjson")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a piped recording is read as it comes", async () => {
  const source = new PassThrough();
  const first = readRecording(source).next();
  source.write(`${JSON.stringify(recorded[0])}\n`);
  expect((await first).value).toEqual(recorded[0]);
  source.end();
  await text(source).catch(() => {});
});
