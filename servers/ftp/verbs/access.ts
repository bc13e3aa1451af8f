import { isIPv6 } from "node:net";
import { type FtpReply, ofLines, reply } from "../reply.ts";
import type { Session } from "../session.ts";
import type { VerbTable } from "../verb.ts";

async function logIn(session: Session, password: string) {
  const { connection, settings, user } = session;
  if (user === undefined) return reply(503, "USER comes first.");
  session.user = undefined;
  const files = await session.interpreter.login(user, password);
  const entered = files !== undefined && session.enter(files);
  connection.emit({ type: "login", user, ok: entered });
  if (entered) {
    session.failedLogins = 0;
    return ofLines(230, files.account.greeting ?? "Logged in.");
  }
  if (files) {
    session.logout();
    // By these words lftp knows that it is worth another try.
    return reply(530, "Too many sessions of this account: try again later.");
  }
  session.failedLogins += 1;
  await session.pause(settings.loginPause);
  if (session.failedLogins < settings.maxLoginTries) return reply(530, "Authentication failed.");
  session.leave("server");
  return reply(421, "Too many failed logins.");
}

/** Behind AUTH only (RFC 4217 §8 and §9). */
const UNSECURED = reply(503, "AUTH comes first.");

function authenticate(session: Session, argument: string): FtpReply {
  const mechanism = argument.trim().toUpperCase();
  if (!/^(TLS|TLS-C|TLS-P|SSL)$/.test(mechanism)) return reply(504, "There is no such mechanism.");
  if (session.connection.secure) return reply(503, "TLS is spoken already.");
  if (!session.offersTls) return reply(534, "There is no certificate, so no TLS.");
  session.logout();
  session.unprotect();
  if (mechanism === "TLS-P") session.protection = "P";
  session.secure();
  return reply(234, "TLS begins.");
}

function protect(session: Session, argument: string): FtpReply {
  if (!session.connection.secure) return UNSECURED;
  if (!session.bufferSized) return reply(503, "PBSZ comes first.");
  const level = argument.trim().toUpperCase();
  switch (level) {
    case "C":
    case "P":
      if (level === "C" && session.settings.tls === "required") {
        return reply(534, "Data connections must be private here.");
      }
      session.protection = level;
      return reply(
        200,
        level === "P" ? "Data connections are private." : "Data connections are in the clear.",
      );
    case "S":
    case "E":
      return reply(536, "TLS knows the levels C and P.");
    default:
      return reply(504, "The levels are C and P.");
  }
}

/** Access control (RFC 959 §4.1.1) and security (RFC 2228). */
export const ACCESS_VERBS = {
  HOST: {
    syntax: "NAME",
    argument: "required",
    login: "optional",
    feature: "HOST",
    run(session, name) {
      if (session.user !== undefined || session.files) return reply(503, "HOST comes before USER.");
      // RFC 7151 §3.1: a name, or an IPv6 address in brackets. This server answers to all of them.
      if (!/^[\w-]+(?:\.[\w-]+)*\.?$/.test(name) && !isIPv6(/^\[([^%]*)\]$/.exec(name)?.[1] ?? ""))
        return reply(501, "That is no name of a host.");
      return reply(220, "The host is known.");
    },
  },
  USER: {
    syntax: "NAME",
    argument: "required",
    login: "optional",
    meanwhile: true,
    run(session, name) {
      if (session.settings.tls === "required" && !session.connection.secure) {
        return reply(530, "AUTH TLS comes first: names and passwords are taken by TLS only.");
      }
      session.logout();
      session.user = name;
      if (session.settings.dialect?.noAnonymousPassword && /^(anonymous|ftp)$/.test(name)) {
        return logIn(session, "");
      }
      // The same words for every name: nobody learns which ones there are.
      return reply(331, "Password, please.");
    },
  },
  PASS: {
    syntax: "PASSWORD",
    // An anonymous user may well have none.
    argument: "optional",
    login: "optional",
    secret: true,
    meanwhile: true,
    run: logIn,
  },
  ACCT: {
    syntax: "ACCOUNT",
    argument: "required",
    login: "optional",
    secret: true,
    run: () => reply(202, "No account is needed."),
  },
  REIN: {
    argument: "none",
    login: "optional",
    meanwhile: true,
    run(session) {
      session.reinitialize();
      return reply(220, "Ready for a new user.");
    },
  },
  QUIT: {
    argument: "none",
    login: "optional",
    run(session) {
      session.leave("client");
      return reply(221, "Goodbye.");
    },
  },
  AUTH: { syntax: "TLS", argument: "required", login: "optional", feature: authFeature, run: authenticate },
  PBSZ: {
    syntax: "0",
    argument: "required",
    login: "optional",
    feature: ({ offersTls }) => (offersTls ? "PBSZ" : undefined),
    run(session, argument) {
      if (!session.connection.secure) return UNSECURED;
      if (!/^\d{1,10}$/.test(argument.trim())) return reply(501, "PBSZ needs a number of bytes.");
      session.bufferSized = true;
      // TLS has buffers of its own (RFC 4217 §8).
      return reply(200, "PBSZ=0");
    },
  },
  PROT: {
    syntax: "C | P",
    argument: "required",
    login: "optional",
    feature: ({ offersTls }) => (offersTls ? "PROT" : undefined),
    run: protect,
  },
  CCC: {
    argument: "none",
    login: "optional",
    run: ({ connection }) =>
      connection.secure ? reply(533, "The control connection stays private.") : UNSECURED,
  },
} satisfies VerbTable;

/** Asked before TLS only: behind it there is nothing more to ask for. */
function authFeature({ offersTls, settings }: Session): string | undefined {
  return offersTls && settings.tls !== "implicit" ? "AUTH TLS" : undefined;
}
