import type { Page } from "./flags.ts";
import { choice, list, toggle } from "./setting.ts";

const ADDRESSES = `
ADDR is PORT, HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes any free port, and the real one is told.
Where a flag is not given, the environment variable of its name counts (WIRELAB_LOG_LEVEL=debug), and then what the file
of --config says. docs/command-line.md tells all of it.`;

const WORDS = ["run", "print-config", "show", "replay", "completion", "help"];

/** `wirelab` */
export const START: Page = {
  name: "wirelab",
  summary: "start servers",
  description:
    "FTP, Telnet, HTTP, WebSocket, TCP and UDP servers and forwarders that start together and share files, accounts and log.",
  usage: `[FLAGS]                          start servers: all, or those that flags name
       wirelab run [FLAGS] -- COMMAND…          start them, run a command that finds them in its environment, and stop
       wirelab print-config [FLAGS]             tell what would be set, and by what
       wirelab show FILE                        draw a recording (--record FILE): client left, server right
       wirelab replay FILE                      say again what was recorded, and tell who does not follow
       wirelab completion bash|zsh|fish         print a script by which the shell completes all this
       wirelab help [COMMAND]                   print this, or what a command takes`,
  without: [],
  commands: WORDS,
  after: `${ADDRESSES}

Examples:
  wirelab                                     everything, on files in memory
  wirelab --ftp --http --root ./fixtures      a folder by FTP and HTTP
  wirelab --ftp=0 --ready=json                a free port, told on stdout as JSON
  wirelab --tcp=1234 --tcp-behaviour echo     an echo server
  wirelab --http=unix:/tmp/lab.sock           on a Unix-domain socket
  wirelab --http --tls --ca-file ca.pem       HTTPS, and what clients are to trust
  wirelab --forward 8000=127.0.0.1:3000       in front of another server, with --faults for example
  wirelab --config lab.json --log-level debug a lab from a file, with every command and reply in the log

Exit codes: 0 clean stop, 1 failure, 2 usage, 3 an address could not be bound, 128+N on a second signal N.`,
};

/** `wirelab run` */
export const RUN: Page = {
  name: "wirelab run",
  summary: "start servers, run a command, and stop",
  description:
    "Starts servers on free ports, runs a command that finds them in its environment, stops them, and ends as the command did.",
  usage: "[FLAGS] -- COMMAND [ARGUMENT…]",
  // Standard output is the command's.
  without: ["ready"],
  operands: "command",
  after: `${ADDRESSES}
Here a server without ADDR takes any free port, and the log has warnings alone where --log-level is not given.

The command has, for each server by its name: WIRELAB_FTP_URL, WIRELAB_FTP_HOST, WIRELAB_FTP_PORT (or WIRELAB_FTP_PATH);
the first account as WIRELAB_USER and WIRELAB_PASSWORD; with --tls the file that clients are to trust as WIRELAB_CA_FILE.
It gets this terminal and the signals that come here. Where it fails, the end of the transcript stands on stderr.

Examples:
  wirelab run --ftp -- python3 -m unittest
  wirelab run --http --stubs users.json -- npm test
  wirelab run --config lab.json -- sh -c 'curl -sS $WIRELAB_HTTP_URL/'

Exit codes: the command's; 128+N where signal N ended it, 126 where it is no program, 127 where there is none;
1 failure, 2 usage and 3 an address could not be bound, where it did not come to run it.`,
};

/** `wirelab print-config` */
export const PRINT_CONFIG: Page = {
  name: "wirelab print-config",
  summary: "tell what would be set, and by what",
  description:
    "Tells every value that a start with these flags would have, and where it has come from. Passwords and keys are hidden.",
  usage: "[FLAGS] [--format json]",
  without: [],
  own: [choice("--format <FORMAT>", "how to tell", ["text", "json"], { fallback: "text" })],
  after: `
A flag goes before the environment variable of its name, that before the file of --config, and that before what is usual.

Examples:
  wirelab print-config --config lab.json
  WIRELAB_LOG_LEVEL=debug wirelab print-config --ftp --format json | jq .settings.logLevel

Exit codes: 0, or 2 where a flag, a variable or the file is wrong: then all that is wrong is told.`,
};

/** `wirelab show` */
export const SHOW: Page = {
  name: "wirelab show",
  summary: "draw a recording",
  description: "Draws a recording (wirelab --record FILE) as a ladder: the client left, the server right.",
  usage: "FILE|-",
  operands: "file",
  after: "",
};

/** `wirelab replay` */
export const REPLAY: Page = {
  name: "wirelab replay",
  summary: "say again what was recorded",
  description:
    "Serves the TCP, Telnet and FTP control conversations of a recording (wirelab --record FILE) to clients that follow them, and tells where one does not.",
  usage: "FILE|- [FLAGS]",
  own: [
    list("--at <NAME=ADDR>", "where a recorded server listens (repeatable; default any free port)", String),
    toggle("--once", "stop when each conversation has been had once"),
    choice("--ready <FORMAT>", "one line on stdout when everything listens", ["json"]),
  ],
  operands: "file",
  after: `
Exit codes: 0 every client followed, 1 one did not, 2 usage, 3 an address could not be bound.`,
};

export const SHELLS = ["bash", "zsh", "fish"] as const;

/** `wirelab completion` */
export const COMPLETION: Page = {
  name: "wirelab completion",
  summary: "print a script for the shell",
  description: "Prints a script by which a shell completes commands, flags, and their values.",
  usage: "bash|zsh|fish",
  operands: SHELLS,
  after: `
  source <(wirelab completion bash)           in ~/.bashrc
  source <(wirelab completion zsh)            in ~/.zshrc, behind compinit
  wirelab completion fish | source            in ~/.config/fish/config.fish`,
};

/** `wirelab help` */
export const HELP: Page = {
  name: "wirelab help",
  summary: "print what a command takes",
  description: "Prints what a command takes.",
  usage: "[COMMAND]",
  operands: WORDS,
  after: "",
};
