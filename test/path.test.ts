import { describe, expect, test } from "vitest";
import { childOf, isWithin, nameOf, parentOf, resolveEntry, resolvePath } from "../core/path.ts";

const badPath = expect.objectContaining({ name: "WirelabError", code: "BAD_PATH" });

describe("a path", () => {
  test.each([
    ["", "/", "/"],
    ["", "/in", "/in"],
    [".", "/in", "/in"],
    ["/", "/in", "/"],
    ["a", "/", "/a"],
    ["a", "/in", "/in/a"],
    ["a/b/", "/in", "/in/a/b"],
    ["/a", "/in", "/a"],
    ["//a///b//", "/", "/a/b"],
    ["..", "/in/deep", "/in"],
    ["../a", "/in/deep", "/in/a"],
    ["../../../../a", "/in/deep", "/a"],
    ["/../a", "/in", "/a"],
    ["a/../../b", "/in", "/b"],
    ["a/./b/..", "/in", "/in/a"],
    ["...", "/", "/..."],
    ["..a/b..", "/", "/..a/b.."],
    [" ", "/", "/ "],
    ["..\\..\\a", "/in", "/in/..\\..\\a"],
    ["%2e%2e/a", "/in", "/in/%2e%2e/a"],
    ["~/a", "/in", "/in/~/a"],
    ["C:/a", "/in", "/in/C:/a"],
    ["a\nb", "/", "/a\nb"],
    ["🎈/日本", "/", "/🎈/日本"],
  ])("%j in %j is %j", (path, cwd, resolved) => {
    expect(resolvePath(path, cwd)).toBe(resolved);
    expect(resolvePath(resolved)).toBe(resolved);
  });

  test.each([
    ["a NUL byte", "a\0b", "/"],
    ["half a surrogate pair", "a\ud83c", "/"],
    ["the other half", "\udf88a", "/"],
    ["more than 4,096 characters", "x".repeat(4097), "/"],
    ["more than 4,096 that lead nowhere", "../".repeat(1366), "/"],
    ["more than 4,096 together with where it stands", "x".repeat(2100), `/${"y".repeat(2000)}`],
  ])("with %s is none", (_what, path, cwd) => {
    expect(() => resolvePath(path, cwd)).toThrow(badPath);
  });

  test("of 4,096 characters is one", () => {
    expect(resolvePath(`/${"x/".repeat(2047)}x`)).toHaveLength(4096);
  });
});

test.each([
  ["/".padEnd(256, "x"), "/".padEnd(257, "x")],
  [`/d/${"ä".repeat(127)}x/e`, `/d/${"ä".repeat(128)}/e`],
  [`/${"日".repeat(85)}`, `/${"日".repeat(86)}`],
])("a name has 255 bytes at most", (fits, tooLong) => {
  expect(resolveEntry(fits)).toBe(fits);
  expect(resolveEntry(`${tooLong}/../../..${fits}`)).toBe(fits);
  expect(() => resolveEntry(tooLong)).toThrow(badPath);
});

test.each([
  ["/", "/", ""],
  ["/a", "/", "a"],
  ["/a/b", "/a", "b"],
  ["/a b/c.d", "/a b", "c.d"],
])("%s lies in %s", (path, parent, name) => {
  expect([parentOf(path), nameOf(path)]).toEqual([parent, name]);
  if (name) expect(childOf(parent, name)).toBe(path);
});

test.each([
  ["/home/foo", "/home/foo", true],
  ["/home/foo/a", "/home/foo", true],
  ["/home/foo2", "/home/foo", false],
  ["/home/fo", "/home/foo", false],
  ["/home", "/home/foo", false],
  ["/", "/home", false],
  ["/home", "/", true],
  ["/", "/", true],
])("%s within %s: %s", (path, directory, within) => {
  expect(isWithin(path, directory)).toBe(within);
});
