import type { RecordedLine } from "../../core/capture/recorded.ts";
import { WirelabError } from "../../core/errors.ts";
import { visible } from "../../core/events/sentence.ts";
import type { Engine } from "../../core/service.ts";
import type { Difference, Replaying } from "./index.ts";
import { Player } from "./player.ts";
import { REPLAYED, type RecordedServer, serversIn } from "./steps.ts";

/** Holds each client against the next one of the recorded conversations. */
export function replayEngine(
  recorded: readonly RecordedLine[],
  server?: string,
): Engine<Replaying> & { readonly own: Replaying } {
  const { protocol, conversations } = recordedServer(recorded, server);
  let begun = 0;
  let followed = 0;
  let differences: Difference[] = [];
  return {
    accept(connection) {
      const conversation = conversations[begun % conversations.length];
      begun += 1;
      if (!conversation) {
        connection.end();
        return;
      }
      new Player(connection, conversation, (outcome) => {
        if (outcome === "followed") followed += 1;
        else {
          differences.push(outcome);
          // The one protocol in which a client expects to be told.
          if (protocol === "ftp") connection.stream.write(`500 ${visible(outcome.message)}\r\n`);
        }
      });
    },
    reset() {
      begun = 0;
      followed = 0;
      differences = [];
    },
    own: {
      differences: () => [...differences],
      followed: () => followed,
      conversations: conversations.length,
    },
  };
}

function recordedServer(recorded: readonly RecordedLine[], wanted: string | undefined): RecordedServer {
  const servers = serversIn(recorded).filter(({ conversations }) => conversations.length > 0);
  const [only, another] = servers;
  const server = wanted === undefined ? only : servers.find(({ name }) => name === wanted);
  const names = servers.map(({ name }) => name).join(", ") || "none";
  if (!server) {
    throw new WirelabError(
      "BAD_OPTION",
      `The recording has no conversation with ${wanted ?? "a server"} that can be replayed: those of ${REPLAYED.join(", ")} can. It has: ${names}.`,
    );
  }
  if (wanted === undefined && another) {
    throw new WirelabError("BAD_OPTION", `The recording has several servers: say which one (${names}).`);
  }
  return server;
}
