import type { X509Certificate } from "node:crypto";
import { type ConnectionOptions, connect } from "node:tls";
import type { Lab, Server } from "../../index.ts";

/** What a client saw of a conversation by TLS. */
export interface Visit extends Handshake {
  readonly text: string;
  /** The code of the error that ended it, if one did. */
  readonly error: string | undefined;
  /** The last session that the server has given, to be resumed. */
  readonly session: Buffer | undefined;
}

/** What a handshake came to; nothing where it came to no end. */
interface Handshake {
  readonly version?: string | null;
  readonly certificate?: X509Certificate | undefined;
  readonly resumed?: boolean;
  readonly alpn?: string | false | null;
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
    let facts: Handshake = {};
    socket.on("secureConnect", () => {
      facts = {
        version: socket.getProtocol(),
        certificate: socket.getPeerX509Certificate(),
        resumed: socket.isSessionReused(),
        alpn: socket.alpnProtocol,
      };
    });
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("session", (newer) => {
      session = newer;
    });
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      // Behind something that was written already, Node gives OpenSSL's message as it is.
      const [, reason] = /:SSL routines:[^:]*:([^:]+):/.exec(cause.message) ?? [];
      error = reason ?? cause.code;
    });
    socket.on("close", () => resolve({ text, error, session, ...facts }));
    socket.end(said);
  });
}
