import { WirelabError } from "../../core/errors.ts";
import type { Scripted } from "../../core/script/results.ts";
import type { ScriptSource } from "../../core/script/steps.ts";
import type { ListenOptions, Service } from "../../core/service.ts";

/**
 * What a TCP server does with each client:
 *
 * - `hello` waits for the first bytes (or the end) of its input, answers `Hello, world!` and closes;
 * - `client` does the same with `Hello, client!`;
 * - `greet` sends `Hello, world!` without waiting for anything, and closes;
 * - `http` waits for the end of a request's head (16 KiB at most) and answers a whole HTTP/1.1 response;
 * - `echo` sends back what it receives (RFC 862);
 * - `discard` throws away what it receives (RFC 863);
 * - `daytime` tells the lab's time in a line, and closes (RFC 867);
 * - `chargen` sends lines of printable characters for as long as its client reads (RFC 864);
 * - `framed` echoes messages: each is four bytes of length, most significant first, and so many bytes, 1 MiB at most. One
 *   write is not one read: here what was sent as one message comes back as one, however TCP has cut it.
 */
export const TCP_BEHAVIOURS = [
  "hello",
  "client",
  "greet",
  "http",
  "echo",
  "discard",
  "daytime",
  "chargen",
  "framed",
] as const;

/** One of {@link TCP_BEHAVIOURS}. */
export type TcpBehaviour = (typeof TCP_BEHAVIOURS)[number];

/** What {@link tcp} can be told. */
export interface TcpOptions extends ListenOptions {
  /** What the server does with its clients; default `hello`. See {@link TCP_BEHAVIOURS}. */
  readonly behaviour?: TcpBehaviour;
  /** A conversation that is kept to the letter, instead of a behaviour. Default: none. */
  readonly script?: ScriptSource;
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
 *
 * @example A conversation that is kept to the letter.
 * ```ts
 * import { connect } from "node:net";
 * import { startLab, tcp } from "wirelab";
 *
 * const script = [{ send: "+OK ready\r\n" }, { expect: /^USER (\w+)$/ }, { send: "+OK $1\r\n" }, { expect: "QUIT" }];
 * await using lab = await startLab({ mail: tcp({ script }) });
 * connect(lab.servers.mail.port, "127.0.0.1").end("USER ann\r\nQUIT\r\n").resume();
 * await lab.servers.mail.played();
 * console.log(lab.servers.mail.mismatches().length); // 0
 * ```
 */
export function tcp(options: TcpOptions & { readonly script: ScriptSource }): Service<Scripted>;
export function tcp(options?: TcpOptions): Service;
export function tcp(options: TcpOptions = {}): Service {
  const { behaviour, script } = options;
  return {
    protocol: "tcp",
    listen: options,
    async open(site) {
      const { scriptedEngine, tcpEngine } = await import("./engine.ts");
      if (script === undefined) return tcpEngine(behaviour ?? "hello", site);
      if (behaviour !== undefined)
        throw new WirelabError(
          "BAD_OPTION",
          `${site.server} has a behaviour and a script: give one of them.`,
        );
      return scriptedEngine(script, site);
    },
  };
}
