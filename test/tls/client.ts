import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Lab, Server } from "../../index.ts";

/** What a client saw of a conversation by TLS. */
export interface Visit {
  readonly text: string;
  /** The code of the error that ended it, if one did. */
  readonly error: string | undefined;
  readonly socket: TLSSocket;
  /** The last session that the server has given, to be resumed. */
  readonly session: Buffer | undefined;
}

/** What a client needs to reach a server, by TCP or by a Unix-domain socket, and to trust its lab. */
function reaching({ host, port, path, lab }: Server): ConnectionOptions {
  const trust = { ca: (lab as Lab).ca, servername: "localhost" };
  return path === undefined ? { host, port, ...trust } : { path, ...trust };
}

/** Connects by TLS, sends all it has to say and an end, and hears the server out. */
export function visit(server: Server, said: string, options: ConnectionOptions = {}): Promise<Visit> {
  return new Promise((resolve) => {
    const reached: ConnectionOptions = { ...reaching(server), ...options };
    const socket = connect(Object.assign(reached, { allowHalfOpen: true }));
    let text = "";
    let error: string | undefined;
    let session: Buffer | undefined;
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("session", (newer) => {
      session = newer;
    });
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message;
    });
    socket.on("close", () => resolve({ text, error, session, socket }));
    socket.end(said);
  });
}
