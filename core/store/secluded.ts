import { realpath } from "node:fs/promises";
import { sep } from "node:path";
import { WirelabError } from "../errors.ts";
import type { Service } from "../service.ts";
import type { Store } from "./store.ts";

/** Whether a real path of the disk is a folder, or lies in it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Folders of the disk, by their real paths, that are not there for clients. */
export class Secluded {
  readonly #folders: readonly string[];

  constructor(folders: readonly string[]) {
    this.#folders = folders.map(folded);
  }

  and(folders: readonly string[]): Secluded {
    return new Secluded([...this.#folders, ...folders]);
  }

  /** Whether a place is in one of them. */
  hides(place: string): boolean {
    return this.#folders.length > 0 && this.#folders.some((folder) => isInside(folded(place), folder));
  }

  /** Whether one of them would go along if that place were moved. */
  pins(place: string): boolean {
    return this.#folders.some((folder) => isInside(folder, folded(place)));
  }
}

/** Some disks do not tell capitals from small letters, or a letter with its accent from the two one after another. */
function folded(place: string): string {
  return place.normalize().toLowerCase();
}

/**
 * The store without the folders that services keep to themselves, where those lie in it.
 *
 * @throws WirelabError `BAD_OPTION` where clients could change what a service runs all the same.
 */
export async function secluded(store: Store, services: Readonly<Record<string, Service>>): Promise<Store> {
  const { folder: root } = store;
  if (root === undefined) return store;
  const hidden: string[] = [];
  for (const [name, { secludes = [] }] of Object.entries(services)) {
    for (const given of secludes) {
      // The service itself says that there is no such folder.
      const folder = await realpath(given).catch(() => undefined);
      if (folder === undefined) continue;
      if (isInside(root, folder) || (isInside(folder, root) && !store.without)) {
        throw new WirelabError(
          "BAD_OPTION",
          `${name} runs what is in ${given}, and the lab's files are in it, or it in them: whoever can upload could run programs. Give it a folder of its own.`,
        );
      }
      if (isInside(folder, root)) hidden.push(folder);
    }
  }
  return hidden.length === 0 ? store : (store.without?.(hidden) ?? store);
}
