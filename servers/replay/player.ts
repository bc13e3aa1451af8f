import type { Connection } from "../../core/service.ts";
import { shown } from "./expectation.ts";
import type { Difference } from "./index.ts";
import type { Conversation } from "./steps.ts";

/** How many bytes may wait that the conversation has not come to yet. */
const MAX_AHEAD = 1024 * 1024;

/** One client's way through a conversation. */
export class Player {
  readonly #connection: Connection;
  readonly #conversation: Conversation;
  readonly #report: (outcome: Difference | "followed") => void;
  #came: Buffer = Buffer.alloc(0);
  #step = 0;
  #settled = false;

  /** @param report called once: with the first difference, or at the conversation's end. */
  constructor(
    connection: Connection,
    conversation: Conversation,
    report: (outcome: Difference | "followed") => void,
  ) {
    this.#connection = connection;
    this.#conversation = conversation;
    this.#report = report;
    const { stream } = connection;
    stream.on("data", (chunk: Buffer) => {
      if (this.#settled) return;
      this.#came = this.#came.length === 0 ? chunk : Buffer.concat([this.#came, chunk]);
      this.#goOn();
      if (this.#came.length > MAX_AHEAD) this.#differ(`${MAX_AHEAD} bytes that were not asked for`);
    });
    stream.once("end", () => this.#ended());
    connection.closed.then(() => this.#ended());
    this.#goOn();
  }

  /** Says what the conversation says, up to the next thing that the client is to say and has not said. */
  #goOn(): void {
    const { steps, ended } = this.#conversation;
    for (let step = steps[this.#step]; step && !this.#settled; step = steps[this.#step]) {
      if ("send" in step) {
        this.#connection.stream.write(step.send);
      } else {
        const finding = step.expect.find(this.#came);
        if (finding === "more") return;
        if ("instead" in finding) {
          this.#differ(finding.instead);
          return;
        }
        this.#came = this.#came.subarray(finding.found);
      }
      this.#step += 1;
    }
    if (this.#settled) return;
    if (ended === "server") this.#settle("followed");
    else if (this.#came.length > 0) this.#differ(shown(this.#came));
  }

  #ended(): void {
    if (this.#settled) return;
    if (this.#step === this.#conversation.steps.length) this.#settle("followed");
    else this.#differ("the end of the connection");
  }

  #differ(came: string): void {
    const { name, steps } = this.#conversation;
    const step = steps[this.#step];
    const expected = step && "expect" in step ? step.expect.text : "the end of the connection";
    const message = `${name}, step ${this.#step + 1} of ${steps.length}: expected ${expected}, and ${came} came.`;
    this.#connection.emit({ type: "error", code: "MISMATCH", message });
    this.#settle({ conversation: name, step: this.#step + 1, expected, came, message });
  }

  #settle(outcome: Difference | "followed"): void {
    this.#settled = true;
    this.#came = Buffer.alloc(0);
    this.#report(outcome);
    this.#connection.end();
  }
}
