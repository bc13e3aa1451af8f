import type { Writable } from "node:stream";
import type { Events, WireEvent } from "./events/events.ts";
import { sentenceOf } from "./events/sentence.ts";

/** How much is logged: each level holds those before it. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** Where log lines go: pino's shape, so that a pino logger is one. */
export type Logger = Readonly<Record<LogLevel, (fields: object, message: string) => void>>;

/** How much is logged, and where to. */
export interface LogOptions {
  /** Default `info`: who came and went, logged in, and transferred what. `debug` adds every command, reply and frame. */
  readonly level?: LogLevel;
  /** `pretty` is for people, `json` a JSON object per line. Default `json`. */
  readonly format?: "pretty" | "json";
  /** Whether `pretty` has colours. Default none. */
  readonly colours?: "on" | "off";
  /** Where the lines are written. */
  readonly stream: Writable;
}

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

const LEVEL_OF: Readonly<Record<WireEvent["type"], LogLevel>> = {
  error: "error",
  refused: "warn",
  fault: "warn",
  listening: "info",
  stopped: "info",
  opened: "info",
  secured: "info",
  closed: "info",
  login: "info",
  transfer: "info",
  target: "warn",
  file: "info",
  command: "debug",
  reply: "debug",
  frame: "debug",
};

/** A log that says nothing, for labs that were given none. */
export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };

/** A pino logger on the stream. Imports pino here, so that a lab without a log starts without it. */
export async function logger(options: LogOptions): Promise<Logger> {
  const { pino } = await import("pino");
  const settings = { level: options.level ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (options.format !== "pretty") return pino<never>(settings, options.stream);
  const { default: pretty } = await import("pino-pretty");
  const stream = pretty({
    destination: options.stream,
    colorize: options.colours === "on",
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "server,connection,event,protocol",
    hideObject: true,
    messageFormat: (line, key) => [line.server, line.connection, line[key]].filter(Boolean).join("  "),
  });
  return pino<never>(settings, stream);
}

/**
 * Writes every event that the level lets through: each line carries `server`, `protocol`, `connection` and `event`, its type.
 * A log that leaves out commands does not make anybody build events of them.
 */
export function logEvents(events: Events, log: Logger, level: LogLevel = "info"): void {
  const lets = (wanted: LogLevel) => LEVELS.indexOf(wanted) <= LEVELS.indexOf(level);
  events.subscribe(
    (event) => {
      const own = LEVEL_OF[event.type];
      if (!lets(own)) return;
      const { type, seq, at, ...fields } = event;
      log[own]({ ...fields, event: type }, sentenceOf(event));
    },
    lets("debug") ? "all" : "milestones",
  );
}
