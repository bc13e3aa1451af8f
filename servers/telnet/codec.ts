// The bytes of RFC 854 and 855: commands behind IAC ("interpret as command"), told apart from data.

/** RFC 1184 §2.5: this and the next two are of LINEMODE, and clients in line mode send them without it. */
const EOF = 236;
export const SUSP = 237;
const ABORT = 238;
export const EOR = 239;
const SE = 240;
export const NOP = 241;
export const DM = 242;
export const BRK = 243;
export const IP = 244;
export const AO = 245;
export const AYT = 246;
export const EC = 247;
export const EL = 248;
export const GA = 249;
export const SB = 250;
export const WILL = 251;
export const WONT = 252;
export const DO = 253;
export const DONT = 254;
export const IAC = 255;

/** The four words of option negotiation. */
export type Verb = typeof WILL | typeof WONT | typeof DO | typeof DONT;

/** The lowest byte that is a command after IAC. */
export const FIRST_COMMAND = EOF;

/** How much of one subnegotiation is kept, the option's own byte included; a longer one is not heeded. */
export const MAX_SUBNEGOTIATION = 4096;

/** Who gets what a {@link Decoder} finds. */
export interface Receiver {
  /** Data, with doubled IACs made one. The bytes are a view of what was pushed. */
  data(bytes: Uint8Array): void;
  /** A command without an option: NOP, IP, AYT … */
  command(code: number): void;
  negotiation(verb: Verb, option: number): void;
  subnegotiation(option: number, payload: Uint8Array): void;
}

const DATA = 0;
const COMMAND = 1;
const NEGOTIATION = 2;
const SUBNEGOTIATION = 3;
const SUBNEGOTIATION_COMMAND = 4;

/**
 * Takes a client's bytes apart, wherever the network has split them. No sequence of bytes is an error: what makes no sense
 * is read the way that loses least.
 */
export class Decoder {
  readonly #receiver: Receiver;
  #state: 0 | 1 | 2 | 3 | 4 = DATA;
  #verb: Verb = WILL;
  #payload: number[] = [];
  #interrupted = false;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      switch (this.#state) {
        case DATA:
          at = this.#onData(chunk, at);
          break;
        case COMMAND:
          at += this.#onCommand(byte);
          break;
        case NEGOTIATION:
          this.#onNegotiation(byte);
          at += 1;
          break;
        case SUBNEGOTIATION:
          this.#onSubnegotiation(byte);
          at += 1;
          break;
        case SUBNEGOTIATION_COMMAND:
          at += this.#onSubnegotiationCommand(byte);
          break;
      }
    }
  }

  #onData(chunk: Uint8Array, from: number): number {
    const found = chunk.indexOf(IAC, from);
    const to = found === -1 ? chunk.length : found;
    if (to > from) {
      this.#interrupted = false;
      this.#receiver.data(chunk.subarray(from, to));
    }
    if (found === -1) return to;
    this.#state = COMMAND;
    return to + 1;
  }

  /** Each of these answers how many bytes it has taken: 0 where the byte belongs to the next state. */
  #onCommand(byte: number): 0 | 1 {
    this.#state = DATA;
    switch (byte) {
      case IAC:
        // Clients send DM as TCP urgent data, which Node's sockets drop: of "IAC IP, IAC DM, IAC …" comes "IAC IP, IAC IAC …",
        // and the second of those IACs begins a command.
        if (this.#interrupted) this.#state = COMMAND;
        else this.#receiver.data(Uint8Array.of(IAC));
        return 1;
      case WILL:
      case WONT:
      case DO:
      case DONT:
        this.#verb = byte;
        this.#state = NEGOTIATION;
        return 1;
      case SB:
        this.#payload = [];
        this.#state = SUBNEGOTIATION;
        return 1;
      case SE:
        return 1;
      default:
        // The DM lost again, this time with data behind it; RFC 854 gives such a byte no meaning, so it is data.
        if (byte < FIRST_COMMAND) return 0;
        this.#interrupted = byte === IP || byte === AO || byte === BRK || byte === SUSP || byte === ABORT;
        this.#receiver.command(byte);
        return 1;
    }
  }

  #onNegotiation(option: number): void {
    this.#state = DATA;
    // "IAC IP, IAC DO TIMING-MARK, IAC DM" is how an interrupt with a synch goes out, so DO says nothing against it.
    if (this.#verb !== DO) this.#interrupted = false;
    this.#receiver.negotiation(this.#verb, option);
  }

  #onSubnegotiation(byte: number): void {
    if (byte === IAC) this.#state = SUBNEGOTIATION_COMMAND;
    else this.#keep(byte);
  }

  #onSubnegotiationCommand(byte: number): 0 | 1 {
    if (byte === IAC) {
      this.#state = SUBNEGOTIATION;
      this.#keep(IAC);
      return 1;
    }
    const [option, ...payload] = this.#payload;
    const complete = byte === SE && this.#payload.length <= MAX_SUBNEGOTIATION;
    this.#payload = [];
    this.#interrupted = false;
    if (byte !== SE) {
      // The IAC SE is missing, and the command that is here instead must not be lost with it.
      this.#state = COMMAND;
      return 0;
    }
    this.#state = DATA;
    if (complete && option !== undefined) this.#receiver.subnegotiation(option, Uint8Array.from(payload));
    return 1;
  }

  #keep(byte: number): void {
    if (this.#payload.length <= MAX_SUBNEGOTIATION) this.#payload.push(byte);
  }
}

/** Data as it is sent: every IAC doubled. */
export function escaped(data: Uint8Array): Uint8Array {
  if (!data.includes(IAC)) return data;
  const bytes: number[] = [];
  for (const byte of data) byte === IAC ? bytes.push(IAC, IAC) : bytes.push(byte);
  return Uint8Array.from(bytes);
}

/** `IAC SB option payload IAC SE`. */
export function subnegotiation(option: number, payload: Uint8Array): Uint8Array {
  return Uint8Array.from([IAC, SB, option, ...escaped(payload), IAC, SE]);
}

const VERBS: Readonly<Record<Verb, string>> = { [WILL]: "WILL", [WONT]: "WONT", [DO]: "DO", [DONT]: "DONT" };

const COMMANDS: Readonly<Record<number, string>> = {
  [EOF]: "EOF",
  [SUSP]: "SUSP",
  [ABORT]: "ABORT",
  [EOR]: "EOR",
  [NOP]: "NOP",
  [DM]: "DM",
  [BRK]: "BRK",
  [IP]: "IP",
  [AO]: "AO",
  [AYT]: "AYT",
  [EC]: "EC",
  [EL]: "EL",
  [GA]: "GA",
};

/** A command by its name in RFC 854. */
export function commandName(code: number): string {
  return COMMANDS[code] ?? String(code);
}

/** A word of negotiation by its name in RFC 854. */
export function verbName(verb: Verb): string {
  return VERBS[verb];
}
