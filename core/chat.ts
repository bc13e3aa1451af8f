import { codeOf } from "./errors.ts";
import type { RoomMessage, Rooms, Seat } from "./rooms.ts";

/** Something that one can type in a chat, in every protocol that has people. */
export interface ChatCommand {
  /** What follows the name, for `help`. */
  readonly usage?: string;
  /** What it does, for `help`: a few words. */
  readonly summary: string;
  /**
   * Does it.
   *
   * @returns lines for the one who typed it, without an end.
   * @throws WirelabError as {@link Seat} does: its message is for the one who typed it.
   */
  run(argument: string, chatter: Chatter): string;
  /** The words that may stand at the end of what is typed behind the name. Default none. */
  complete?(argument: string, chatter: Chatter): readonly string[];
}

/** Who chats. */
interface Chatter {
  readonly seat: Seat;
  readonly rooms: Rooms;
}

/** Text chat with everybody in the room. */
export const CHAT_COMMANDS: Readonly<
  Record<"join" | "me" | "nick" | "rooms" | "say" | "tell" | "who", ChatCommand>
> = {
  join: {
    usage: "ROOM",
    summary: "go to another room",
    run(argument, { seat, rooms }) {
      const room = argument.trim();
      if (room === "") return `You are in ${seat.room}. Usage: join ROOM`;
      seat.move(room);
      return presence(seat.room, seat, rooms);
    },
    complete: (_argument, { rooms }) => rooms.list().map(({ room }) => room),
  },
  me: {
    usage: "TEXT",
    summary: "tell the room what you do",
    run(text, { seat }) {
      if (text.trim() === "") return "Usage: me TEXT";
      seat.act(text);
      return lineOf({ kind: "acted", room: seat.room, nick: seat.nick, text: text.trim() });
    },
    complete: nicks,
  },
  nick: {
    usage: "[NAME]",
    summary: "tell or change what you are called",
    run(argument, { seat }) {
      const wanted = argument.trim();
      if (wanted !== "") seat.rename(wanted);
      return `You are ${seat.nick}.`;
    },
  },
  rooms: {
    summary: "tell the rooms where somebody is",
    run: (_argument, { rooms }) =>
      rooms
        .list()
        .map(({ room, members }) => `${room}: ${members}`)
        .join("\n"),
  },
  say: {
    usage: "TEXT",
    summary: "tell everybody in the room",
    run(text, { seat }) {
      if (text.trim() === "") return "Usage: say TEXT";
      seat.say(text);
      return lineOf({ kind: "said", room: seat.room, nick: seat.nick, text: text.trim() });
    },
    complete: nicks,
  },
  tell: {
    usage: "NICK TEXT",
    summary: "tell one person alone",
    run(argument, { seat }) {
      const [, nick, text] = /^\s*(\S+)\s+(.*\S)\s*$/su.exec(argument) ?? [];
      if (!nick || !text) return "Usage: tell NICK TEXT";
      return seat.tell(nick, text) ? `You tell ${nick}: ${text}` : `Nobody here is called ${nick}.`;
    },
    complete: nicks,
  },
  who: {
    usage: "[ROOM]",
    summary: "tell who is in the room",
    run(argument, { seat, rooms }) {
      return presence(argument.trim() || seat.room, seat, rooms);
    },
    complete: (_argument, { rooms }) => rooms.list().map(({ room }) => room),
  },
};

/** Those in the same room, whom one talks to and of. */
function nicks(_argument: string, { seat, rooms }: Chatter): readonly string[] {
  return rooms.members(seat.room);
}

function presence(room: string, seat: Seat, rooms: Rooms): string {
  const members = rooms.members(room).map((nick) => (nick === seat.nick ? `${nick} (you)` : nick));
  return members.length === 0 ? `Nobody is in ${room}.` : `In ${room}: ${members.join(", ")}`;
}

/** A message as one line for a screen. */
export function lineOf({ kind, room, nick, text }: RoomMessage): string {
  switch (kind) {
    case "joined":
      return `* ${nick} has joined ${room}.`;
    case "left":
      return `* ${nick} has left ${room}.`;
    case "renamed":
      return `* ${text} is now ${nick}.`;
    case "said":
      return `${nick}: ${text}`;
    case "acted":
      return `* ${nick} ${text}`;
    case "told":
      return `${nick} tells you: ${text}`;
  }
}

/** Takes a seat in a room or, where that is full, in one with a number behind its name: see {@link Rooms.join}. */
export function takeSeat(rooms: Rooms, room: string, hear: (message: RoomMessage) => void): Seat {
  for (let number = 1; ; number += 1) {
    try {
      return rooms.join(number === 1 ? room : `${room}-${number}`, hear);
    } catch (error) {
      if (codeOf(error) !== "ROOM_FULL") throw error;
    }
  }
}
