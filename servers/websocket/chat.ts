import { CHAT_COMMANDS, type ChatCommand, lineOf, takeSeat } from "../../core/chat.ts";
import { WirelabError } from "../../core/errors.ts";
import { LOBBY, type RoomMessage, type Rooms, type Seat } from "../../core/rooms.ts";
import type { Site } from "../../core/service.ts";
import type { Session } from "./session.ts";

/** The subprotocols of a chat: lines, which is what those get who ask for none, and JSON objects. */
export const CHAT_SUBPROTOCOLS: readonly string[] = ["text", "json"];

/** Somebody who chats. */
interface Chatter {
  readonly seat: Seat;
  readonly rooms: Rooms;
  quit(): void;
}

/** How one chats: what a client is told, and what its messages are answered. */
interface Manner {
  welcome(seat: Seat): string;
  /** What a client is told of what is heard in its room; undefined for what it knows already. */
  heard(message: RoomMessage, nick: string): string | undefined;
  /** @throws WirelabError whose message is for the client. */
  answer(message: string, chatter: Chatter): string | undefined;
  refusal(error: WirelabError): string;
}

/** Takes a seat in the lab's lobby for each client, until it goes. */
export function chat({ rooms }: Site): (session: Session) => Promise<void> {
  return async (session) => {
    const manner = session.subprotocol === "json" ? OBJECTS : LINES;
    const { link } = session;
    let seat: Seat | undefined;
    seat = takeSeat(rooms, LOBBY, (message) => {
      // The welcome tells of the own arrival.
      const told = seat && manner.heard(message, seat.nick);
      if (told === undefined) return;
      // Who speaks cannot be held up for one who does not listen.
      if (link.congested) link.close(1008, "You read too slowly for this chat.", "server");
      else link.send(told, "text");
    });
    const leave = () => seat.leave();
    session.signal.addEventListener("abort", leave);
    if (session.signal.aborted) leave();
    const chatter: Chatter = { seat, rooms, quit: () => session.close(1000, "Goodbye.") };
    await session.send(manner.welcome(seat));
    for await (const message of session) {
      const answer = answerTo(message, manner, chatter);
      if (answer !== undefined) await session.send(answer);
    }
  };
}

function answerTo(message: string | Buffer, manner: Manner, chatter: Chatter): string | undefined {
  try {
    if (typeof message === "string") return manner.answer(message, chatter);
    throw new WirelabError("BAD_OPTION", "A chat takes messages of text.");
  } catch (error) {
    if (error instanceof WirelabError) return manner.refusal(error);
    throw error;
  }
}

const MOVES: readonly RoomMessage["kind"][] = ["joined", "left", "renamed"];

/** Lines, as IRC's clients have them: text is said, and behind a slash is a command. */
const LINES: Manner = {
  welcome: ({ nick, room }) =>
    `Welcome to wirelab. You are ${nick}, in the room ${room}. Type /help for the commands, /quit to leave.`,
  // Coming and going, and another nick, are answered by the command.
  heard: (message, nick) =>
    message.nick === nick && MOVES.includes(message.kind) ? undefined : lineOf(message),
  answer(message, chatter) {
    const [, slash = "", name = "", argument = ""] =
      /^(?:(\/)(?!\/)(\S*)\s?|\/(?=\/))?(.*)$/su.exec(message) ?? [];
    const command = COMMANDS.get(slash === "" ? "say" : name.toLowerCase());
    if (!command)
      return `There is no command "/${name.slice(0, 40)}". Type /help to see those that there are.`;
    return command.run(argument, chatter);
  },
  refusal: ({ message }) => message,
};

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries<Command>({
    ...CHAT_COMMANDS,
    // One hears oneself, so that all read the same.
    say: { ...CHAT_COMMANDS.say, run: (text, { seat }) => void seat.say(text) },
    me: { ...CHAT_COMMANDS.me, run: (text, { seat }) => void seat.act(text) },
    help: {
      summary: "list the commands",
      run: () =>
        [...COMMANDS]
          .map(([name, { usage, summary }]) => `/${[name, usage].filter(Boolean).join(" ")}: ${summary}`)
          .join("\n"),
    },
    quit: {
      summary: "leave",
      run: (_argument, { quit }) => void quit(),
    },
  }).sort(([one], [other]) => (one < other ? -1 : 1)),
);

/** A command of {@link CHAT_COMMANDS}, or one that can end the session. */
interface Command extends Pick<ChatCommand, "usage" | "summary"> {
  run(argument: string, chatter: Chatter): string | undefined;
}

/** JSON objects with a `type`: for programs. One hears one's own words too. */
const OBJECTS: Manner = {
  welcome: ({ nick, room }) => JSON.stringify({ type: "welcome", nick, room }),
  heard: ({ kind, ...fields }) => JSON.stringify({ type: kind, ...fields }),
  answer(message, chatter) {
    const { seat, rooms } = chatter;
    const fields = fieldsOf(message);
    const present = (room: string) => JSON.stringify({ type: "who", room, members: rooms.members(room) });
    switch (fields.type) {
      case "say":
        seat.say(textIn(fields, "text"));
        return undefined;
      case "me":
        seat.act(textIn(fields, "text"));
        return undefined;
      case "nick":
        seat.rename(textIn(fields, "nick"));
        return undefined;
      case "join":
        seat.move(textIn(fields, "room"));
        return present(seat.room);
      case "tell": {
        const to = textIn(fields, "to");
        if (!seat.tell(to, textIn(fields, "text")))
          throw new WirelabError("NOT_FOUND", `Nobody here is called ${to}.`);
        return undefined;
      }
      case "who":
        return present(fields.room === undefined ? seat.room : textIn(fields, "room"));
      case "rooms":
        return JSON.stringify({ type: "rooms", rooms: rooms.list() });
      case "quit":
        chatter.quit();
        return undefined;
      default:
        throw new WirelabError(
          "BAD_OPTION",
          'A message has a "type": say, me, nick, join, tell, who, rooms or quit.',
        );
    }
  },
  refusal: ({ code, message }) => JSON.stringify({ type: "error", code, message }),
};

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(message: string): Fields {
  try {
    return Object(JSON.parse(message));
  } catch {
    throw new WirelabError("BAD_OPTION", "A message of this chat is a JSON object.");
  }
}

function textIn(fields: Fields, name: string): string {
  const text = fields[name];
  if (typeof text === "string") return text;
  throw new WirelabError("BAD_OPTION", `A message of the type ${fields.type} has a text "${name}".`);
}
