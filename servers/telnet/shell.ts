import { type GuardedStore, guarded } from "../../core/accounts.ts";
import { CHAT_COMMANDS, lineOf, takeSeat } from "../../core/chat.ts";
import type { Clock } from "../../core/clock.ts";
import { codeOf, messageOf, WirelabError } from "../../core/errors.ts";
import { LOBBY, type RoomMessage, type Rooms, type Seat } from "../../core/rooms.ts";
import type { Site } from "../../core/service.ts";
import { COMMANDS, commandOf } from "./commands.ts";
import { FILE_COMMANDS } from "./files.ts";
import { runCommand, type ShellProgram } from "./programs.ts";
import type { Completions, TelnetSession, Terminal } from "./terminal.ts";

/** What Telnet's shell says, and what can be typed there. */
export interface ShellOptions {
  /** Commands by name, which may be typed in any case. One with the name of a command that the shell has replaces it. */
  readonly commands?: Readonly<Record<string, ShellCommand>>;
  /** The first words to every client. Default: a welcome that tells the nick, the room and how to get help. */
  readonly greeting?: string;
  /** The chat room that clients come into; when it is full, one with a number behind its name. Default `lobby`. */
  readonly room?: string;
  /** What `run NAME [ARGS]` may run, by name: a program's path, or more about it. Default: nothing. */
  readonly programs?: Readonly<Record<string, string | ShellProgram>>;
}

/** Something that can be typed. */
export interface ShellCommand {
  /** What follows the name, for `help`: `"PATH"`, `"[TEXT]"`. */
  readonly usage?: string;
  /** What it does, for `help`: a few words. */
  readonly summary: string;
  /**
   * Does it. The answer's last line needs no end; undefined is no answer; an iterable is sent as fast as the client reads.
   * Of a `WirelabError` the client sees the message; other errors are logged.
   *
   * @param argument what was typed behind the name and one space.
   */
  run(argument: string, session: ShellSession): Answer | Promise<Answer>;
  /** The words that Tab may put at the end of what is typed behind the name. Default none. */
  complete?(argument: string, session: ShellSession): Completions;
}

/** What a command answers. */
type Answer = string | AsyncIterable<string> | undefined;

/** What a command can reach. */
export interface ShellSession {
  readonly terminal: Terminal;
  readonly commands: ReadonlyMap<string, ShellCommand>;
  readonly rooms: Rooms;
  /** The client's place in a chat room; its nick is what the client is called. */
  readonly seat: Seat;
  /** The lab's files, as the account may use them that has logged in, or those who have not. */
  readonly store: GuardedStore;
  readonly clock: Clock;
  /** The lines that were typed, the last 50 at most, the latest one last. */
  readonly history: readonly string[];
  /** Where relative paths count from. */
  directory: string;
  /** Ends the session behind the answer. */
  quit(): void;
}

/** How many lines `history` shows. */
const MAX_HISTORY = 50;

/** Those who have not logged in, where the lab has no account `anonymous`: they look and read. */
const VISITOR = { name: "visitor", home: "/", permissions: "elr" } as const;

/** The session that clients have by default. */
export function shellSession(site: Site, options: ShellOptions = {}): TelnetSession {
  const commands = new Map(
    Object.entries({
      ...COMMANDS,
      ...CHAT_COMMANDS,
      ...FILE_COMMANDS,
      run: runCommand(options.programs ?? {}),
      ...lowered(options.commands ?? {}),
    }).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  return async (terminal) => {
    let leaving = false;
    const history: string[] = [];
    let seat: Seat | undefined;
    const hear = (message: RoomMessage) => {
      // What one does oneself is answered by the command, and nobody needs to hear of the own arrival.
      const own = seat === undefined || message.nick === seat.nick;
      if (own && message.kind !== "told") return;
      terminal.notify(`${lineOf(message)}\n`);
      const { kind, room, nick, text } = message;
      const channel = kind === "told" ? "tell" : room;
      if (text !== "") terminal.gmcp("Comm.Channel.Text", { channel, talker: nick, text });
    };
    const account = terminal.account ?? site.accounts.anonymous ?? VISITOR;
    seat = takeSeat(site.rooms, options.room ?? LOBBY, hear);
    if (terminal.account) callAfter(seat, terminal.account.name);
    const session: ShellSession = {
      terminal,
      commands,
      rooms: site.rooms,
      clock: site.clock,
      history,
      seat,
      store: guarded(site.store, account),
      directory: account.home,
      quit() {
        leaving = true;
      },
    };
    // Also while a command runs: the others need not wait for it to see that somebody has gone.
    terminal.closed.then(() => session.seat.leave());
    try {
      await terminal.write(`${options.greeting ?? greeting(seat)}\n`);
      while (!leaving) {
        const complete = (typed: string) => completions(typed, session);
        const line = await terminal.readLine(`${seat.nick}> `, { complete });
        if (line === undefined) break;
        if (line.trim() !== "") history.push(line);
        if (history.length > MAX_HISTORY) history.shift();
        await answer(line, session, site);
      }
    } finally {
      seat.leave();
    }
  };
}

/** The commands by their names as they are looked up: whatever case they are typed in. */
function lowered(commands: Readonly<Record<string, ShellCommand>>): Record<string, ShellCommand> {
  return Object.fromEntries(Object.entries(commands).map(([name, command]) => [name.toLowerCase(), command]));
}

function completions(typed: string, session: ShellSession): Completions {
  const [, name, argument = ""] = /^\s*(\S+)\s(.*)$/su.exec(typed) ?? [];
  if (name === undefined) return [...session.commands.keys()];
  return commandOf(name, session)?.complete?.(argument, session) ?? [];
}

async function answer(line: string, session: ShellSession, site: Site): Promise<void> {
  const [, word = "", argument = ""] = /^\s*(\S+)\s?(.*)$/su.exec(line) ?? [];
  if (word === "") return;
  const { terminal } = session;
  const name = word.toLowerCase();
  const command = commandOf(name, session);
  if (!command) {
    const shown = word.slice(0, 40);
    await terminal.write(`Unknown command "${shown}". Type "help" to see the commands that there are.\n`);
    return;
  }
  try {
    const said = await command.run(argument, session);
    if (said !== undefined) await terminal.write(typeof said === "string" ? `${said}\n` : linesOf(said));
  } catch (error) {
    const known = error instanceof WirelabError;
    const why = known ? error.message : "it failed, and not through what you typed.";
    if (!known) {
      const fields = { server: site.server, connection: terminal.connection };
      const found = { code: codeOf(error), error: messageOf(error) };
      site.log.error({ ...fields, ...found }, `The command ${name} failed.`);
    }
    await terminal.write(`${name}: ${why}\n`);
  }
}

/** An answer in pieces, whose last line gets an end where it has none, also where the answer fails in its midst. */
async function* linesOf(answer: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let last = "\n";
  try {
    for await (const piece of answer) {
      last = piece.at(-1) ?? last;
      yield piece;
    }
  } finally {
    if (last !== "\n") yield "\n";
  }
}

function greeting(seat: Seat): string {
  return `Welcome to wirelab. You are ${seat.nick}, in the room ${seat.room}.\nType "help" for the commands, "quit" to leave.`;
}

/** Where the account's name is no nick, or is taken, the given one stays. */
function callAfter(seat: Seat, name: string): void {
  try {
    seat.rename(name);
  } catch (error) {
    if (!(error instanceof WirelabError)) throw error;
  }
}
