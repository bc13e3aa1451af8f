import { isIP } from "node:net";
import type { DataPort } from "../../../core/service.ts";
import {
  familyOf,
  type InternetEndpoint,
  isOwnAddress,
  parseExtendedPort,
  parsePort,
  passiveAddress,
} from "../data.ts";
import { isOff } from "../dialect.ts";
import { FACTS } from "../facts.ts";
import { type FtpReply, reply } from "../reply.ts";
import type { Session } from "../session.ts";
import { interpreted, type VerbTable } from "../verb.ts";
import { ALGORITHMS } from "./digests.ts";

/** Opens a port for the client to connect to, and says so. */
async function passive(session: Session, say: (port: DataPort) => FtpReply): Promise<FtpReply> {
  try {
    return say(await session.data.listen(session.settings.passivePorts));
  } catch {
    return reply(425, "There is no free port for the data connection.");
  }
}

/** Remembers where the client listens. Nobody else's port is ever dialled (RFC 2577 §3). */
function active(session: Session, to: InternetEndpoint): FtpReply {
  if (!isOwnAddress(to.host, session.connection))
    return reply(501, "Rejected data connection to foreign address.");
  if (to.port < 1024) return reply(504, "Rejected data connection to privileged port.");
  session.data.aim(to);
  return reply(200, "The data connection will be made to that port.");
}

const EPSV_ONLY = reply(503, "After EPSV ALL, EPSV is the one way to a data connection.");

function setType(session: Session, argument: string): FtpReply {
  const [, letter = "", second] =
    /^([a-z])\s*(\S*)$/i.exec(argument.trim())?.map((part) => part.toUpperCase()) ?? [];
  const ascii = letter === "A" && (second === "" || second === "N");
  const image = (letter === "I" && second === "") || (letter === "L" && second === "8");
  // Bytes of seven bits are ASCII, and some clients say it so.
  if (ascii || (letter === "L" && second === "7")) session.type = "A";
  else if (image) session.type = "I";
  else return reply(504, "The types are A, A N, I and L 8.");
  return reply(200, session.type === "A" ? "Type is ASCII." : "Type is image.");
}

function setRestart(session: Session, argument: string): FtpReply {
  const offset = /^\d{1,15}$/.test(argument) ? Number(argument) : undefined;
  if (offset === undefined) return reply(501, "REST needs a number of bytes.");
  if (offset > 0 && session.type === "A")
    return reply(501, "REST is not allowed in ASCII mode: send TYPE I first.");
  session.restart = offset;
  return reply(350, `The next transfer begins at ${offset}.`);
}

function setOption(session: Session, argument: string): FtpReply {
  const { dialect } = session.settings;
  const [, name = "", value = ""] = /^(\S*)\s*(.*?)\s*$/s.exec(argument) ?? [];
  switch (name.toUpperCase()) {
    case "UTF8":
    case "UTF-8":
      if (isOff(dialect, "UTF8")) return reply(501, "There is no such option.");
      // RFC 2640 has no such option; clients send it all the same, to be sure.
      return /^(ON)?$/i.test(value)
        ? reply(200, "UTF-8 is always on.")
        : reply(504, "UTF-8 cannot be switched off.");
    case "MLST": {
      if (!/^([^\s;]+;)*$/.test(value))
        return reply(501, "MLST takes facts, each with a semicolon behind it.");
      const wanted = value.toLowerCase().split(";");
      session.facts = FACTS.filter((fact) => wanted.includes(fact.toLowerCase()));
      // RFC 3659 §7.9: nothing stands behind the word where no fact is left.
      return reply(200, `MLST OPTS ${session.facts.map((fact) => `${fact};`).join("")}`.trimEnd());
    }
    case "HASH": {
      if (value === "") return reply(200, session.algorithm);
      const algorithm = ALGORITHMS.find((known) => known === value.toUpperCase());
      if (!algorithm) return reply(501, `HASH knows ${ALGORITHMS.join(", ")}.`);
      session.algorithm = algorithm;
      return reply(200, algorithm);
    }
    case "MODE": {
      const level = /^Z LEVEL ([0-9])$/i.exec(value)?.[1];
      if (level === undefined) return reply(501, "MODE takes Z LEVEL and a digit.");
      session.level = Number(level);
      return reply(200, `MODE Z LEVEL is ${level}.`);
    }
    default:
      return reply(501, "The options are UTF8, MLST, HASH and MODE.");
  }
}

/** Transfer parameters (RFC 959 §4.1.2, RFC 2428, RFC 3659 §5), and what else says or sets something. */
export const PARAMETER_VERBS = {
  TYPE: { syntax: "A [N] | I | L 8", argument: "required", login: "required", run: setType },
  MODE: {
    syntax: "S | Z",
    argument: "required",
    login: "required",
    feature: "MODE Z",
    run(session, argument) {
      const mode = argument.trim().toUpperCase();
      if (mode === "Z" && isOff(session.settings.dialect, "MODE Z")) return reply(504, "The mode is S.");
      if (mode !== "S" && mode !== "Z") return reply(504, "The modes are S and Z.");
      session.mode = mode;
      return reply(200, mode === "S" ? "Mode is stream." : "Mode is deflated stream.");
    },
  },
  STRU: interpreted("STRU", { syntax: "F", argument: "required", login: "required" }),
  ALLO: interpreted("ALLO", { syntax: "BYTES", argument: "required", login: "required" }),
  REST: {
    syntax: "BYTES",
    argument: "required",
    login: "required",
    feature: "REST STREAM",
    run: setRestart,
  },
  OPTS: {
    syntax: "UTF8 ON | MLST FACT;… | HASH ALGORITHM | MODE Z LEVEL 0…9",
    argument: "required",
    login: "optional",
    run: setOption,
  },
  NOOP: interpreted("NOOP", { argument: "none", login: "optional", meanwhile: true }),
  SYST: interpreted("SYST", { argument: "none", login: "optional", meanwhile: true }),
  PASV: {
    argument: "none",
    login: "required",
    arranges: true,
    run(session) {
      if (session.epsvOnly) return EPSV_ONLY;
      if (familyOf(session.connection) === "2") return reply(425, "PASV knows IPv4 only: use EPSV.");
      return passive(session, ({ host, port }) => {
        const { passiveHost, dialect } = session.settings;
        const address = passiveAddress(passiveHost ?? dialect?.passiveAddress ?? host, port);
        return reply(227, `Entering Passive Mode ${address}.`);
      });
    },
  },
  EPSV: {
    syntax: "[1 | 2 | ALL]",
    argument: "optional",
    login: "required",
    arranges: true,
    feature: "EPSV",
    run(session, argument) {
      const wanted = argument.trim().toUpperCase();
      const family = familyOf(session.connection);
      if (wanted === "ALL") {
        session.epsvOnly = true;
        return reply(200, "From now on EPSV only.");
      }
      if (!/^\d*$/.test(wanted)) return reply(501, "EPSV takes 1, 2, ALL or nothing.");
      if (wanted !== "" && wanted !== family)
        return reply(522, `Network protocol not supported, use (${family})`);
      return passive(session, ({ port }) => reply(229, `Entering Extended Passive Mode (|||${port}|)`));
    },
  },
  PORT: {
    syntax: "H1,H2,H3,H4,P1,P2",
    argument: "required",
    login: "required",
    arranges: true,
    run(session, argument) {
      if (session.epsvOnly) return EPSV_ONLY;
      const to = parsePort(argument.trim());
      return to ? active(session, to) : reply(501, "Invalid PORT format.");
    },
  },
  EPRT: {
    syntax: "|1 or 2|ADDRESS|PORT|",
    argument: "required",
    login: "required",
    arranges: true,
    feature: "EPRT",
    run(session, argument) {
      if (session.epsvOnly) return EPSV_ONLY;
      const parsed = parseExtendedPort(argument.trim());
      if (!parsed) return reply(501, "Invalid EPRT format.");
      const family = familyOf(session.connection);
      if (parsed.family !== family) return reply(522, `Network protocol not supported, use (${family})`);
      if (isIP(parsed.to.host) === 0) return reply(501, "Invalid EPRT format.");
      return active(session, parsed.to);
    },
  },
} satisfies VerbTable;
