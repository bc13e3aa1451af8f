import { type GuardedStore, guarded, type KnownAccount } from "../../core/accounts.ts";
import { WirelabError } from "../../core/errors.ts";
import { resolvePath } from "../../core/path.ts";
import type { Permission } from "../../core/permissions.ts";
import type { Entry, Store } from "../../core/store/store.ts";

/** The files as one session sees them: the account's home is `/`, and a working directory stands in it. */
export class Files {
  readonly account: KnownAccount;
  /** The account's view of the store, in the store's own paths: see {@link at}. */
  readonly store: GuardedStore;
  readonly #store: Store;
  #cwd = "/";

  constructor(store: Store, account: KnownAccount) {
    this.#store = store;
    this.account = account;
    this.store = guarded(store, account);
  }

  /** The working directory, as the client sees it. */
  get cwd(): string {
    return this.#cwd;
  }

  /** A path as the client sees it, from the root. */
  seen(path: string): string {
    return resolvePath(path, this.#cwd);
  }

  /** A path as the store has it. */
  at(path: string): string {
    const seen = this.seen(path);
    const { home } = this.account;
    return home === "/" ? seen : seen === "/" ? home : `${home}${seen}`;
  }

  /** As {@link seen}, and nothing for what cannot be a path. */
  knownAs(path: string): string | undefined {
    try {
      return this.seen(path);
    } catch {
      return undefined;
    }
  }

  /** As {@link at}, and nothing for what cannot be a path. */
  knownAt(path: string): string | undefined {
    try {
      return this.at(path);
    } catch {
      return undefined;
    }
  }

  entry(path: string, permission?: Permission): Promise<Entry> {
    return this.store.stat(this.at(path), permission);
  }

  /** How many bytes more can be stored, where the store tells. */
  async available(): Promise<number | undefined> {
    return this.#store.available?.();
  }

  async changeDirectory(path: string): Promise<string> {
    const seen = this.seen(path);
    await this.#expect("directory", path, "e");
    this.#cwd = seen;
    return seen;
  }

  async makeDirectory(path: string): Promise<string> {
    await this.store.makeDirectory(this.at(path));
    return this.seen(path);
  }

  /** Removes a file, or an empty directory, whichever is named. */
  async remove(path: string, type: Entry["type"]): Promise<void> {
    await this.#expect(type, path, "d");
    await this.store.remove(this.at(path));
  }

  async #expect(type: Entry["type"], path: string, permission: Permission): Promise<void> {
    const entry = await this.entry(path, permission);
    if (entry.type === type) return;
    throw new WirelabError(type === "file" ? "IS_DIRECTORY" : "NOT_DIRECTORY", `${path}: not a ${type}.`);
  }
}
