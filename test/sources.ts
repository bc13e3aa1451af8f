import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** The project's folder. */
export const root = dirname(import.meta.dirname);

/** The files below a folder of the project whose names end so, as paths from the project's folder. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name).replaceAll("\\", "/"));
}
