import { setTimeout as pause } from "node:timers/promises";
import { filled, patternOf } from "../../core/script/pattern.ts";
import type { Site } from "../../core/service.ts";
import type {
  Device,
  DeviceAnswer,
  DeviceCommands,
  DeviceFunction,
  DeviceQuestion,
  DeviceSession,
} from "./device.ts";
import { checkedAnswer } from "./device-file.ts";
import { holdDialogue } from "./dialogue.ts";
import { encodingOf } from "./encoding.ts";
import { logIn } from "./login.ts";
import { Pager } from "./pager.ts";
import type { Tty, TtyOptions } from "./tty.ts";

const ECHO = { on: "offered", off: "passwords", always: "always" } as const;

/** How a device behaves on the wire. */
export function mannerOf(device: Device): Omit<TtyOptions, "maxOutgoing"> {
  const { echo = "on", negotiation = "active", charset = "utf-8", lineEnd = "\r\n", pace, login } = device;
  return {
    echo: ECHO[echo],
    negotiation,
    encoding: () => encodingOf(charset),
    lineEnd,
    ...(pace && { pace }),
    ...(login && { secretive: "until-login" }),
  };
}

/** The session that a device has with each of its clients. */
export function deviceSession(site: Site, device: Device): (tty: Tty) => Promise<void> {
  return async (tty) => {
    if (device.dialogue) await holdDialogue(tty, device.dialogue, device.banner);
    else await new Conversation(site, device, tty).hold();
  };
}

class Conversation implements DeviceSession {
  readonly terminal: Tty;
  readonly memory = new Map<string, unknown>();
  mode: string;
  user = "";
  readonly #site: Site;
  readonly #device: Device;
  readonly #pager: Pager;

  constructor(site: Site, device: Device, tty: Tty) {
    this.terminal = tty;
    this.mode = Object.keys(device.modes ?? {})[0] ?? "";
    this.#site = site;
    this.#device = device;
    this.#pager = new Pager(tty, device.paging);
  }

  async hold(): Promise<void> {
    const { banner, welcome } = this.#device;
    if (banner) await this.terminal.write(banner);
    if (!(await this.#enter())) return;
    if (welcome) await this.terminal.write(welcome);
    let open = true;
    while (open) {
      const keys = this.#keys();
      const typed = await this.terminal.readLine(this.#prompt(), { keys });
      if (typed === undefined) return;
      const line = keys.has(typed) ? typed : typed.trim();
      // Enter alone is a command only where it stands among them: people press it to see whether somebody is there.
      if (line !== "" || this.#tables().some((table) => Object.hasOwn(table, "")))
        open = await this.#answer(line);
    }
  }

  /** The commands that are one key: what no line can hold. */
  #keys(): ReadonlySet<string> {
    const lines = this.#tables().flatMap((table) => Object.keys(table));
    return new Set(lines.filter((line) => /^\p{Cc}$/u.test(line)));
  }

  /** What can be typed now, those first that go before the others. */
  #tables(): readonly DeviceCommands[] {
    const { modes = {}, commands = {} } = this.#device;
    return [modes[this.mode]?.commands ?? {}, commands];
  }

  async #enter(): Promise<boolean> {
    const { login } = this.#device;
    if (!login) return true;
    const { users } = login;
    const verify = (user: string, password: string) =>
      users
        ? Object.hasOwn(users, user) && users[user] === password && user
        : this.#site.accounts.verify(user, password)?.name;
    const user = await logIn(
      this.terminal,
      login,
      (name, password) => verify(name, password) || undefined,
      this.#site.signal,
    );
    this.user = user ?? "";
    return user !== undefined;
  }

  #prompt(): string {
    const { modes = {}, prompt = "> " } = this.#device;
    const wanted = modes[this.mode]?.prompt ?? prompt;
    return typeof wanted === "string" ? wanted : wanted(this);
  }

  /** Answers a line. Tells whether the conversation goes on. */
  async #answer(line: string): Promise<boolean> {
    const { unknown = "% Unknown command: $0" } = this.#device;
    const found = find(this.#tables(), line);
    if (!found) {
      await this.#say(filled(unknown, [line]));
      return true;
    }
    const made = typeof found.answer === "function" ? await found.answer(found.match, this) : found.answer;
    const answer = checkedAnswer(made, this.#device, line);
    return answer === undefined || this.#give(answer, found.match);
  }

  async #give(
    { ask, delay, text, mode, rows, end }: DeviceAnswer,
    match: readonly string[],
  ): Promise<boolean> {
    const { signal } = this.terminal;
    if (ask && !(await this.#ask(ask))) return true;
    // Who interrupts gets the prompt, and no answer.
    if (delay) await pause(delay, undefined, { signal }).catch(() => {});
    if (signal.aborted) return true;
    if (rows !== undefined) this.#pager.rows = Number(filled(String(rows), match)) || 0;
    if (text) await this.#say(filled(text, match));
    if (mode !== undefined) this.mode = mode;
    if (end === "rst") await this.terminal.reset();
    return end === undefined;
  }

  async #ask({
    prompt,
    answer,
    hidden = false,
    tries = 3,
    wrong = "% Access denied",
  }: DeviceQuestion): Promise<boolean> {
    const pattern = patternOf(answer);
    for (let left = tries; left > 0; left -= 1) {
      const line = await this.terminal.readLine(prompt, { hidden, untold: true });
      if (line === undefined) return false;
      if (pattern?.test(line) ?? line === answer) return true;
    }
    await this.#say(wrong);
    return false;
  }

  async #say(text: string): Promise<void> {
    if (text !== "") await this.#pager.show(text.endsWith("\n") ? text : `${text}\n`);
  }
}

interface Found {
  readonly answer: string | DeviceAnswer | DeviceFunction;
  readonly match: readonly string[];
}

function find(tables: readonly DeviceCommands[], line: string): Found | undefined {
  for (const commands of tables) {
    const own = Object.hasOwn(commands, line) ? commands[line] : undefined;
    if (own !== undefined) return { answer: own, match: [line] };
    for (const [key, answer] of Object.entries(commands)) {
      const match = patternOf(key)?.exec(line);
      if (match) return { answer, match: match.map((group) => group ?? "") };
    }
  }
  return undefined;
}
