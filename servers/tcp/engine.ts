import { previewOf } from "../../core/events/events.ts";
import { Player } from "../../core/script/player.ts";
import { Results, type Scripted } from "../../core/script/results.ts";
import { scriptFrom } from "../../core/script/source.ts";
import type { ScriptSource } from "../../core/script/steps.ts";
import type { Connection, Engine, Site } from "../../core/service.ts";
import { BEHAVIOURS } from "./behaviours.ts";
import type { TcpBehaviour } from "./index.ts";
import { StreamPartner } from "./script.ts";

/** One behaviour for every client, each on its own. */
export function tcpEngine(behaviour: TcpBehaviour, { clock }: Site): Engine {
  return serving((connection) => BEHAVIOURS[behaviour](connection, clock));
}

/** One script for every client, or for all of them together. */
export async function scriptedEngine(source: ScriptSource, site: Site): Promise<Engine<Scripted>> {
  const script = await scriptFrom(source, site.server, "stream");
  const results = new Results(site.server, site.signal);
  const player = new Player(script, results);
  return {
    ...serving((connection) => void player.play(new StreamPartner(connection))),
    own: results.own,
    reset: () => player.reset(),
  };
}

function serving(serve: (connection: Connection) => void): Engine {
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
      serve(connection);
    },
    drain() {
      for (const connection of open) connection.end("stopped");
    },
  };
}
