import { describe, expect, test } from "vitest";
import { CROWD, LOBBY, MAX_MEMBERS, MAX_TEXT, type RoomMessage, rooms } from "../core/rooms.ts";

/** Rooms, and a way to sit down in them that keeps what is heard. */
function building() {
  const all = rooms();
  const sit = (nick?: string, room = LOBBY) => {
    const heard: string[] = [];
    const hear = ({ kind, room: where, nick: who, text }: RoomMessage) => {
      heard.push(`${where} ${who} ${kind}${text && ` ${text}`}`);
    };
    return { ...{ heard }, seat: all.join(room, hear, nick) };
  };
  return { all, sit };
}

describe("speaking", () => {
  test("everybody in the room hears, oneself included, and nobody elsewhere", () => {
    const { sit } = building();
    const ann = sit("ann");
    const bob = sit("bob");
    const eve = sit("eve", "other");
    ann.seat.say("hello");
    bob.seat.act("waves");
    expect(ann.heard.slice(-2)).toEqual(["lobby ann said hello", "lobby bob acted waves"]);
    expect(bob.heard.slice(-2)).toEqual(["lobby ann said hello", "lobby bob acted waves"]);
    expect(eve.heard).toEqual(["other eve joined"]);
  });

  test("one person is told alone, in whatever room and whatever case", () => {
    const { sit } = building();
    const ann = sit("ann");
    const bob = sit("Bob", "other");
    const eve = sit("eve");
    expect(ann.seat.tell("bOB", "psst")).toBe(true);
    expect(bob.heard.at(-1)).toBe("lobby ann told psst");
    expect(eve.heard.at(-1)).toBe("lobby eve joined");
    expect(ann.seat.tell("nobody", "psst")).toBe(false);
  });

  test("a message is one line without controls", () => {
    const { sit } = building();
    const ann = sit("ann");
    ann.seat.say(" a\r\nbob: b\tc\u2028d \x1b[31mred\x07\x9b0m\u202eevil\x00\ud800 ");
    expect(ann.heard.at(-1)).toBe("lobby ann said a bob: b c d [31mred0mevil\ufffd");
  });

  test("nothing is said where nothing is left to say", () => {
    const { sit } = building();
    const ann = sit("ann");
    ann.seat.say(" \r\n\x1b ");
    ann.seat.act("");
    expect(ann.heard).toEqual(["lobby ann joined"]);
  });

  test("what is too long is refused", () => {
    const { sit } = building();
    const ann = sit("ann");
    ann.seat.say("x".repeat(MAX_TEXT));
    expect(() => ann.seat.say("x".repeat(MAX_TEXT + 1))).toThrow(
      expect.objectContaining({ code: "BAD_OPTION" }),
    );
  });

  test("everybody hears in the same order, also when somebody answers or leaves at once", () => {
    const { all, sit } = building();
    const ann = sit("ann");
    const echo = all.join(LOBBY, ({ kind, text }) => {
      if (kind === "said" && text === "ping") echo.say("pong");
      if (kind === "said" && text === "pong") echo.leave();
    });
    const zoe = sit("zoe");
    ann.seat.say("ping");
    const order = ["lobby ann said ping", "lobby guest1 said pong", "lobby guest1 left"];
    expect(ann.heard.slice(-3)).toEqual(order);
    expect(zoe.heard.slice(-3)).toEqual(order);
  });

  test("one who fails does not keep the others from hearing", () => {
    const { all, sit } = building();
    all.join(LOBBY, () => {
      throw new Error("deaf");
    });
    const ann = sit("ann");
    ann.seat.say("hello");
    expect(ann.heard.at(-1)).toBe("lobby ann said hello");
  });
});

describe("nicks", () => {
  test("are sorted as people count", () => {
    const { all, sit } = building();
    for (const nick of ["guest10", "Zoe", "guest2", "ann"]) sit(nick);
    expect(all.members(LOBBY)).toEqual(["ann", "guest2", "guest10", "Zoe"]);
  });

  test("guests get free ones", () => {
    const { sit } = building();
    sit("Guest2");
    expect([sit(), sit(), sit()].map(({ seat }) => seat.nick)).toEqual(["guest1", "guest3", "guest4"]);
  });

  test.each(["", "1ann", "an n", "ann\x1b", "a".repeat(25), "-ann", "ann\n"])("%j is none", (nick) => {
    const { sit } = building();
    expect(() => sit(nick)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    expect(() => sit("ann").seat.rename(nick)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });

  test.each(["ann", "Jörg", "李雷", "a_b-9"])("%j is one", (nick) => {
    expect(building().sit(nick).seat.nick).toBe(nick);
  });

  test("are taken in every room, whatever their case and width", () => {
    const { sit } = building();
    sit("ann");
    const bob = sit("bob", "other");
    for (const nick of ["ann", "ANN", "ａｎｎ"]) {
      expect(() => sit(nick, "third")).toThrow(expect.objectContaining({ code: "NICK_TAKEN" }));
      expect(() => bob.seat.rename(nick)).toThrow(expect.objectContaining({ code: "NICK_TAKEN" }));
    }
    expect(bob.seat.nick).toBe("bob");
  });

  test("change for all to hear, and the old one is free", () => {
    const { all, sit } = building();
    const ann = sit("ann");
    const bob = sit("bob");
    ann.seat.rename("Ann");
    ann.seat.rename("anna");
    expect(bob.heard.slice(-2)).toEqual(["lobby Ann renamed ann", "lobby anna renamed Ann"]);
    expect(all.members(LOBBY)).toEqual(["anna", "bob"]);
    expect(sit("ann").seat.nick).toBe("ann");
  });

  test("are free again behind those who leave", () => {
    const { sit } = building();
    sit("ann").seat.leave();
    expect(sit("ann").seat.nick).toBe("ann");
  });
});

describe("rooms", () => {
  test("are there while somebody is in them", () => {
    const { all, sit } = building();
    const ann = sit("ann");
    sit("bob", "den");
    expect(all.list()).toEqual([
      { room: "den", members: 1 },
      { room: "lobby", members: 1 },
    ]);
    ann.seat.move("den");
    expect(all.list()).toEqual([{ room: "den", members: 2 }]);
    expect(all.members("den")).toEqual(["ann", "bob"]);
    expect(all.members(LOBBY)).toEqual([]);
  });

  test("are left and entered for all to hear", () => {
    const { sit } = building();
    const ann = sit("ann");
    const bob = sit("bob");
    const eve = sit("eve", "den");
    ann.seat.move("den");
    ann.seat.say("hi");
    expect(bob.heard.at(-1)).toBe("lobby ann left");
    expect(eve.heard.slice(-2)).toEqual(["den ann joined", "den ann said hi"]);
    expect(ann.heard.slice(-2)).toEqual(["den ann joined", "den ann said hi"]);
  });

  test.each(["", "a b", "x".repeat(25), "../x"])("%j is no name for one", (room) => {
    const { sit } = building();
    expect(() => sit("ann", room)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    const bob = sit("bob");
    expect(() => bob.seat.move(room)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    expect(bob.seat.room).toBe(LOBBY);
  });

  test("hold so many people and no more", () => {
    const { all } = building();
    const seats = Array.from({ length: MAX_MEMBERS }, () => all.join(LOBBY, () => {}));
    expect(() => all.join(LOBBY, () => {})).toThrow(expect.objectContaining({ code: "ROOM_FULL" }));
    const elsewhere = all.join("den", () => {});
    expect(() => elsewhere.move(LOBBY)).toThrow(expect.objectContaining({ code: "ROOM_FULL" }));
    expect(elsewhere.room).toBe("den");
    seats[0]!.leave();
    elsewhere.move(LOBBY);
    expect(all.members(LOBBY)).toHaveLength(MAX_MEMBERS);
  });

  test("announce nobody's coming and going to a crowd", () => {
    const { all, sit } = building();
    const ann = sit("ann");
    const crowd = Array.from({ length: CROWD - 1 }, () => all.join(LOBBY, () => {}));
    expect(ann.heard).toHaveLength(CROWD);
    const late = sit("late");
    late.seat.say("hello");
    late.seat.leave();
    expect(ann.heard.slice(CROWD)).toEqual(["lobby late said hello"]);
    crowd[0]!.leave();
    sit("punctual");
    expect(ann.heard.slice(-2)).toEqual(["lobby guest1 left", "lobby punctual joined"]);
  });

  test("one who has left hears and says nothing more", () => {
    const { all, sit } = building();
    const ann = sit("ann");
    const bob = sit("bob");
    ann.seat.leave();
    ann.seat.leave();
    ann.seat.say("boo");
    ann.seat.move("den");
    ann.seat.rename("ghost");
    expect(ann.seat.tell("bob", "boo")).toBe(false);
    bob.seat.say("gone?");
    expect(ann.heard).toEqual(["lobby ann joined", "lobby bob joined"]);
    expect(bob.heard).toEqual(["lobby bob joined", "lobby ann left", "lobby bob said gone?"]);
    expect(all.list()).toEqual([{ room: LOBBY, members: 1 }]);
  });

  test("two buildings have nothing to do with each other", () => {
    const [one, other] = [building(), building()];
    one.sit("ann").seat.say("here");
    expect(other.sit("ann").heard).toEqual(["lobby ann joined"]);
  });
});
