import { WirelabError } from "../errors.ts";

/** A client that did something else than the script says. */
export interface Mismatch {
  /** The connection, or over UDP all that was exchanged with that peer, as events name it. */
  readonly connection: string;
  /** The step, what was expected, what came, and the conversation so far. */
  readonly message: string;
}

/** What became of a script, beside what every server offers. */
export interface Scripted {
  /** What clients did else than the script says, the oldest first: since the start or `lab.reset()`, and the first 100. */
  mismatches(): readonly Mismatch[];
  /**
   * Waits until the script has been played to its end, since the start or `lab.reset()`.
   *
   * @param times how often. Default 1.
   * @param ms how long to wait, in milliseconds. Default 4,000.
   * @throws WirelabError `MISMATCH`, the first one, as soon as there is any; `TIMED_OUT`, with the step that is waited at;
   *   `STOPPED` when the server stopped before.
   */
  played(times?: number, ms?: number): Promise<void>;
}

/** How many mismatches are kept. */
const KEPT = 100;

/** How long an end is waited for, in milliseconds: see `PATIENCE` of events. */
const PATIENCE = 4000;

/** What became of a script so far. */
export class Results {
  readonly own: Scripted = {
    mismatches: () => this.#mismatches.map(({ connection, error: { message } }) => ({ connection, message })),
    played: (times = 1, ms = PATIENCE) => this.#played(times, ms),
  };
  readonly #server: string;
  #mismatches: { readonly connection: string; readonly error: WirelabError }[] = [];
  #times = 0;
  #latest = "nobody has come";
  readonly #waiting = new Set<() => void>();
  readonly #signal: AbortSignal;

  /** @param signal is aborted when the server stops. */
  constructor(server: string, signal: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake());
  }

  #played(times: number, ms: number): Promise<void> {
    const played = new Promise<void>((resolve, reject) => {
      const settle = (conclude: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        conclude();
      };
      const look = () => {
        const [first] = this.#mismatches;
        if (first) settle(() => reject(first.error));
        else if (this.#times >= times) settle(resolve);
        else if (this.#signal.aborted)
          settle(() => reject(new WirelabError("STOPPED", `${this.#server} has stopped; ${this.#soFar()}`)));
      };
      const timer = setTimeout(
        () =>
          settle(() =>
            reject(
              new WirelabError(
                "TIMED_OUT",
                `The script of ${this.#server} was not played ${times === 1 ? "" : `${times} times `}within ${ms} ms; ${this.#soFar()}`,
              ),
            ),
          ),
        ms,
      );
      this.#waiting.add(look);
      look();
    });
    // Whoever failed before awaiting it has an error to show already.
    played.catch(() => {});
    return played;
  }

  /** A client is waited for at a step. */
  wait(connection: string, step: string, expected: string): void {
    this.#latest = `${connection} was waited for last, to send ${expected} (step ${step})`;
  }

  finish(): void {
    this.#times += 1;
    this.#wake();
  }

  add(connection: string, error: WirelabError): void {
    if (this.#mismatches.length < KEPT) this.#mismatches.push({ connection, error });
    this.#wake();
  }

  reset(): void {
    this.#mismatches = [];
    this.#times = 0;
    this.#latest = "nobody has come";
  }

  #soFar(): string {
    return `it was played ${this.#times === 1 ? "once" : `${this.#times} times`}, and ${this.#latest}.`;
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}
