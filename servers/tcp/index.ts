import type { ListenOptions, Service } from "../../core/service.ts";

/**
 * What a TCP server does with each client:
 *
 * - `hello` waits for the first bytes (or the end) of its input, answers `Hello, world!` and closes;
 * - `client` does the same with `Hello, client!`;
 * - `greet` sends `Hello, world!` without waiting for anything, and closes;
 * - `http` waits for the end of a request's head (16 KiB at most) and answers a whole HTTP/1.1 response;
 * - `echo` sends back what it receives (RFC 862);
 * - `discard` throws away what it receives (RFC 863).
 */
export const TCP_BEHAVIOURS = ["hello", "client", "greet", "http", "echo", "discard"] as const;

/** One of {@link TCP_BEHAVIOURS}. */
export type TcpBehaviour = (typeof TCP_BEHAVIOURS)[number];

export interface TcpOptions extends ListenOptions {
  /** What the server does with its clients; default `hello`. See {@link TCP_BEHAVIOURS}. */
  readonly behaviour?: TcpBehaviour;
}

/**
 * A TCP server: by default the socket server of every tutorial, which answers `Hello, world!` and closes.
 *
 * @example
 * ```ts
 * import { text } from "node:stream/consumers";
 * import { connect } from "node:net";
 * import { startLab, tcp } from "wirelab";
 *
 * await using lab = await startLab({ one: tcp({ behaviour: "client" }) });
 * const { host, port } = lab.servers.one;
 * const socket = connect({ host, port }, () => socket.end("Hello, server!"));
 * console.log(await text(socket)); // Hello, client!
 * ```
 */
export function tcp(options: TcpOptions = {}): Service {
  return {
    protocol: "tcp",
    listen: options,
    open: async () => (await import("./engine.ts")).tcpEngine(options.behaviour ?? "hello"),
  };
}
