import type { WireEvent } from "./events.ts";

/** Who speaks in some events, and which transfers the data connections are of. */
export interface Conversations {
  /** Names that are the same in every run, by a connection's id. */
  readonly names: ReadonlyMap<string, string>;
  /** The `seq` of the reply that announced a transfer (FTP's 150), by the id of the connection that carried it. */
  readonly announcements: ReadonlyMap<string, number>;
}

/** What is known of an FTP control connection so far. */
interface Control {
  transfers: number;
  /** A data connection that has come before its transfer was announced. */
  waiting: string | undefined;
  /** The announcement of a transfer whose data connection has not come yet. */
  announced: number | undefined;
}

/**
 * Tells connections apart: `files#1` is the first of the server `files` that appears, `files#1.data1` the first that FTP carries
 * a transfer over. Those are counted by their announcements, because when the kernel tells of them is chance; one that
 * carried nothing is `files#1.data`.
 */
export function conversationsIn(events: Iterable<WireEvent>): Conversations {
  const names = new Map<string, string>();
  const announcements = new Map<string, number>();
  const counts = new Map<string, number>();
  const controls = new Map<string, Control>();

  const numbered = (name: string): string => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return `${name}${count}`;
  };
  const nameOf = (id: string, server: string): string => {
    const name = names.get(id) ?? numbered(`${server}#`);
    names.set(id, name);
    return name;
  };
  const controlOf = (id: string): Control => {
    const control = controls.get(id) ?? { transfers: 0, waiting: undefined, announced: undefined };
    controls.set(id, control);
    return control;
  };
  const carries = (id: string, announcement: number, control: Control, name: string) => {
    control.transfers += 1;
    control.waiting = undefined;
    control.announced = undefined;
    names.set(id, `${name}.data${control.transfers}`);
    announcements.set(id, announcement);
  };

  for (const event of events) {
    const { connection: id, server, protocol } = event;
    if (id === undefined) continue;
    const dot = id.lastIndexOf(".");
    if (dot === -1) {
      const name = nameOf(id, server);
      if (protocol !== "ftp") continue;
      const control = controlOf(id);
      if (isArrangement(event)) control.waiting = undefined;
      if (event.type !== "reply" || event.code === undefined) continue;
      if (event.code >= 200) control.announced = undefined;
      else if (control.waiting === undefined) control.announced = event.seq;
      else carries(control.waiting, event.seq, control, name);
    } else if (!names.has(id)) {
      const parent = id.slice(0, dot);
      const name = nameOf(parent, server);
      const control = controlOf(parent);
      names.set(id, protocol === "ftp" ? `${name}.data` : numbered(`${name}.data`));
      if (protocol !== "ftp") continue;
      if (control.announced === undefined) control.waiting = id;
      else carries(id, control.announced, control, name);
    }
  }
  return { names, announcements };
}

/** Whether FTP agrees on another data connection: what was agreed on before is void. */
function isArrangement(event: WireEvent): boolean {
  return event.type === "reply"
    ? event.code === 227 || event.code === 229
    : event.type === "command" && (event.verb === "PORT" || event.verb === "EPRT");
}
