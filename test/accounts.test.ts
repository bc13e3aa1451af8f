import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import {
  type Account,
  accountTable,
  DEFAULT_ACCOUNTS,
  type GuardedStore,
  guarded,
} from "../core/accounts.ts";
import { PERMISSIONS } from "../core/permissions.ts";
import { directoryStore } from "../core/store/directory.ts";
import { memoryStore } from "../core/store/memory.ts";
import type { Store } from "../core/store/store.ts";
import { startLab } from "../index.ts";
import { folder } from "./store/stores.ts";

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

  test("an anonymous account with a password wants it, and lends nothing", () => {
    const strict = accountTable([{ name: "anonymous", password: "x" }]);
    expect(strict.verify("anonymous", "y")).toBeUndefined();
    expect(strict.verify("anonymous", "x")?.name).toBe("anonymous");
    expect(strict.anonymous).toBeUndefined();
    expect(accounts.anonymous).toEqual({ name: "anonymous", home: "/", permissions: "el" });
    expect(accountTable([]).anonymous).toBeUndefined();
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
  [[{ name: "a:b" }], "colons"],
  [[{ name: "a\u007f" }], "needs a name"],
  [[{ name: "a", permissions: "elx" }], 'permission "x"'],
  [[{ name: "a", permissions: "el r" }], 'permission " "'],
  [[{ name: "a", permissions: "m🎈" }], 'permission "🎈"'],
  [[{ name: "a", home: "/a\0" }], "home"],
  [[{ name: "a", home: `/${"x".repeat(256)}` }], "home"],
  [[{ name: "a", paths: { "/in": "wx" } }], 'permission "x"'],
  [[{ name: "a", paths: { "/in\0": "w" } }], "no path"],
  [[{ name: "a", home: "/home/a", paths: { "/home/ann": "w" } }], "outside its home"],
  [JSON.parse('[{ "name": "a", "greeting": 5 }]'), "string as greeting"],
  [[{ name: "a", maxSessions: 0 }], "0 as limit (maxSessions)"],
  [[{ name: "a", bytesPerSecond: { out: Number.NaN } }], "NaN as limit (out)"],
  [JSON.parse('[{ "name": "a", "bytesPerSecond": { "up": 5 } }]'), 'bytesPerSecond "up"'],
  [JSON.parse('[{ "name": "a", "paths": { "/in": 5 } }]'), "string as permissions"],
  [JSON.parse('[{ "name": "a", "paths": { "/in": null } }]'), "string as permissions"],
  [JSON.parse('[{ "name": "a", "paths": ["/in"] }]'), "object as paths"],
  [JSON.parse('[{ "name": "a", "paths": null }]'), "object as paths"],
  [JSON.parse('[{ "name": "a", "bytesPerSecond": 5 }]'), "object as bytesPerSecond"],
  [JSON.parse('[{ "name": "a", "permisions": "elradfmw" }]'), 'has "permisions"; there are name, '],
  [JSON.parse('[{ "name": 5 }]'), "string as name"],
  [JSON.parse('[{ "name": "a", "password": 1234 }]'), "string as password"],
  [JSON.parse('[{ "name": "a", "permissions": ["e"] }]'), "string as permissions"],
  [JSON.parse('[{ "password": "x" }]'), "needs a name"],
] satisfies [Account[], string][])("%j is refused: %s", (accounts, why) => {
  expect(() => accountTable(accounts)).toThrow(
    expect.objectContaining({ code: "BAD_ACCOUNT", message: expect.stringContaining(why) }),
  );
});

test("a home is a path like any other", () => {
  const [account] = accountTable([{ name: "a", home: "home/../home/a/" }]);
  expect(account?.home).toBe("/home/a");
});

test("no error tells a password", () => {
  expect(() => accountTable([{ name: "a", password: "hush", permissions: "?" }])).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("hush") }),
  );
});

test("an account has as many sessions as it may have, and others theirs", () => {
  const accounts = accountTable([{ name: "two", password: "2", maxSessions: 2 }, { name: "anonymous" }]);
  const two = accounts.verify("two", "2")!;
  const seats = [accounts.enter(two), accounts.enter(two)];
  expect(accounts.enter(two)).toBeUndefined();
  expect(accounts.enter(accounts.anonymous!)).toBeDefined();
  for (let count = 0; count < 2; count += 1) seats[0]?.[Symbol.dispose]();
  expect(accounts.enter(two)).toBeDefined();
  expect(accounts.enter(two)).toBeUndefined();
});

/** A store with a file, a directory and a home, as somebody with these letters sees it. */
function seen(permissions: string, home = "/"): { store: GuardedStore; whole: Store } {
  const whole = memoryStore({
    files: { "/a": "a", "/d/x": "x", "/home/ann/mine": "m", "/home/ann2/other": "o" },
  });
  return { store: guarded(whole, { name: "ann", home, permissions }), whole };
}

function seenBy(permissions: string, home?: string): GuardedStore {
  return seen(permissions, home).store;
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

  test("refused without it, and nothing has happened", async () => {
    const store = seenBy(PERMISSIONS.replace(letter, ""));
    await expect(operation(store)).rejects.toEqual(refused("FORBIDDEN"));
    await expect(operation(seenBy(""))).rejects.toEqual(refused("FORBIDDEN"));
  });
});

test("facts may be asked for under another letter", async () => {
  for (const letter of ["e", "l", "r", "d", "f"] as const) {
    expect((await seenBy(letter).stat("/a", letter)).name).toBe("a");
    await expect(seenBy(PERMISSIONS.replace(letter, "")).stat("/a", letter)).rejects.toEqual(
      refused("FORBIDDEN"),
    );
  }
});

test("what may not be asked is refused before it is known whether it is there", async () => {
  await expect(seenBy("e").read("/missing")).rejects.toEqual(refused("FORBIDDEN"));
  await expect(seenBy(PERMISSIONS, "/home/ann").read("/missing")).rejects.toEqual(refused("FORBIDDEN"));
});

test("a path that is none is refused as such", async () => {
  await expect(seenBy(PERMISSIONS).stat("/a\0")).rejects.toEqual(refused("BAD_PATH"));
});

describe("to put a file in another one's place", () => {
  test.each(["fd", "fw"])("is for %s", async (letters) => {
    const { store, whole } = seen(letters);
    await store.rename("/a", "/d/x");
    expect(await text((await whole.read("/d/x")).stream())).toBe("a");
  });

  test("is not for f alone, nor with others", async () => {
    const { store, whole } = seen("elrafmMT");
    await expect(store.rename("/a", "/d/x")).rejects.toEqual(refused("FORBIDDEN"));
    expect(await text((await whole.read("/d/x")).stream())).toBe("x");
    await store.rename("/a", "/a");
    await store.rename("/a", "/d/new");
    await expect(store.rename("/d/new", "/home")).rejects.toEqual(refused("EXISTS"));
    await expect(store.rename("/d/new", "/none/x")).rejects.toEqual(refused("NOT_FOUND"));
  });
});

describe("letters for some paths", () => {
  const paths: Account["paths"] = {
    "/in": "elw",
    "/in/old/": "el",
    "/in/old/mine": "elrd",
    flat: { permissions: "elrdm", recursive: false },
    "/flat/sub/deep": "",
    "/away/nothing": "",
  };
  const ruled = () => {
    const files = { "/a": "a", "/in/x": "x", "/in/old/y": "y", "/in/old/mine/z": "z", "/index": "i" };
    const whole = memoryStore({
      files: { ...files, "/flat/f": "f", "/flat/sub/g": "g", "/flat/sub/deep/h": "h", "/away/k": "k" },
    });
    const [account] = accountTable([{ name: "ann", permissions: "elrf", paths }]);
    return guarded(whole, account!);
  };

  test.each([
    ["/a", "elrf"],
    ["/index", "elrf"],
    ["/in", "elw"],
    ["/in/x", "elw"],
    ["/in/new/deep", "elw"],
    ["/in/old", "el"],
    ["/in/old/y", "el"],
    ["/in/older", "elw"],
    ["/in/old/mine/z", "elrd"],
    ["/in/../a", "elrf"],
    // As pyftpdlib's override_perm without recursion: the directory, and the files in it, but no directories.
    ["/flat", "elrdm"],
    ["/flat/f", "elrdm"],
    ["/flat/new", "elrdm"],
    ["/flat/sub", "elrf"],
    ["/flat/sub/g", "elrf"],
    ["/flat/sub/deep", ""],
    ["/flat/sub/deep/h", ""],
  ])("%s: %s", async (path, letters) => {
    for (const letter of ["e", "l", "r", "d", "f", "w", "m"] as const) {
      const asked = ruled().stat(path, letter);
      if (letters.includes(letter)) await asked.catch((error) => expect(error.code).toBe("NOT_FOUND"));
      else await expect(asked).rejects.toEqual(refused("FORBIDDEN"));
    }
  });

  test("are asked for both ends of a move, and told of what is there", async () => {
    const store = ruled();
    await expect(store.rename("/a", "/in/a")).rejects.toEqual(refused("FORBIDDEN"));
    await expect(store.rename("/in/x", "/x")).rejects.toEqual(refused("FORBIDDEN"));
    await store.rename("/a", "/b");
    await expect(store.rename("/b", "/index")).rejects.toEqual(refused("FORBIDDEN"));
    await put(store, "/in/new");
    await expect(put(store, "/new")).rejects.toEqual(refused("FORBIDDEN"));
    await store.makeDirectory("/flat/made");
    await expect(store.makeDirectory("/flat/made/more")).rejects.toEqual(refused("FORBIDDEN"));
    // What is in it would be out of the reach of its own letters.
    await expect(store.rename("/flat/sub", "/sub")).rejects.toEqual(refused("FORBIDDEN"));
    await store.rename("/away", "/moved");
    expect(store.permissions({ path: "/flat/f", type: "file" })).toBe("elrdm");
    expect(store.permissions({ path: "/flat/sub", type: "directory" })).toBe("elrf");
  });
});

describe("a home", () => {
  test("is all there is", async () => {
    const store = seenBy(PERMISSIONS, "/home/ann");
    expect((await store.list("/home/ann")).map(({ name }) => name)).toEqual(["mine"]);
    for (const path of ["/", "/a", "/home", "/home/ann2/other", "/home/ann/../ann2/other", "/home/an"]) {
      const attempts: (() => Promise<unknown>)[] = [
        () => store.stat(path),
        () => store.stat(path, "e"),
        () => store.list(path),
        () => store.read(path),
        () => store.write(path),
        () => store.write(path, { append: true }),
        () => store.remove(path),
        () => store.makeDirectory(path),
        () => store.setMode(path, 0o600),
        () => store.setModified(path, new Date(0)),
        () => store.rename("/home/ann/mine", path),
        () => store.rename(path, "/home/ann/stolen"),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toEqual(refused("FORBIDDEN"));
    }
    expect((await store.list("/home/ann")).map(({ name }) => name)).toEqual(["mine"]);
  });

  test("stays where it is", async () => {
    const store = seenBy(PERMISSIONS, "/home/ann");
    await store.remove("/home/ann/mine");
    await expect(store.remove("/home/ann")).rejects.toEqual(refused("FORBIDDEN"));
    await expect(store.rename("/home/ann", "/home/ann/x")).rejects.toEqual(refused("FORBIDDEN"));
  });

  test("is left by no symlink, though the store is not left either", async () => {
    const root = folder();
    for (const directory of ["home", "home/ann", "home/ann/deep", "home/ann2", "shared"])
      mkdirSync(join(root, directory));
    writeFileSync(join(root, "shared", "x"), "shared");
    writeFileSync(join(root, "home", "ann", "mine"), "mine");
    symlinkSync("../../shared", join(root, "home", "ann", "out"));
    symlinkSync("../ann2", join(root, "home", "ann", "neighbour"));
    symlinkSync("../mine", join(root, "home", "ann", "deep", "in"));
    symlinkSync("ann", join(root, "home", "bob"));
    const whole = await directoryStore(root);
    expect(await text((await whole.read("/home/ann/out/x")).stream())).toBe("shared");

    const store = guarded(whole, { name: "ann", home: "/home/ann", permissions: PERMISSIONS });
    expect((await store.list("/home/ann")).map(({ name }) => name)).toEqual(["deep", "mine"]);
    expect(await text((await store.read("/home/ann/deep/in")).stream())).toBe("mine");
    for (const path of ["/home/ann/out/x", "/home/ann/out", "/home/ann/neighbour"]) {
      await expect(store.stat(path)).rejects.toEqual(refused("NOT_FOUND"));
    }
    await expect(store.write("/home/ann/neighbour/x")).rejects.toEqual(refused("NOT_FOUND"));
    await expect(store.write("/home/ann")).rejects.toEqual(refused("IS_DIRECTORY"));
    await expect(store.makeDirectory("/home/ann")).rejects.toEqual(refused("EXISTS"));
    // Where it is moved to, a link of the home's own may lead elsewhere.
    await store.rename("/home/ann/deep/in", "/home/ann/up");
    await expect(store.stat("/home/ann/up")).rejects.toEqual(refused("NOT_FOUND"));

    await using lab = await startLab({}, { root });
    const inLab = guarded(lab.store, { name: "ann", home: "/home/ann", permissions: PERMISSIONS });
    await expect(inLab.stat("/home/ann/out/x")).rejects.toEqual(refused("NOT_FOUND"));

    const linked = guarded(whole, { name: "bob", home: "/home/bob", permissions: PERMISSIONS });
    expect(await text((await linked.read("/home/bob/mine")).stream())).toBe("mine");
    await expect(linked.stat("/home/bob/out")).rejects.toEqual(refused("NOT_FOUND"));
  });
});
