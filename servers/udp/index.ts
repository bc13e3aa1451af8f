import { WirelabError } from "../../core/errors.ts";
import type { Scripted } from "../../core/script/results.ts";
import type { ScriptSource } from "../../core/script/steps.ts";
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

/** What {@link udp} can be told. */
export interface UdpOptions extends Omit<ListenOptions, "path" | "mode" | "tls"> {
  /** What the server does with datagrams; default `echo`. See {@link UDP_BEHAVIOURS}. */
  readonly behaviour?: UdpBehaviour;
  /** A conversation that is kept to the letter, instead of a behaviour; each peer begins it anew when it has come to its end. */
  readonly script?: ScriptSource;
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
export function udp(options: UdpOptions & { readonly script: ScriptSource }): Service<Scripted>;
export function udp(options?: UdpOptions): Service;
export function udp(options: UdpOptions = {}): Service {
  const { behaviour, script } = options;
  return {
    protocol: "udp",
    // Node has no DTLS.
    tlsStart: "none",
    listen: options,
    async open(site) {
      const { scriptedEngine, udpEngine } = await import("./engine.ts");
      if (script === undefined) return udpEngine(behaviour ?? "echo", site);
      if (behaviour !== undefined)
        throw new WirelabError(
          "BAD_OPTION",
          `${site.server} has a behaviour and a script: give one of them.`,
        );
      return scriptedEngine(script, site);
    },
  };
}
