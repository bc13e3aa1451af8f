import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The temporary folders of all tests, and of the programs that they run, are in one that goes with the run. */
export default function scratch(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "lab-"));
  // As /tmp itself: some tests act as another user.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
