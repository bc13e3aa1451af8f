import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type Rule, startLab, type WebSocketOptions, websocket } from "../../index.ts";

// A client that frames by itself (RFC 6455 §5.2), so that it can say what no library would.

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type Opcode = keyof typeof OPCODES;

/** What is unusual in a frame. */
export interface Oddities {
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits, the first one is 4. Default 0. */
  readonly rsv?: number;
  /** Default: masked, as clients do. */
  readonly masked?: boolean;
  /** The length as it is told. Default: what the payload has. */
  readonly length?: number | bigint;
}

/** One frame as bytes. */
export function frame(
  opcode: Opcode | number,
  payload: string | Uint8Array = "",
  odd: Oddities = {},
): Buffer {
  const { fin = true, rsv = 0, masked = true } = odd;
  const data = Buffer.from(payload);
  const length = Number(odd.length ?? data.length);
  const code = typeof opcode === "number" ? opcode : OPCODES[opcode];
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | code;
  head[1] = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(odd.length ?? data.length), 2);
  if (!masked) return Buffer.concat([head, data]);
  const mask = randomBytes(4);
  for (let at = 0; at < data.length; at += 1) data[at]! ^= mask[at % 4]!;
  return Buffer.concat([head, mask, data]);
}

/** A message in frames of so many bytes. */
export function fragments(opcode: "text" | "binary", payload: string | Uint8Array, size: number): Buffer[] {
  const data = Buffer.from(payload);
  const pieces: Buffer[] = [];
  for (let at = 0; at < data.length || at === 0; at += size) {
    const fin = at + size >= data.length;
    pieces.push(frame(at === 0 ? opcode : "continuation", data.subarray(at, at + size), { fin }));
  }
  return pieces;
}

/** A close frame's payload. */
export function closing(code: number, reason: string | Uint8Array = ""): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** What the server has said: a frame, or that it has ended the connection. */
export interface Heard {
  readonly kind: Opcode | "end" | "reset";
  readonly data: Buffer;
  readonly fin: boolean;
  /** The reserved bits: 4 where a message is deflated. */
  readonly rsv: number;
}

export const HANDSHAKE: Readonly<Record<string, string>> = {
  Host: "127.0.0.1",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

/** An opening handshake; an empty text takes a header away. */
export function opening(path = "/", headers: Readonly<Record<string, string>> = {}, line = "GET"): string {
  const fields = Object.entries({ ...HANDSHAKE, ...headers }).filter(([, value]) => value !== "");
  return `${line} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

const KINDS: ReadonlyMap<number, Opcode> = new Map(
  Object.entries(OPCODES).map(([kind, code]) => [code, kind as Opcode] as const),
);

/** What was heard, in words: `text hello`, `close 1000 bye`, `end`. */
function wordsOf({ kind, data }: Heard): string {
  const text =
    kind === "close" && data.length > 1
      ? `${data.readUInt16BE()} ${data.toString("utf8", 2)}`
      : data.length > 100
        ? `(${data.length} bytes)`
        : `${data}`;
  return `${kind} ${text}`.trimEnd();
}

/** A client that shakes hands, and from then on sends and hears bytes. */
export class RawClient {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #held = 0;
  #end: "end" | "reset" | undefined;
  #wake = () => {};

  /** @param greeting what is sent as soon as it is connected. Default nothing. */
  constructor({ host, port }: { readonly host: string; readonly port: number }, greeting?: string) {
    this.socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    if (greeting !== undefined) this.socket.write(Buffer.from(greeting, "latin1"));
    this.socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      this.#wake();
    });
    for (const [event, how] of [
      ["end", "end"],
      ["error", "reset"],
      ["close", "end"],
    ] as const) {
      this.socket.on(event, () => {
        this.#end ??= how;
        this.#wake();
      });
    }
  }

  /** Has shaken hands. */
  static async open(
    target: { readonly host: string; readonly port: number },
    path = "/",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawClient & { readonly response: string }> {
    const client = new RawClient(target, opening(path, headers));
    const response = await client.head();
    if (!response.startsWith("HTTP/1.1 101 ")) {
      client.socket.destroy();
      throw new Error(response);
    }
    return Object.assign(client, { response });
  }

  /** A response's head, with its empty line. */
  async head(): Promise<string> {
    for (;;) {
      const end = this.#first(this.#held).indexOf("\r\n\r\n");
      if (end >= 0) return this.#take(end + 4).toString("latin1");
      if (this.#end) throw new Error(`No response, but ${JSON.stringify(`${this.#first(this.#held)}`)}`);
      await this.#more();
    }
  }

  /** So many bytes that are no frame. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#held < count && !this.#end) await this.#more();
    return this.#take(Math.min(count, this.#held));
  }

  send(...parts: readonly Uint8Array[]): this {
    this.socket.write(Buffer.concat(parts));
    return this;
  }

  /** Sends bytes in pieces of so many, each in a segment of its own. */
  async chop(bytes: Uint8Array, size: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      this.socket.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next frame, or how it ended. */
  async next(): Promise<Heard> {
    for (;;) {
      const heard = this.#frame();
      if (heard) return heard;
      if (this.#end) return { kind: this.#end, data: Buffer.alloc(0), fin: true, rsv: 0 };
      await this.#more();
    }
  }

  /** The next frame in words. */
  async words(): Promise<string> {
    return wordsOf(await this.next());
  }

  /** All that comes until the end, in words; then our side is ended too. */
  async rest(): Promise<string[]> {
    const all: string[] = [];
    for (;;) {
      const heard = await this.next();
      all.push(wordsOf(heard));
      if (heard.kind === "end" || heard.kind === "reset") break;
    }
    this.socket.end();
    return all;
  }

  /** All bytes that come until the end; then our side is ended too. */
  async text(): Promise<string> {
    while (!this.#end) await this.#more();
    this.socket.end();
    return this.#take(this.#held).toString("latin1");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #frame(): Heard | undefined {
    if (this.#held < 2) return undefined;
    const [first = 0, second = 0] = this.#first(2);
    if (second & 0x80) throw new Error("A server does not mask its frames.");
    const short = second & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (this.#held < head) return undefined;
    const bytes = this.#first(head);
    const length =
      short < 126 ? short : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (this.#held < head + length) return undefined;
    const data = this.#take(head + length).subarray(head);
    const kind = KINDS.get(first & 15);
    if (!kind) throw new Error(`There is no opcode ${first & 15}.`);
    return { kind, data, fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7 };
  }

  /** A piece with at least so many bytes. */
  #first(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= bytes) return first;
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  #take(bytes: number): Buffer {
    const all = this.#first(bytes);
    this.#chunks[0] = all.subarray(bytes);
    this.#held -= bytes;
    return all.subarray(0, bytes);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A lab of one server, and a client that has shaken hands with it. */
export async function talking(
  options: WebSocketOptions = {},
  path = "/",
  headers: Readonly<Record<string, string>> = {},
  faults: readonly Rule[] = [],
) {
  const lab = await startLab({ live: websocket(options) }, { faults });
  const client = await RawClient.open(lab.servers.live, path, headers);
  return {
    lab,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await lab.stop({ grace: 0 });
    },
  };
}
