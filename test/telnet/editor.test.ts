import { describe, expect, test } from "vitest";
import { LineEditor, MAX_LINE } from "../../servers/telnet/editor.ts";
import { LineReader } from "../../servers/telnet/reader.ts";
import { ScreenModel } from "./screen.ts";

/** An editor behind a prompt, and the screen of a client that shows what it is sent. */
function typing(columns = Number.POSITIVE_INFINITY, prompt = "> ") {
  const editor = new LineEditor();
  const screen = new ScreenModel(Math.min(columns, 10_000));
  editor.begin(prompt);
  screen.show(prompt);
  return {
    editor,
    screen,
    /** Types, one rendering behind it as for one packet. Answers the last event that there was. */
    type(text: string) {
      let event: ReturnType<LineEditor["type"]>;
      for (const character of text) event = editor.type(character) ?? event;
      screen.show(editor.render(columns));
      return event;
    },
  };
}

const [LEFT, RIGHT, UP, DOWN, HOME, END, DELETE] = [
  "\x1b[D",
  "\x1b[C",
  "\x1b[A",
  "\x1b[B",
  "\x1b[H",
  "\x1b[F",
  "\x1b[3~",
];

describe("editing", () => {
  test.each([
    ["characters", "help", "help"],
    ["BS and DEL", "helq\x7fp\b\b\b\bx", "x"],
    ["BS at the beginning", "\x7f\x7fa", "a"],
    ["Ctrl-U", "nonsense\x15help", "help"],
    ["Ctrl-U amid the line", `abcd${LEFT}${LEFT}\x15`, "cd"],
    ["Ctrl-W", "say hello  world \x17", "say hello  "],
    ["Ctrl-W on one word", "hello\x17", ""],
    ["Ctrl-K", `abcd${LEFT}${LEFT}\x0b`, "ab"],
    ["cursor keys", `bd${LEFT}c${LEFT}${LEFT}a${RIGHT}${RIGHT}${RIGHT}e`, "abcde"],
    ["cursor keys of the application mode", "b\x1bODa\x1bOCc", "abc"],
    ["Home and End", `bc${HOME}a${END}d`, "abcd"],
    ["Home and End of other terminals", "bc\x1b[1~\x1b[4~\x1b[7~a\x1b[8~d", "abcd"],
    ["Ctrl-A and Ctrl-E", "bc\x01a\x05d", "abcd"],
    ["Ctrl-B and Ctrl-F", "bc\x02\x02a\x06\x06d", "abcd"],
    ["Alt-B and Alt-F", "say hello, world\x1bb\x1bbA\x01\x1bf\x1bfB", "say AhelloB, world"],
    ["Ctrl and cursor keys", "say hello\x1b[1;5DA\x01\x1b[1;5CB", "sayB Ahello"],
    ["Ctrl and cursor keys of rxvt", "say hello\x1bOdA\x01\x1bOcB", "sayB Ahello"],
    ["Alt-D", "say hello, world\x01\x1bd\x1bd", ", world"],
    ["Alt-Backspace", "cd /one/two\x1b\x7f\x1b\b", "cd /"],
    ["Ctrl-T amid a line, at its end and at its beginning", "abcd\x02\x02\x14\x14\x14\x01\x14", "acbd"],
    ["Ctrl-Y", "say hello\x15echo \x19!", "echo say hello!"],
    ["Ctrl-Y with all that keys in a row took away", "one two three\x17\x17\x01\x19\x05!", "two threeone !"],
    ["Ctrl-Y without what other keys came before", "one two\x17x\x17\x19", "one x"],
    ["Ctrl-Y with what was before and behind", "one two three\x1bb\x1bb\x0b\x17\x19", "one two three"],
    ["Delete", `abcd${HOME}${DELETE}${RIGHT}${DELETE}`, "bd"],
    ["Ctrl-D amid a line", "abc\x01\x04", "bc"],
    ["Delete at the end", `ab${DELETE}`, "ab"],
    ["a tab", "a\tb", "a b"],
    ["other control characters", "a\x06\x07\x1c\x1d\0b", "ab"],
    ["keys that mean nothing", "a\x1b[15~\x1b[1;5Q\x1bx\x1bOPb", "ab"],
    ["function keys of the Linux console", "a\x1b[[A\x1b[[Eb", "ab"],
    ["a sequence without an end", `a\x1b[${"1;".repeat(20)}`, /^a/],
    ["what would turn the text around", "a\u202eb\u2066c", "abc"],
    ["C1 controls", "a\x9bb\x85c", "abc"],
    ["a combining mark, taken away with its letter", "xe\u0301\x7f", "x"],
    ["a mark without a letter", "\u0301a\x7f\x7fb", "b"],
    ["a character without width, taken away with the one before", "ab\u200b\x7f", "a"],
    ["an emoji of many parts, taken away at once", "x👩‍👩‍👧\x7f👍🏽\x7f", "x"],
    ["a flag, taken away at once, and two beside each other", "x🇩🇪🇫🇷🇩🇪\x7f\x7f", "x🇩🇪"],
    ["a Korean syllable in parts, taken away at once", "x\u1112\u1161\u11ab\x7f", "x"],
  ])("%s", (_name, keys, line) => {
    const { editor, type } = typing();
    type(keys);
    if (typeof line === "string") expect(editor.text).toBe(line);
    else expect(editor.text).toMatch(line);
  });

  test.each([
    ["\r", "line"],
    ["\n", "line"],
    ["\x03", "interrupt"],
    ["\x04", "end"],
    ["\x1b\r", "line"],
    ["\x1b[\n", "line"],
  ])("%j is %s", (key, event) => {
    expect(typing().type(key)).toBe(event);
  });

  test("a line is as long as it may be, and no longer", () => {
    const { editor, type } = typing();
    type("x".repeat(MAX_LINE));
    expect(type("\r")).toBe("line");
    expect(type("y")).toBe("bell");
    expect(editor.text).toBe("x".repeat(MAX_LINE));
    expect(type("\r")).toBe("tooLong");
    type("\x15short");
    expect(type("\r")).toBe("line");
    expect(editor.text).toBe("short");
  });

  test("combining marks count", () => {
    const { editor, type } = typing();
    type(`e${"\u0301".repeat(MAX_LINE * 2)}`);
    expect(editor.text).toHaveLength(MAX_LINE);
    type("\x7f");
    expect(editor.text).toBe("");
  });
});

describe("a key", () => {
  test("is read as one, in whatever pieces it comes", async () => {
    const screen = { characterMode: true, columns: 80, congested: false };
    const nothing = () => {};
    const told = { send: nothing, goAhead: nothing, interrupt: nothing, consumed: nothing, marked: nothing };
    const reader = new LineReader({ ...screen, ...told });
    for (const keys of [["\x1b[1;5C", "a"], ["\x1bOA"], ["\x1b[[B", "\x1b[3~"]]) {
      const [first = "", second] = keys;
      const read = reader.readKey();
      for (const character of keys.join("")) reader.type(character);
      expect(await read).toBe(first);
      if (second) expect(await reader.readKey()).toBe(second);
    }
    const last = reader.readKey();
    reader.type("\x1b[");
    reader.end();
    expect(await last).toBe("\x1b");
    reader.stop();
  });
});

test("many keys that edit leave others their turn", async () => {
  const nothing = () => {};
  const told = { goAhead: nothing, interrupt: nothing, consumed: nothing, marked: nothing };
  let sent = "";
  const send = (text: string) => {
    sent += text;
  };
  const reader = new LineReader({ characterMode: true, columns: 80, congested: false, send, ...told });
  const read = reader.read("", { hidden: false, untold: false });
  reader.type("\x10".repeat(320));
  // What comes of one turn rings once.
  expect(sent).toBe("\x07");
  reader.type("a\r");
  expect(await read).toBe("a");
  expect(sent.replaceAll("\x07", "")).toBe("a\n");
  reader.stop();
});

test("Ctrl-Y brings back what the line before has given up, and nothing that was typed unseen", async () => {
  const nothing = () => {};
  const told = { goAhead: nothing, interrupt: nothing, consumed: nothing, marked: nothing };
  const screen = { characterMode: true, columns: 80, congested: false, send: nothing, ...told };
  const reader = new LineReader(screen);
  const read = (keys: string, hidden: boolean) => {
    const line = reader.read("> ", { hidden, untold: hidden });
    reader.type(keys);
    return line;
  };
  expect(await read("one\x15\r", false)).toBe("");
  expect(await read("\x19\r", false)).toBe("one");
  expect(await read("secret\x15\x19\r", true)).toBe("secret");
  expect(await read("\x19\r", false)).toBe("");
  reader.stop();
});

describe("history", () => {
  test("brings lines back, and the empty one behind them", () => {
    const { editor, type } = typing();
    for (const line of ["one", "two", "two", " "]) editor.remember(line);
    editor.begin("> ");
    const seen = [UP, UP, UP, DOWN, DOWN, DOWN].map((key) => {
      type(key);
      return editor.text;
    });
    expect(seen).toEqual(["two", "one", "one", "two", "", ""]);
  });

  test("brings back what was begun before, too", () => {
    const { editor, type } = typing();
    for (const line of ["one", "two"]) editor.remember(line);
    editor.begin("> ");
    type(`begun${UP}${UP}x${DOWN}${DOWN}`);
    expect(editor.text).toBe("begun");
    editor.begin("> ");
    type(`${UP}${DOWN}`);
    expect(editor.text).toBe("");
  });

  test("is bounded", () => {
    const { editor, type } = typing();
    for (let line = 1; line <= 60; line += 1) editor.remember(`${line}`);
    editor.begin("> ");
    type(UP.repeat(100));
    expect(editor.text).toBe("11");
  });
});

describe("what the client's screen shows", () => {
  test("typing at the end sends the character, taking away sends BS, space, BS", () => {
    const editor = new LineEditor();
    editor.begin("> ");
    editor.type("a");
    expect(editor.render(80)).toBe("a");
    editor.type("\x7f");
    expect(editor.render(80)).toBe("\b \b");
    expect(editor.render(80)).toBe("");
  });

  test("a wide character is taken away with both its columns", () => {
    const editor = new LineEditor();
    editor.begin("> ");
    editor.type("李");
    expect(editor.render(80)).toBe("李");
    editor.type("\x7f");
    expect(editor.render(80)).toBe("\b\b  \b\b");
  });

  test.each([2, 4])(
    "an emoji of several parts leaves nothing behind where it is %i columns wide",
    (width) => {
      const columns = 80;
      const editor = new LineEditor();
      editor.begin("> ");
      const screen = new ScreenModel(columns).show("> ");
      // Stands for what a terminal shows in so many columns, whatever is counted.
      const show = () => screen.show(editor.render(columns).replaceAll("👍🏽", "W".repeat(width)));
      for (const key of ["a", "👍", "🏽", "b", "\x7f", "\x7f"]) {
        editor.type(key);
        if (key !== "👍") show();
      }
      expect(screen.text).toBe("> a");
      for (const key of "👍🏽cd") editor.type(key);
      show();
      editor.type("\x15");
      show();
      expect(screen.text).toBe(">");
      expect(screen.cursor).toEqual([0, 2]);
    },
  );

  test.each([
    ["flags", "🇩🇪🇫🇷", 4, 7],
    ["Korean syllables in parts", "\u1112\u1161\u11ab\u1100\u1173\u11af", 4, 6],
    ["marks that take a column", "कानि", 4, 7],
    ["marks that take none", "ที่น\u0301", 2, 7],
    ["Chinese punctuation of columns", "\ufe10\ufe19", 4, 6],
  ])(
    "%s take the columns that terminals give them, at the right margin too",
    (_name, text, width, before) => {
      const columns = 10;
      const { screen, type } = typing(columns);
      type(`${text}b${LEFT}a`);
      expect(screen.text).toBe(`> ${text}ab`);
      expect(screen.cursor).toEqual([0, 2 + width + 1]);
      type(`${HOME}${"y".repeat(before)}${END}c`);
      expect(screen.cursor).toEqual([1, 2 + before + width + 3 - columns]);
      type("\x15");
      expect(screen.text).toBe(">");
    },
  );

  test("a wide character that goes to the next row leaves nothing in the last column", () => {
    const { screen, type } = typing(10);
    type("0123456789");
    type(`${LEFT.repeat(3)}李`);
    expect(screen.text).toBe("> 0123456\n李789");
    expect(screen.cursor).toEqual([1, 2]);
    type(`${HOME}a`);
    expect(screen.text).toBe("> a0123456\n李789");
  });

  test("a mark without a letter takes no place", () => {
    const { screen, type, editor } = typing();
    type("\u0301\u200bab");
    expect(screen.show(editor.render(80)).cursor).toEqual([0, 4]);
    type("\x15x");
    expect(screen.text.replace(/\u0301\u200b/, "")).toBe("> x");
  });

  test("a line that wraps is redrawn from its first row", () => {
    const { editor, screen, type } = typing(10);
    type("abcdefghijklmnop");
    expect(screen.text).toBe("> abcdefgh\nijklmnop");
    screen.show(`${editor.erase(10)}news\r\n> `);
    editor.reprompted();
    screen.show(editor.render(10));
    expect(screen.text).toBe("news\n> abcdefgh\nijklmnop");
    type("\x15");
    expect(screen.text).toBe("news\n>");
  });

  test("a prompt with colours and several lines is as wide as its last line looks", () => {
    const { screen, type } = typing(20, "first\r\nok> ");
    type(`ac${LEFT}b`);
    expect(screen.text).toBe("first\nok> abc");
    const editor = new LineEditor();
    editor.begin("first\n\x1b[32mok\x1b[0m> ");
    for (const character of "x".repeat(16)) editor.type(character);
    expect(editor.render(20)).toBe(`${"x".repeat(16)}\r\n`);
  });

  test("random keys leave on the screen what is in the line, in windows of any width", () => {
    let seed = 857;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const keys = [..."abc xyz", "ä", "e\u0301", "ab cd ef", "0123456789"];
    const moves = [LEFT, RIGHT, HOME, END, "\x7f", "\x7f", DELETE, "\x17", "\x0b", UP, DOWN, "\x15"];
    for (const columns of [8, 13, 20, 80, Number.POSITIVE_INFINITY]) {
      for (let round = 0; round < 40; round += 1) {
        const { editor, screen, type } = typing(columns);
        editor.remember("a line that was typed before");
        editor.begin("> ");
        const typed: string[] = [];
        for (let step = 0; step < 30; step += 1) {
          const [some, from] = random(3) === 0 ? [1, moves] : [random(3) + 1, random(4) === 0 ? moves : keys];
          const packet = Array.from({ length: some }, () => from[random(from.length)] ?? "").join("");
          typed.push(packet);
          type(packet);
          if (random(6) === 0) {
            screen.show(`${editor.erase(columns)}* news\r\n> `);
            editor.reprompted();
            screen.show(editor.render(columns));
          }
          const wrapped = `> ${editor.text}`.match(
            new RegExp(`(?:\\P{M}\\p{M}*){1,${Math.min(columns, 9999)}}`, "gu"),
          );
          const line = (wrapped ?? [])
            .map((row) => row.trimEnd())
            .join("\n")
            .trimEnd();
          expect(screen.text.replaceAll("* news\n", ""), `${columns} ${JSON.stringify(typed)}`).toBe(line);
        }
        screen.show(editor.leave(columns));
        const width = [...`> ${editor.text}`.replaceAll(/\p{M}/gu, "")].length;
        const news = screen.text.split("\n").filter((row) => row === "* news").length;
        const at =
          columns === Number.POSITIVE_INFINITY
            ? [news, width]
            : [news + Math.floor(width / columns), width % columns];
        expect(screen.cursor, JSON.stringify(typed)).toEqual(at);
      }
    }
  });
});
