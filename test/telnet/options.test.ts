import { describe, expect, test } from "vitest";
import { DO, DONT, type Verb, verbName, WILL, WONT } from "../../servers/telnet/codec.ts";
import { ECHO, NAWS, OptionTable, SGA, STATUS } from "../../servers/telnet/options.ts";

/** A table, and all that it has said and settled. */
function table(welcome = { local: [ECHO], remote: [NAWS] }) {
  const said: string[] = [];
  const settled: string[] = [];
  const options = new OptionTable({
    welcome,
    send: (verb, option) => said.push(`${verbName(verb)} ${option}`),
    settled: (side, option, on) => settled.push(`${side} ${option} ${on ? "on" : "off"}`),
  });
  return { options, said, settled };
}

const OTHER = 200;

describe("what the peer proposes", () => {
  test.each([
    ["DO", DO, ECHO, "WILL 1", "local 1 on"],
    ["WILL", WILL, NAWS, "DO 31", "remote 31 on"],
  ] as const)("%s of a welcome option is agreed to once", (_name, verb, option, answer, news) => {
    const { options, said, settled } = table();
    for (let round = 0; round < 3; round += 1) options.receive(verb, option);
    expect(said).toEqual([answer]);
    expect(settled).toEqual([news]);
  });

  test.each([
    ["DO", DO, "WONT 200"],
    ["WILL", WILL, "DONT 200"],
  ] as const)("%s of any other is refused, each time", (_name, verb, answer) => {
    const { options, said, settled } = table();
    options.receive(verb, OTHER);
    options.receive(verb, OTHER);
    expect(said).toEqual([answer, answer]);
    expect(settled).toEqual([]);
  });

  test("what only the other side may perform is refused", () => {
    const { options, said } = table();
    options.receive(WILL, ECHO);
    options.receive(DO, NAWS);
    expect(said).toEqual(["DONT 1", "WONT 31"]);
  });

  test.each([
    ["DONT", DONT],
    ["WONT", WONT],
  ] as const)("%s of what is not in force is not answered", (_name, verb) => {
    const { options, said } = table();
    options.receive(verb, ECHO);
    options.receive(verb, OTHER);
    expect(said).toEqual([]);
  });

  test("DONT and WONT of what is in force are acknowledged once", () => {
    const { options, said, settled } = table();
    options.receive(DO, ECHO);
    options.receive(WILL, NAWS);
    options.receive(DONT, ECHO);
    options.receive(DONT, ECHO);
    options.receive(WONT, NAWS);
    options.receive(WONT, NAWS);
    expect(said).toEqual(["WILL 1", "DO 31", "WONT 1", "DONT 31"]);
    expect(settled).toEqual(["local 1 on", "remote 31 on", "local 1 off", "remote 31 off"]);
  });
});

// RFC 1143 §7, every state and every event, for both sides: how the state is reached, what then happens, what is said of it,
// and whether the option is in force afterwards.
describe("the Q method", () => {
  const local = { yes: DO, no: DONT } as const;
  const remote = { yes: WILL, no: WONT } as const;
  type Act = "enable" | "disable" | "yes" | "no";
  const paths: Readonly<Record<string, readonly Act[]>> = {
    NO: [],
    YES: ["enable", "yes"],
    WANTNO: ["enable", "yes", "disable"],
    "WANTNO/opposite": ["enable", "yes", "disable", "enable"],
    WANTYES: ["enable"],
    "WANTYES/opposite": ["enable", "disable"],
  };
  const table1143: readonly (readonly [string, Act, string, boolean])[] = [
    ["NO", "no", "", false],
    ["NO", "enable", "+", false],
    ["NO", "disable", "", false],
    ["YES", "yes", "", true],
    ["YES", "no", "-", false],
    ["YES", "enable", "", true],
    ["YES", "disable", "-", false],
    ["WANTNO", "yes", "", false],
    ["WANTNO", "no", "", false],
    ["WANTNO", "enable", "", false],
    ["WANTNO", "disable", "", false],
    ["WANTNO/opposite", "yes", "", true],
    ["WANTNO/opposite", "no", "+", false],
    ["WANTNO/opposite", "enable", "", false],
    ["WANTNO/opposite", "disable", "", false],
    ["WANTYES", "yes", "", true],
    ["WANTYES", "no", "", false],
    ["WANTYES", "enable", "", false],
    ["WANTYES", "disable", "", false],
    ["WANTYES/opposite", "yes", "-", false],
    ["WANTYES/opposite", "no", "", false],
    ["WANTYES/opposite", "enable", "", false],
    ["WANTYES/opposite", "disable", "", false],
  ];
  const both = table1143.flatMap((row) => [["local", ...row] as const, ["remote", ...row] as const]);

  test.each(both)("%s %s + %s says '%s', in force: %s", (side, state, act, answer, inForce) => {
    const { options, said } = table({ local: [], remote: [] });
    const words: Record<"yes" | "no", Verb> = side === "local" ? local : remote;
    const perform = (one: Act) => {
      if (one === "enable" || one === "disable") options.request(side, SGA, one);
      else options.receive(words[one], SGA);
    };
    for (const step of paths[state]!) perform(step);
    said.length = 0;
    perform(act);
    const says = side === "local" ? { "+": "WILL 3", "-": "WONT 3" } : { "+": "DO 3", "-": "DONT 3" };
    expect(said).toEqual(answer === "" ? [] : [says[answer as "+" | "-"]]);
    expect(options.enabled(side, SGA)).toBe(inForce);
  });

  test("what was queued comes about", () => {
    const { options, said } = table();
    options.request("local", ECHO, "enable");
    options.request("local", ECHO, "disable");
    options.request("local", ECHO, "enable");
    options.receive(DO, ECHO);
    options.request("local", ECHO, "disable");
    options.request("local", ECHO, "enable");
    options.receive(DONT, ECHO);
    options.receive(DO, ECHO);
    expect(said).toEqual(["WILL 1", "WONT 1", "WILL 1"]);
    expect(options.enabled("local", ECHO)).toBe(true);
  });
});

describe("whole negotiations", () => {
  const ANSWERS: Readonly<Record<string, Verb>> = { WILL: DO, WONT: DONT, DO: WILL, DONT: WONT };
  const CONTRARY: Readonly<Record<string, Verb>> = { WILL: DONT, WONT: DO, DO: WONT, DONT: WILL };

  /** Runs a peer that answers every word in its way, and counts our words. */
  function against(answer: (verb: string, option: number) => Verb | undefined): {
    said: string[];
    on: boolean;
  } {
    const { options, said } = table({ local: [ECHO, SGA, STATUS], remote: [NAWS, SGA] });
    for (const option of [ECHO, SGA]) options.request("local", option, "enable");
    options.request("remote", NAWS, "enable");
    for (let heard = 0; heard < said.length && heard < 1000; heard += 1) {
      const [verb = "", option] = said[heard]!.split(" ");
      const word = answer(verb, Number(option));
      if (word !== undefined) options.receive(word, Number(option));
    }
    return { said, on: options.enabled("local", ECHO) };
  }

  test("a peer that agrees to everything", () => {
    expect(against((verb) => ANSWERS[verb])).toEqual({ said: ["WILL 1", "WILL 3", "DO 31"], on: true });
  });

  test("a peer that refuses everything", () => {
    const refusing = (verb: string) => (verb === "WILL" || verb === "WONT" ? DONT : WONT);
    expect(against(refusing)).toEqual({ said: ["WILL 1", "WILL 3", "DO 31"], on: false });
  });

  test("a peer that always wants the contrary comes to an end", () => {
    expect(against((verb) => CONTRARY[verb]).said.length).toBeLessThan(20);
  });

  test("a peer that proposes all that there is, over and over", () => {
    const { options, said } = table();
    for (let round = 0; round < 2; round += 1) {
      for (let option = 0; option < 256; option += 1) {
        options.receive(DO, option);
        options.receive(WILL, option);
      }
    }
    expect(said.filter((word) => /^(WILL|DO) /.test(word))).toEqual(["WILL 1", "DO 31"]);
  });

  test("tells what is in force", () => {
    const { options } = table();
    options.receive(DO, ECHO);
    options.receive(WILL, NAWS);
    options.receive(WILL, OTHER);
    expect([...options]).toEqual([
      [WILL, ECHO],
      [DO, NAWS],
    ]);
    expect(options.refused("local", SGA)).toBe(true);
    options.request("local", SGA, "enable");
    expect(options.refused("local", SGA)).toBe(false);
  });
});
