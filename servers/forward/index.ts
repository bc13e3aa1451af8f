import { WirelabError } from "../../core/errors.ts";
import type { ListenOptions, Service } from "../../core/service.ts";
import { type ForwardTarget, targetsFrom } from "./address.ts";
import { FORWARD_BALANCES, type ForwardBalance } from "./balance.ts";
import { checkNumber, type HealthOptions, healthFrom } from "./health.ts";
import { PROXY_PROTOCOLS, type ProxyProtocol } from "./proxy-protocol.ts";
import type { TargetFigures, TargetState } from "./target.ts";

/** What {@link forward} can be told. */
export interface ForwardOptions extends ListenOptions {
  /** Where connections go: one target or several. They are chosen here, and never by a client. */
  readonly to: ForwardTarget | readonly ForwardTarget[];
  /** How one of several targets is chosen; default `round-robin`. See {@link FORWARD_BALANCES}. */
  readonly balance?: ForwardBalance;
  /** How long a target has to accept a connection before another one is tried, in milliseconds. Default 5,000. */
  readonly connectTimeout?: number;
  /** Tells targets whose connection it is, in front of all bytes; see {@link PROXY_PROTOCOLS}. Default: they are not told. */
  readonly proxyProtocol?: ProxyProtocol;
  /** When a target counts as down, and how soon it is tried again. */
  readonly health?: HealthOptions;
}

/** What a running forwarder offers beyond what every server does. */
export interface Forwarding {
  /** What became of each target, in the order that they were given in. */
  targets(): readonly TargetFigures[];
  /**
   * Takes a target out, or puts it in again: `drained` gets no more connections, `down` none either, and those that it has are
   * reset; `up` leaves it to its health again.
   *
   * @throws WirelabError `BAD_OPTION` where the forwarder has no such target.
   */
  setTarget(target: string, state: TargetState): void;
}

/** How long a target has to accept a connection, if nobody says, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

/**
 * A TCP forwarder: every connection goes on to one of its targets, whatever it speaks. It balances, goes round targets that
 * are down, and puts the lab's faults in front of any real server.
 *
 * @throws WirelabError `BAD_OPTION` for a target that is none, or is the forwarder itself, and for other options that cannot be.
 *
 * @example
 * ```ts
 * import { forward, http, startLab } from "wirelab";
 *
 * await using real = await startLab({ one: http(), two: http() }); // or any server there is
 * const to = Object.values(real.servers).map(({ host, port }) => ({ host, port }));
 * await using lab = await startLab({ proxy: forward({ to }) });
 *
 * const url = lab.servers.proxy.url.replace("tcp:", "http:");
 * for (let count = 0; count < 4; count += 1) await (await fetch(url, { headers: { connection: "close" } })).text();
 * console.log(lab.servers.proxy.targets().map(({ total }) => total)); // [ 2, 2 ]
 * ```
 */
export function forward(options: ForwardOptions): Service<Forwarding> {
  const { balance = "round-robin", connectTimeout = CONNECT_TIMEOUT, proxyProtocol } = options;
  choice("balance", balance, FORWARD_BALANCES);
  if (proxyProtocol !== undefined) choice("proxyProtocol", proxyProtocol, PROXY_PROTOCOLS);
  checkNumber("connectTimeout", connectTimeout);
  const settings = {
    targets: targetsFrom(options.to, options),
    balance,
    connectTimeout,
    proxyProtocol,
    health: healthFrom(options.health),
  };
  return {
    protocol: "forward",
    listen: options,
    open: async (site) => (await import("./engine.ts")).forwardEngine(settings, site),
  };
}

/** @throws WirelabError `BAD_OPTION` */
function choice(option: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new WirelabError(
    "BAD_OPTION",
    `A forwarder has no ${option} "${value}"; there are ${known.join(", ")}.`,
  );
}
