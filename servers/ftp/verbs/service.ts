import { randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { codeOf } from "../../../core/errors.ts";
import { nameOf } from "../../../core/path.ts";
import type { WriteOptions } from "../../../core/store/store.ts";
import { toNetwork } from "../ascii.ts";
import { encoded, insteadOfNone } from "../dialect.ts";
import { factsOf } from "../facts.ts";
import type { Files } from "../files.ts";
import { lineOf } from "../formats.ts";
import { listed, listingLines, withoutFlags } from "../listing.ts";
import { type FtpReply, multiline, printable, reply } from "../reply.ts";
import type { Session } from "../session.ts";
import { contentFor, contentOf, pieces, receive, type Stake, send } from "../transfer.ts";
import { type VerbTable, wholePath } from "../verb.ts";

const MODE_NAME = { A: "ASCII", I: "BINARY" } as const;

/** RFC 1123 §4.1.3.4 gives this reply to a restart that cannot be made. */
const BAD_RESTART = reply(554, "The transfer cannot begin there: see REST.");

async function retrieve(session: Session, argument: string, files: Files): Promise<FtpReply> {
  const { restart, type, mode, level } = session;
  const path = files.at(argument);
  const reading = await files.store.read(path);
  const { size } = reading.entry;
  if (restart > size || (restart > 0 && type === "A")) {
    await reading.close();
    return BAD_RESTART;
  }
  const bytes = type === "I" ? ` (${size} bytes)` : "";
  return session.transfer({
    direction: "out",
    path,
    opening: `Opening ${MODE_NAME[type]} mode data connection for ${nameOf(path)}${bytes}.`,
    done: "Transfer complete.",
    release: () => reading.close(),
    async move(data, transfer) {
      try {
        const range = { start: restart };
        const content =
          type === "I" && mode === "S"
            ? contentFor(data, reading, range)
            : type === "I"
              ? contentOf(reading, range)
              : toNetwork(contentOf(reading, range));
        await send(content, data, transfer, { mode, level });
      } finally {
        await reading.close();
      }
    },
  });
}

interface Storing {
  readonly path: string;
  readonly options?: WriteOptions;
  readonly opening?: string;
  readonly done?: string;
}

async function store(
  session: Session,
  files: Files,
  { path, options = {}, ...texts }: Storing,
): Promise<FtpReply> {
  const { restart, type, mode } = session;
  const old = restart > 0 ? (await files.store.stat(path, "w")).size : 0;
  if (restart > 0 && (type === "A" || restart > old)) return BAD_RESTART;
  // Who goes on at the end of a file keeps what comes, for nothing is lost by it.
  const goesOn = restart > 0 && restart === old;
  const stake: Stake = {
    async replaces() {
      if (restart > 0) return !goesOn;
      return files.store.stat(path, "w").then(
        () => true,
        () => false,
      );
    },
    keeps: (bytes) => goesOn || (restart === 0 && session.settings.keepPartial && bytes > 0),
  };
  // RFC 3659 §5.3: behind REST, APPE acts as STOR does.
  // What is behind stays, as with other servers: RFC 3659 §5.3 leaves it open.
  const place = restart > 0 ? ({ start: restart, tail: "keep" } as const) : options;
  const sink = await files.store.write(path, { ...place, handsOver: true });
  // Its failure is found where the next write waits; an error without a listener would end the process.
  sink.on("error", () => {});
  return session.transfer({
    direction: "in",
    path,
    opening: texts.opening ?? `Opening ${MODE_NAME[type]} mode data connection for ${nameOf(path)}.`,
    done: texts.done ?? "Transfer complete.",
    release: () => discard(sink),
    async move(data, transfer) {
      try {
        await receive(data, sink, transfer, { type, mode }, stake);
      } catch (error) {
        await discard(sink);
        throw error;
      }
    },
  });
}

/** Lets go of what was to be stored, and waits until the store has cleaned up. */
async function discard(sink: Writable): Promise<void> {
  sink.destroy();
  await finished(sink).catch(() => {});
}

/** A name that nothing has yet in its directory. */
async function unusedName(files: Files, argument: string): Promise<string> {
  for (;;) {
    const name = `${argument || "ftp"}.${randomBytes(4).toString("hex")}`;
    const taken = await files.entry(name, "w").catch((error) => {
      if (codeOf(error) !== "NOT_FOUND") throw error;
    });
    if (!taken) return name;
  }
}

/** Sends lines over the data connection: they end with CR LF whatever the type, unless a dialect has it otherwise. */
async function sendLines(
  session: Session,
  verb: "LIST" | "NLST" | "MLSD",
  lines: readonly string[],
): Promise<FtpReply> {
  const { dialect } = session.settings;
  const instead = lines.length === 0 ? insteadOfNone(dialect, verb) : undefined;
  if (instead) {
    session.data.drop();
    return instead;
  }
  const end = dialect?.listingEnd ?? "\r\n";
  const bytes = encoded(lines.map((line) => line + end).join(""), dialect);
  const { mode, level } = session;
  return session.transfer({
    direction: "out",
    opening: "Opening ASCII mode data connection for the listing.",
    done: "Listing complete.",
    release() {},
    move: (data, transfer) => send(pieces(bytes), data, transfer, { mode, level }),
  });
}

function status(session: Session): FtpReply {
  const { connection, files, user, type, transferring } = session;
  const { peer } = connection;
  const login = files
    ? `Logged in as ${files.account.name}`
    : user === undefined
      ? "Not logged in"
      : "PASS is awaited";
  const progress = transferring
    ? `${transferring.bytes} bytes ${transferring.cargo.direction === "in" ? "received" : "sent"} so far`
    : session.data.arranged
      ? "A data connection is arranged"
      : "No data connection";
  return multiline(
    211,
    "Status of the FTP server:",
    [
      ...("host" in peer ? [` Connected from ${peer.host}`] : []),
      ` ${login}`,
      ...(connection.secure ? [` TLS on the control connection, PROT ${session.protection}`] : []),
      ` TYPE: ${type === "A" ? "ASCII" : "image"}, MODE: ${session.mode === "S" ? "stream" : "deflated stream"}, STRU: file`,
      ` ${progress}`,
    ],
    "End of status",
  );
}

/** Service commands that move data, or tell of it (RFC 959 §4.1.3, RFC 3659 §7). */
export const SERVICE_VERBS = {
  RETR: {
    syntax: "PATH",
    argument: "required",
    login: "required",
    transfers: true,
    pathIn: wholePath,
    run: retrieve,
  },
  STOR: {
    syntax: "PATH",
    argument: "required",
    login: "required",
    transfers: true,
    pathIn: wholePath,
    run: (session, argument, files) => store(session, files, { path: files.at(argument) }),
  },
  APPE: {
    syntax: "PATH",
    argument: "required",
    login: "required",
    transfers: true,
    pathIn: wholePath,
    run: (session, argument, files) =>
      store(session, files, { path: files.at(argument), options: { append: true } }),
  },
  STOU: {
    syntax: "[PATH]",
    argument: "optional",
    login: "required",
    transfers: true,
    async run(session, argument, files) {
      // There is nothing to go on with.
      if (session.restart > 0) return reply(450, "Can't STOU while REST request is pending.");
      const name = await unusedName(files, argument);
      // RFC 1123 §4.1.2.9 fixes these words.
      return store(session, files, {
        path: files.at(name),
        opening: `FILE: ${name}`,
        done: `Stored as ${name}`,
      });
    },
  },
  LIST: {
    syntax: "[PATH]",
    argument: "optional",
    login: "required",
    transfers: true,
    pathIn: withoutFlags,
    async run(session, argument, files) {
      const now = session.now();
      const line = lineOf(session.settings.dialect);
      return sendLines(session, "LIST", await listingLines(files, argument, ({ entry }) => line(entry, now)));
    },
  },
  NLST: {
    syntax: "[PATH]",
    argument: "optional",
    login: "required",
    transfers: true,
    pathIn: withoutFlags,
    run: async (session, argument, files) =>
      sendLines(session, "NLST", await listingLines(files, argument, ({ path }) => printable(path))),
  },
  MLSD: {
    syntax: "[PATH]",
    argument: "optional",
    login: "required",
    transfers: true,
    pathIn: wholePath,
    async run(session, argument, files) {
      if ((await files.entry(argument)).type === "file")
        return reply(501, "Not a directory: MLST tells of files.");
      const entries = await files.store.list(files.at(argument));
      return sendLines(
        session,
        "MLSD",
        entries.map((entry) => `${factsOf(entry, session.facts, files)} ${printable(entry.name)}`),
      );
    },
  },
  STAT: {
    syntax: "[PATH]",
    argument: "optional",
    login: "optional",
    meanwhile: true,
    pathIn: (argument) => (argument === "" ? undefined : withoutFlags(argument)),
    async run(session, argument) {
      if (argument === "") return status(session);
      const { files } = session;
      if (!files) return reply(530, "Log in with USER and PASS first.");
      const { of, rows } = await listed(files, argument);
      const now = session.now();
      const line = lineOf(session.settings.dialect);
      // RFC 959 §4.2.2 tells the status of files from that of directories.
      const code = of === "file" ? 213 : 212;
      const lines = rows.map(({ entry }) => line(entry, now));
      return { code, text: [`Status of ${printable(argument)}:`, ...lines, "End of status"].join("\n") };
    },
  },
  ABOR: {
    argument: "none",
    login: "required",
    run(session) {
      // What was under way was ended when ABOR came in, and has got its 426; this is the reply to ABOR itself.
      const { aborted } = session;
      session.aborted = false;
      session.data.drop();
      return aborted ? reply(226, "Abort successful.") : reply(225, "No transfer to abort.");
    },
  },
} satisfies VerbTable;
