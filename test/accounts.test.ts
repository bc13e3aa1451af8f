import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import {
  type Account,
  accountTable,
  DEFAULT_ACCOUNTS,
  type GuardedStore,
  guarded,
  PERMISSIONS,
} from "../core/accounts.ts";
import { memoryStore } from "../core/store/memory.ts";

const refused = (code: string) => expect.objectContaining({ code });

describe("logging in", () => {
  const accounts = accountTable([
    { name: "ann", password: "p:w ä" },
    { name: "keyless" },
    { name: "anonymous", permissions: "el" },
  ]);

  test.each([
    ["ann", "p:w ä", "elr"],
    ["anonymous", "guest@example.org", "el"],
    ["anonymous", "", "el"],
  ])("%s with %j may", (name, password, permissions) => {
    expect(accounts.verify(name, password)).toEqual({ name, home: "/", permissions });
  });

  test.each([
    ["ann", "wrong"],
    ["ann", ""],
    ["Ann", "p:w ä"],
    ["nobody", "p:w ä"],
    ["nobody", ""],
    ["keyless", ""],
    ["keyless", "undefined"],
    ["", ""],
    ["__proto__", "x"],
  ])("%s with %j may not", (name, password) => {
    expect(accounts.verify(name, password)).toBeUndefined();
  });

  test("an anonymous account with a password wants it", () => {
    const strict = accountTable([{ name: "anonymous", password: "x" }]);
    expect([strict.verify("anonymous", "y"), strict.verify("anonymous", "x")?.name]).toEqual([
      undefined,
      "anonymous",
    ]);
  });

  test("nothing that is handed out holds a password", () => {
    expect(JSON.stringify([...accounts, accounts.anonymous, accounts.verify("ann", "p:w ä")])).not.toMatch(
      /p:w|digest/,
    );
  });

  test("the default is pyftpdlib's example user", () => {
    expect(accountTable(DEFAULT_ACCOUNTS).verify("foo", "bar")).toEqual({
      name: "foo",
      home: "/",
      permissions: PERMISSIONS,
    });
  });
});

test.each([
  [[{ name: "" }], "needs a name"],
  [[{ name: "a\nb" }], "needs a name"],
  [[{ name: "a" }, { name: "a" }], "is there twice"],
  [[{ name: "a", permissions: "elx" }], 'permission "x"'],
] satisfies [Account[], string][])("%j is refused: %s", (accounts, why) => {
  expect(() => accountTable(accounts)).toThrow(
    expect.objectContaining({ code: "BAD_ACCOUNT", message: expect.stringContaining(why) }),
  );
});

/** A store with a file, a directory and a home, as somebody with these letters sees it. */
function seenBy(permissions: string, home = "/"): GuardedStore {
  const store = memoryStore({
    files: { "/a": "a", "/d/x": "x", "/home/ann/mine": "m", "/home/ann2/other": "o" },
  });
  return guarded(store, { name: "ann", home, permissions });
}

const put = async (store: GuardedStore, path: string, options = {}) =>
  pipeline(["new"], await store.write(path, options));

const OPERATIONS: readonly [
  letter: string,
  what: string,
  operation: (store: GuardedStore) => Promise<unknown>,
][] = [
  ["e", "entering", (store) => store.stat("/d", "e")],
  ["l", "facts", (store) => store.stat("/a")],
  ["l", "listing", (store) => store.list("/")],
  ["r", "reading", async (store) => text((await store.read("/a")).stream())],
  ["a", "appending", (store) => put(store, "/a", { append: true })],
  ["w", "writing", (store) => put(store, "/new")],
  ["w", "going on", (store) => put(store, "/a", { start: 1 })],
  ["d", "removing", (store) => store.remove("/a")],
  ["f", "renaming", (store) => store.rename("/a", "/b")],
  ["m", "making directories", (store) => store.makeDirectory("/n")],
  ["M", "modes", (store) => store.setMode("/a", 0o600)],
  ["T", "times", (store) => store.setModified("/a", new Date(0))],
];

describe.each(OPERATIONS)("%s is for %s", (letter, _what, operation) => {
  test("allowed with that letter alone", async () => {
    await operation(seenBy(letter));
  });

  test("refused without it", async () => {
    const store = seenBy(PERMISSIONS.replace(letter, ""));
    await expect(operation(store)).rejects.toEqual(refused("FORBIDDEN"));
  });
});

describe("a home", () => {
  test("is all there is", async () => {
    const store = seenBy(PERMISSIONS, "/home/ann");
    expect((await store.list("/home/ann")).map(({ name }) => name)).toEqual(["mine"]);
    for (const path of ["/", "/a", "/home", "/home/ann2/other", "/home/ann/../ann2/other"]) {
      await expect(store.stat(path)).rejects.toEqual(refused("FORBIDDEN"));
      await expect(store.read(path)).rejects.toEqual(refused("FORBIDDEN"));
      await expect(store.write(path)).rejects.toEqual(refused("FORBIDDEN"));
    }
    await expect(store.rename("/home/ann/mine", "/stolen")).rejects.toEqual(refused("FORBIDDEN"));
    await expect(store.rename("/a", "/home/ann/stolen")).rejects.toEqual(refused("FORBIDDEN"));
  });

  test("stays where it is", async () => {
    const store = seenBy(PERMISSIONS, "/home/ann");
    await store.remove("/home/ann/mine");
    await expect(store.remove("/home/ann")).rejects.toEqual(refused("FORBIDDEN"));
    await expect(store.rename("/home/ann", "/home/ann/x")).rejects.toEqual(refused("FORBIDDEN"));
  });
});
