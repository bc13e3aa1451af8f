// Makes few files of many: Node takes a millisecond or two for each module that it loads, and there are two hundred. What the
// package offers stays where it is, what is loaded later (`import()`) stays apart, and packages stay outside.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const { bin, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const offered = [...Object.values(bin), ...Object.values(exports).map(({ default: file }) => file)];
const entries = [...offered.filter((file) => file?.endsWith(".js")), "dist/servers/telnet/client.js"];

const bundle = await rolldown({
  input: Object.fromEntries(
    entries.map((file) => [relative(dist, join(root, file)).replace(/\.js$/, ""), join(root, file)]),
  ),
  platform: "node",
  external: (name) => !/^[./]/.test(name),
});
const { output } = await bundle.write({
  dir: dist,
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name]-[hash].js",
});

const written = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (name.endsWith(".js") && !written.has(name)) rmSync(join(dist, name));
}
