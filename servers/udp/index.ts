import type { ListenOptions, Service } from "../../core/service.ts";

/**
 * What a UDP server does with each datagram:
 *
 * - `echo` sends it back (RFC 862);
 * - `discard` throws it away (RFC 863);
 * - `daytime` answers with the lab's time in a line (RFC 867). Beyond loopback ask with as many bytes as the answer has, 64 say.
 */
export const UDP_BEHAVIOURS = ["echo", "discard", "daytime"] as const;

/** One of {@link UDP_BEHAVIOURS}. */
export type UdpBehaviour = (typeof UDP_BEHAVIOURS)[number];

export interface UdpOptions extends Omit<ListenOptions, "path" | "mode" | "tls"> {
  /** What the server does with datagrams; default `echo`. See {@link UDP_BEHAVIOURS}. */
  readonly behaviour?: UdpBehaviour;
}

/**
 * A UDP server: by default one that sends back what it receives, up to 65,507 bytes at a time. It is no amplifier: beyond
 * loopback no answer is larger than its question.
 *
 * @example
 * ```ts
 * import { createSocket } from "node:dgram";
 * import { once } from "node:events";
 * import { startLab, udp } from "wirelab";
 *
 * await using lab = await startLab({ echo: udp() });
 * const { host, port } = lab.servers.echo;
 * const socket = createSocket("udp4");
 * socket.send("Hello, server!", port, host);
 * const [answer] = await once(socket, "message");
 * console.log(String(answer)); // Hello, server!
 * socket.close();
 * ```
 */
export function udp(options: UdpOptions = {}): Service {
  return {
    protocol: "udp",
    // Node has no DTLS.
    tlsStart: "none",
    listen: options,
    open: async (site) => (await import("./engine.ts")).udpEngine(options.behaviour ?? "echo", site),
  };
}
