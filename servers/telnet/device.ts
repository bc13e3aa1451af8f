import type { DialogueStep } from "./dialogue.ts";
import type { Login } from "./login.ts";
import type { Pace } from "./pacer.ts";
import type { Terminal } from "./terminal.ts";

/**
 * A device as its users know it over Telnet: what it says, asks and answers, down to the byte. All of it but functions and
 * patterns as `RegExp` can stand in a JSON file.
 *
 * In all texts `\n` is {@link Device.lineEnd} and everything else is sent as it is.
 */
export interface Device {
  /** The first words. Default: none. */
  readonly banner?: string;
  /** Who gets in. Default: everybody, and nobody is asked. */
  readonly login?: DeviceLogin;
  /** What is said after the login. Default: nothing. */
  readonly welcome?: string;
  /** The prompt of a device that has no modes; default `> `. It is sent as it is, and nothing behind it. */
  readonly prompt?: DevicePrompt;
  /** What can be typed, in every mode. */
  readonly commands?: DeviceCommands;
  /** Modes by name; the first one is where clients begin. */
  readonly modes?: Readonly<Record<string, DeviceMode>>;
  /** The answer to all else; `$0` is the line. Default `% Unknown command: $0`. */
  readonly unknown?: string;
  /** Long answers come a page at a time. Default: all at once. */
  readonly paging?: DevicePaging;
  /**
   * `on`, the default: the device offers to echo (WILL ECHO), and does so for a client that agrees. `off`: it leaves that to
   * the client, and hides passwords by WILL ECHO alone. `always`: it echoes whatever the client says, as a serial console does.
   */
  readonly echo?: "on" | "off" | "always";
  /** `passive`: the device proposes no Telnet option, it answers only. Default `active`. */
  readonly negotiation?: "active" | "passive";
  /** `utf-8`, `latin1`, `cp437`, or any other that iconv-lite knows. Default `utf-8`. */
  readonly charset?: string;
  /** What `\n` is on the wire: `\r\n`, the default, `\n`, `\n\r` … */
  readonly lineEnd?: string;
  /** Slow bytes and odd splits. Default: an answer goes out at once, and as a whole. */
  readonly pace?: Pace;
  /** A conversation to be kept to the letter, instead of login, prompt, commands and modes. */
  readonly dialogue?: readonly DialogueStep[];
}

/** How a device asks its clients who they are. */
export interface DeviceLogin extends Login {
  /** Passwords by name. Default: the accounts of the lab. */
  readonly users?: Readonly<Record<string, string>>;
}

/** A mode of a device: its prompt, and what can be typed there. */
export interface DeviceMode {
  readonly prompt: DevicePrompt;
  /** They go before those of the device. */
  readonly commands?: DeviceCommands;
}

/** A prompt, or a function that makes one each time. */
export type DevicePrompt = string | ((session: DeviceSession) => string);

/**
 * What is answered, by the line that is typed: the line itself, without blanks around it, or a pattern `/…/` or `/…/i`, which
 * must fit the whole line. Lines go before patterns, and earlier patterns before later ones. The empty line is Enter alone, which
 * is answered by a prompt where it is no command. A control character alone, `\u001a` for Ctrl-Z, is a key: it is answered as
 * soon as it is typed, and what stood on the line is given up.
 */
export type DeviceCommands = Readonly<Record<string, string | DeviceAnswer | DeviceFunction>>;

/**
 * Makes an answer.
 *
 * @param line the line, and behind it what the groups of the pattern have found.
 */
export type DeviceFunction = (
  line: readonly string[],
  session: DeviceSession,
) => string | DeviceAnswer | undefined | Promise<string | DeviceAnswer | undefined>;

/** What a command is answered with, and what becomes of the session. */
export interface DeviceAnswer {
  /** What must be answered first. */
  readonly ask?: DeviceQuestion;
  /** Milliseconds before the answer. Default 0. */
  readonly delay?: number;
  /** A line end is put behind it where it has none. Behind a pattern, `$1` is what its first group has found. */
  readonly text?: string;
  /** The mode that is entered. */
  readonly mode?: string;
  /** The lines of a page from now on, 0 for no paging; behind a pattern it may be `$1`. */
  readonly rows?: number | string;
  /** Closes the connection behind the text: in good order, or with a reset. */
  readonly end?: "fin" | "rst";
}

/** A question that a command asks back: a password, or whether one is sure. */
export interface DeviceQuestion {
  readonly prompt: string;
  /** The line, or a `/pattern/` that must fit the whole of it. */
  readonly answer: string;
  /** Whether the line is typed unseen. Default false. */
  readonly hidden?: boolean;
  /** How often it is asked. Default 3. */
  readonly tries?: number;
  /** What is said where none of these was the answer. Default `% Access denied`. */
  readonly wrong?: string;
}

/** How a device shows long answers. */
export interface DevicePaging {
  /** Lines of a page, the prompt's included. Default: the client's window (NAWS), or 24. */
  readonly rows?: number;
  /** Default `--More--`. */
  readonly prompt?: string;
  /** What takes the prompt off the screen. Default: CR, as many blanks, CR. */
  readonly erase?: string;
}

/** One client of a device. */
export interface DeviceSession {
  readonly terminal: Terminal;
  /** The mode that the client is in; empty on a device without modes. */
  readonly mode: string;
  /** Who has logged in; empty where nobody is asked. */
  readonly user: string;
  /** What the functions of the device would remember of this client. */
  readonly memory: Map<string, unknown>;
}
