import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { answersIn, ask, FOO, heard, open, request, say, sayAndWait } from "./dialogue.ts";

const HOST = "Host: a\r\n";

/** What is refused, with which status. The connection ends behind each. */
const REFUSED: readonly (readonly [string, string, number])[] = [
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  ["two Hosts, one hidden by its case", `GET / HTTP/1.1\r\n${HOST}hOsT: b\r\n\r\n`, 400],
  ["a Host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a Host with a broken escape", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", 400],
  ["a Host that is a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400],
  ["a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400],
  ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
  ["a folded header", `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
  ["a header without a name", `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`, 400],
  ["a header without a colon", `GET / HTTP/1.1\r\n${HOST}X\r\n\r\n`, 400],
  ["a NUL in a header", `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400],
  ["a CR in a header", `GET / HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`, 400],
  ["bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400],
  ["two lengths", `PUT /x HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ["a list of lengths", `PUT /x HTTP/1.1\r\n${HOST}Content-Length: 3, 4\r\n\r\nabcd`, 400],
  ["a negative length", `PUT /x HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400],
  ["a length with a sign", `PUT /x HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`, 400],
  ["a huge length", `PUT /x HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999999\r\n\r\n`, 400],
  [
    "a length and chunks",
    `PUT /x HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "an unknown coding inside of chunks",
    `PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    501,
  ],
  [
    "an unknown coding in a field of its own",
    `PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`,
    501,
  ],
  ["no coding at all", `PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n\r\n`, 400],
  ["an unknown coding", `PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`, 400],
  ["chunked not last", `PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`, 400],
  ["chunks in HTTP/1.0", "PUT /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
  ["no request at all", "hello there\r\n\r\n", 400],
  ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["an SSH greeting", "SSH-2.0-OpenSSH_9.2\r\n", 400],
  ["tabs for spaces", `GET\t/\tHTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a space in the target", `GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a control character in the target", `GET /a\x01b HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a target without a slash", `GET index.html HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["* for another method", `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["another scheme", `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["an authority that is none", `GET http://[::1/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["an unknown expectation", `GET / HTTP/1.1\r\n${HOST}Expect: tea\r\n\r\n`, 417],
  ["a long target", `GET /${"a".repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ["a long header", `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(20_000)}\r\n\r\n`, 431],
  ["many headers", `GET / HTTP/1.1\r\n${HOST}${"X: a\r\n".repeat(10_000)}\r\n`, 431],
  ["an unknown method", `FOO / HTTP/1.1\r\n${HOST}\r\n`, 501],
  ["a very long method", `${"A".repeat(9000)} / HTTP/1.1\r\n${HOST}\r\n`, 501],
  ["a proxy's method", `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`, 501],
  ["HTTP/2.0", `GET / HTTP/2.0\r\n${HOST}\r\n`, 505],
  ["HTTP/1.2", `GET / HTTP/1.2\r\n${HOST}\r\n`, 505],
  ["HTTP/0.9", "GET /\r\n\r\n", 505],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
];

for (const [what, bytes, status] of REFUSED) {
  test(`${what} is refused with ${status} and a reason, and the connection ends`, async () => {
    await using lab = await startLab({ web: http() });
    const { web } = lab.servers;
    const answers = answersIn(await sayAndWait(web, bytes));
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ status, headers: { connection: "close" } });
    expect(answers[0]?.body).toMatch(new RegExp(`^${status} .+\\n.{1,200}\\n$`));
    expect((await ask(web, "GET /")).body).toBe("Hello, world!");
  });
}

test("what is odd but allowed is served", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  for (const bytes of [
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nhost:a:80\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    "GET http://elsewhere:8080 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET HTTP://elsewhere/?q=1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /index.html#fragment HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
    "GET / HTTP/1.1\r\nHost: a\r\nX:\t  spaced \t\r\n\r\n",
  ]) {
    const [answer] = answersIn(await say(web, bytes));
    expect([bytes, answer?.status, answer?.body]).toEqual([bytes, 200, "Hello, world!"]);
  }
});

test("the host of a whole URL counts, and not the Host header beside it", async () => {
  await using lab = await startLab({ web: http() });
  const text = "GET http://u:p@elsewhere:81/_/echo HTTP/1.1\r\nHost: a\r\n\r\n";
  const [answer] = answersIn(await say(lab.servers.web, text));
  expect(JSON.parse(answer?.body ?? "")).toMatchObject({ url: "/_/echo", headers: { host: "elsewhere:81" } });
});

test("garbage behind a request is refused behind its answer", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  const good = request("GET /");
  const answers = answersIn(await sayAndWait(web, `${good}${good}GARBAGE\r\n\r\n`));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 400]);
  const length = { ...FOO, "Transfer-Encoding": "chunked" };
  const broken = answersIn(await sayAndWait(web, `${good}${request("PUT /x", length)}zz\r\n${good}`));
  expect(broken.map(({ status }) => status)).toEqual([200, 400]);
  expect((await ask(web, "GET /x")).status).toBe(404);
});

test("a request split at any byte is understood", async () => {
  await using lab = await startLab({ web: http() });
  const socket = await open(lab.servers.web);
  const answer = heard(socket);
  for (const character of request("PUT /x", FOO, "body") + request("GET /x", { Connection: "close" })) {
    await new Promise<void>((resolve) => socket.write(character, () => resolve()));
  }
  expect(answersIn(await answer).map(({ status, body }) => [status, body])).toEqual([
    [201, ""],
    [200, "body"],
  ]);
});

test("bytes at random end in a refusal, and harm nobody", async () => {
  await using lab = await startLab({ web: http() });
  const { web } = lab.servers;
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed;
  };
  const words = [
    "GET",
    "PUT",
    " ",
    "/",
    "x",
    "HTTP/1.1",
    "\r\n",
    "Host: a",
    "Content-Length: ",
    "5",
    "\0",
    "\xff",
    "%",
    ":",
  ];
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      const noise = Array.from({ length: 40 }, () => words[random() % words.length]).join("");
      const text = await say(web, noise);
      for (const { status } of text === "" ? [] : answersIn(text)) expect(status).toBeGreaterThanOrEqual(400);
    }),
  );
  expect((await ask(web, "GET /")).body).toBe("Hello, world!");
  await lab.stop();
  expect(lab.transcript.toString()).not.toMatch(/ error /);
});

test("refusals are told to observers like other replies", async () => {
  await using lab = await startLab({ web: http() });
  const reply = lab.events.next("reply");
  await say(lab.servers.web, "GARBAGE\r\n\r\n");
  expect(await reply).toMatchObject({ code: 400, text: "Bad Request" });
});
