import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { Client } from "basic-ftp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needPrograms } from "../clients.ts";
import { type Serving, serving } from "./serving.ts";

// What every client is asked to do, each in its own words: the same steps by all of them, over IPv4 and IPv6, on a store in memory
// and on a folder. A client that lacks a step leaves it out.

type Step =
  | { readonly act: "put" | "get" | "append" | "resume put" | "resume get"; local: string; remote: string }
  | { readonly act: "rename"; from: string; to: string }
  | { readonly act: "delete" | "list"; path: string };
type Act = Step["act"];
type Family = 4 | 6;

interface Adapter {
  readonly program: string;
  readonly lacks?: readonly Act[];
  readonly families?: readonly Family[];
  /** Does the steps, and answers what was printed. */
  perform(at: Serving, family: Family, steps: readonly Step[]): Promise<string>;
}

const MEGABYTE = randomBytes(1_000_000);
const DEEP = `/${Array.from({ length: 20 }, (_, depth) => `level ${depth}`).join("/")}`;
const NAMES = ["grün ☃ 文", " two  words ", `it's "quoted"`, "-dash", "a*b[c]?", "100%41", "back\\slash"];
const MANY = 5000;

const BOTH = (local: string, remote: string, back: string): Step[] => [
  { act: "put", local, remote },
  { act: "get", remote, local: back },
];
const STEPS: readonly Step[] = [
  ...BOTH("empty", "/empty", "empty.back"),
  ...BOTH("one", "/one", "one.back"),
  ...NAMES.flatMap((name, index) => BOTH("one", `/names/${name}`, `name${index}.back`)),
  ...BOTH("one", `${DEEP}/leaf`, "deep.back"),
  { act: "resume get", remote: "/whole", local: "part" },
  { act: "resume put", local: "whole", remote: "/part" },
  { act: "append", local: "one", remote: "/log" },
  { act: "rename", from: "/new", to: "/old" },
  { act: "delete", path: "/gone" },
  { act: "list", path: "/many" },
];

/** An argument for the command lines of tnftp and inetutils-ftp, and one for lftp's. */
const escaped = (text: string) => text.replace(/[ -,:-@[-`{-~]/g, "\\$&");
const quoted = (text: string) => `"${escaped(text).replace(/\\([^"\\])/g, "$1")}"`;
const literal = ({ host, port }: { host: string; port: number }, user = "") =>
  `ftp://${user}${host.includes(":") ? `[${host}]` : host}:${port}`;
const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/");

/** The lines by which a shell-like client does the steps. */
function script(
  steps: readonly Step[],
  argument: (text: string) => string,
  words: Partial<Record<Act, (one: string, other: string) => string>>,
): string {
  return steps
    .map((step) => {
      const [one, other] =
        "local" in step
          ? /put|append/.test(step.act)
            ? [step.local, step.remote]
            : [step.remote, step.local]
          : "from" in step
            ? [step.from, step.to]
            : [step.path, ""];
      return words[step.act]?.(argument(one), argument(other));
    })
    .join("\n");
}

const ADAPTERS: readonly Adapter[] = [
  {
    program: "curl",
    async perform(at, family, steps) {
      const root = literal(at.hosts[family], "foo:bar@");
      const args = (step: Step): string[] => {
        switch (step.act) {
          case "put":
            return ["-T", step.local, root + encoded(step.remote)];
          case "resume put":
            return ["-C", "-", "-T", step.local, root + encoded(step.remote)];
          case "append":
            return ["-a", "-T", step.local, root + encoded(step.remote)];
          case "get":
            return ["-o", step.local, root + encoded(step.remote)];
          case "resume get":
            return ["-C", "-", "-o", step.local, root + encoded(step.remote)];
          case "rename":
            return ["-Q", `-RNFR ${step.from}`, "-Q", `-RNTO ${step.to}`, "-o", "ignored", `${root}/one`];
          case "delete":
            return ["-Q", `-DELE ${step.path}`, "-o", "ignored", `${root}/one`];
          case "list":
            return ["-l", `${root}${step.path}/`];
        }
      };
      const all = steps.flatMap((step, index) => [
        ...(index > 0 ? ["--next"] : []),
        "-sS",
        "-g",
        ...args(step),
      ]);
      return done(await at.client("curl", all));
    },
  },
  {
    program: "lftp",
    lacks: ["append"],
    async perform(at, family, steps) {
      const lines = script(steps, quoted, {
        put: (local, remote) => `put ${local} -o ${remote}`,
        get: (remote, local) => `get ${remote} -o ${local}`,
        "resume put": (local, remote) => `put -c ${local} -o ${remote}`,
        "resume get": (remote, local) => `get -c ${remote} -o ${local}`,
        rename: (from, to) => `mv ${from} ${to}`,
        delete: (path) => `rm ${path}`,
        list: (path) => `nlist ${path}`,
      });
      const input = `set net:max-retries 1; set cmd:fail-exit yes; open ${literal(at.hosts[family], "foo:bar@")}\n${lines}\n`;
      return done(await at.client("lftp", [], { input }));
    },
  },
  ...["tnftp", "inetutils-ftp"].map(
    (program): Adapter => ({
      program,
      lacks: ["resume put"],
      async perform(at, family, steps) {
        const { host, port } = at.hosts[family];
        const lines = script(steps, escaped, {
          put: (local, remote) => `put ${local} ${remote}`,
          get: (remote, local) => `get ${remote} ${local}`,
          "resume get": (remote, local) => `reget ${remote} ${local}`,
          append: (local, remote) => `append ${local} ${remote}`,
          rename: (from, to) => `rename ${from} ${to}`,
          delete: (path) => `delete ${path}`,
          list: (path) => `nlist ${path}`,
        });
        const passive = program === "tnftp" ? "" : "passive\n";
        const input = `open ${host} ${port}\nuser foo bar\n${passive}binary\n${lines}\nquit\n`;
        const { text } = await at.client(program, ["-n", "-v"], { input });
        expect(text).not.toMatch(/^5\d\d /m);
        return text;
      },
    }),
  ),
  {
    program: "ncftpput",
    lacks: ["rename", "delete"],
    families: [4],
    async perform(at, family, steps) {
      const { host, port } = at.hosts[family];
      const login = ["-u", "foo", "-p", "bar", "-P", `${port}`];
      let text = "";
      // Its sendfile() forgets where an upload is to go on from: -s does without.
      for (const step of steps) {
        const client = (program: string, ...args: string[]) => at.client(program, [...login, ...args]);
        if (step.act === "list")
          text += done(await at.client("ncftpls", [...login, "-1", `ftp://${host}:${port}${step.path}/`]));
        else if (step.act === "put") done(await client("ncftpput", "-C", host, step.local, step.remote));
        else if (step.act === "append")
          done(await client("ncftpput", "-A", "-C", host, step.local, step.remote));
        else if (step.act === "resume put")
          done(await client("ncftpput", "-s", "-z", "-C", host, step.local, step.remote));
        else if (step.act === "get")
          done(await client("ncftpget", "-Z", "-C", host, step.remote, step.local));
        else if (step.act === "resume get")
          done(await client("ncftpget", "-z", "-C", host, step.remote, step.local));
      }
      return text;
    },
  },
  {
    program: "wget",
    lacks: ["put", "resume put", "append", "rename", "delete", "list"],
    async perform(at, family, steps) {
      const root = literal(at.hosts[family], "foo:bar@");
      const fetches = steps.flatMap((step) =>
        step.act === "get" || step.act === "resume get"
          ? [[...(step.act === "get" ? [] : ["-c"]), "-O", step.local, root + encoded(step.remote)]]
          : [],
      );
      return (await Promise.all(fetches.map((args) => at.client("wget", ["-nv", "--no-glob", ...args]))))
        .map(done)
        .join("");
    },
  },
  {
    program: "rclone",
    lacks: ["append", "resume put", "resume get"],
    async perform(at, family, steps) {
      const { host, port } = at.hosts[family];
      const rclone = async (...args: string[]) =>
        done(
          await at.client(
            "rclone",
            ["--config", "/dev/null", "--retries", "1", "--ftp-encoding", "None", ...args],
            {
              timeout: 60_000,
            },
          ),
        );
      const pass = (await rclone("obscure", "bar")).trim();
      const remote = `:ftp,host="${family === 6 ? `[${host}]` : host}",port=${port},user=foo,pass=${pass}:`;
      const all = (act: Act, args: (step: Step) => string[]) =>
        Promise.all(steps.filter((step) => step.act === act).map((step) => rclone(...args(step))));
      await all("put", (step) => ("local" in step ? ["copyto", step.local, remote + step.remote] : []));
      await all("get", (step) => ("local" in step ? ["copyto", remote + step.remote, step.local] : []));
      await all("rename", (step) => ("from" in step ? ["moveto", remote + step.from, remote + step.to] : []));
      await all("delete", (step) => ("path" in step ? ["deletefile", remote + step.path] : []));
      return (await all("list", (step) => ("path" in step ? ["lsf", remote + step.path] : []))).join("");
    },
  },
  {
    program: "python3",
    async perform(at, family, steps) {
      const program = `
import ftplib, json, os, sys
host, port, steps = json.load(sys.stdin)
ftp = ftplib.FTP(timeout=20, encoding="utf-8")
ftp.connect(host, port)
ftp.login("foo", "bar")
for step in steps:
    act, local, remote = step["act"], step.get("local"), step.get("remote")
    if act == "put":
        ftp.storbinary("STOR " + remote, open(local, "rb"))
    elif act == "append":
        ftp.storbinary("APPE " + remote, open(local, "rb"))
    elif act == "resume put":
        size = ftp.size(remote)
        file = open(local, "rb")
        file.seek(size)
        ftp.storbinary("STOR " + remote, file, rest=size)
    elif act == "get":
        with open(local, "wb") as file: ftp.retrbinary("RETR " + remote, file.write)
    elif act == "resume get":
        with open(local, "ab") as file: ftp.retrbinary("RETR " + remote, file.write, rest=os.path.getsize(local))
    elif act == "rename":
        ftp.rename(step["from"], step["to"])
    elif act == "delete":
        ftp.delete(step["path"])
    else:
        print("\\n".join(ftp.nlst(step["path"])))
        assert len([name for name, facts in ftp.mlsd(step["path"]) if facts["type"] == "file"]) == ${MANY}
ftp.quit()
`;
      const { host, port } = at.hosts[family];
      return done(
        await at.client("python3", ["-c", program], { input: JSON.stringify([host, port, steps]) }),
      );
    },
  },
  {
    program: "busybox",
    lacks: ["resume put", "append", "rename", "delete", "list"],
    families: [4],
    async perform(at, family, steps) {
      const { host, port } = at.hosts[family];
      const login = ["-u", "foo", "-p", "bar", "-P", `${port}`];
      for (const step of steps) {
        if (step.act === "put")
          done(await at.client("busybox", ["ftpput", ...login, host, step.remote, step.local]));
        else if (step.act === "get")
          done(await at.client("busybox", ["ftpget", ...login, host, step.local, step.remote]));
        else if (step.act === "resume get")
          done(await at.client("busybox", ["ftpget", "-c", ...login, host, step.local, step.remote]));
      }
      return "";
    },
  },
  {
    program: "basic-ftp",
    async perform(at, family, steps) {
      const client = new Client(20_000);
      const { host, port } = at.hosts[family];
      try {
        await client.access({ host, port, user: "foo", password: "bar" });
        const names: string[] = [];
        for (const step of steps) {
          switch (step.act) {
            case "put":
              await client.uploadFrom(at.here(step.local), step.remote);
              break;
            case "append":
              await client.appendFrom(at.here(step.local), step.remote);
              break;
            case "resume put":
              await client.appendFrom(at.here(step.local), step.remote, {
                localStart: await client.size(step.remote),
              });
              break;
            case "get":
              await client.downloadTo(at.here(step.local), step.remote);
              break;
            case "resume get":
              await client.downloadTo(
                at.here(step.local),
                step.remote,
                (await readFile(at.here(step.local))).length,
              );
              break;
            case "rename":
              await client.rename(step.from, step.to);
              break;
            case "delete":
              await client.remove(step.path);
              break;
            case "list":
              names.push(...(await client.list(step.path)).map(({ name }) => name));
          }
        }
        return names.join("\n");
      } finally {
        client.close();
      }
    },
  },
];

/** What a program printed that came to a good end. */
function done({ code, text }: { code: number | null; text: string }): string {
  expect(code, text).toBe(0);
  return text;
}

/** What is there at first. Clients that only fetch find what others put there. */
const THERE = {
  "/whole": MEGABYTE,
  "/part": MEGABYTE.subarray(0, 400_000),
  "/log": "0",
  "/new": "newer",
  "/old": "old",
  "/gone": "x",
  ...Object.fromEntries(
    STEPS.flatMap((step) => (step.act === "put" ? [[step.remote, contentOf(step.local)]] : [])),
  ),
  ...Object.fromEntries(
    Array.from({ length: MANY }, (_, index) => [`/many/n${String(index).padStart(4, "0")}`, ""]),
  ),
};

function contentOf(local: string): string {
  return local === "empty" ? "" : "1";
}

describe.each([
  [4, "memory"],
  [6, "memory"],
  [4, "directory"],
  [6, "directory"],
] as const)("over IPv%i, on a %s store", (family, kind) => {
  // One for all: a folder of 5,000 files takes its time.
  let at: Serving;
  beforeAll(async () => {
    at = await serving(kind, THERE);
  });
  afterAll(() => at[Symbol.asyncDispose]());

  const adapters = ADAPTERS.filter(({ families = [4, 6] }) => families.includes(family));
  test.for(adapters)("$program", { timeout: 60_000 }, async ({ program, lacks = [], perform }, context) => {
    if (program !== "basic-ftp") needPrograms(context, program);
    const can = (act: Act) => !lacks.includes(act);
    for (const name of await readdir(at.cwd)) await rm(at.here(name), { recursive: true });
    const here = { empty: "", one: "1", whole: MEGABYTE, part: MEGABYTE.subarray(0, 300_000) };
    for (const [name, bytes] of Object.entries(here)) await writeFile(at.here(name), bytes);
    for (const [path, bytes] of Object.entries(THERE)) {
      if (!path.startsWith("/many/")) await at.put(path, bytes);
    }
    for (const step of STEPS) if (step.act === "put" && can("put")) await at.lab.store.remove(step.remote);

    const printed = await perform(
      at,
      family,
      STEPS.filter(({ act }) => can(act)),
    );

    const local = (name: string) => readFile(at.here(name));
    for (const step of STEPS) {
      if (step.act === "put")
        expect(String(await at.there(step.remote)), step.remote).toBe(contentOf(step.local));
      if (step.act === "get")
        expect(String(await local(step.local)), step.remote).toBe(contentOf(step.remote.slice(1)));
    }
    if (can("resume get")) expect((await local("part")).equals(MEGABYTE)).toBe(true);
    if (can("resume put")) expect((await at.there("/part")).equals(MEGABYTE)).toBe(true);
    if (can("append")) expect(String(await at.there("/log"))).toBe("01");
    const names = (await at.lab.store.list("/")).map(({ name }) => name);
    if (can("rename"))
      expect([String(await at.there("/old")), names.includes("new")]).toEqual(["newer", false]);
    if (can("delete")) expect(names).not.toContain("gone");
    if (can("list")) expect(new Set(printed.match(/\bn\d{4}\b/g)).size).toBe(MANY);
  });

  test("lftp: 500 small files both ways", { timeout: 60_000 }, async (context) => {
    needPrograms(context, "lftp");
    await mkdir(at.here("small"));
    const names = Array.from({ length: 500 }, (_, index) => `f${index}`);
    for (const name of names) await writeFile(at.here(`small/${name}`), name);
    const url = literal(at.hosts[family], "foo:bar@");
    const script = `set net:max-retries 1; open ${url}; mirror -R small small; mirror small back`;
    done(await at.client("lftp", ["-c", script], { timeout: 50_000 }));
    expect((await at.lab.store.list("/small")).map(({ name }) => name)).toEqual(names.toSorted());
    expect(await readFile(at.here("back/f499"), "utf8")).toBe("f499");
    expect((await readdir(at.here("back"))).length).toBe(500);
  });

  test("200 sessions at once, each with a file both ways", { timeout: 60_000 }, async () => {
    const { host, port } = at.hosts[family];
    const clients = Array.from({ length: 200 }, () => new Client(30_000));
    try {
      await Promise.all(clients.map((client) => client.access({ host, port, user: "foo", password: "bar" })));
      await Promise.all(
        clients.map(async (client, index) => {
          await client.uploadFrom(Readable.from([`file ${index}`]), `/session${index}`);
          const got = new PassThrough();
          const [content] = await Promise.all([text(got), client.downloadTo(got, `/session${index}`)]);
          expect(content).toBe(`file ${index}`);
        }),
      );
    } finally {
      for (const client of clients) client.close();
    }
  });

  test("100 small files in a row, by one session", { timeout: 60_000 }, async () => {
    const client = new Client(30_000);
    try {
      await client.access({ ...at.hosts[family], user: "foo", password: "bar" });
      for (let count = 0; count < 100; count += 1) {
        await client.uploadFrom(Readable.from([`file ${count}`]), `/row${count}`);
        expect(await at.lab.store.text(`/row${count}`)).toBe(`file ${count}`);
      }
    } finally {
      client.close();
    }
  });

  // Killed when the server has told of the step; the next client finds everything as it was.
  test.for([
    ["its name is asked for", "command", { verb: "USER" }, ["-T", "whole"]],
    ["it uploads", "reply", { code: 150 }, ["--limit-rate", "10k", "-T", "whole"]],
    ["it goes on with an upload", "reply", { code: 150 }, ["--limit-rate", "10k", "-a", "-T", "whole"]],
    ["it downloads", "reply", { code: 150 }, ["--limit-rate", "10k"]],
    ["it waits to be called back", "reply", { code: 200, text: /data connection/ }, ["--ftp-port", "-"]],
  ] as const)("curl is killed when %s", async ([, type, where, args], context) => {
    needPrograms(context, "curl");
    await at.put("/victim", MEGABYTE);
    await writeFile(at.here("whole"), randomBytes(500_000));
    const reached = at.lab.events.next(type, where as never, 15_000);
    const url = `${literal(at.hosts[family], "foo:bar@")}/victim`;
    const curl = spawn("curl", ["-sS", ...args, url], { cwd: at.cwd, stdio: "ignore" });
    const closed = once(curl, "close");
    const { connection } = await reached;
    const gone = at.lab.events.next("closed", (event) => event.connection === connection, 15_000);
    curl.kill("SIGKILL");
    await closed;
    await gone;
    expect((await at.there("/victim")).equals(MEGABYTE)).toBe(true);
  });
});
