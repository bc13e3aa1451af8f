// TYPE A: lines end with CR LF on the network and with LF in the store (RFC 959 §3.1.1.1).

const LF = 0x0a;
const CR = 0x0d;

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Puts a CR before every LF that has none. */
export async function* toNetwork(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  let last = 0;
  for await (const chunk of chunks) {
    const converted = Buffer.allocUnsafe(chunk.length * 2);
    let length = 0;
    for (const byte of chunk) {
      if (byte === LF && last !== CR) {
        converted[length] = CR;
        length += 1;
      }
      converted[length] = byte;
      length += 1;
      last = byte;
    }
    yield converted.subarray(0, length);
  }
}

/** Takes away the CR of every CR LF, wherever the chunks part them; other CRs stay. */
export async function* toLocal(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  let held = false;
  for await (const chunk of chunks) {
    const converted = Buffer.allocUnsafe(chunk.length + 1);
    let length = 0;
    for (const byte of chunk) {
      if (held && byte !== LF) {
        converted[length] = CR;
        length += 1;
      }
      held = byte === CR;
      if (held) continue;
      converted[length] = byte;
      length += 1;
    }
    yield converted.subarray(0, length);
  }
  if (held) yield Buffer.of(CR);
}
