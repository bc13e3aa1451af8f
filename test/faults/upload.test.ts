import { Readable } from "node:stream";
import { Client } from "basic-ftp";
import { expect, test } from "vitest";
import { ftp, startLab } from "../../index.ts";

test.each([
  { size: 5, afterBytes: 2 },
  { size: 2000, afterBytes: 512 },
  { size: 3_000_000, afterBytes: 700_000 },
])(
  "an upload of $size bytes that is reset after $afterBytes: told, answered, and the old file stays",
  async ({ size, afterBytes }) => {
    await using lab = await startLab({ files: ftp() }, { files: { "/a": "old" } });
    lab.faults.add({ when: { verb: "STOR" }, times: 1, fault: { kind: "reset", afterBytes } });
    const client = new Client();
    const { host, port } = lab.servers.files;
    await client.access({ host, port, user: "foo", password: "bar" });
    const transfer = lab.events.next("transfer");
    const reply = lab.events.next("reply", { code: 426 });
    await expect(client.uploadFrom(Readable.from(["x".repeat(size)]), "/a")).rejects.toThrow();
    expect(await transfer).toMatchObject({ path: "/a", bytes: afterBytes, complete: false });
    await reply;
    client.close();
    expect(await lab.store.text("/a")).toBe("old");
  },
);
