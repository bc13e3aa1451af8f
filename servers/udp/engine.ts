import { type Clock, daytime } from "../../core/clock.ts";
import { Player } from "../../core/script/player.ts";
import { Results, type Scripted } from "../../core/script/results.ts";
import { scriptFrom } from "../../core/script/source.ts";
import type { ScriptSource } from "../../core/script/steps.ts";
import type { Datagram, DatagramEngine, Flow, Site } from "../../core/service.ts";
import type { UdpBehaviour } from "./index.ts";
import { DatagramPartner } from "./script.ts";

const BEHAVIOURS: Readonly<Record<UdpBehaviour, (datagram: Datagram, clock: Clock) => void>> = {
  echo: (datagram) => datagram.answer(datagram.bytes),
  discard: () => {},
  daytime: (datagram, clock) => datagram.answer(Buffer.from(`${daytime(clock.now())}\r\n`)),
};

/** One behaviour for every datagram, each on its own. */
export function udpEngine(behaviour: UdpBehaviour, { clock }: Site): DatagramEngine {
  return { receive: (datagram) => BEHAVIOURS[behaviour](datagram, clock) };
}

/** One script for every peer, or for all of them together. */
export async function scriptedEngine(source: ScriptSource, site: Site): Promise<DatagramEngine<Scripted>> {
  const script = await scriptFrom(source, site.server, "datagrams");
  const results = new Results(site.server, site.signal);
  const player = new Player(script, results);
  let stage = new Stage(site.signal);
  return {
    own: results.own,
    receive: (datagram) => void stage.partnerOf(datagram.flow, script.progress).take(datagram, player),
    reset() {
      stage.clear();
      stage = new Stage(site.signal);
      player.reset();
    },
  };
}

/** Who plays, from one reset to the next. */
class Stage {
  readonly #cleared = new AbortController();
  readonly #signal: AbortSignal;
  readonly #backlog = { bytes: 0 };
  readonly #all: DatagramPartner;
  /** Those whom core forgets are forgotten here. */
  readonly #each = new WeakMap<Flow, DatagramPartner>();

  constructor(stopped: AbortSignal) {
    this.#signal = AbortSignal.any([stopped, this.#cleared.signal]);
    this.#all = new DatagramPartner(this.#signal, this.#backlog);
  }

  partnerOf(flow: Flow, progress: "connection" | "shared" = "connection"): DatagramPartner {
    if (progress === "shared") return this.#all;
    const partner = this.#each.get(flow) ?? new DatagramPartner(this.#signal, this.#backlog);
    this.#each.set(flow, partner);
    return partner;
  }

  clear(): void {
    this.#cleared.abort();
  }
}
