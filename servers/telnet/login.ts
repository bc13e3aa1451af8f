import { setTimeout as pause } from "node:timers/promises";
import type { Site } from "../../core/service.ts";
import type { Tty } from "./tty.ts";

/** How somebody is asked who they are. */
export interface Login {
  /** Default `login: `. */
  readonly userPrompt?: string;
  /** Default `Password: `. */
  readonly passwordPrompt?: string;
  /** What a wrong name or password is answered with. Default `Login incorrect`. */
  readonly failure?: string;
  /** How often name and password may be given before the connection is ended. Default 3. */
  readonly tries?: number;
  /** Milliseconds between a wrong password and its answer. Others do not wait. Default 1,000. */
  readonly pause?: number;
}

/**
 * Milliseconds from the answer to the next prompt, where the pause is not shorter: programs that look for both in what comes at
 * once, npm's telnet-client for example, would see the prompt alone, and wait for ever.
 */
const BREATH = 50;

/**
 * Asks for name and password. Answers who that is, or undefined where nobody it was: too many tries, or the client has gone.
 *
 * @param signal aborted when there is no time left for a pause.
 */
export async function logIn<T>(
  tty: Tty,
  login: Login,
  verify: (user: string, password: string) => T | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { userPrompt = "login: ", passwordPrompt = "Password: ", failure = "Login incorrect" } = login;
  const gone = new AbortController();
  tty.closed.then(() => gone.abort());
  for (let tries = login.tries ?? 3; tries > 0; tries -= 1) {
    const given = await tty.readLine(userPrompt, { untold: true });
    if (given === undefined) return undefined;
    const user = given.trim();
    if (user === "") {
      // Enter alone is how people wake a terminal up: it costs no try, and an endless number of them is no attack.
      tries += 1;
      continue;
    }
    const password = await tty.readLine(passwordPrompt, { hidden: true });
    if (password === undefined) return undefined;
    const known = verify(user, password);
    tty.reportLogin(user, known === undefined ? "refused" : "ok");
    if (known !== undefined) return known;
    const hurry = AbortSignal.any([gone.signal, signal]);
    const rest = (ms: number) => pause(ms, undefined, { signal: hurry }).catch(() => {});
    const { pause: ms = 1000 } = login;
    await rest(ms);
    await tty.write(`${failure}\n`);
    if (tries > 1) await rest(Math.min(ms, BREATH));
  }
  return undefined;
}

/** A session for those alone who have an account of the lab. */
export function behindLogin(site: Site, login: Login, session: (tty: Tty) => Promise<void>): typeof session {
  const verify = (user: string, password: string) => site.accounts.verify(user, password);
  return async (tty) => {
    tty.account = await logIn(tty, login, verify, site.signal);
    if (tty.account) await session(tty);
    else await tty.write("Goodbye.\n");
  };
}
