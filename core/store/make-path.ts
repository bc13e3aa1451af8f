import { codeOf } from "../errors.ts";
import { parentOf } from "../path.ts";
import type { Store } from "./store.ts";

/** Makes a directory and those it lies in, as far as they are not there. */
export async function makePath(store: Pick<Store, "makeDirectory">, path: string): Promise<void> {
  if (path === "/") return;
  await makePath(store, parentOf(path));
  await store.makeDirectory(path).catch((error) => {
    if (codeOf(error) !== "EXISTS") throw error;
  });
}
