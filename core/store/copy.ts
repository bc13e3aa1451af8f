import { pipeline } from "node:stream/promises";
import { codeOf, messageOf, WirelabError } from "../errors.ts";
import { makePath } from "./make-path.ts";
import { refusal } from "./refusal.ts";
import type { Entry, Store } from "./store.ts";

/** A folder that a lab's files are copied from. */
export interface CopyOptions {
  readonly folder: string;
  /** Is told after each file how much has been copied. Default: nobody. */
  readonly progress?: (sofar: Copied) => void;
}

/** How much has been copied. */
export interface Copied {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Copies all files and directories of one store into another that is empty, with their modes and times.
 *
 * @param folder what the source is called in errors.
 * @throws WirelabError `QUOTA` where they do not fit, and what else the stores say.
 */
export async function copyStore(from: Store, to: Store, { folder, progress }: CopyOptions): Promise<void> {
  let files = 0;
  let bytes = 0;
  const copyFile = async ({ path, size, mode, modified }: Entry): Promise<void> => {
    // Before a large one is read in vain.
    const room = await to.available?.();
    if (room !== undefined && size > room)
      throw refusal("QUOTA", path, { why: `it has ${size} bytes, and there is room for ${room}` });
    const reading = await from.read(path);
    await pipeline(reading.stream(), await to.write(path));
    await keep(path, mode, modified);
    files += 1;
    bytes += reading.entry.size;
    progress?.({ files, bytes });
  };
  const keep = async (path: string, mode: number, modified: Date): Promise<void> => {
    await to.setMode(path, mode);
    await to.setModified(path, modified);
  };
  /** @param above the directories that it lies in: a symlink can lead back to one of them. */
  const copyDirectory = async (path: string, above: readonly (string | undefined)[]): Promise<void> => {
    for (const entry of await from.list(path)) {
      if (entry.type === "file") await copyFile(entry);
      else if (!above.includes(entry.unique)) {
        await makePath(to, entry.path);
        await copyDirectory(entry.path, [...above, entry.unique]);
        // Times last: what is made in a directory touches it.
        await keep(entry.path, entry.mode, entry.modified);
      }
    }
  };
  try {
    await copyDirectory("/", [(await from.stat("/")).unique]);
  } catch (error) {
    const code = error instanceof WirelabError ? error.code : "IO";
    const what = codeOf(error) === "QUOTA" ? "does not fit into memory" : "cannot be copied";
    throw new WirelabError(code, `${folder} ${what}: ${messageOf(error)}`, { cause: error });
  }
}
