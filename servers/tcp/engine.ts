import { previewOf } from "../../core/events/events.ts";
import type { Connection, Engine, Site } from "../../core/service.ts";
import { BEHAVIOURS } from "./behaviours.ts";
import type { TcpBehaviour } from "./index.ts";

/** One behaviour for every client, each on its own. */
export function tcpEngine(behaviour: TcpBehaviour, { clock }: Site): Engine {
  const open = new Set<Connection>();
  return {
    accept(connection) {
      open.add(connection);
      connection.closed.then(() => open.delete(connection));
      const { stream } = connection;
      if (connection.observed) {
        stream.on("data", (chunk: Buffer) =>
          connection.emit({
            type: "frame",
            direction: "in",
            kind: "data",
            bytes: chunk.length,
            preview: previewOf(chunk),
          }),
        );
      }
      BEHAVIOURS[behaviour](connection, clock);
    },
    drain() {
      for (const connection of open) connection.end("stopped");
    },
  };
}
