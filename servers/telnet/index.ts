import { WirelabError } from "../../core/errors.ts";
import type { ListenOptions, Service, Site } from "../../core/service.ts";
import type { Device } from "./device.ts";
import type { Play } from "./engine.ts";
import type { Login } from "./login.ts";
import type { ShellOptions } from "./shell.ts";
import type { TelnetSession } from "./terminal.ts";
import type { TtyOptions } from "./tty.ts";

export type {
  Device,
  DeviceAnswer,
  DeviceCommands,
  DeviceFunction,
  DeviceLogin,
  DeviceMode,
  DevicePaging,
  DevicePrompt,
  DeviceQuestion,
  DeviceSession,
} from "./device.ts";
export type { DialogueStep } from "./dialogue.ts";
export type { Login } from "./login.ts";
export type { Pace } from "./pacer.ts";
export type { ShellProgram } from "./programs.ts";
export type { ShellCommand, ShellOptions, ShellSession } from "./shell.ts";
export type { ReadLineOptions, TelnetSession, Terminal } from "./terminal.ts";

/** What {@link telnet} can be told. */
export interface TelnetOptions extends ListenOptions {
  /** What the shell has beside its own commands. */
  readonly shell?: ShellOptions;
  /** What clients talk to instead of the shell. */
  readonly session?: TelnetSession;
  /** The device that clients talk to instead of the shell, or the path of a file that describes it (JSON, `.js`, `.mjs`). */
  readonly device?: Device | string;
  /**
   * Lets in accounts of the lab alone, to the shell or the session: three tries, with a second between (`required`), or as it
   * says. Default: everybody comes in, and nobody is asked. A device has a login of its own.
   */
  readonly login?: "required" | Login;
  /**
   * How many bytes of other people's messages may wait for a client that does not read before it is cut off. Default
   * 1,048,576. Answers to its own commands are made as fast as it reads; who reads nothing of them for five minutes is cut
   * off too.
   */
  readonly maxOutgoing?: number;
}

/** What a running Telnet server that is a device has beside what all servers have. */
export interface DevicePlaying {
  /**
   * Is another device for those who connect from now on. {@link Lab.reset} makes it the one that it was.
   *
   * @throws WirelabError `BAD_OPTION` for a device that cannot be.
   *
   * @example
   * ```ts
   * import { startLab, telnet } from "wirelab";
   *
   * await using lab = await startLab({ console: telnet({ device: { banner: "one" } }) });
   * lab.servers.console.play({ banner: "another" });
   * ```
   */
  play(device: Device): void;
}

const DEFAULTS = { maxOutgoing: 1_048_576, idle: 3_600_000 } as const;

/**
 * A Telnet server (RFC 854, 855, 1143): a shell with chat rooms and a view of the lab's files, for terminals in character
 * mode and in line mode, and for clients that negotiate nothing, netcat for example. Clients that send nothing for an hour
 * are sent away (`gate.idle`); a line of more than 4,096 characters is not read, a subnegotiation of more than 4,096 bytes
 * is not heeded.
 *
 * @throws WirelabError `BAD_OPTION` for more than one of shell, session and device, a `maxOutgoing` that is no positive number, or a
 *   command whose name is no word.
 *
 * @example
 * ```ts
 * import { connect } from "node:net";
 * import { once } from "node:events";
 * import { startLab, telnet } from "wirelab";
 *
 * const uptime = { summary: "how long the process runs", run: () => `${Math.round(process.uptime())} s` };
 * await using lab = await startLab({ shell: telnet({ shell: { commands: { uptime } } }) });
 * const { host, port } = lab.servers.shell;
 * const client = connect({ host, port });
 * client.resume();
 * client.end("uptime\r\nquit\r\n");
 * await once(client, "close");
 * ```
 */
export function telnet(options: TelnetOptions & { readonly device: Device | string }): Service<DevicePlaying>;
export function telnet(options?: TelnetOptions): Service;
export function telnet(options: TelnetOptions = {}): Service {
  const { shell, session, device, login, maxOutgoing = DEFAULTS.maxOutgoing, ...listen } = options;
  if ([shell, session, device].filter(Boolean).length > 1) {
    throw new WirelabError("BAD_OPTION", "telnet: give one of shell, session and device.");
  }
  if (device !== undefined && login !== undefined) {
    throw new WirelabError("BAD_OPTION", "telnet: a device has its login in its own description.");
  }
  if (!(maxOutgoing > 0)) {
    throw new WirelabError(
      "BAD_OPTION",
      `telnet: maxOutgoing is ${maxOutgoing}; it must be a positive number.`,
    );
  }
  if (typeof login === "object") checkLogin(login);
  const unspeakable = Object.keys(shell?.commands ?? {}).find((name) => !/^[^\s\p{Cc}]+$/u.test(name));
  if (unspeakable !== undefined) {
    throw new WirelabError("BAD_OPTION", `telnet: ${JSON.stringify(unspeakable)} is no name for a command.`);
  }
  return {
    protocol: "telnet",
    listen: { ...listen, gate: { idle: DEFAULTS.idle, ...listen.gate } },
    open: async (site) => {
      const { telnetEngine } = await import("./engine.ts");
      if (device === undefined) {
        const { shellSession } = await import("./shell.ts");
        const { behindLogin } = await import("./login.ts");
        const inside = session ?? shellSession(site, shell);
        const asked = login && behindLogin(site, login === "required" ? {} : login, inside);
        const options: TtyOptions = {
          maxOutgoing,
          extensions: "on",
          status: statusOf(site),
          ...(asked && { secretive: "until-login" }),
        };
        return telnetEngine(() => ({ session: asked ?? inside, options }));
      }
      const { checkedDevice, readDevice } = await import("./device-file.ts");
      const { deviceSession, mannerOf } = await import("./device-session.ts");
      const played = (given: Device): Play => ({
        session: deviceSession(site, given),
        options: { maxOutgoing, ...mannerOf(given) },
      });
      const initial = played(
        typeof device === "string" ? await readDevice(device) : checkedDevice(device, "device"),
      );
      let current = initial;
      const own: DevicePlaying = {
        play(next) {
          current = played(checkedDevice(next, "device"));
        },
      };
      return {
        ...telnetEngine(() => current),
        own,
        reset() {
          current = initial;
        },
      };
    },
  };
}

function checkLogin({ tries = 1, pause = 0 }: Login): void {
  if (!(Number.isInteger(tries) && tries > 0))
    throw new WirelabError(
      "BAD_OPTION",
      `telnet: login.tries is ${tries}; it must be a whole number above 0.`,
    );
  if (!(pause >= 0 && pause < 2 ** 31))
    throw new WirelabError("BAD_OPTION", `telnet: login.pause is ${pause}; it must be milliseconds.`);
}

/** What MSSP tells: who asks wants to know how many people are there, and since when. */
function statusOf({ server, rooms, clock }: Site): () => Readonly<Record<string, string>> {
  const started = Math.floor(clock.now() / 1000);
  return () => ({
    NAME: server,
    PLAYERS: `${rooms.list().reduce((sum, { members }) => sum + members, 0)}`,
    UPTIME: `${started}`,
    CODEBASE: "wirelab",
  });
}
