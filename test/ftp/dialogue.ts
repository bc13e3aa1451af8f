import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { type FtpOptions, ftp, type LabOptions, startLab } from "../../index.ts";

/** A lab of one FTP server called `files`. */
export async function ftpLab(options: LabOptions = {}, server: FtpOptions = {}) {
  return startLab({ files: ftp({ loginPause: 5, ...server }) }, options);
}

export type FtpLab = Awaited<ReturnType<typeof ftpLab>>;

/** The control connection of a client that checks nothing and forgives nothing: it tells what it reads, reply by reply. */
export class Dialogue implements AsyncDisposable {
  socket: Socket;
  greeting = "";
  #text = "";
  #ended = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    socket.on("data", (chunk) => {
      this.#text += chunk.toString("utf8");
      this.#wake();
    });
    for (const end of ["end", "close", "error"]) {
      socket.on(end, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** Connects and takes the greeting. */
  static async greeted(
    { host, port }: { host: string; port: number },
    options: { localAddress?: string } = {},
  ): Promise<Dialogue> {
    const dialogue = new Dialogue(connect({ host, port, allowHalfOpen: true, noDelay: true, ...options }));
    dialogue.greeting = await dialogue.reply();
    return dialogue;
  }

  /** Connects, takes the greeting and logs in. */
  static async loggedIn(lab: FtpLab, user = "foo", password = "bar"): Promise<Dialogue> {
    const dialogue = await Dialogue.greeted(lab.servers.files);
    await dialogue.say(`USER ${user}`);
    const answer = await dialogue.say(`PASS ${password}`);
    if (!answer.startsWith("230")) throw new Error(`login was answered ${answer}`);
    await dialogue.say("TYPE I");
    return dialogue;
  }

  /** Connects to a server that begins with TLS, and takes the greeting. */
  static async greetedByTls(
    { host, port }: { host: string; port: number },
    options: ConnectionOptions,
  ): Promise<Dialogue> {
    const dialogue = new Dialogue(connectTls({ host, port, ...options }));
    dialogue.greeting = await dialogue.reply();
    return dialogue;
  }

  /** Asks for TLS and speaks it from then on. @param behind sent in one segment with AUTH. */
  async secure(options: ConnectionOptions, behind = ""): Promise<TLSSocket> {
    this.write(`AUTH TLS\r\n${behind}`);
    const answer = await this.reply();
    if (!answer.startsWith("234")) throw new Error(`AUTH was answered ${answer}`);
    this.socket.removeAllListeners("data");
    const secured = connectTls({ socket: this.socket, ...options });
    this.socket = secured;
    this.#listen(secured);
    await once(secured, "secureConnect");
    return secured;
  }

  /** Sends bytes as they are. */
  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Sends a command and waits for the next reply. */
  say(command: string): Promise<string> {
    this.write(`${command}\r\n`);
    return this.reply();
  }

  /** The code of the reply to a command. */
  async code(command: string): Promise<number> {
    return Number((await this.say(command)).slice(0, 3));
  }

  /** The next whole reply, its lines parted by `\n`; `<end>` when the server has ended the connection instead. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:(\d{3})-[\s\S]*?\r\n\1 |\d{3} )[\s\S]*?\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].slice(0, -2).replaceAll("\r\n", "\n");
      }
      if (this.#ended) return this.#text === "" ? "<end>" : `<torn: ${this.#text}>`;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What has come in and was not taken yet. */
  get unread(): string {
    return this.#text;
  }

  /** Opens a passive data connection. */
  async passive(command: "EPSV" | "PASV" = "EPSV"): Promise<Socket> {
    const socket = connect({ ...(await this.passivePort(command)), allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }

  /** The address that a passive data connection is to be made to. */
  async passivePort(command: "EPSV" | "PASV" = "EPSV"): Promise<{ host: string; port: number }> {
    const answer = await this.say(command);
    const extended = /\(\|\|\|(\d+)\|\)/.exec(answer);
    if (extended) return { host: this.socket.remoteAddress!, port: Number(extended[1]) };
    const numbers = /\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)/.exec(answer);
    if (!numbers) throw new Error(`${command} was answered ${answer}`);
    return { host: numbers[1]!.replaceAll(",", "."), port: Number(numbers[2]) * 256 + Number(numbers[3]) };
  }

  /** What a command sends over a passive data connection, and its final reply. */
  async download(command: string): Promise<{ bytes: Buffer; text: string; reply: string; opening: string }> {
    const data = await this.passive();
    const opening = await this.say(command);
    if (!opening.startsWith("1")) {
      data.destroy();
      return { bytes: Buffer.alloc(0), text: "", reply: opening, opening };
    }
    const bytes = await buffer(data);
    data.end();
    return { bytes, text: bytes.toString(), reply: await this.reply(), opening };
  }

  /** Gives a command some bytes over a passive data connection; the final reply. */
  async upload(command: string, bytes: string | Uint8Array): Promise<string> {
    const data = await this.passive();
    const opening = await this.say(command);
    if (!opening.startsWith("1")) {
      data.destroy();
      return opening;
    }
    data.end(bytes);
    data.resume();
    return this.reply();
  }

  /** Waits until the transfer that is under way has moved so many bytes, as STAT tells. */
  async moved(bytes: number): Promise<void> {
    while (!(await this.say("STAT")).includes(` ${bytes} bytes `)) await new Promise(setImmediate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.destroyed) return;
    const closed = once(this.socket, "close");
    this.socket.destroy();
    await closed;
  }
}

/** A file of the lab's store, as text; undefined where there is none. */
export async function stored(lab: FtpLab, path: string): Promise<string | undefined> {
  const reading = await lab.store.read(path).catch(() => undefined);
  if (!reading) return undefined;
  const bytes = await buffer(reading.stream());
  await reading.close();
  return bytes.toString();
}
