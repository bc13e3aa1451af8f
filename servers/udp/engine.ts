import { type Clock, daytime } from "../../core/clock.ts";
import type { Datagram, DatagramEngine, Site } from "../../core/service.ts";
import type { UdpBehaviour } from "./index.ts";

const BEHAVIOURS: Readonly<Record<UdpBehaviour, (datagram: Datagram, clock: Clock) => void>> = {
  echo: (datagram) => datagram.answer(datagram.bytes),
  discard: () => {},
  daytime: (datagram, clock) => datagram.answer(Buffer.from(`${daytime(clock.now())}\r\n`)),
};

/** One behaviour for every datagram, each on its own. */
export function udpEngine(behaviour: UdpBehaviour, { clock }: Site): DatagramEngine {
  return { receive: (datagram) => BEHAVIOURS[behaviour](datagram, clock) };
}
