import type { Engine } from "../../core/service.ts";
import { typingRedacted } from "./redaction.ts";
import { Tty, type TtyOptions } from "./tty.ts";

/** The words for those whom core sends away, as bytes for the wire. */
const GOODBYES = {
  full: "The server is full. Try again later.\r\n",
  idle: "\r\nNothing was typed for too long. Goodbye.\r\n",
  lifetime: "\r\nThis connection has lasted as long as it may. Goodbye.\r\n",
  plain: "This server speaks TLS: come by telnets.\r\n",
  certificate: "Your certificate is not accepted.\r\n",
} as const;

const STOPPING = "\nThe server is stopping. Goodbye.\n";

/** What a client meets. */
export interface Play {
  readonly session: (tty: Tty) => Promise<void>;
  readonly options: TtyOptions;
}

/**
 * The Telnet server of one lab.
 *
 * @param play asked for each client.
 */
export function telnetEngine(play: () => Play): Engine {
  const ttys = new Map<string, Tty>();
  return {
    accept(connection) {
      const { session, options } = play();
      const tty = new Tty(connection, options);
      ttys.set(connection.id, tty);
      connection.closed.then(() => ttys.delete(connection.id));
      // It rejects never: what a session throws ends in its own connection.
      void tty.run(session);
    },
    goodbye: (reason, connection) =>
      connection && ttys.get(connection.id)?.compressed ? undefined : GOODBYES[reason],
    redaction: ({ connection }) => typingRedacted(() => ttys.get(connection)?.secret ?? true),
    drain() {
      for (const tty of ttys.values()) tty.stop(STOPPING);
    },
  };
}
