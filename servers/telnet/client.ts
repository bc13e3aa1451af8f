import telnetlib, { type TelnetSocket } from "telnetlib";
import { messageOf, WirelabError } from "../../core/errors.ts";
import { DO, escaped, IAC, subnegotiation } from "./codec.ts";
import { ECHO, NAWS, SGA, TTYPE } from "./options.ts";

// The one file that knows telnetlib. The package serves as a client, within the bounds that are drawn here:
// - options are agreed to once the connection is there; given to its constructor, each would leave a timer of a second;
// - the option objects that throw on a subnegotiation of the server's (GMCP, NAWS) or hold a compressor (MCCP) are replaced;
// - a WILL that is agreed to counts as agreed, which it does not by itself, so that a second one is not answered again;
// - what is sent goes out as raw bytes with IAC doubled, because the package's own doubling writes indices for bytes;
// - text without a line end, a prompt say, is handed over when it comes.

/** What a line may hold before telnetlib gives the connection up, in bytes. */
const RECEIVE_BUFFER = 1 << 20;

const IS = 0;
const GMCP = 201;
const MCCP = 86;

/** The size of a window, in characters. */
interface Window {
  readonly columns: number;
  readonly rows: number;
}

export interface TelnetClientOptions {
  readonly host: string;
  readonly port: number;
  /** Whether to leave the echo to the server (ECHO, SGA), as a terminal in character mode does. Default false. */
  readonly characterMode?: boolean;
  /** The size to tell the server (NAWS), in characters. Default: none is told. */
  readonly window?: Window;
  /** What to call the terminal (TERMINAL-TYPE). Default: it is not told. */
  readonly type?: string;
}

/** A Telnet client for programs: it sends text and waits for text. */
export interface TelnetClient extends Disposable {
  /** Sends text as it is: a line ends with `\r\n`. */
  send(text: string): void;
  /**
   * What has come up to the first match, the match included; the next reading begins behind it.
   *
   * @param ms how long to wait, in milliseconds; default 5,000.
   * @throws WirelabError `TIMED_OUT` or, where the connection has ended, `UNREACHABLE`; what has come is in the message.
   */
  read(until: string | RegExp, ms?: number): Promise<string>;
  /** Tells the server another size, where it was told one at the start. */
  resize(window: Window): void;
  /** Ends our side; the server can still answer. */
  end(): void;
  /** Resolves when the connection is closed, with the text that nobody has read. */
  readonly closed: Promise<string>;
}

/**
 * Connects to a Telnet server.
 *
 * @throws WirelabError `UNREACHABLE` where nobody answers.
 */
export function connectTelnet(options: TelnetClientOptions): Promise<TelnetClient> {
  return new Promise((resolve, reject) => {
    const { host, port } = options;
    const telnet = telnetlib.createConnection({ host, port, receiveBufferMax: RECEIVE_BUFFER }, () =>
      resolve(clientOf(telnet, received)),
    );
    const received = new Received(telnet);
    agree(telnet, options);
    telnet.on("error", (error) => {
      const why = `${host}:${port} cannot be reached: ${messageOf(error)}.`;
      reject(new WirelabError("UNREACHABLE", why, { cause: error }));
    });
  });
}

function clientOf(telnet: TelnetSocket, received: Received): TelnetClient {
  return {
    send: (text) => telnet.writer.__writeRaw(escaped(Buffer.from(text))),
    read: (until, ms = 5000) => received.read(until, ms),
    resize(window) {
      const option = telnet.options.get(NAWS);
      if (option instanceof WindowSize) option.tell(window);
    },
    end: () => telnet.end(),
    closed: received.closed,
    [Symbol.dispose]: () => void telnet.socket.destroy(),
  };
}

/** An option that answers nothing to a subnegotiation, unless it is told what. */
class Option extends telnetlib.TelnetOption {
  override handleWill(): void {
    if (this.him !== "NO" || !this.socket.remoteOptions.has(this.code)) {
      super.handleWill();
      return;
    }
    this.him = "YES";
    this.socket.writer.__writeRaw(Uint8Array.of(IAC, DO, this.code));
  }
}

class WindowSize extends Option {
  #window: Window;

  constructor(socket: TelnetSocket, window: Window) {
    super(socket, NAWS);
    this.#window = window;
  }

  override enabled(): void {
    // Ours is switched on in the middle of the answer: what is said of it has to follow.
    queueMicrotask(() => this.#send());
  }

  tell(window: Window): void {
    this.#window = window;
    if (this.us === "YES") this.#send();
  }

  #send(): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt16BE(this.#window.columns, 0);
    payload.writeUInt16BE(this.#window.rows, 2);
    this.socket.writer.__writeRaw(subnegotiation(NAWS, payload));
  }
}

class TerminalType extends Option {
  readonly #answer: Uint8Array;

  constructor(socket: TelnetSocket, type: string) {
    super(socket, TTYPE);
    this.#answer = subnegotiation(TTYPE, Buffer.from(`${String.fromCharCode(IS)}${type}`));
  }

  override subnegotiation(): void {
    this.socket.writer.__writeRaw(this.#answer);
  }
}

function agree(telnet: TelnetSocket, { characterMode = false, window, type }: TelnetClientOptions): void {
  for (const code of [ECHO, SGA, NAWS, TTYPE, MCCP, GMCP]) telnet.options.set(code, new Option(telnet, code));
  if (characterMode) {
    telnet.remoteOptions.add(ECHO);
    telnet.remoteOptions.add(SGA);
  }
  if (window) {
    telnet.options.set(NAWS, new WindowSize(telnet, window));
    telnet.localOptions.add(NAWS);
  }
  if (type !== undefined) {
    telnet.options.set(TTYPE, new TerminalType(telnet, type));
    telnet.localOptions.add(TTYPE);
  }
  telnet.reader.flushPolicy.endOfChunk = true;
}

/** The text that has come, and who waits for it. */
class Received {
  readonly closed: Promise<string>;
  readonly #waiting = new Set<() => void>();
  #text = "";
  #ended = false;

  constructor(telnet: TelnetSocket) {
    const decoder = new TextDecoder();
    telnet.on("data", (bytes: Uint8Array) => {
      this.#text += decoder.decode(bytes, { stream: true });
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      telnet.socket.once("close", () => {
        this.#ended = true;
        this.#wake();
        resolve(this.#text);
      });
    });
  }

  read(until: string | RegExp, ms: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const fail = (code: "TIMED_OUT" | "UNREACHABLE", why: string) => {
        settle();
        reject(
          new WirelabError(code, `${until} did not come: ${why}. There is ${JSON.stringify(this.#text)}.`),
        );
      };
      const look = () => {
        const end = endOf(this.#text, until);
        if (end === undefined) {
          if (this.#ended) fail("UNREACHABLE", "the connection has ended");
          return;
        }
        settle();
        resolve(this.#text.slice(0, end));
        this.#text = this.#text.slice(end);
      };
      const timer = setTimeout(() => fail("TIMED_OUT", `${ms} ms are over`), ms);
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Where the first match ends. */
function endOf(text: string, until: string | RegExp): number | undefined {
  const found = typeof until === "string" ? text.indexOf(until) : text.search(until);
  if (found === -1) return undefined;
  const length = typeof until === "string" ? until.length : (until.exec(text)?.[0].length ?? 0);
  return found + length;
}
