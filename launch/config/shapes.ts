import type { Account } from "../../core/accounts.ts";
import type { Reply } from "../../core/events/events.ts";
import type { Fault, Rule, Step } from "../../core/faults/faults.ts";
import type { GateOptions } from "../../core/gate.ts";
import type { LabOptions } from "../../core/lab.ts";
import type { PathPermissions } from "../../core/permissions.ts";
import type { ScriptSource } from "../../core/script/steps.ts";
import type { ListenOptions } from "../../core/service.ts";
import { BROKEN_CERTIFICATES, type TlsOptions, type TlsSetting } from "../../core/tls/options.ts";
import type { SETTINGS } from "../settings.ts";
import type { Kit, Schema, Shape } from "./kit.ts";

/** What every server's options have. */
export function listenShape(kit: Kit): Shape<ListenOptions> {
  const { text, path, mode, port, object, list, whole, ms } = kit;
  const gate: Shape<GateOptions> = {
    allow: list(text),
    deny: list(text),
    maxConnections: whole(1),
    maxPerPeer: whole(1),
    idle: ms,
    lifetime: ms,
  };
  return { port, host: text, path, mode, gate: object(gate), tls: tlsShape(kit) };
}

/** The options of a lab that no flag sets. */
export type LabAlone = Omit<LabOptions, keyof typeof SETTINGS | "log">;

export function labShape(kit: Kit): Shape<LabAlone> {
  const { text, record, either, instance, whole, callable, number, made } = kit;
  return {
    files: record(either(text, instance(Uint8Array, "bytes"))),
    store: made(
      "a store",
      (found) => typeof found === "object" && found !== null && "makeDirectory" in found,
    ),
    transcript: whole(0),
    capture: whole(0),
    clock: either(text, number(-8.64e15, 8.64e15, "Unix milliseconds"), instance(Date, "a date")),
    tap: callable(),
  };
}

export function accountShape({ text, flag, whole, either, record, object }: Kit): Schema<Account> {
  const permissions: Shape<PathPermissions> = { permissions: text, recursive: flag };
  const shape: Shape<Account> = {
    name: text,
    password: text,
    home: text,
    permissions: text,
    paths: record(either(text, object(permissions, "permissions"))),
    greeting: text,
    maxSessions: whole(1),
    bytesPerSecond: object({ in: whole(1), out: whole(1) }),
  };
  return object(shape, "name");
}

/** TLS as options; certificates are PEM text, or paths of files of it. */
export function tlsOptionsShape({ text, pem, flag, list, oneOf, either, ms }: Kit): Shape<TlsOptions> {
  return {
    cert: pem,
    key: pem,
    ca: pem,
    names: list(text),
    broken: oneOf(...BROKEN_CERTIFICATES),
    requestCert: either(flag, oneOf("optional")),
    minVersion: oneOf("TLSv1.2", "TLSv1.3"),
    maxVersion: oneOf("TLSv1.2", "TLSv1.3"),
    handshakeTimeout: ms,
  };
}

export function tlsShape(kit: Kit): Schema<TlsSetting> {
  const { flag, oneOf, object, either } = kit;
  return either(flag, oneOf(...BROKEN_CERTIFICATES), object(tlsOptionsShape(kit)));
}

/** A script, or the path of its file. What is wrong with one its own reader says. */
export function scriptShape(kit: Kit): Schema<ScriptSource> {
  const isScript = (found: unknown) => typeof found === "object" && found !== null;
  return kit.either(kit.path, kit.made<Exclude<ScriptSource, string>>("a script", isScript));
}

export function ruleShape(kit: Kit): Schema<Rule> {
  const { text, object, either, oneOf, whole, number, pattern } = kit;
  const step: Shape<Step> = {
    server: text,
    peer: text,
    verb: text,
    target: either(text, pattern),
    code: whole(100, 4999),
    after: oneOf("reply"),
    on: oneOf("control", "data"),
  };
  const shape: Shape<Rule> = {
    fault: faultShape(kit),
    when: object(step),
    skip: whole(0),
    times: whole(1),
    chance: number(0, 1, "a number from 0 to 1"),
  };
  return object(shape, "fault");
}

/** The faults of a kind. */
type FaultOf<Kind, F = Fault> = F extends { readonly kind: infer Kinds }
  ? Kind extends Kinds
    ? F
    : never
  : never;

function faultShape(kit: Kit): Schema<Fault> {
  const { object, either, oneOf, whole, text, ms, bytes, made } = kit;
  const direction = oneOf("in", "out");
  const reply: Schema<Reply> = object({ code: whole(100, 4999), text }, "text");
  const ending = { afterBytes: bytes, direction };
  const settings: { readonly [Kind in Fault["kind"]]: Shape<Omit<FaultOf<Kind>, "kind">> } = {
    latency: { ms, jitter: ms, direction },
    bandwidth: { bytesPerSecond: whole(1), direction },
    slice: { bytes: whole(1), ms, direction },
    "slow-close": { ms, direction },
    stall: { ms, ...ending },
    close: ending,
    reset: ending,
    shape: { shaper: made("a shaper", (found) => typeof found === "object"), direction },
    refuse: {},
    reply: { with: either(oneOf("drop"), reply), ms },
    loss: { direction },
    duplicate: { direction },
    reorder: { ms, direction },
  };
  const needed: Partial<Record<Fault["kind"], string>> = {
    latency: "ms",
    bandwidth: "bytesPerSecond",
    slice: "bytes",
    "slow-close": "ms",
    shape: "shaper",
  };
  const schemas = Object.entries(settings).map(([kind, members]) => {
    const required = needed[kind as Fault["kind"]];
    return [
      kind,
      object({ kind: oneOf(kind), ...members }, "kind", ...(required ? [required as "kind"] : [])),
    ] as const;
  });
  return kit.variant("kind", Object.fromEntries(schemas)) as Schema<Fault>;
}
