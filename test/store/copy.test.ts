import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Copied, http, startLab } from "../../index.ts";

/** A folder of two files and an empty directory. */
function folder(): string {
  const root = mkdtempSync(join(tmpdir(), "lab-"));
  mkdirSync(join(root, "in/deep"), { recursive: true });
  mkdirSync(join(root, "empty"));
  writeFileSync(join(root, "index.html"), "from disk");
  writeFileSync(join(root, "in/deep/a.bin"), Buffer.from([0, 1, 2]), { mode: 0o640 });
  utimesSync(join(root, "in/deep/a.bin"), 1000, 1000);
  utimesSync(join(root, "in"), 2000, 2000);
  return root;
}

describe("a lab that begins with a copy of a folder", () => {
  test("has its files, modes and times; a reset goes back to them; the folder is left alone", async () => {
    const root = folder();
    await using lab = await startLab({ web: http() }, { copy: root });
    expect(await (await fetch(lab.servers.web.url)).text()).toBe("from disk");
    expect((await lab.store.list("/")).map(({ path }) => path)).toEqual(["/empty", "/in", "/index.html"]);
    expect(await lab.store.stat("/in/deep/a.bin")).toMatchObject({
      size: 3,
      mode: 0o640,
      modified: new Date(1_000_000),
    });
    expect((await lab.store.stat("/in")).modified).toEqual(new Date(2_000_000));
    await lab.store.remove("/index.html");
    await lab.store.rename("/in", "/out");
    expect(readdirSync(root).sort()).toEqual(["empty", "in", "index.html"]);
    await lab.reset();
    expect(await lab.store.text("/index.html")).toBe("from disk");
    expect(await lab.store.stat("/in/deep/a.bin")).toMatchObject({ size: 3, mode: 0o640 });
    writeFileSync(join(root, "index.html"), "changed on disk");
    expect(await lab.store.text("/index.html")).toBe("from disk");
    expect(lab.store.folder).toBeUndefined();
  });

  test("follows symlinks that stay inside, once, and no others", async () => {
    const root = folder();
    const outside = folder();
    symlinkSync("in/deep", join(root, "shortcut"));
    symlinkSync(".", join(root, "in/again"));
    symlinkSync("../..", join(root, "in/deep/up"));
    symlinkSync(outside, join(root, "out"));
    symlinkSync(join(outside, "index.html"), join(root, "theirs.html"));
    await using lab = await startLab({}, { copy: root });
    const { entries } = await lab.store.snapshot();
    const paths = [...entries.keys()];
    expect(paths.filter((path) => /out|theirs/.test(path))).toEqual([]);
    expect(paths).toContain("/shortcut/a.bin");
    expect(paths.filter((path) => /again|up/.test(path))).toEqual([]);
  });

  test("tells how far it is", async () => {
    const told: Copied[] = [];
    await using _ = await startLab({}, { copy: { folder: folder(), progress: (sofar) => told.push(sofar) } });
    expect(told.at(-1)).toEqual({ files: 2, bytes: 12 });
  });

  test("leaves out the programs that a server runs", async () => {
    const root = folder();
    mkdirSync(join(root, "cgi-bin"));
    writeFileSync(join(root, "cgi-bin/run"), "#!/bin/sh\n", { mode: 0o755 });
    await using lab = await startLab({ web: http({ cgi: join(root, "cgi-bin") }) }, { copy: root });
    await expect(lab.store.stat("/cgi-bin")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is refused where it does not fit, is no folder, or there are other files", async () => {
    const root = folder();
    const large = join(root, "large.iso");
    writeFileSync(large, "");
    // Two gigabytes of holes.
    truncateSync(large, 2 * 1024 ** 3);
    await expect(startLab({}, { copy: root })).rejects.toMatchObject({
      code: "QUOTA",
      message: expect.stringMatching(
        /^\/.* does not fit into memory: \/large\.iso: it has 2147483648 bytes, and there is room for \d+\.$/,
      ),
    });
    await expect(startLab({}, { copy: "/no/such/folder" })).rejects.toMatchObject({ code: "BAD_OPTION" });
    await expect(startLab({}, { copy: root, files: {} })).rejects.toMatchObject({
      code: "BAD_OPTION",
      message: "Give one of files and copy, not both.",
    });
    expect(existsSync(large)).toBe(true);
    expect(readFileSync(join(root, "index.html"), "utf8")).toBe("from disk");
  });
});
