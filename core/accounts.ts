import { createHash, timingSafeEqual } from "node:crypto";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import { isWithin, resolveEntry, resolvePath } from "./path.ts";
import type { Store } from "./store/store.ts";

/**
 * What an account may do, in pyftpdlib's letters: `e` enter directories, `l` list them and see facts of files, `r` read,
 * `a` append, `d` delete, `f` rename, `m` make directories, `w` write, `M` change modes, `T` change modification times.
 * To put a file in another one's place takes more than `f`: `d` or `w` as well, either of which could do away with it.
 */
export const PERMISSIONS = "elradfmwMT";
export type Permission = "e" | "l" | "r" | "a" | "d" | "f" | "m" | "w" | "M" | "T";

/** Somebody who can log in. */
export interface Account {
  /**
   * Without a colon, which HTTP cannot send in a name (RFC 7617 §2). The account called `anonymous`, if it has no password,
   * logs in with any, and lends its permissions to those who do not log in.
   */
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
  /** What those get who do not log in: the account `anonymous`, where the lab has it and it asks for no password. */
  readonly anonymous: KnownAccount | undefined;
  /** The account, if name and password are right; the time that it takes does not tell which of them was wrong. */
  verify(name: string, password: string): KnownAccount | undefined;
}

/** The account that every lab has if it is given none: pyftpdlib's example user. */
export const DEFAULT_ACCOUNTS: readonly Account[] = [
  { name: "foo", password: "bar", permissions: PERMISSIONS },
];

/**
 * @throws WirelabError `BAD_ACCOUNT` for a name that is empty, is there twice, or holds a control character or a colon; for a
 *   letter that is no permission; for a home that is no path.
 */
export function accountTable(accounts: readonly Account[]): Accounts {
  const known = new Map<string, KnownAccount & { readonly digest: Buffer | undefined }>();
  for (const account of accounts) {
    const { name, password } = account;
    if (known.has(name)) throw badAccount(name, "is there twice");
    known.set(name, {
      ...checked(account),
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
    anonymous: anonymous && !anonymous.digest ? seen(anonymous) : undefined,
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

function checked({ name, password, home = "/", permissions = "elr" }: Account): KnownAccount {
  for (const [field, value] of Object.entries({ name, password, home, permissions })) {
    // From a configuration file anything may come.
    if (value !== undefined && typeof value !== "string")
      throw badAccount(name, `needs a string as ${field}`);
  }
  if (!name || /[\0-\x1f\x7f:]/.test(name)) {
    throw badAccount(name, "needs a name without control characters and colons");
  }
  const strange = [...permissions].find((letter) => !PERMISSIONS.includes(letter));
  if (strange !== undefined) {
    throw badAccount(name, `has the permission "${strange}"; the letters are ${PERMISSIONS}`);
  }
  try {
    return { name, home: resolveEntry(home), permissions };
  } catch (cause) {
    throw badAccount(name, `has a home that is no path: ${messageOf(cause)}`, { cause });
  }
}

function badAccount(name: string, why: string, options?: ErrorOptions): WirelabError {
  return new WirelabError(
    "BAD_ACCOUNT",
    `Account ${JSON.stringify(name)} ${why}`.replace(/\.?$/, "."),
    options,
  );
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
  const { name, home, permissions } = account;
  const files = home === "/" ? store : (store.confined?.(home) ?? store);
  const may = (permission: Permission) => permissions.includes(permission);
  const require = (permission: Permission, path: string): string => {
    const resolved = resolvePath(path);
    if (!isWithin(resolved, home)) {
      throw new WirelabError("FORBIDDEN", `${resolved}: outside the home of ${name}.`);
    }
    if (!may(permission)) {
      throw new WirelabError("FORBIDDEN", `${resolved}: ${name} lacks the permission "${permission}".`);
    }
    return resolved;
  };
  const notHome = (path: string): string => {
    if (path !== home) return path;
    throw new WirelabError("FORBIDDEN", `${path}: the home of ${name} stays where it is.`);
  };
  const replaceable = async (from: string, to: string): Promise<string> => {
    if (from === to || may("d") || may("w")) return to;
    const there = await files.stat(to).catch((error) => {
      if (codeOf(error) !== "NOT_FOUND") throw error;
    });
    if (there?.type !== "file") return to;
    throw new WirelabError("FORBIDDEN", `${to}: ${name} lacks the permission "d" or "w" to replace it.`);
  };
  return {
    stat: async (path, permission = "l") => files.stat(require(permission, path)),
    list: async (path) => files.list(require("l", path)),
    read: async (path) => files.read(require("r", path)),
    write: async (path, options = {}) => files.write(require(options.append ? "a" : "w", path), options),
    remove: async (path) => files.remove(notHome(require("d", path))),
    rename: async (from, to) => {
      const source = notHome(require("f", from));
      return files.rename(source, await replaceable(source, require("f", to)));
    },
    makeDirectory: async (path) => files.makeDirectory(require("m", path)),
    setMode: async (path, mode) => files.setMode(require("M", path), mode),
    setModified: async (path, modified) => files.setModified(require("T", path), modified),
  };
}
