import type { Files } from "./files.ts";
import type { FtpReply } from "./reply.ts";

/** What a session asks of the command interpreter behind it. */
export interface Interpreter {
  /** The files of the account, if name and password are right; who was logged in before is not any more. */
  login(name: string, password: string): Promise<Files | undefined>;
  logout(): void;
  /**
   * Answers a command, one at a time.
   *
   * @throws WirelabError the store's own error, where that is why the command failed.
   */
  perform(verb: InterpretedVerb, argument: string): Promise<FtpReply>;
  /** The session is over. */
  close(): void;
}

/** The verbs that the interpreter answers. The rest, and everything with a data connection, is the session's own. */
export type InterpretedVerb =
  | "ALLO"
  | "CDUP"
  | "CWD"
  | "DELE"
  | "MKD"
  | "NOOP"
  | "PWD"
  | "RMD"
  | "STRU"
  | "SYST";
