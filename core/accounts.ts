import { createHash, timingSafeEqual } from "node:crypto";
import { WirelabError } from "./errors.ts";
import { isWithin, resolvePath } from "./path.ts";
import type { Store } from "./store/store.ts";

/**
 * What an account may do, in pyftpdlib's letters: `e` enter directories, `l` list them and see facts of files, `r` read,
 * `a` append, `d` delete, `f` rename, `m` make directories, `w` write, `M` change modes, `T` change modification times.
 */
export const PERMISSIONS = "elradfmwMT";
export type Permission = "e" | "l" | "r" | "a" | "d" | "f" | "m" | "w" | "M" | "T";

/** Somebody who can log in. */
export interface Account {
  /** The account called `anonymous` logs in with any password, and lends its permissions to those who do not log in. */
  readonly name: string;
  /** An account without one cannot log in, `anonymous` excepted. */
  readonly password?: string;
  /** The directory that the account is confined to. Default `/`. Made if it is not there. */
  readonly home?: string;
  /** Letters out of {@link PERMISSIONS}. Default `elr`: look and read. */
  readonly permissions?: string;
}

/** An account with its defaults filled in. */
export interface KnownAccount {
  readonly name: string;
  readonly home: string;
  readonly permissions: string;
}

/** The accounts of a lab. */
export interface Accounts extends Iterable<KnownAccount> {
  /** What those get who do not log in: the account `anonymous`, where the lab has it. */
  readonly anonymous: KnownAccount | undefined;
  /** The account, if name and password are right; the time that it takes does not tell which of them was wrong. */
  verify(name: string, password: string): KnownAccount | undefined;
}

/** The account that every lab has if it is given none: pyftpdlib's example user. */
export const DEFAULT_ACCOUNTS: readonly Account[] = [
  { name: "foo", password: "bar", permissions: PERMISSIONS },
];

/** @throws WirelabError `BAD_ACCOUNT` for an empty or doubled name, a control character, or a letter that is no permission. */
export function accountTable(accounts: readonly Account[]): Accounts {
  const known = new Map<string, KnownAccount & { readonly digest: Buffer | undefined }>();
  for (const { name, password, home = "/", permissions = "elr" } of accounts) {
    const reject = (why: string) => {
      throw new WirelabError("BAD_ACCOUNT", `Account ${JSON.stringify(name)} ${why}.`);
    };
    if (name === "" || /[\0-\x1f\x7f]/.test(name)) reject("needs a name without control characters");
    if (known.has(name)) reject("is there twice");
    const strange = [...permissions].find((letter) => !PERMISSIONS.includes(letter));
    if (strange) reject(`has the permission "${strange}"; the letters are ${PERMISSIONS}`);
    known.set(name, {
      name,
      home: resolvePath(home),
      permissions,
      digest: password === undefined ? undefined : digestOf(password),
    });
  }
  const seen = (account: KnownAccount): KnownAccount => ({
    name: account.name,
    home: account.home,
    permissions: account.permissions,
  });
  const anonymous = known.get("anonymous");
  return {
    anonymous: anonymous && seen(anonymous),
    verify(name, password) {
      const account = known.get(name);
      const given = digestOf(password);
      // Compared even where there is no such account, so that time does not tell.
      const right = timingSafeEqual(given, account?.digest ?? given) && account?.digest !== undefined;
      if (account && (right || (account.name === "anonymous" && account.digest === undefined)))
        return seen(account);
      return undefined;
    },
    *[Symbol.iterator]() {
      for (const account of known.values()) yield seen(account);
    },
  };
}

function digestOf(password: string): Buffer {
  return createHash("sha256").update(password).digest();
}

/** A store as one account may use it. */
export interface GuardedStore extends Store {
  /**
   * As the store's own, under the permission that the entry is asked for by: `e` to enter a directory, `f` to rename it,
   * `d` to delete it. Default `l`.
   */
  stat(path: string, permission?: Permission): ReturnType<Store["stat"]>;
}

/**
 * The store as `account` may use it: every refusal is a `FORBIDDEN`, which FTP says as 550 and HTTP as 403. Permissions are
 * checked here and nowhere else. Paths stay the store's own; outside the account's home everything is refused.
 */
export function guarded(store: Store, account: KnownAccount): GuardedStore {
  const require = (permission: Permission, path: string): string => {
    const resolved = resolvePath(path);
    if (!isWithin(resolved, account.home)) {
      throw new WirelabError("FORBIDDEN", `${resolved}: outside the home of ${account.name}.`);
    }
    if (!account.permissions.includes(permission)) {
      throw new WirelabError(
        "FORBIDDEN",
        `${resolved}: ${account.name} lacks the permission "${permission}".`,
      );
    }
    return resolved;
  };
  return {
    stat: async (path, permission = "l") => store.stat(require(permission, path)),
    list: async (path) => store.list(require("l", path)),
    read: async (path) => store.read(require("r", path)),
    write: async (path, options = {}) => store.write(require(options.append ? "a" : "w", path), options),
    remove: async (path) => store.remove(notHome(require("d", path), account)),
    rename: async (from, to) => store.rename(notHome(require("f", from), account), require("f", to)),
    makeDirectory: async (path) => store.makeDirectory(require("m", path)),
    setMode: async (path, mode) => store.setMode(require("M", path), mode),
    setModified: async (path, modified) => store.setModified(require("T", path), modified),
  };
}

function notHome(path: string, account: KnownAccount): string {
  if (path !== account.home) return path;
  throw new WirelabError("FORBIDDEN", `${path}: the home of ${account.name} stays where it is.`);
}
