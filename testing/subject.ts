import { WirelabError } from "../core/errors.ts";
import type { Lab } from "../core/lab.ts";
import type { Server } from "../core/server.ts";

/** What a matcher looks at: a lab, or one server of it. */
export interface Subject {
  readonly lab: Lab;
  /** The server's name, where it is one. */
  readonly server?: string;
}

/**
 * The subject that `expect()` was given.
 *
 * @throws WirelabError `BAD_OPTION` where it is neither a lab nor a server, or the lab keeps no transcript.
 */
export function subjectOf(received: Lab | Server): Subject {
  const subject = recognised(received);
  const { transcript, events } = subject.lab;
  // A lab that has stopped is not observed either, but it remembers its stopping.
  if (!events.observed && transcript[Symbol.iterator]().next().done) {
    throw new WirelabError("BAD_OPTION", "This lab keeps no transcript: start it without `transcript: 0`.");
  }
  return subject;
}

function recognised(received: unknown): Subject {
  if (typeof received === "object" && received !== null) {
    if ("servers" in received && "transcript" in received) return { lab: received as Lab };
    if ("lab" in received && "url" in received) {
      const server = received as Server;
      return { lab: server.lab, server: server.name };
    }
  }
  throw new WirelabError("BAD_OPTION", "This matcher is for a lab, or a server of one: expect(lab).");
}
