import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { codeOf, WirelabError } from "../errors.ts";
import type { Lifecycle } from "../events/events.ts";
import { tlsReason } from "./failures.ts";
import type { ServerTls } from "./server-tls.ts";

/**
 * A handshake that came to nothing: `plain` where the client speaks in plain text or waits to be spoken to, `certificate`
 * where its certificate is not good (it can be told so either way), `silent` where it has gone without a byte, `failed` else.
 */
export class HandshakeFailure extends WirelabError {
  readonly kind: "plain" | "certificate" | "silent" | "failed";

  constructor(kind: HandshakeFailure["kind"], why: string, options?: ErrorOptions) {
    super("TLS_FAILED", `The TLS handshake has failed: ${why}.`, options);
    this.kind = kind;
  }
}

/** Every TLS record begins with its type: 22 is a handshake (RFC 8446 §5.1), and above 127 it is one of SSL 2. */
const HANDSHAKE = 22;
const SSL2 = 128;

/**
 * Waits for a client's first bytes, and leaves them to be read.
 *
 * @param ms how long, in milliseconds.
 * @throws HandshakeFailure where they are no handshake, or do not come.
 */
export function clientHello(socket: Socket, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      socket.off("readable", look).off("end", gone).off("close", gone);
    };
    const fail = (failure: HandshakeFailure) => {
      settle();
      reject(failure);
    };
    const look = () => {
      const bytes: Buffer | null = socket.read();
      const [first] = bytes ?? [];
      if (bytes === null || first === undefined) return;
      socket.unshift(bytes);
      if (first !== HANDSHAKE && first < SSL2) {
        fail(new HandshakeFailure("plain", `the client speaks ${spoken(bytes)}, and this server TLS`));
        return;
      }
      settle();
      resolve();
    };
    const gone = () => fail(new HandshakeFailure("silent", "the client has gone without a byte"));
    const timer = setTimeout(
      () => fail(new HandshakeFailure("plain", `the client has not begun within ${ms} ms`)),
      ms,
    );
    socket.on("readable", look).on("end", gone).on("close", gone);
    if (socket.destroyed) gone();
  });
}

/** Names what it may be, and quotes nothing: it may be a password. */
function spoken(bytes: Buffer): string {
  return /^[A-Z]{3,10} \S* HTTP\/1\.|^(GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT) /.test(
    bytes.toString("latin1", 0, 100),
  )
    ? "plain HTTP"
    : "plain text";
}

/** The server's side of TLS over a socket. What the socket has read already, and nobody has taken, is the handshake's beginning. */
export function secured(socket: Socket, { context, alpn, requestCert }: ServerTls): TLSSocket {
  const carrier = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    requestCert: requestCert !== false,
    rejectUnauthorized: requestCert === true,
    ...(alpn && { ALPNProtocols: [...alpn] }),
  });
  // What goes wrong later (a torn record, an alert) Node tells in this way alone, of sockets that its own `tls.Server` has not made.
  carrier.on("_tlsError", (error: Error) => carrier.destroy(error));
  return carrier;
}

/**
 * Waits for the end of a handshake; one that fails leaves the socket destroyed, except where the client's certificate was not
 * taken: the client believes itself connected, and can be told.
 *
 * @throws HandshakeFailure
 */
export function handshake(socket: TLSSocket, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: Error | undefined;
    const failed = (error: Error) => {
      cause = error;
    };
    const ended = () => socket.destroy();
    const settle = () => {
      clearTimeout(timer);
      socket.off("secure", done).off("error", failed).off("end", ended).off("close", refuse);
    };
    const done = () => {
      settle();
      const letEnd = endKept(socket);
      const why = distrustOf(socket);
      // Told from within OpenSSL, which is still to write tickets: an end that came before them would have no alert.
      setImmediate(() => {
        setImmediate(letEnd);
        if (why === undefined) resolve();
        else reject(new HandshakeFailure("certificate", why));
      });
    };
    const refuse = () => {
      settle();
      if (cause instanceof HandshakeFailure) reject(cause);
      else if (cause) reject(new HandshakeFailure("failed", tlsReason(cause) ?? resetOr(cause), { cause }));
      else reject(new HandshakeFailure("failed", "the client has closed the connection in the middle"));
    };
    const late = new HandshakeFailure("failed", "it has taken too long");
    const timer = setTimeout(() => socket.destroy(late), ms);
    socket.on("secure", done).on("error", failed).on("end", ended).on("close", refuse);
    if (socket.destroyed) refuse();
  });
}

/**
 * Keeps the end of what comes in, which is told whether anybody listens or not, until the answer is called: clients that only
 * look whether they are let in end in one breath with their handshake, when nobody serves them yet.
 */
function endKept(socket: TLSSocket): () => void {
  let ended = false;
  const push = socket.push;
  socket.push = (chunk, encoding) => {
    if (chunk !== null) return push.call(socket, chunk, encoding);
    ended = true;
    return false;
  };
  return () => {
    socket.push = push;
    if (!ended) return;
    socket.push(null);
    // As Node does it: where nothing is left to be read, the end is told at once.
    socket.read(0);
  };
}

function resetOr(error: Error): string {
  return codeOf(error) === "ECONNRESET" ? "the client has reset the connection" : error.message;
}

/** The certificate that the client has shown, if it was asked for one. */
export function certificateOf(socket: TLSSocket): X509Certificate | undefined {
  return socket.getPeerX509Certificate();
}

/** What observers are told of a handshake. */
export function factsOf(socket: TLSSocket): Extract<Lifecycle, { type: "secured" }> {
  const { alpnProtocol, servername } = socket;
  const certificate = certificateOf(socket);
  return {
    type: "secured",
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().standardName,
    resumed: socket.isSessionReused(),
    ...(alpnProtocol && { alpn: alpnProtocol }),
    ...(servername && { serverName: servername }),
    ...(certificate && { subject: subjectOf(certificate) }),
  };
}

/** A certificate's subject in a line, `CN=ann, O=school` for example. */
function subjectOf({ subject }: X509Certificate): string {
  return (subject ?? "").replaceAll("\n", ", ");
}

/**
 * Why the client's certificate, if it has shown one, is not good. OpenSSL is told to take any, and the verdict is asked for
 * behind it: but Node hands it out for sockets alone that its own `tls.Server` has made. This is where that one finds it.
 */
function distrustOf(socket: TLSSocket): string | undefined {
  if (!certificateOf(socket)) return undefined;
  const { ssl } = socket as TLSSocket & { readonly ssl?: { readonly verifyError?: () => Error | null } };
  if (!ssl?.verifyError) return "this version of Node does not tell whether the client's certificate is good";
  const error = ssl.verifyError();
  return error === null ? undefined : `the client's certificate is not good (${error.message})`;
}
