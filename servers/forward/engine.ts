import { endpointText } from "../../core/address.ts";
import {
  FTP_PASSWORDS,
  HTTP_PASSWORDS,
  linesRedacted,
  type Redaction,
} from "../../core/capture/redaction.ts";
import { messageOf, WirelabError } from "../../core/errors.ts";
import { type Direction, previewOf } from "../../core/events/events.ts";
import type { Connection, Engine, Site } from "../../core/service.ts";
import { type TargetAddress, targetName } from "./address.ts";
import { balancer, type ForwardBalance } from "./balance.ts";
import type { Health } from "./health.ts";
import type { Forwarding } from "./index.ts";
import { type ProxyProtocol, proxyHeader } from "./proxy-protocol.ts";
import { type Relay, relay } from "./relay.ts";
import { Target } from "./target.ts";

interface Settings {
  readonly targets: readonly TargetAddress[];
  readonly balance: ForwardBalance;
  readonly connectTimeout: number;
  readonly proxyProtocol: ProxyProtocol | undefined;
  readonly health: Health;
}

/** How long nothing must have passed, when the lab stops, before a target that has spoken last is told of the end, in milliseconds. */
const QUIET = 200;

/** Gives every client a connection to a target of its own. */
export function forwardEngine(settings: Settings, site: Site): Engine<Forwarding> {
  const { connectTimeout, proxyProtocol } = settings;
  const relays = new Set<Relay>();
  const fresh = () => ({
    choose: balancer(settings.balance),
    targets: settings.targets.map(
      (address) =>
        new Target(address, settings.health, {
          probe: () => site.reach(address.endpoint, connectTimeout),
          changed: (state) => site.emit({ type: "target", target: address.name, state }),
        }),
    ),
  });
  let now = fresh();
  let draining: NodeJS.Timeout | undefined;
  const stopProbing = () => {
    for (const target of now.targets) target.stop();
  };
  site.signal.addEventListener("abort", stopProbing, { once: true });

  /** The next target for a client; those that are down come after those that are not. */
  function next(client: Connection, tried: ReadonlySet<Target>): Target | undefined {
    const left = now.targets.filter((target) => target.admissible && !tried.has(target));
    const [first, ...others] = left.some(({ state }) => state === "up")
      ? left.filter(({ state }) => state === "up")
      : left;
    return first && now.choose([first, ...others], client.peer);
  }

  async function serve(client: Connection): Promise<void> {
    let gone = false;
    client.closed.then(() => {
      gone = true;
    });
    const tried = new Set<Target>();
    const failures: string[] = [];
    for (let target = next(client, tried); target; target = next(client, tried)) {
      tried.add(target);
      const connection = await attempt(client, target);
      if (gone) return;
      if (connection instanceof Error) failures.push(messageOf(connection));
      else {
        begin(client, connection, target);
        return;
      }
    }
    const why = failures.length > 0 ? failures.join(" ") : "All targets are set to down or drained.";
    client.emit({ type: "error", code: "UNREACHABLE", message: `No target is left. ${why}` });
    client.reset("error");
  }

  /** A connection to that target, or why there is none. Nothing was sent on it yet. */
  async function attempt(client: Connection, target: Target): Promise<Connection | Error> {
    const began = performance.now();
    const told = async (text: string) => {
      const reply = await client.amend({ text }, "CONNECT");
      if (reply && client.observed)
        client.emit({ type: "reply", text: reply.text, ms: performance.now() - began });
      return reply;
    };
    if (client.observed) client.emit({ type: "command", verb: "CONNECT", target: target.name, data: true });
    target.active += 1;
    try {
      const connection = await dialled(client, target);
      if (await told("connected")) return connection;
      connection.cut("fault");
      throw new WirelabError(
        "UNREACHABLE",
        `${target.name} cannot be reached: a fault has dropped its answer.`,
      );
    } catch (error) {
      if (!client.stream.destroyed) {
        target.failed += 1;
        target.missed(error);
        await told(messageOf(error));
      }
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  async function dialled(client: Connection, target: Target): Promise<Connection> {
    const { endpoint, tls } = target;
    const preface = proxyProtocol && proxyHeader(proxyProtocol, client);
    const options = { ...(preface && { preface }), ...(tls && { tls }) };
    const connection = await site
      .dial(client, endpoint, { as: "relay", timeout: connectTimeout, ...options })
      .catch((error) => {
        target.active -= 1;
        throw error;
      });
    target.take(connection);
    const { peer } = connection;
    if ("host" in peer && endpointText(peer) === endpointText(client.local)) {
      connection.cut("error");
      // For good: each try would be a client that makes another one.
      target.set("down");
      throw new WirelabError("UNREACHABLE", `${target.name} is the forwarder itself.`);
    }
    target.total += 1;
    target.reached();
    return connection;
  }

  function begin(client: Connection, connection: Connection, target: Target): void {
    const told = tell(client);
    const running = relay(client, connection, (direction, bytes) => {
      target[direction] += bytes.length;
      told(direction, bytes);
    });
    relays.add(running);
    connection.closed.then(() => relays.delete(running));
  }

  return {
    own: {
      targets: () => now.targets.map((target) => target.figures()),
      setTarget(name, state) {
        const target = now.targets.find((each) => each.name === targetName(name));
        if (!target) {
          const known = now.targets.map((each) => each.name).join(", ");
          throw new WirelabError("BAD_OPTION", `${site.server} has no target "${name}"; it has ${known}.`);
        }
        target.set(state);
      },
    },
    accept: (client) => void serve(client),
    redaction: redacted,
    drain() {
      const before = new Map([...relays].map((each) => [each, each.bytes]));
      draining = setInterval(() => {
        for (const each of relays) {
          if (each.latest === "out" && each.bytes === before.get(each)) each.hangUp();
          before.set(each, each.bytes);
        }
      }, QUIET);
    },
    reset() {
      stopProbing();
      now = fresh();
    },
    close() {
      clearInterval(draining);
      stopProbing();
    },
  };
}

/** Nobody knows what a target speaks; where FTP and HTTP have passwords, they are masked. */
function redacted(): Redaction {
  return linesRedacted([...FTP_PASSWORDS, ...HTTP_PASSWORDS]);
}

/** Shows observers what passes, without what stands where FTP and HTTP have their passwords. */
function tell(client: Connection): (direction: Direction, bytes: Buffer) => void {
  const redaction = redacted();
  return (direction, bytes) => {
    if (!client.observed) return;
    const shown = direction === "in" ? redaction(bytes) : bytes;
    const preview = previewOf(shown);
    client.emit({ type: "frame", direction, kind: "data", bytes: bytes.length, preview });
  };
}
