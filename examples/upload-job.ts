// A job as people write it: a nightly upload that must arrive. It goes up in pieces, goes on after the last one that
// arrived, takes its final name only when it is whole, and is read back. test/examples/upload-job.test.ts shows what it
// bears.
import { createHash } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { Client } from "basic-ftp";

export interface UploadOptions {
  readonly url: string;
  /** How often the job connects anew; default 5. */
  readonly attempts?: number;
  /** Bytes that are sent at once, and at most sent again; default 64 KiB. */
  readonly piece?: number;
  /** Milliseconds until a server that says nothing is given up; default 10,000. */
  readonly patience?: number;
}

/** Uploads a file. Resolves with the number of attempts it took, when the server has it whole. */
export async function upload(content: Buffer, path: string, options: UploadOptions): Promise<number> {
  const { attempts = 5 } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await attemptUpload(content, path, options);
      return attempt;
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}

async function attemptUpload(content: Buffer, path: string, options: UploadOptions): Promise<void> {
  const { hostname, port, username, password } = new URL(options.url);
  const { piece = 64 * 1024, patience = 10_000 } = options;
  const client = new Client(patience);
  try {
    await client.access({ host: hostname, port: Number(port), user: username, password });
    const partial = `${path}.part`;
    let arrived = await client.size(partial).catch(() => 0);
    if (arrived > content.length) arrived = 0;
    while (arrived < content.length) {
      const bytes = Readable.from([content.subarray(arrived, arrived + piece)]);
      await (arrived === 0 ? client.uploadFrom(bytes, partial) : client.appendFrom(bytes, partial));
      arrived = Math.min(arrived + piece, content.length);
    }
    const stored = createHash("sha256");
    await client.downloadTo(sink(stored), partial);
    if (stored.digest("hex") !== createHash("sha256").update(content).digest("hex")) {
      await client.remove(partial);
      throw new Error(`${path} arrived damaged`);
    }
    await client.rename(partial, path);
  } finally {
    client.close();
  }
}

function sink(hash: ReturnType<typeof createHash>): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      hash.update(chunk);
      done();
    },
  });
}
