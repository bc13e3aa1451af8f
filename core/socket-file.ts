import { randomBytes } from "node:crypto";
import { type BigIntStats, chmodSync, linkSync, lstatSync, renameSync, statSync, unlinkSync } from "node:fs";
import { connect, type Server as NetServer } from "node:net";
import { dirname } from "node:path";
import { whyNoSocketPath } from "./address.ts";
import { bind, bindError } from "./bind.ts";
import { codeOf, WirelabError } from "./errors.ts";

/** Who may connect, if nobody says: the owner alone. */
const DEFAULT_MODE = 0o600;

/** The file of a Unix-domain socket that a server listens on. */
export class SocketFile {
  readonly #path: string;
  readonly #own: BigIntStats;

  private constructor(path: string, own: BigIntStats) {
    this.#path = path;
    this.#own = own;
  }

  /**
   * Makes a server listen. The file of a process that is gone makes room; of two that want its place, one gets it.
   *
   * @param mode who may connect; default 0o600.
   * @throws WirelabError `BAD_ADDRESS` for a path that no socket can have, `BAD_OPTION` for a mode that is none; `ADDRESS_IN_USE`
   *   where somebody answers there, or where there is a file of another kind; `ADDRESS_DENIED`, `ADDRESS_UNAVAILABLE`.
   */
  static async bind(server: NetServer, path: string, name: string, mode = DEFAULT_MODE): Promise<SocketFile> {
    const why = whyNoSocketPath(path);
    if (why) throw new WirelabError("BAD_ADDRESS", `${name} cannot listen on unix:${path}: the path ${why}.`);
    if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
      throw new WirelabError("BAD_OPTION", `${name}: mode ${mode} is none of a file; write 0o660, say.`);
    }
    try {
      await makeRoom(path);
    } catch (error) {
      throw bindError(error as Error, `unix:${path}`, name);
    }
    await bind(server, { path }, name);
    try {
      chmodSync(path, mode);
      return new SocketFile(path, lstatSync(path, { bigint: true }));
    } catch (error) {
      server.close();
      throw bindError(error as Error, `unix:${path}`, name);
    }
  }

  /** Closes the server, and removes the file; one that has taken its place meanwhile is another's, and stays. */
  close(server: NetServer): void {
    const path = this.#path;
    const found = stateOf(path);
    const foreign = found && !isSame(found, this.#own);
    // Node removes whatever has the path: another's file has none for that moment.
    const aside = besides(path);
    if (foreign) renameSync(path, aside);
    server.close();
    if (foreign) renameSync(aside, path);
  }
}

/** Removes the file of a process that is gone; throws where there is another that is no socket, or no folder. */
async function makeRoom(path: string): Promise<void> {
  // A bind would say EACCES where there is no folder.
  statSync(dirname(path));
  const found = stateOf(path);
  if (found && !found.isSocket()) {
    throw Object.assign(new Error("a file that is no socket is there"), { code: "EEXIST" });
  }
  if (found && !(await isAlive(path))) removeStale(path, found);
}

/** Whether somebody accepts connections there. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error) => resolve(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error) ?? "")));
  });
}

/**
 * Removes the file of a process that is gone, and no other: somebody else may have found it, too, and have put theirs in its
 * place. What a name stands for can change between a look and a removal, but not what has been moved to a name of our own.
 */
function removeStale(path: string, stale: BigIntStats): void {
  const found = stateOf(path);
  if (!found || !isSame(found, stale)) return;
  const aside = besides(path);
  renameSync(path, aside);
  if (!isSame(lstatSync(aside, { bigint: true }), stale)) linkSync(aside, path);
  unlinkSync(aside);
}

function stateOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Numbers of files are given away again, so the time counts too; that of a socket's file is when it was made. */
function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.ino === other.ino && one.dev === other.dev && one.mtimeNs === other.mtimeNs;
}

function besides(path: string): string {
  return `${path}.${randomBytes(4).toString("hex")}`;
}
