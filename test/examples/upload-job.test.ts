import { describe, expect, test } from "vitest";
import { upload } from "../../examples/upload-job.ts";
import { ftp, type Rule, startLab } from "../../index.ts";

const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));

/** Runs the job against a server that behaves as the rules have it; tells what it took, and what the server has. */
async function job(...rules: Rule[]) {
  await using lab = await startLab({ files: ftp() }, { files: { "/in/.keep": "" }, faults: rules });
  const { host, port } = lab.servers.files;
  const url = `ftp://foo:bar@${host}:${port}`;
  const attempts = await upload(content, "/in/report.csv", { url, patience: 500 });
  const stored = await lab.store.read("/in/report.csv");
  expect(Buffer.from(stored.bytes ?? []).equals(content)).toBe(true);
  expect((await lab.store.list("/in")).map(({ name }) => name)).toEqual([".keep", "report.csv"]);
  expect(lab.faults.unused()).toEqual([]);
  return { attempts, verbs: lab.transcript.of("files").verbs() };
}

describe("the upload job arrives", () => {
  test("when nothing goes wrong", async () => {
    expect((await job()).attempts).toBe(1);
  });

  test("when a piece is torn: it goes on after the last one that arrived", async () => {
    const when = { verb: "APPE", target: "/in/*" };
    const { attempts, verbs } = await job({
      when,
      skip: 1,
      times: 1,
      fault: { kind: "reset", afterBytes: 512 },
    });
    expect(attempts).toBe(2);
    // 200,000 bytes are four pieces: STOR and three APPE. The second APPE is torn, and it alone is sent again.
    expect(verbs.filter((verb) => verb === "STOR" || verb === "APPE")).toEqual([
      "STOR",
      "APPE",
      "APPE",
      "APPE",
      "APPE",
    ]);
  });

  test("when the server has no room for a while", async () => {
    const full = { kind: "reply", with: { code: 452, text: "Insufficient storage" } } as const;
    expect((await job({ when: { verb: "STOR" }, times: 2, fault: full })).attempts).toBe(3);
  });

  test("when a passive port is announced and never served", async () => {
    expect((await job({ when: { verb: "EPSV" }, times: 1, fault: { kind: "stall" } })).attempts).toBe(2);
  });

  test("when 226 never comes", async () => {
    const { attempts } = await job({
      when: { verb: "STOR", code: 226 },
      times: 1,
      fault: { kind: "reply", with: "drop" },
    });
    expect(attempts).toBe(2);
  });

  test("when a bit flips on the way", async () => {
    const flip = { change: (bytes: Buffer) => bytes.fill(0xff, 0, 1) };
    const shape = { kind: "shape", shaper: flip, direction: "in" } as const;
    expect((await job({ when: { verb: "STOR" }, times: 1, fault: shape })).attempts).toBe(2);
  });

  test("when the server is away", async () => {
    expect(
      (await job({ when: { server: "files", on: "control" }, times: 2, fault: { kind: "refuse" } })).attempts,
    ).toBe(3);
  });
});

test("the job gives up after its attempts", async () => {
  await using lab = await startLab({ files: ftp() }, { faults: [{ fault: { kind: "refuse" } }] });
  const { host, port } = lab.servers.files;
  await expect(upload(content, "/x", { url: `ftp://foo:bar@${host}:${port}`, attempts: 2 })).rejects.toThrow(
    /ECONNRESET/,
  );
});
