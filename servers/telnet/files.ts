import { resolvePath } from "../../core/path.ts";
import type { Entry, Reading } from "../../core/store/store.ts";
import { lastWordIn } from "./completion.ts";
import type { ShellCommand, ShellSession } from "./shell.ts";

/** A look at the lab's files. */
export const FILE_COMMANDS: Readonly<Record<string, ShellCommand>> = {
  cat: {
    usage: "PATH",
    summary: "show a file",
    async run(argument, session) {
      const path = argument.trim();
      if (path === "") return "Usage: cat PATH";
      const reading = await session.store.read(resolvePath(path, session.directory));
      return content(reading, session.terminal.signal);
    },
    complete: (argument, session) => paths(argument, session),
  },
  cd: {
    usage: "[PATH]",
    summary: "go to another directory",
    async run(argument, session) {
      const path = resolvePath(argument.trim() || "/", session.directory);
      const { type } = await session.store.stat(path, "e");
      if (type === "file") return `cd: ${visible(path)}: not a directory.`;
      session.directory = path;
      return visible(path);
    },
    complete: async (argument, session) =>
      (await paths(argument, session)).filter((path) => path.endsWith("/")),
  },
  ls: {
    usage: "[PATH]",
    summary: "list files: size, UTC, name",
    async run(argument, { store, directory }) {
      // People who type -l or -la get what they want by that anyway.
      const path = resolvePath(argument.trim().replace(/^(?:-\w+(?:\s+|$))+/, ""), directory);
      const entry = await store.stat(path);
      const entries = entry.type === "directory" ? await store.list(path) : [entry];
      return entries.length === 0 ? `${visible(path)} is empty.` : entries.map(listed).join("\n");
    },
    complete: (argument, session) => paths(argument, session),
  },
  pwd: {
    summary: "tell in which directory you are",
    run: (_argument, { directory }) => visible(directory),
  },
};

/** What the path may become that is typed, as far as the account may see it: its last word, since Tab completes words. */
async function paths(argument: string, { store, directory }: ShellSession): Promise<string[]> {
  const typed = argument.trimStart();
  const above = typed.slice(0, typed.lastIndexOf("/") + 1);
  const begun = lastWordIn(typed);
  const entries = await store.list(resolvePath(above, directory));
  return (
    entries
      .map(({ name, type }) => `${above}${name}${type === "directory" ? "/" : ""}`)
      // A name with controls cannot be typed.
      .filter((path) => path.startsWith(typed) && visible(path) === path)
      .map((path) => path.slice(begun))
  );
}

function listed({ name, type, size, modified }: Entry): string {
  const directory = type === "directory";
  const when = modified.toISOString().slice(0, 16).replace("T", " ");
  return `${(directory ? "-" : String(size)).padStart(12)}  ${when}  ${visible(name)}${directory ? "/" : ""}`;
}

async function* content(reading: Reading, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  for await (const chunk of reading.stream()) {
    if (signal.aborted) break;
    const text = visible(decoder.decode(chunk, { stream: true }));
    if (text !== "") yield text;
  }
}

/**
 * The text without what a terminal would act on: others have written it. Controls are shown as `cat -v` shows them; line
 * ends and tabs stay.
 */
function visible(text: string): string {
  return text
    .replaceAll("\r", "")
    .replace(/[\0-\x08\x0b-\x1f]/g, (control) => `^${String.fromCharCode(control.charCodeAt(0) + 64)}`)
    .replaceAll("\x7f", "^?")
    .replace(/[\x80-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
