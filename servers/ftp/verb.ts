import type { Files } from "./files.ts";
import type { InterpretedVerb } from "./interpreter.ts";
import type { FtpReply } from "./reply.ts";
import type { Session } from "./session.ts";

/** What the table says of a verb, and what is checked before it is done. */
export interface VerbFacts {
  /** What follows the verb, for HELP. */
  readonly syntax?: string;
  readonly argument: "none" | "optional" | "required";
  /** The argument is a password or the like: no event, log or transcript may hold it. */
  readonly secret?: true;
  /** Answered while a transfer is under way, too. */
  readonly meanwhile?: true;
  /** Uses the data connection. */
  readonly transfers?: true;
  /** Arranges the data connection that the next command uses. */
  readonly arranges?: true;
  /** The path in the argument, for those who observe; undefined where there is none. */
  readonly pathIn?: (argument: string) => string | undefined;
  /** Its line in FEAT (RFC 2389 §3), where it has one. */
  readonly feature?: string | ((session: Session) => string | undefined);
}

/** The argument is a path and nothing else. */
export const wholePath = (argument: string): string => argument;

type Answer = FtpReply | Promise<FtpReply>;

/** A verb for everybody. Errors of the store that `run` throws become replies. */
export interface PublicVerb extends VerbFacts {
  readonly login: "optional";
  run(session: Session, argument: string): Answer;
}

/** A verb for those who have logged in. */
export interface MemberVerb extends VerbFacts {
  readonly login: "required";
  run(session: Session, argument: string, files: Files): Answer;
}

export type Verb = PublicVerb | MemberVerb;
export type VerbTable = Readonly<Record<string, Verb>>;

/** A verb that the interpreter answers. */
export function interpreted(name: InterpretedVerb, facts: VerbFacts & Pick<Verb, "login">): Verb {
  const run = (session: Session, argument: string) => session.interpreter.perform(name, argument);
  return { ...facts, run } as Verb;
}
