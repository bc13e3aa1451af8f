import { Readable } from "node:stream";
import { type Clock, daytime } from "../../core/clock.ts";
import type { Reply } from "../../core/events/events.ts";
import type { Connection } from "../../core/service.ts";
import { FrameReader, MAX_FRAME } from "./frames.ts";
import type { TcpBehaviour } from "./index.ts";

/** How much of a request's head is waited for, in bytes. */
const MAX_HEAD = 16 * 1024;

export const BEHAVIOURS: Readonly<Record<TcpBehaviour, (connection: Connection, clock: Clock) => void>> = {
  hello: (connection) => afterFirstBytes(connection, () => say(connection, "Hello, world!")),
  client: (connection) => afterFirstBytes(connection, () => say(connection, "Hello, client!")),
  greet: (connection) => {
    void say(connection, "Hello, world!");
  },
  http: (connection) =>
    afterHead(connection, (head) =>
      say(
        connection,
        head === "complete" ? response("200 OK", "Hello, world!") : response("400 Bad Request", REFUSAL),
      ),
    ),
  echo: ({ stream }) => {
    stream.pipe(stream);
  },
  discard,
  daytime: (connection, clock) => {
    void say(connection, `${daytime(clock.now())}\r\n`);
  },
  chargen: (connection) => {
    discard(connection);
    Readable.from(patterns()).pipe(connection.stream);
  },
  framed: (connection) => {
    const frames = new FrameReader();
    connection.stream.on("data", (chunk: Buffer) => {
      const room = frames.push(chunk, (frame) => connection.stream.write(frame));
      if (room === "too long") {
        connection.emit({
          type: "error",
          code: "FRAME_TOO_LONG",
          message: `A frame has ${MAX_FRAME} bytes at most.`,
        });
        connection.end();
      } else if (connection.stream.writableNeedDrain) {
        connection.stream.pause();
        connection.stream.once("drain", () => connection.stream.resume());
      }
    });
    connection.stream.once("end", () => connection.end("client"));
  },
};

function discard(connection: Connection): void {
  connection.stream.resume();
  connection.stream.once("end", () => connection.end("client"));
}

/** The 95 printable characters of ASCII, 72 in a line, each line one further on (RFC 864). */
function* patterns(): Generator<string> {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
  for (let first = 0; ; first = (first + 1) % 95)
    yield `${(printable + printable).slice(first, first + 72)}\r\n`;
}

const REFUSAL = "That is no complete HTTP request.";

function response(status: string, body: string): string {
  return [
    `HTTP/1.1 ${status}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** Sends the one reply there is, and closes. */
async function say(connection: Connection, text: string): Promise<void> {
  const began = performance.now();
  const reply: Reply | undefined = await connection.amend({ text });
  if (!reply) return;
  connection.stream.write(reply.text);
  if (connection.observed) {
    connection.emit({ type: "reply", text: reply.text, ms: performance.now() - began });
  }
  connection.end();
}

/** Goes on at the first bytes; a client that ends without sending any gets its answer too. */
function afterFirstBytes({ stream }: Connection, go: () => void): void {
  const first = () => {
    stream.off("data", first);
    stream.off("end", first);
    go();
  };
  stream.on("data", first);
  stream.on("end", first);
}

/** Goes on at the empty line that ends a request's head, or where there will be none. */
function afterHead({ stream }: Connection, go: (head: "complete" | "broken") => void): void {
  let head = "";
  const settle = (outcome: "complete" | "broken") => {
    stream.off("data", more);
    stream.off("end", ended);
    go(outcome);
  };
  const more = (chunk: Buffer) => {
    head += chunk.toString("latin1");
    if (/\r?\n\r?\n/.test(head)) settle("complete");
    else if (head.length > MAX_HEAD) settle("broken");
  };
  const ended = () => settle("broken");
  stream.on("data", more);
  stream.on("end", ended);
}
