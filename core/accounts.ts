import { hash, timingSafeEqual } from "node:crypto";
import { isObject } from "./checks.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import type { Direction } from "./events/events.ts";
import { isWithin, resolveEntry, resolvePath } from "./path.ts";
import {
  dependsOnType,
  lettersFor,
  type PathPermissions,
  type PathRule,
  PERMISSIONS,
  type Permission,
} from "./permissions.ts";
import type { Entry, Store } from "./store/store.ts";

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
  /**
   * Other letters for some directories and all that is below them, or for single files: `{ "/in": "elw", "/in/old": "el" }`.
   * Of those that a path lies in, the longest counts. Paths are the store's own, inside the home; they need not be there, and
   * a symlink goes by its own path. A directory stays where it is while one of them in it lacks `f`. With
   * `{ permissions: "el", recursive: false }` a directory's letters are for itself and the files directly in it: what
   * pyftpdlib's `override_perm` does by default. Default: the same letters everywhere.
   */
  readonly paths?: Readonly<Record<string, string | PathPermissions>>;
  /** What FTP says to the account when it has logged in, behind 230; lines parted by `\n`. Default `Logged in.` */
  readonly greeting?: string;
  /** FTP sessions at the same time; one more is refused when it logs in. Default: as many as come. */
  readonly maxSessions?: number;
  /** How many bytes a second one FTP session may upload (`in`) and download (`out`). Default: as fast as it goes. */
  readonly bytesPerSecond?: BytesPerSecond;
}

/** Bytes a second that a session may move: `in` what it uploads, `out` what it downloads. */
export type BytesPerSecond = Readonly<Partial<Record<Direction, number>>>;

/** An account with its defaults filled in. */
export interface KnownAccount {
  readonly name: string;
  readonly home: string;
  readonly permissions: string;
  /** The longest path first. Default: none. */
  readonly paths?: readonly PathRule[];
  readonly greeting?: string;
  readonly maxSessions?: number;
  readonly bytesPerSecond?: BytesPerSecond;
}

/** The accounts of a lab. */
export interface Accounts extends Iterable<KnownAccount> {
  /** What those get who do not log in: the account `anonymous`, where the lab has it and it asks for no password. */
  readonly anonymous: KnownAccount | undefined;
  /** The account, if name and password are right; the time that it takes does not tell which of them was wrong. */
  verify(name: string, password: string): KnownAccount | undefined;
  /**
   * Adds an account, or puts it in the place of the one with that name. Sessions that it has go on as they were; its home is to
   * be there, or nothing is found in it. {@link Lab.reset} takes it away.
   *
   * @throws WirelabError `BAD_ACCOUNT` as {@link startLab} does.
   *
   * @example
   * ```ts
   * import { ftp, startLab } from "wirelab";
   *
   * await using lab = await startLab({ files: ftp() });
   * lab.accounts.put({ name: "ann", password: "pw", permissions: "elr" });
   * lab.accounts.remove("foo");
   * console.log([...lab.accounts].map(({ name }) => name).join()); // ann
   * ```
   */
  put(account: Account): KnownAccount;
  /** Takes an account away; sessions that it has go on. Answers whether it was there. {@link Lab.reset} brings it back. */
  remove(name: string): boolean;
  /** Counts a session in until the answer is disposed of; undefined where the account has as many as it may have. */
  enter(account: KnownAccount): Disposable | undefined;
}

/** The account that every lab has if it is given none: pyftpdlib's example user. */
export const DEFAULT_ACCOUNTS: readonly Account[] = [
  { name: "foo", password: "bar", permissions: PERMISSIONS },
];

/**
 * @throws WirelabError `BAD_ACCOUNT` for a name that is empty, is there twice, or holds a control character or a colon; for a
 *   letter that is no permission; for a home that is no path, and a path outside of it; for a limit that is none.
 */
export function accountTable(accounts: readonly Account[]): Accounts & { reset(): void } {
  const known = new Map<string, { readonly account: KnownAccount; readonly digest: Buffer | undefined }>();
  const sessions = new Map<string, number>();
  const put = (given: Account): KnownAccount => {
    const account = Object.freeze(checked(given));
    const { password } = given;
    known.set(account.name, { account, digest: password === undefined ? undefined : digestOf(password) });
    return account;
  };
  for (const account of accounts) {
    if (known.has(account.name)) throw badAccount(account.name, "is there twice");
    put(account);
  }
  const initial = [...known];
  return {
    get anonymous() {
      const anonymous = known.get("anonymous");
      return anonymous && !anonymous.digest ? anonymous.account : undefined;
    },
    put,
    remove: (name) => known.delete(name),
    reset() {
      known.clear();
      for (const [name, account] of initial) known.set(name, account);
    },
    verify(name, password) {
      const { account, digest } = known.get(name) ?? {};
      const given = digestOf(password);
      // Compared even where there is no such account, so that time does not tell.
      const right = timingSafeEqual(given, digest ?? given) && digest !== undefined;
      return right || (name === "anonymous" && digest === undefined) ? account : undefined;
    },
    enter({ name, maxSessions = Number.POSITIVE_INFINITY }) {
      const count = sessions.get(name) ?? 0;
      if (count >= maxSessions) return undefined;
      sessions.set(name, count + 1);
      let left = false;
      return {
        [Symbol.dispose]() {
          if (!left) sessions.set(name, (sessions.get(name) ?? 1) - 1);
          left = true;
        },
      };
    },
    *[Symbol.iterator]() {
      for (const { account } of known.values()) yield account;
    },
  };
}

const FIELDS = [
  "name",
  "password",
  "home",
  "permissions",
  "paths",
  "greeting",
  "maxSessions",
  "bytesPerSecond",
];

function checked(account: Account): KnownAccount {
  const {
    name,
    password,
    home = "/",
    permissions = "elr",
    paths = {},
    greeting,
    maxSessions,
    bytesPerSecond,
  } = account;
  for (const [field, value] of Object.entries({ name, password, home, permissions, greeting })) {
    // From a configuration file anything may come.
    if (value !== undefined && typeof value !== "string")
      throw badAccount(name, `needs a string as ${field}`);
  }
  if (!name || /[\0-\x1f\x7f:]/.test(name)) {
    throw badAccount(name, "needs a name without control characters and colons");
  }
  // From a program of another language, too: what is misspelt there would be a default.
  const unknown = Object.keys(account).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw badAccount(name, `has "${unknown}"; there are ${FIELDS.join(", ")}`);
  for (const [field, value] of Object.entries({ paths, bytesPerSecond })) {
    if (value !== undefined && !isObject(value)) throw badAccount(name, `needs an object as ${field}`);
  }
  checkLetters(name, permissions);
  const strange = Object.keys(bytesPerSecond ?? {}).find((key) => key !== "in" && key !== "out");
  if (strange !== undefined) throw badAccount(name, `has bytesPerSecond "${strange}"; there are in and out`);
  for (const [limit, value] of Object.entries({ maxSessions, ...bytesPerSecond })) {
    if (value !== undefined && !(typeof value === "number" && value >= 1))
      throw badAccount(name, `has ${value} as limit (${limit}); it is a number, 1 or more`);
  }
  const place = checkedPath(name, "home", home);
  const rules = Object.entries(paths).map(([path, given]) => ruleOf(name, place, path, given));
  return {
    name,
    home: place,
    permissions,
    ...(rules.length > 0 && { paths: rules.sort((one, other) => other.path.length - one.path.length) }),
    ...(greeting !== undefined && { greeting }),
    ...(maxSessions !== undefined && { maxSessions }),
    ...(bytesPerSecond && { bytesPerSecond }),
  };
}

function ruleOf(name: string, home: string, path: string, given: string | PathPermissions): PathRule {
  const { permissions, recursive = true } = isObject(given) ? given : { permissions: given };
  checkLetters(name, permissions);
  const place = checkedPath(name, `path "${path}"`, path);
  if (!isWithin(place, home)) throw badAccount(name, `has the path "${path}" outside its home ${home}`);
  return { path: place, permissions, recursive };
}

function checkLetters(name: string, permissions: string): void {
  if (typeof permissions !== "string") throw badAccount(name, "needs a string as permissions");
  const strange = [...permissions].find((letter) => !PERMISSIONS.includes(letter));
  if (strange !== undefined) {
    throw badAccount(name, `has the permission "${strange}"; the letters are ${PERMISSIONS}`);
  }
}

function checkedPath(name: string, what: string, path: string): string {
  try {
    return resolveEntry(path);
  } catch (cause) {
    throw badAccount(name, `has a ${what} that is no path: ${messageOf(cause)}`, { cause });
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
  return hash("sha256", password, "buffer");
}

/** A store as one account may use it. */
export interface GuardedStore extends Store {
  /**
   * As the store's own, under the permission that the entry is asked for by: `e` to enter a directory, `f` to rename it,
   * `d` to delete it. Default `l`.
   */
  stat(path: string, permission?: Permission): ReturnType<Store["stat"]>;
  /** The letters that the account has for what is there. */
  permissions(entry: Pick<Entry, "path" | "type">): string;
}

/**
 * The store as `account` may use it: every refusal is a `FORBIDDEN`, which FTP says as 550 and HTTP as 403. Permissions are
 * checked here and nowhere else. Paths stay the store's own; outside the account's home everything is refused.
 *
 * @example For a server of one's own: the files as somebody may see them who does not log in.
 * ```ts
 * import { guarded, startLab } from "wirelab";
 *
 * const accounts = [{ name: "anonymous", home: "/pub", permissions: "elr" }];
 * await using lab = await startLab({}, { accounts, files: { "/pub/a.txt": "hello", "/secret": "s" } });
 * const { anonymous } = lab.accounts;
 * if (anonymous) {
 *   const store = guarded(lab.store, anonymous);
 *   console.log((await store.list("/pub")).length); // 1
 *   console.log(await store.read("/secret").catch(({ code }) => code)); // FORBIDDEN
 * }
 * ```
 */
export function guarded(store: Store, account: KnownAccount): GuardedStore {
  const { name, home, permissions, paths = [] } = account;
  const files = home === "/" ? store : (store.confined?.(home) ?? store);
  const typeAt = async (path: string): Promise<Entry["type"]> => {
    if (!dependsOnType(path, paths)) return "file";
    return files.stat(path).then(
      ({ type }) => type,
      // What is to be made there is judged as a file in that directory.
      () => "file",
    );
  };
  const lacks = (path: string, what: string) =>
    new WirelabError("FORBIDDEN", `${path}: ${name} lacks the permission ${what}.`);
  const letters = async (path: string) => lettersFor({ path, type: await typeAt(path) }, paths, permissions);
  const judged = async (permission: Permission, path: string): Promise<string> => {
    if (!(await letters(path)).includes(permission)) throw lacks(path, `"${permission}"`);
    return path;
  };
  const require = (permission: Permission, path: string): string | Promise<string> => {
    const resolved = resolvePath(path);
    if (!isWithin(resolved, home)) {
      throw new WirelabError("FORBIDDEN", `${resolved}: outside the home of ${name}.`);
    }
    if (paths.length > 0) return judged(permission, resolved);
    if (!permissions.includes(permission)) throw lacks(resolved, `"${permission}"`);
    return resolved;
  };
  const notHome = (path: string): string => {
    if (path !== home) return path;
    throw new WirelabError("FORBIDDEN", `${path}: the home of ${name} stays where it is.`);
  };
  /** What is in a directory moves with it, out of the reach of its own letters: none of it may be there that is not to move. */
  const movable = async (from: string): Promise<string> => {
    for (const rule of paths) {
      if (rule.permissions.includes("f") || !isWithin(rule.path, from)) continue;
      const there = await files.stat(rule.path).catch(() => undefined);
      if (there) throw lacks(rule.path, '"f" to be moved with its directory');
    }
    return from;
  };
  const replaceable = async (from: string, to: string): Promise<string> => {
    if (from === to || /[dw]/.test(await letters(to))) return to;
    const there = await files.stat(to).catch((error) => {
      if (codeOf(error) !== "NOT_FOUND") throw error;
    });
    if (there?.type !== "file") return to;
    throw lacks(to, '"d" or "w" to replace it');
  };
  return {
    permissions: (entry) => (isWithin(entry.path, home) ? lettersFor(entry, paths, permissions) : ""),
    stat: async (path, permission = "l") => files.stat(await require(permission, path)),
    list: async (path) => files.list(await require("l", path)),
    read: async (path) => files.read(await require("r", path)),
    write: async (path, options = {}) =>
      files.write(await require(options.append ? "a" : "w", path), options),
    remove: async (path) => files.remove(notHome(await require("d", path))),
    rename: async (from, to) => {
      const source = await movable(notHome(await require("f", from)));
      return files.rename(source, await replaceable(source, await require("f", to)));
    },
    makeDirectory: async (path) => files.makeDirectory(await require("m", path)),
    setMode: async (path, mode) => files.setMode(await require("M", path), mode),
    setModified: async (path, modified) => files.setModified(await require("T", path), modified),
  };
}
