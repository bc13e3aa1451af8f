import { toNetwork } from "../ascii.ts";
import { FACTS, factsOf, parseTime, timeText } from "../facts.ts";
import type { Files } from "../files.ts";
import { multiline, printable, reply } from "../reply.ts";
import { contentOf } from "../transfer.ts";
import { interpreted, type MemberVerb, type VerbTable, wholePath } from "../verb.ts";

/** The largest file whose ASCII size is counted, in bytes: RFC 3659 §4 lets a server refuse what costs too much. */
const COUNTED = 8 * 1024 * 1024;

async function asciiSize(files: Files, path: string): Promise<number> {
  const reading = await files.store.read(path);
  try {
    let size = 0;
    for await (const chunk of toNetwork(contentOf(reading))) size += chunk.length;
    return size;
  } finally {
    await reading.close();
  }
}

/** RFC 3659 §3.1 and §4.1: what cannot be retrieved has neither time nor size. */
const DIRECTORY = reply(550, "Is a directory, which is not retrievable.");

/** What the verbs have in common whose argument is a path. */
const PATH = { syntax: "PATH", argument: "required", login: "required", pathIn: wholePath } as const;

/** A time, then a path: MFMT, and one form of SITE UTIME. */
const TIMED = /^(?<time>\d{12,14}(?:\.\d+)?) (?<path>.+)$/s;
/** A path, then the times of access, of modification and of creation: the other form of SITE UTIME. */
const THRICE_TIMED = /^(?<path>.+) \d{14} (?<time>\d{14}) \d{14} UTC$/s;
const MODED = /^(?<mode>[0-7]{3,4}) (?<path>.+)$/s;

const CWD = interpreted("CWD", PATH);
const CDUP = interpreted("CDUP", { argument: "none", login: "required" });
const PWD = interpreted("PWD", { argument: "none", login: "required", meanwhile: true });
const MKD = interpreted("MKD", PATH);
const REMOVE = interpreted("RMD", PATH);
const RMD: MemberVerb = {
  ...PATH,
  run: (session, path, files) =>
    files.seen(path) === "/" ? reply(550, "Can't remove root directory.") : REMOVE.run(session, path, files),
};

const MLST: MemberVerb = {
  syntax: "[PATH]",
  argument: "optional",
  login: "required",
  pathIn: wholePath,
  feature: ({ facts }) =>
    `MLST ${FACTS.map((fact) => `${fact}${facts.includes(fact) ? "*" : ""};`).join("")}`,
  async run({ facts }, path, files) {
    const entry = await files.entry(path);
    const line = ` ${factsOf(entry, facts, files)} ${files.seen(path)}`;
    return multiline(250, "Listing begins.", [line], "Listing ends.");
  },
};

/** Directories, and files as a whole (RFC 959 §4.1.3, RFC 3659 §3, §4 and §7). */
export const PATH_VERBS = {
  CWD,
  XCWD: CWD,
  CDUP,
  XCUP: CDUP,
  PWD,
  XPWD: PWD,
  MKD,
  XMKD: MKD,
  RMD,
  XRMD: RMD,
  DELE: interpreted("DELE", PATH),
  RNFR: {
    ...PATH,
    async run(session, path, files) {
      await files.entry(path, "f");
      if (files.seen(path) === "/") return reply(550, "Can't rename home directory.");
      session.renameFrom = files.at(path);
      return reply(350, "RNTO comes next.");
    },
  },
  RNTO: {
    ...PATH,
    async run(session, path, files) {
      const from = session.renameFrom;
      session.renameFrom = undefined;
      if (from === undefined) return reply(503, "RNFR comes first.");
      await files.store.rename(from, files.at(path));
      return reply(250, "Renamed.");
    },
  },
  SIZE: {
    ...PATH,
    feature: "SIZE",
    async run({ type: transferType }, path, files) {
      const { type, size } = await files.entry(path);
      if (type === "directory") return DIRECTORY;
      if (transferType === "I") return reply(213, `${size}`);
      if (size > COUNTED) return reply(550, "Too large to count its size in ASCII mode: send TYPE I first.");
      return reply(213, `${await asciiSize(files, files.at(path))}`);
    },
  },
  MDTM: {
    ...PATH,
    feature: "MDTM",
    async run(_session, path, files) {
      const { type, modified } = await files.entry(path);
      return type === "directory" ? DIRECTORY : reply(213, timeText(modified));
    },
  },
  MFMT: {
    syntax: "YYYYMMDDHHMMSS PATH",
    argument: "required",
    login: "required",
    feature: "MFMT",
    pathIn: (argument) => TIMED.exec(argument)?.groups?.path,
    async run(_session, argument, files) {
      const { time: text = "", path = "" } = TIMED.exec(argument)?.groups ?? {};
      const time = text.length < 14 ? undefined : parseTime(text);
      if (!time) return reply(501, "MFMT needs YYYYMMDDHHMMSS and a path.");
      await files.store.setModified(files.at(path), time);
      return reply(213, `Modify=${timeText(time)}; ${path}`);
    },
  },
  MLST,
  AVBL: {
    syntax: "[PATH]",
    argument: "optional",
    login: "required",
    pathIn: wholePath,
    feature: "AVBL",
    async run(_session, path, files) {
      await files.entry(path);
      const bytes = await files.available();
      return bytes === undefined
        ? reply(550, "The storage does not tell how much room there is.")
        : reply(213, `${bytes}`);
    },
  },
  "SITE CHMOD": {
    syntax: "MODE PATH",
    argument: "required",
    login: "required",
    pathIn: (argument) => MODED.exec(argument)?.groups?.path,
    async run(_session, argument, files) {
      const { mode, path = "" } = MODED.exec(argument)?.groups ?? {};
      if (mode === undefined) return reply(501, "SITE CHMOD needs an octal mode and a path.");
      await files.store.setMode(files.at(path), Number.parseInt(mode, 8));
      return reply(200, `The mode is ${printable(mode)} now.`);
    },
  },
  "SITE UTIME": {
    syntax: "YYYYMMDDHHMM[SS] PATH",
    argument: "required",
    login: "required",
    pathIn: (argument) => (THRICE_TIMED.exec(argument) ?? TIMED.exec(argument))?.groups?.path,
    async run(_session, argument, files) {
      const { time: text = "", path = "" } =
        (THRICE_TIMED.exec(argument) ?? TIMED.exec(argument))?.groups ?? {};
      const time = parseTime(text);
      if (!time) return reply(501, "SITE UTIME needs YYYYMMDDHHMM[SS] and a path.");
      await files.store.setModified(files.at(path), time);
      return reply(200, "The time is set.");
    },
  },
} satisfies VerbTable;
