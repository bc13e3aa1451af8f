import { reply } from "../reply.ts";
import type { Session } from "../session.ts";
import type { PublicVerb, VerbTable } from "../verb.ts";

async function logIn(session: Session, password: string) {
  const { connection, settings, user } = session;
  if (user === undefined) return reply(503, "USER comes first.");
  session.user = undefined;
  session.files = await session.interpreter.login(user, password);
  connection.emit({ type: "login", user, ok: session.files !== undefined });
  if (session.files) {
    session.failedLogins = 0;
    return reply(230, "Logged in.");
  }
  session.failedLogins += 1;
  await session.pause(settings.loginPause);
  if (session.failedLogins < settings.maxLoginTries) return reply(530, "Authentication failed.");
  session.leave("server");
  return reply(421, "Too many failed logins.");
}

/** Behind AUTH only (RFC 4217 §8 and §9), which is refused while there is no certificate. */
const SECURITY: PublicVerb = {
  argument: "required",
  login: "optional",
  run: () => reply(503, "AUTH comes first."),
};

/** Access control (RFC 959 §4.1.1) and security (RFC 2228). */
export const ACCESS_VERBS = {
  USER: {
    syntax: "NAME",
    argument: "required",
    login: "optional",
    meanwhile: true,
    run(session, name) {
      session.logout();
      session.user = name;
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
  AUTH: {
    syntax: "TLS",
    argument: "required",
    login: "optional",
    run: (_session, mechanism) =>
      /^(TLS|TLS-C|TLS-P|SSL)$/i.test(mechanism.trim())
        ? reply(534, "There is no certificate, so no TLS.")
        : reply(504, "There is no such mechanism."),
  },
  PBSZ: { ...SECURITY, syntax: "0" },
  PROT: { ...SECURITY, syntax: "C | P" },
} satisfies VerbTable;
