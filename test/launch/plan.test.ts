import { describe, expect, test } from "vitest";
import { Ending } from "../../launch/flags.ts";
import { RUN } from "../../launch/pages.ts";
import type { Plan } from "../../launch/plan.ts";
import { mistypedVariables } from "../../launch/variables.ts";
import { line, planned } from "./lines.ts";

/** What a plan has that can be compared. */
const servers = ({ servers }: Plan) =>
  Object.fromEntries([...servers].map(([name, { address, options }]) => [name, { ...address, ...options }]));

describe("flags and variables are read in the same way", () => {
  test.each([
    [["--tcp=0"], { WIRELAB_TCP: "0" }],
    [["--tcp"], { WIRELAB_TCP: "on" }],
    [
      ["--tcp", "--http=unix:/tmp/a"],
      { WIRELAB_TCP: "true", WIRELAB_HTTP: "unix:/tmp/a", WIRELAB_FTP: "off" },
    ],
    [["--all", "--tcp=7"], { WIRELAB_ALL: "1", WIRELAB_TCP: "7" }],
    [["--root", "/tmp", "--open"], { WIRELAB_ROOT: "/tmp", WIRELAB_OPEN: "yes", WIRELAB_TLS: "0" }],
    [["--user=a:b:elr", "--user=c:d"], { WIRELAB_ACCOUNTS: "a:b:elr c:d" }],
    [["--allow=10.0.0.0/8", "--allow=::1"], { WIRELAB_ALLOW: "10.0.0.0/8\n::1" }],
    [["--anonymous"], { WIRELAB_ANONYMOUS: "on" }],
    [["--anonymous=el"], { WIRELAB_ANONYMOUS: "el" }],
    [
      ["--tcp-behaviour=echo", "--log-level=debug"],
      { WIRELAB_TCP_BEHAVIOUR: "echo", WIRELAB_LOG_LEVEL: "debug" },
    ],
    [
      ["--forward", "0=a:1,[::1]:2", "--forward=unix:/tmp/a=80", "--forward-balance=sticky"],
      { WIRELAB_FORWARD: "0=a:1,[::1]:2 unix:/tmp/a=80", WIRELAB_FORWARD_BALANCE: "sticky" },
    ],
    [["--passive-ports=5000-5009"], { WIRELAB_PASSIVE_PORTS: "5000-5009" }],
    [["--run", "v=/bin/date", "--run", "w=/bin/w"], { WIRELAB_RUN: "v=/bin/date w=/bin/w" }],
    [
      ["--seed=7", "--env-file=x", "--ready=json"],
      { WIRELAB_SEED: "7", WIRELAB_ENV_FILE: "x", WIRELAB_READY: "json" },
    ],
    [[], { WIRELAB_SEED: "", WIRELAB_TLS: "", WIRELAB_TCP: "" }],
  ] as const)("%j as %j", async (argv, environment) => {
    const [byFlags, byVariables] = [await planned(argv), await planned([], environment)];
    expect(servers(byVariables)).toEqual(servers(byFlags));
    expect(byVariables.settings).toEqual(byFlags.settings);
    expect(byVariables.accounts).toEqual(byFlags.accounts);
  });

  test("a flag goes before its variable", async () => {
    const { settings } = await planned(["--seed=1", "--user=a:b"], {
      WIRELAB_SEED: "2",
      WIRELAB_ACCOUNTS: "c:d",
      WIRELAB_HOST: "127.0.0.9",
    });
    expect(settings).toMatchObject({ seed: 1, host: "127.0.0.9", accounts: [{ name: "a" }] });
  });

  test.each([
    [["--seed=x"], {}, "--seed: A seed is a whole number"],
    [[], { WIRELAB_SEED: "x" }, "WIRELAB_SEED: A seed is a whole number"],
    [[], { WIRELAB_TCP: "http" }, 'WIRELAB_TCP: "http" is no address'],
    [[], { WIRELAB_OPEN: "maybe" }, 'WIRELAB_OPEN: "maybe" is neither on nor off'],
    [[], { WIRELAB_LOG_LEVEL: "loud" }, 'WIRELAB_LOG_LEVEL: "loud" is none of error'],
  ])("%j %j is refused by its name", async (argv, environment, why) => {
    await expect(planned(argv, environment)).rejects.toThrow(why);
  });

  test("what wirelab itself sets for others is nothing that is asked of it", async () => {
    const environment = {
      WIRELAB_USER: "foo",
      WIRELAB_PASSWORD: "bar",
      WIRELAB_FTP_PORT: "x",
      WIRELAB_TCP_URL: "y",
    };
    expect(servers(await planned(["--tcp"], environment))).toEqual(servers(await planned(["--tcp"])));
  });
});

describe("forwarding", () => {
  test("each flag is a server, and no other starts by itself", async () => {
    const { servers } = await planned(["--forward", "8000=a:80, b:80", "--forward=[::1]:0=unix:/x"]);
    const asked = [...servers].map(([name, { address, options }]) => [name, address, options]);
    expect(asked).toEqual([
      ["forward", { port: 8000 }, expect.objectContaining({ to: ["a:80", "b:80"], balance: "round-robin" })],
      ["forward2", { host: "::1", port: 0 }, expect.objectContaining({ to: ["unix:/x"] })],
    ]);
    expect([...(await planned(["--all"])).servers.keys()]).not.toContain("forward");
  });

  test.each([
    ["8080", '"8080" names no target: write ADDR=TARGET, 8080=127.0.0.1:80 for example.'],
    ["8080=", "names no target"],
    ["=a:80", "says not where to listen"],
    ["x y=a:80", '"x y" is no address'],
    ["0=a", '"a" names no port. A target is HOST:PORT'],
    ["0=a:80,", '"" is no address'],
    ["0=a:x", '"a:x" is no address. A target is HOST:PORT'],
    ["0=a:99999", "ports end at 65535"],
    ["0=http://a:80", "is no address"],
    ["0=a:80,a:80", "names a:80 twice"],
    ["8080=localhost:8080", "would forward to itself"],
  ])("--forward %j is refused", async (text, why) => {
    await expect(planned(["--forward", text])).rejects.toThrow(why);
  });
});

test.each([
  [["--http", "--ftp-dialect", "iis"], "--ftp-dialect is for ftp, which is not started; give --ftp, too."],
  [["--tcp", "--run", "date=/bin/date"], "--run is for telnet"],
  [["--forward-balance", "sticky"], "--forward-balance is for forward"],
])("%j: a flag for nobody is refused", async (argv, why) => {
  await expect(planned(argv)).rejects.toThrow(why);
});

test("a variable for nobody may stand", async () => {
  expect(Object.keys(servers(await planned(["--http"], { WIRELAB_FTP_DIALECT: "iis" })))).toEqual(["http"]);
});

test("a variable that is nearly one of ours is told, others are not", async () => {
  const variables = [
    "WIRELAB_LOGLEVEL",
    "WIRELAB_SEED",
    "WIRELAB_REAL_CLIENTS",
    "WIRELAB_FTP_URL",
    "WIRELAB_TP_PORT",
    "LOG_LEVEL",
  ];
  const environment = Object.fromEntries(variables.map((name) => [name, "x"]));
  expect(await mistypedVariables(environment)).toEqual([
    "WIRELAB_LOGLEVEL sets nothing; did you mean WIRELAB_LOG_LEVEL?",
  ]);
});

describe("a command line", () => {
  test.each([
    [["--fpt"], /^wirelab: .*--fpt[\s\S]*--ftp\?/],
    [["rum"], /^wirelab: "rum" is no command; did you mean "run"\?/],
    [["--ftp", "rum"], /"rum" is no command/],
    [["ftp"], /"ftp" is no command; did you mean "--ftp"\?/],
    [["--root"], /argument missing/],
    [["--open=yes"], /--open/],
    [["-x"], /unknown option '-x'/],
  ])("%j is a usage error, which says what was meant", async (argv, why) => {
    const ending = expect.objectContaining({ exitCode: 2, message: expect.stringMatching(why) });
    await expect(line(argv)).rejects.toThrow(ending);
    await expect(line(argv)).rejects.toThrow(Ending);
  });

  test("what wirelab run writes is its command's: there is no --ready", async () => {
    await expect(line(["--ready=json", "--", "true"], RUN)).rejects.toThrow("unknown option '--ready=json'");
  });

  test.each<[readonly string[], readonly string[], object]>([
    [["--ftp", "--", "a", "--b"], ["a", "--b"], { ftp: [true] }],
    [["--ftp", "python3", "-m", "unittest"], ["python3", "-m", "unittest"], { ftp: [true] }],
    [["--ftp", "2121", "a"], ["a"], { ftp: ["2121"] }],
    [["--ftp=[::1]:0", "--tls", "a"], ["a"], { ftp: ["[::1]:0"], tls: [true] }],
    [["--tls", "expired", "--root", "a", "b"], ["b"], { tls: ["expired"], root: ["a"] }],
    [["--anonymous", "env"], ["env"], { anonymous: [true] }],
    [
      ["--allow", "::1", "--allow=::2", "--env", "f", "a"],
      ["a"],
      { allow: ["::1", "::2"], "env-file": ["f"] },
    ],
  ])("%j: the words behind are %j", async (argv, operands, flags) => {
    const read = await line(argv, RUN);
    expect(read.operands).toEqual(operands);
    expect(Object.fromEntries(read.flags)).toEqual(flags);
  });
});
