import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";
import { frame, type Heard, type RawClient } from "./dialogue.ts";

/** What every deflated message ends with, and is sent without (RFC 7692 §7.2.1). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** What was agreed on (RFC 7692 §7.1). */
export interface Agreement {
  readonly serverTakeover: "kept" | "none";
  readonly clientTakeover: "kept" | "none";
  readonly serverWindow: number;
  readonly clientWindow: number;
}

/** Reads it from the response to a handshake; undefined where nothing was agreed on. */
export function agreementIn(response: string): Agreement | undefined {
  const [, parameters] = /\r\nSec-WebSocket-Extensions: permessage-deflate(.*)\r\n/.exec(response) ?? [];
  if (parameters === undefined) return undefined;
  const takeover = (name: string) => (parameters.includes(`${name}_no_context_takeover`) ? "none" : "kept");
  const window = (name: string) =>
    Number(new RegExp(`${name}_max_window_bits=(\\d+)`).exec(parameters)?.[1] ?? 15);
  return {
    serverTakeover: takeover("server"),
    clientTakeover: takeover("client"),
    serverWindow: window("server"),
    clientWindow: window("client"),
  };
}

/** Deflates and inflates as the client's side of an agreement. */
export class Deflation {
  readonly #agreement: Agreement;
  #deflate: DeflateRaw | undefined;
  #inflate: InflateRaw | undefined;

  constructor(agreement: Agreement) {
    this.#agreement = agreement;
  }

  /** Sends a message in frames of so many bytes. */
  async send(
    client: RawClient,
    kind: "text" | "binary",
    message: Buffer,
    size = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const { clientTakeover, clientWindow } = this.#agreement;
    this.#deflate ??= createDeflateRaw({ windowBits: clientWindow });
    const bytes = (await through(this.#deflate, message)).subarray(0, -TAIL.length);
    if (clientTakeover === "none") this.#deflate = undefined;
    for (let at = 0; at < bytes.length || at === 0; at += size) {
      const fin = at + size >= bytes.length;
      const piece = bytes.subarray(at, at + size);
      client.send(at === 0 ? frame(kind, piece, { fin, rsv: 4 }) : frame("continuation", piece, { fin }));
    }
  }

  /** The message that a frame is. */
  async read({ rsv, fin, data }: Heard): Promise<Buffer> {
    if (!fin) throw new Error("The server sends whole messages.");
    if (rsv === 0) return data;
    const { serverTakeover, serverWindow } = this.#agreement;
    this.#inflate ??= createInflateRaw({ windowBits: serverWindow });
    const message = await through(this.#inflate, Buffer.concat([data, TAIL]));
    if (serverTakeover === "none") this.#inflate = undefined;
    return message;
  }
}

/** What comes out for what goes in, flushed. */
async function through(stream: DeflateRaw | InflateRaw, bytes: Buffer): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const collect = (piece: Buffer) => pieces.push(piece);
  stream.on("data", collect);
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.write(bytes);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off("error", reject);
      resolve();
    });
  });
  stream.off("data", collect);
  return Buffer.concat(pieces);
}
