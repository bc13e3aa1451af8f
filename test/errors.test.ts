import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { codeOf, messageOf, WirelabError } from "../core/errors.ts";

test.each([
  ["ours", new WirelabError("QUOTA", "full"), "QUOTA", "full"],
  ["Node's", Object.assign(new Error("gone"), { code: "ENOENT" }), "ENOENT", "gone"],
  // Jest runs tests in a context of their own, where Node's errors are no instances of Error.
  [
    "another context's",
    runInNewContext('Object.assign(new Error("gone"), { code: "ENOENT" })'),
    "ENOENT",
    "gone",
  ],
  ["one without a code", new Error("plain"), undefined, "plain"],
  ["one with a number", Object.assign(new Error("plain"), { code: 5 }), undefined, "plain"],
  ["no error at all", "text", undefined, "text"],
])("code and message of an error: %s", (_, error, code, message) => {
  expect(codeOf(error)).toBe(code);
  expect(messageOf(error)).toBe(message);
});
