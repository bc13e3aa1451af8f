import type { Occurrence } from "../../core/events/events.ts";
import { LINE_LIMIT, TOO_LONG } from "./control.ts";
import { isOff } from "./dialect.ts";
import type { Files } from "./files.ts";
import { type FtpReply, multiline, refusal, reply } from "./reply.ts";
import type { Session } from "./session.ts";
import type { PublicVerb, Verb, VerbTable } from "./verb.ts";
import { ACCESS_VERBS } from "./verbs/access.ts";
import { DIGEST_VERBS } from "./verbs/digests.ts";
import { PARAMETER_VERBS } from "./verbs/parameters.ts";
import { PATH_VERBS } from "./verbs/paths.ts";
import { SERVICE_VERBS } from "./verbs/service.ts";

/** A command as it was sent. */
export interface Command {
  /** The verb in capitals, as far as it may be shown; of SITE with the word behind it. */
  readonly name: string;
  /** All that stood behind the verb and a single space, as it was. */
  readonly argument: string;
  /** Undefined for a verb that is unknown. */
  readonly verb: Verb | undefined;
}

/** The verbs that RFC 959 has and this server, like nearly every other, has not. */
const UNIMPLEMENTED = new Set(["SMNT"]);

const HELP: PublicVerb = {
  syntax: "[VERB]",
  argument: "optional",
  login: "optional",
  meanwhile: true,
  run({ settings: { dialect } }, argument) {
    if (argument === "") {
      const names = [...VERBS.keys()].filter((key) => !key.includes(" ") && !isOff(dialect, key)).sort();
      const lines = Array.from(
        { length: Math.ceil(names.length / 8) },
        (_, row) =>
          ` ${names
            .slice(row * 8, row * 8 + 8)
            .map((name) => name.padStart(8))
            .join("")}`,
      );
      return multiline(214, "These commands are understood:", lines, "HELP and a verb tells more.");
    }
    const name = argument.trim().toUpperCase();
    const verb = VERBS.get(name);
    if (!verb || isOff(dialect, name)) return reply(501, `There is no help on ${name}: no such command.`);
    return reply(214, `Syntax: ${name}${verb.syntax ? ` ${verb.syntax}` : ""}`);
  },
};

const FEAT: PublicVerb = {
  argument: "none",
  login: "optional",
  meanwhile: true,
  run(session) {
    const { dialect } = session.settings;
    const lines = ["TVFS", "UTF8"].filter((name) => !isOff(dialect, name));
    for (const [name, { feature }] of VERBS) {
      if (isOff(dialect, name)) continue;
      const line = typeof feature === "function" ? feature(session) : feature;
      if (line !== undefined && !isOff(dialect, line)) lines.push(line);
    }
    return multiline(
      211,
      "Extensions supported:",
      lines.sort().map((line) => ` ${line}`),
      "End",
    );
  },
};

const SITE_HELP: PublicVerb = {
  syntax: "[VERB]",
  argument: "optional",
  login: "optional",
  run(session, argument) {
    if (argument !== "") return HELP.run(session, `SITE ${argument}`);
    const names = [...VERBS.keys()].filter(
      (key) => key.startsWith("SITE ") && !isOff(session.settings.dialect, key),
    );
    return multiline(
      214,
      "These SITE commands are understood:",
      names.map((name) => `  ${name.slice("SITE ".length)}`),
      "HELP SITE and a verb tells more.",
    );
  },
};

/** Every verb, checked here before anything is done. A property of the table is a property of the server. */
const VERBS: ReadonlyMap<string, Verb> = new Map(
  Object.entries({
    ...ACCESS_VERBS,
    ...PARAMETER_VERBS,
    ...PATH_VERBS,
    ...SERVICE_VERBS,
    ...DIGEST_VERBS,
    HELP,
    FEAT,
    "SITE HELP": SITE_HELP,
    SITE: {
      syntax: "VERB [ARGUMENT]",
      argument: "required",
      login: "optional",
      // Some clients change a password by SITE.
      secret: true,
      run: (_session, argument) => reply(500, `SITE ${argument.split(" ", 1)[0]} is not understood.`),
    },
  } satisfies VerbTable),
);

/** Verbs that passwords follow: what is none of them, and begins like one, may hold the password as well. */
const SECRETIVE = /^(PASS|ACCT)/;

/** Takes a line apart. Nothing but the first space is a separator: names may begin with spaces, dashes or quotes. */
export function parse(line: string | typeof TOO_LONG): Command {
  if (line === TOO_LONG) return { name: "", argument: "", verb: OVERLONG };
  const space = line.indexOf(" ");
  const word = (space === -1 ? line : line.slice(0, space)).toUpperCase();
  const argument = space === -1 ? "" : line.slice(space + 1);
  if (word === "SITE") {
    const end = argument.indexOf(" ");
    const name = `SITE ${(end === -1 ? argument : argument.slice(0, end)).toUpperCase()}`;
    const verb = VERBS.get(name);
    if (verb) return { name, argument: end === -1 ? "" : argument.slice(end + 1), verb };
  }
  const verb = VERBS.get(word);
  if (verb) return { name: word, argument, verb };
  return { name: SECRETIVE.exec(word)?.[0] ?? word.slice(0, 32), argument, verb: undefined };
}

const OVERLONG: PublicVerb = {
  argument: "optional",
  login: "optional",
  run: () => reply(500, `The line is too long: ${LINE_LIMIT} bytes are the limit.`),
};

/** What is wrong with an argument as such, if anything. */
function misuse(verb: Verb, argument: string): FtpReply | undefined {
  if (argument.includes("\0")) return reply(501, "An argument cannot hold a NUL byte.");
  // In pyftpdlib's words, which its users' tests may look for.
  if (verb.argument === "required" && argument === "")
    return reply(501, "Syntax error: command needs an argument.");
  if (verb.argument === "none" && argument.trim() !== "")
    return reply(501, "Syntax error: command does not accept arguments.");
  return undefined;
}

/** A command as observers are told of it. */
export function occurrence({ name, argument, verb }: Command, files: Files | undefined): Occurrence {
  const target = argument === "" || !verb ? undefined : verb.secret ? "****" : argument;
  const named = verb?.pathIn?.(argument);
  const path = named === undefined ? undefined : files?.knownAt(named);
  return {
    type: "command",
    verb: name,
    ...(target !== undefined && { target }),
    ...(path !== undefined && { path }),
    ...((verb?.transfers || verb?.arranges) && { data: true }),
  };
}

/** RFC 4217 §9: the level of PROT does not do for a data connection. */
const UNPROTECTED = reply(521, "Data connections must be private here: send PBSZ 0 and PROT P.");

/** The one final reply to a command. */
export async function answer(session: Session, { name, argument, verb }: Command): Promise<FtpReply> {
  const { files } = session;
  if (name !== "RNTO") session.renameFrom = undefined;
  try {
    if (!verb) {
      return UNIMPLEMENTED.has(name)
        ? reply(502, `${name} is not implemented.`)
        : reply(500, name === "" ? "There is no command." : `${name} is not understood.`);
    }
    if (isOff(session.settings.dialect, name)) return reply(502, `${name} is not implemented.`);
    if (verb.login === "optional") return misuse(verb, argument) ?? (await verb.run(session, argument));
    if (!files) return reply(530, "Log in with USER and PASS first.");
    if (verb.transfers && session.unprotected) return UNPROTECTED;
    return misuse(verb, argument) ?? (await verb.run(session, argument, files));
  } catch (error) {
    return refusal(error);
  } finally {
    if (verb?.transfers) session.restart = 0;
  }
}
