import type { IncomingMessage } from "node:http";
import basicAuth from "basic-auth";
import { type GuardedStore, guarded, type KnownAccount } from "../../core/accounts.ts";
import { codeOf, messageOf } from "../../core/errors.ts";
import { isWithin } from "../../core/path.ts";
import type { Permission } from "../../core/permissions.ts";
import type { Site } from "../../core/service.ts";
import type { Entry } from "../../core/store/store.ts";
import { Refusal } from "./refusal.ts";
import type { Turn } from "./turn.ts";

/** RFC 7617; the account's names and passwords are UTF-8. */
export const CHALLENGE = { "WWW-Authenticate": 'Basic realm="wirelab", charset="UTF-8"' };

/** Credentials of other schemes: tokens that a client sends to whatever it asks. They are no business of the lab's accounts. */
const FOREIGN = /^(?!basic )[\w-]+ /i;

/** The permissions that a method may need; the others look at what is there. */
const NEEDED: Readonly<Record<string, string>> = { GET: "rl", HEAD: "rl", PUT: "w", DELETE: "d", POST: "wd" };

/** Who asks. */
export interface Visitor {
  /** The account's name; undefined for somebody who did not log in. */
  readonly user: string | undefined;
  /** The directory outside of which there is nothing for the visitor. */
  readonly home: string;
  /** The store as the visitor may use it. */
  readonly store: GuardedStore;
  /** @param where what it is that may be done to; the store as a whole, where it is left out. */
  may(permission: Permission, where?: Pick<Entry, "path" | "type">): boolean;
}

/** Tells who asks. */
export interface Visitors {
  /** @throws Refusal 401 for credentials that are wrong. Called once for a request. */
  of(turn: Turn): Visitor;
  /** The error to answer with: somebody who did not log in and lacks a permission is asked to log in. */
  orLogIn(error: unknown, turn: Turn, path: string): unknown;
}

function visitorOf(account: KnownAccount, store: GuardedStore, user?: string): Visitor {
  return {
    user,
    home: account.home,
    store,
    may: (permission, where) => (where ? store.permissions(where) : account.permissions).includes(permission),
  };
}

/** @param everybody the permissions of those who do not log in, where the lab has no account `anonymous`. */
export function visitors({ store, accounts }: Site, everybody: string): Visitors {
  const unnamed: KnownAccount = { name: "everybody", home: "/", permissions: everybody };
  // The account may come and go while the lab runs.
  let open = { account: unnamed, visitor: visitorOf(unnamed, guarded(store, unnamed)) };
  const stranger = () => {
    const account = accounts.anonymous ?? unnamed;
    if (account !== open.account) open = { account, visitor: visitorOf(account, guarded(store, account)) };
    return open;
  };
  function accountOf({ request, connection }: Turn): KnownAccount | undefined {
    if (isNobodys(request)) return undefined;
    const credentials = basicAuth(request);
    const account = credentials && accounts.verify(credentials.name, credentials.pass);
    if (credentials) connection.emit({ type: "login", user: credentials.name, ok: account !== undefined });
    if (account) return account;
    throw new Refusal(401, "The user name or the password is wrong; the scheme is Basic.", CHALLENGE);
  }
  return {
    of(turn) {
      const account = accountOf(turn);
      if (account) return visitorOf(account, guarded(store, account), account.name);
      return stranger().visitor;
    },
    orLogIn(error, { request }, path) {
      if (codeOf(error) !== "FORBIDDEN" || !isNobodys(request)) return error;
      const { account: nobody, visitor } = stranger();
      const letters = visitor.store.permissions({ path, type: "file" });
      const lacks = [...(NEEDED[request.method] ?? "l")].some((letter) => !letters.includes(letter));
      // What nobody at all may do is no reason to log in.
      if (!lacks && isWithin(path, nobody.home)) return error;
      return new Refusal(401, `${messageOf(error)} Log in as somebody who may.`, CHALLENGE, "FORBIDDEN");
    },
  };
}

/** Whether a request names no account. */
function isNobodys({ headers: { authorization } }: IncomingMessage): boolean {
  return authorization === undefined || FOREIGN.test(authorization);
}
