import { BlockList, isIP } from "node:net";
import { withDefaults } from "./defaults.ts";
import { WirelabError } from "./errors.ts";
import type { Endpoint, RefusalReason } from "./events/events.ts";

/**
 * Whom a server lets in, how many at once, and for how long. A UDP server has no connections to limit: it remembers as many
 * peers as `maxConnections`, each for `idle` milliseconds after its last datagram, and the longest silent makes room.
 */
export interface GateOptions {
  /** Addresses or CIDR blocks (`10.0.0.0/8`, `::1`) that may connect. Default: every address that can reach the server. */
  readonly allow?: readonly string[];
  /** Addresses or CIDR blocks that may not, even where `allow` names them. Default: none. */
  readonly deny?: readonly string[];
  /** Connections at the same time, data connections not counted. Default 4,096. */
  readonly maxConnections?: number;
  /** The same from one address. Default 4,096: on loopback every client has the same one. */
  readonly maxPerPeer?: number;
  /** Milliseconds without a byte either way, data connections included, after which a client is sent away. Default 900,000. */
  readonly idle?: number;
  /** Milliseconds after which a client is sent away in any case. Default 86,400,000, a day. */
  readonly lifetime?: number;
}

const GATE_DEFAULTS = {
  allow: [],
  deny: [],
  maxConnections: 4096,
  maxPerPeer: 4096,
  idle: 900_000,
  lifetime: 86_400_000,
} as const satisfies Required<GateOptions>;

/** Counts one server's clients and says who may come in. */
export class Gate {
  readonly limits: Required<GateOptions>;
  readonly #allowed: BlockList | undefined;
  readonly #denied: BlockList | undefined;
  readonly #perPeer = new Map<string, number>();
  #total = 0;

  /** @throws WirelabError `BAD_OPTION` for a block that is no address and no CIDR, or a limit that is no positive number. */
  constructor(options: GateOptions = {}) {
    this.limits = withDefaults(GATE_DEFAULTS, options);
    for (const limit of ["maxConnections", "maxPerPeer", "idle", "lifetime"] as const) {
      if (!(this.limits[limit] > 0)) {
        throw new WirelabError(
          "BAD_OPTION",
          `gate.${limit} is ${this.limits[limit]}; it must be a positive number.`,
        );
      }
    }
    this.#allowed = blockList("allow", this.limits.allow);
    this.#denied = blockList("deny", this.limits.deny);
  }

  /** Counts a client in; or says why it may not come in, and counts nothing. */
  admit(peer: Endpoint): RefusalReason | undefined {
    const address = addressOf(peer);
    if (!this.permits(peer)) return "denied";
    if (this.#total >= this.limits.maxConnections) return "full";
    const ofPeer = this.#perPeer.get(address) ?? 0;
    if (ofPeer >= this.limits.maxPerPeer) return "peer-full";
    this.#total += 1;
    this.#perPeer.set(address, ofPeer + 1);
    return undefined;
  }

  /** Counts out a client that was let in. */
  release(peer: Endpoint): void {
    const address = addressOf(peer);
    const left = (this.#perPeer.get(address) ?? 1) - 1;
    if (left === 0) this.#perPeer.delete(address);
    else this.#perPeer.set(address, left);
    this.#total -= 1;
  }

  /** Whether that address may come in at all. */
  permits(peer: Endpoint): boolean {
    const address = addressOf(peer);
    if (address === "") return true;
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (this.#denied?.check(address, family)) return false;
    return this.#allowed?.check(address, family) ?? true;
  }
}

/** Clients of a Unix-domain socket have no address: they count as one peer, and the socket file's mode guards them. */
function addressOf(peer: Endpoint): string {
  return "host" in peer ? peer.host : "";
}

function blockList(option: string, blocks: readonly string[]): BlockList | undefined {
  if (blocks.length === 0) return undefined;
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", prefix, ...rest] = block.split("/");
    const version = isIP(address);
    const bits =
      prefix === undefined ? (version === 6 ? 128 : 32) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (version === 0 || rest.length > 0 || bits < 0 || bits > (version === 6 ? 128 : 32)) {
      throw new WirelabError(
        "BAD_OPTION",
        `gate.${option} has "${block}", which is no address and no CIDR block: write 192.168.0.0/16 or ::1.`,
      );
    }
    list.addSubnet(address, bits, version === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
