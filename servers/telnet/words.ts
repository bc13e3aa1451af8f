// What negotiation is about, for people who read a conversation: RFC 854 and those of the options.

const OPTIONS: Readonly<Record<string, string>> = {
  BINARY: "bytes as they are, all eight bits (RFC 856)",
  ECHO: "who shows what is typed (RFC 857)",
  SGA: "both may speak at any time (RFC 858)",
  STATUS: "telling what is agreed on (RFC 859)",
  "TIMING-MARK": "a mark in the stream (RFC 860)",
  TTYPE: "what kind of terminal it is (RFC 1091)",
  EOR: "marks at the end of records (RFC 885)",
  NAWS: "how large the window is (RFC 1073)",
  TSPEED: "how fast the terminal is (RFC 1079)",
  LFLOW: "who stops and resumes output (RFC 1372)",
  LINEMODE: "editing lines at the client (RFC 1184)",
  XDISPLOC: "where X windows open (RFC 1096)",
  "OLD-ENVIRON": "variables, the old way (RFC 1408)",
  "NEW-ENVIRON": "variables of the client (RFC 1572)",
  CHARSET: "which characters the bytes are (RFC 2066)",
  MSSP: "figures about the game server",
  COMPRESS2: "output compressed (MCCP2)",
  GMCP: "messages between programs (GMCP)",
};

const SPEECH: Readonly<Record<"in" | "out", Readonly<Record<string, string>>>> = {
  in: {
    WILL: "the client offers, or agrees to do",
    WONT: "the client will not do",
    DO: "the client asks the server for, or agrees to",
    DONT: "the client does not want from the server",
    SB: "the client tells details of",
  },
  out: {
    WILL: "the server offers, or agrees to do",
    WONT: "the server will not do",
    DO: "the server asks the client for, or agrees to",
    DONT: "the server does not want from the client",
    SB: "the server tells or asks details of",
  },
};

const COMMANDS: Readonly<Record<string, string>> = {
  AYT: "are you there?",
  IP: "interrupt what runs",
  BRK: "the break key",
  AO: "do not send the rest of this output",
  EC: "erase the last character",
  EL: "erase the line",
  GA: "your turn to speak",
  EOR: "the end of a record",
  NOP: "nothing, to see whether the connection lives",
  DM: "where urgent data ends",
};

/** What a negotiation (`WILL ECHO`, `SB NAWS 80×24`) or a command (`AYT`) says, in plain words. */
export function negotiationWords(direction: "in" | "out", said: string): string | undefined {
  const [word = "", option] = said.split(" ");
  const start = SPEECH[direction][word];
  if (start === undefined || option === undefined) return COMMANDS[word];
  return `${start}: ${OPTIONS[option] ?? `option ${option}`}`;
}
