import { WirelabError } from "./errors.ts";

/** Something that everybody in a room hears, or with `told` one person. */
export interface RoomMessage {
  readonly kind: "joined" | "left" | "renamed" | "said" | "acted" | "told";
  readonly room: string;
  /** Who did it; for `renamed` the new nick. */
  readonly nick: string;
  /** What was said, done or told; for `renamed` the old nick. Empty for `joined` and `left`. One line, without controls. */
  readonly text: string;
}

/** Somebody's place in a room. */
export interface Seat {
  readonly nick: string;
  readonly room: string;
  /**
   * Tells everybody in the room, this seat included. Line breaks become spaces, other control characters vanish, and
   * where nothing is left nothing is said.
   *
   * @throws WirelabError `BAD_OPTION` for more than {@link MAX_TEXT} characters.
   */
  say(text: string): void;
  /** As {@link say}, but what one does (IRC's `/me`). */
  act(text: string): void;
  /** As {@link say}, but to one person alone, in whatever room. Answers whether that person is there. */
  tell(nick: string, text: string): boolean;
  /** @throws WirelabError `NICK_TAKEN` where somebody in the lab has that nick, `BAD_OPTION` where it is no nick. */
  rename(nick: string): void;
  /**
   * Goes to another room, which is there as soon as somebody is in it. The seat stays where it is if that fails.
   *
   * @throws WirelabError `BAD_OPTION` where it is no name for a room, `ROOM_FULL` where no more people fit in.
   */
  move(room: string): void;
  /** Harmless when called again. Nothing is heard or said from then on. */
  leave(): void;
}

/**
 * Chat rooms of a lab, shared by the protocols that have people: in this process today, behind this interface so that a
 * broker can carry them one day.
 */
export interface Rooms {
  /**
   * Takes a seat. `hear` is called for all that is said from then on, one's own words and arrival included (though in a
   * room of more than {@link CROWD} people nobody's coming and going), and everybody hears it in the same order. It must
   * not wait; what it throws is its own loss.
   *
   * @param nick a free `guest…` is given where it is left out.
   * @throws WirelabError as {@link Seat.rename} and {@link Seat.move} do.
   */
  join(room: string, hear: (message: RoomMessage) => void, nick?: string): Seat;
  /** The nicks in a room, sorted. */
  members(room: string): readonly string[];
  /** The rooms that somebody is in, sorted by name. */
  list(): readonly { readonly room: string; readonly members: number }[];
}

/** The room that people come into if they name none. */
export const LOBBY = "lobby";

/** The most characters (UTF-16 units) of one message. */
export const MAX_TEXT = 4096;

/** The most people in one room: each of them hears all of it. */
export const MAX_MEMBERS = 1000;

/** With more people than this in a room, coming and going is not announced: it would be all that anybody hears. */
export const CROWD = 100;

/** 1 to 24 letters, digits, `_`, `-`, and the first is a letter: what a nick looks like, in every protocol. */
const NICK = /^\p{L}[\p{L}\p{M}\p{N}_-]{0,23}$/u;

/** The same for rooms, which may begin with a digit. */
const ROOM = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]{0,23}$/u;

/** guest2 comes before guest10. */
const ORDER = new Intl.Collator("en", { numeric: true });

interface Person {
  nick: string;
  room: string;
  readonly hear: (message: RoomMessage) => void;
}

/** The rooms of one lab, in this process. Nicks are unique in the lab, whatever their case. */
export function rooms(): Rooms {
  const people = new Map<string, Person>();
  const occupied = new Map<string, Set<Person>>();
  const undelivered: { readonly to: Iterable<Person>; readonly message: RoomMessage }[] = [];
  let delivering = false;
  let guests = 0;

  // Who hears something may leave or speak at once; what comes of that waits until everybody has heard the first.
  const deliver = (to: Iterable<Person>, message: RoomMessage) => {
    undelivered.push({ to, message });
    if (delivering) return;
    delivering = true;
    for (let next = undelivered.shift(); next; next = undelivered.shift()) {
      for (const person of next.to) {
        try {
          person.hear(next.message);
        } catch {
          // One person's failure must not keep the others from hearing.
        }
      }
    }
    delivering = false;
  };
  const announce = (room: string, kind: RoomMessage["kind"], nick: string, text = "") =>
    deliver(occupied.get(room) ?? [], { kind, room, nick, text });

  const freeGuest = () => {
    do guests += 1;
    while (people.has(keyOf(`guest${guests}`)));
    return `guest${guests}`;
  };
  const checkNick = (nick: string, own?: Person) => {
    if (!NICK.test(nick)) {
      throw new WirelabError(
        "BAD_OPTION",
        "A nick has 1 to 24 letters, digits, _ or -, and begins with a letter.",
      );
    }
    const holder = people.get(keyOf(nick));
    if (holder && holder !== own) throw new WirelabError("NICK_TAKEN", `The nick ${nick} is taken.`);
  };
  const checkRoom = (room: string) => {
    if (!ROOM.test(room)) {
      throw new WirelabError("BAD_OPTION", "A room's name has 1 to 24 letters, digits, _ or -.");
    }
    if ((occupied.get(room)?.size ?? 0) >= MAX_MEMBERS) {
      throw new WirelabError("ROOM_FULL", `The room ${room} is full: it holds ${MAX_MEMBERS} people.`);
    }
  };
  const enter = (person: Person) => {
    const inside = occupied.get(person.room) ?? new Set();
    occupied.set(person.room, inside.add(person));
    if (inside.size <= CROWD) announce(person.room, "joined", person.nick);
  };
  const exit = (person: Person) => {
    const inside = occupied.get(person.room) ?? new Set();
    const crowded = inside.size > CROWD;
    inside.delete(person);
    if (inside.size === 0) occupied.delete(person.room);
    else if (!crowded) announce(person.room, "left", person.nick);
  };

  return {
    join(room, hear, wanted) {
      checkRoom(room);
      const nick = wanted ?? freeGuest();
      checkNick(nick);
      const person: Person = { nick, room, hear };
      const present = () => people.get(keyOf(person.nick)) === person;
      const speak = (kind: "said" | "acted", text: string) => {
        const line = lineOf(text);
        if (line !== "" && present()) announce(person.room, kind, person.nick, line);
      };
      people.set(keyOf(nick), person);
      enter(person);
      return {
        get nick() {
          return person.nick;
        },
        get room() {
          return person.room;
        },
        say: (text) => speak("said", text),
        act: (text) => speak("acted", text),
        tell(to, text) {
          const line = lineOf(text);
          const listener = people.get(keyOf(to));
          if (!listener || !present()) return false;
          if (line !== "")
            deliver([listener], { kind: "told", room: person.room, nick: person.nick, text: line });
          return true;
        },
        rename(next) {
          checkNick(next, person);
          if (!present() || next === person.nick) return;
          const before = person.nick;
          people.delete(keyOf(before));
          people.set(keyOf(next), person);
          person.nick = next;
          announce(person.room, "renamed", next, before);
        },
        move(next) {
          if (!present() || next === person.room) return;
          checkRoom(next);
          exit(person);
          person.room = next;
          enter(person);
        },
        leave() {
          if (!present()) return;
          people.delete(keyOf(person.nick));
          exit(person);
        },
      };
    },
    members: (room) => [...(occupied.get(room) ?? [])].map((person) => person.nick).sort(ORDER.compare),
    list: () =>
      [...occupied]
        .map(([room, inside]) => ({ room, members: inside.size }))
        .sort((one, other) => ORDER.compare(one.room, other.room)),
  };
}

/** What makes two nicks the same, so that nobody passes for another by case or by a full-width letter. */
function keyOf(nick: string): string {
  return nick.normalize("NFKC").toLowerCase();
}

/** The text as one line, without what could move a reader's cursor or forge a line: controls, line separators, bidi overrides. */
function lineOf(text: string): string {
  if (text.length > MAX_TEXT) {
    throw new WirelabError("BAD_OPTION", `A message has at most ${MAX_TEXT} characters.`);
  }
  return text
    .replace(/[\r\n\t\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "")
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .trim();
}
