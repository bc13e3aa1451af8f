import { randomInt } from "node:crypto";
import { type Account, type Accounts, accountTable, DEFAULT_ACCOUNTS } from "./accounts.ts";
import { type Passage, passagesTo, RECORDED_AS_BYTES } from "./capture/passage.ts";
import type { RecordOptions } from "./capture/record.ts";
import { together } from "./capture/witness.ts";
import { type Clock, clockFrom, type Moment } from "./clock.ts";
import { type Roster, SocketConnection, type Tap } from "./connection.ts";
import { dial, listenOnce, reach } from "./data.ts";
import { codeOf, messageOf, WirelabError } from "./errors.ts";
import { EventStream, type Events, type Origin, STORE } from "./events/events.ts";
import { recordingFor, type Transcript, transcriptOf } from "./events/transcript.ts";
import { type Faults, FaultTable, type Rule } from "./faults/faults.ts";
import { Listener } from "./listener.ts";
import { type Logger, type LogOptions, logEvents, logger, SILENT } from "./log.ts";
import { rooms } from "./rooms.ts";
import { RunningServer, type Server, type StopOptions, type StopReport } from "./server.ts";
import type { Connection, Engine, Service, Site } from "./service.ts";
import type { CopyOptions } from "./store/copy.ts";
import { directoryStore } from "./store/directory.ts";
import { type InspectedStore, inspected } from "./store/inspect.ts";
import { makePath } from "./store/make-path.ts";
import { memoryStore } from "./store/memory.ts";
import type { OwnChanges } from "./store/own.ts";
import { secluded } from "./store/secluded.ts";
import type { Store } from "./store/store.ts";
import type { Watch } from "./store/watch.ts";
import { LabTls } from "./tls/lab-tls.ts";
import type { BrokenCertificate, KeyPair, TlsSetting } from "./tls/options.ts";

/** What the servers of a lab share. */
export interface LabOptions {
  /** Who can log in. Default: `foo` with password `bar` and all permissions, as in pyftpdlib's example. */
  readonly accounts?: readonly Account[];
  /** Files in memory, by path. Default: an `/index.html` that says `Hello, world!`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** A folder to keep files in, instead of in memory. Nothing is put there by itself. */
  readonly root?: string;
  /**
   * A folder whose files the lab begins with, in memory, instead of both. The folder is read, and left alone; symlinks that lead
   * out of it are not there. {@link Lab.reset} goes back to what was read.
   */
  readonly copy?: string | CopyOptions;
  /** `on`: what others do to the files of `root` is told, too, by events of the type `file`. Default: nobody looks. */
  readonly watch?: "on";
  /** A store of one's own, instead of all these; {@link Lab.reset} leaves it, and a folder, as they are. */
  readonly store?: Store;
  /**
   * TLS for every server that does not say otherwise by its own `tls`, each as its protocol has it: HTTPS, WSS, telnets, TLS over TCP;
   * FTP's clients can ask for it. `true` gives each server a certificate that a CA of the lab's own issues; clients trust it by
   * {@link Lab.ca}. Default `false`.
   */
  readonly tls?: TlsSetting;
  /** The address of every server that names none itself. Default 127.0.0.1. */
  readonly host?: string;
  /** How many events the transcript remembers. Default 10,000; 0 for none. */
  readonly transcript?: number;
  /**
   * How many bytes of what passes the transcript remembers beside its events, for {@link TranscriptView.toPcapng}; passwords
   * are masked, and the oldest go first. Default 0: connections are bare sockets, which is faster.
   */
  readonly capture?: number;
  /** Where all that happens is written to, as it happens. Default: nowhere. */
  readonly record?: RecordOptions;
  /** What chance in fault rules is drawn from: a whole number. Default: another one each time, told in the stop report. */
  readonly seed?: number;
  /** Fault rules that stand from the start. Default: none. */
  readonly faults?: readonly Rule[];
  /** A moment at which the lab's clock stands still. Default: it runs. */
  readonly clock?: Moment;
  /**
   * Is shown every byte that passes on every connection, in order, passwords included; it must not throw or wait. Default:
   * nobody, and connections are bare sockets.
   */
  readonly tap?: Tap;
  /** Where log lines go. Default: nowhere. */
  readonly log?: LogOptions;
}

/** What stopping a lab found. */
export interface LabReport extends StopReport {
  /** What the faults' chances were drawn from: {@link LabOptions.seed} gives the same ones again. */
  readonly seed: number;
  /** The fault rules that never acted. */
  readonly unusedFaults: readonly Rule[];
}

/** The running servers of some services, each with what its service adds to it. */
export type ServersOf<T extends Readonly<Record<string, Service>>> = {
  readonly [Name in keyof T & string]: Server & (T[Name] extends Service<infer Own> ? Own : unknown);
};

/** A running lab: its servers, and all that they share. */
export interface Lab<
  Names extends string = string,
  Servers extends Readonly<Record<Names, Server>> = Readonly<Record<Names, Server>>,
> extends AsyncDisposable {
  /** The running servers, by the names that they were given. */
  readonly servers: Servers;
  /** What happens, as it happens. */
  readonly events: Events;
  /** What has happened since the start, or the last reset. */
  readonly transcript: Transcript;
  /** What goes wrong, and at which step. */
  readonly faults: Faults;
  /** The files of all servers, without anybody's permissions. */
  readonly store: InspectedStore;
  /** What time it is for the servers. */
  readonly clock: Clock;
  /** Who can log in. */
  readonly accounts: Accounts;
  /**
   * What TLS clients are to trust, as PEM, so that they need not switch verification off: `ca` of `node:tls`, `--cacert` of curl,
   * a file named by NODE_EXTRA_CA_CERTS. Undefined where no server speaks TLS.
   */
  readonly ca: string | undefined;
  /**
   * A certificate for a client, issued by the lab's own CA, which servers with `requestCert` take.
   *
   * @param name its common name.
   * @param broken what is wrong with it, for a client that is to be refused. Default: nothing.
   * @throws WirelabError `BAD_OPTION` for what can be wrong with no client's certificate.
   *
   * @example
   * ```ts
   * import { once } from "node:events";
   * import { connect } from "node:tls";
   * import { startLab, tcp } from "wirelab";
   *
   * await using lab = await startLab({ echo: tcp({ behaviour: "echo", tls: { requestCert: true } }) });
   * const { host, port } = lab.servers.echo;
   * const secured = lab.events.next("secured");
   * const client = connect({ host, port, ca: lab.ca, ...(await lab.clientCertificate("ann")) });
   * await once(client, "secureConnect");
   * console.log((await secured).subject); // CN=ann
   * client.destroy();
   * ```
   */
  clientCertificate(name: string, broken?: Exclude<BrokenCertificate, "wrong-host">): Promise<KeyPair>;
  /**
   * Makes everything what it was at the start: ends open sessions at once, and restores files in memory, accounts, faults,
   * their seed, the clock and the transcript. Ports stay. For between two tests.
   */
  reset(): Promise<void>;
  /**
   * Stops accepting, lets every protocol say goodbye, waits for clients to come to their end, and cuts those that have not.
   * Called again, it gives the first call's report.
   */
  stop(options?: StopOptions): Promise<LabReport>;
}

/** The whole lab's files if it is given none: http.server's example answers so. */
const DEFAULT_FILES = { "/index.html": "Hello, world!" };

/**
 * Starts servers that share accounts, files, log and shutdown: all of them, or none.
 *
 * @param services what to run, by the names that the servers shall have.
 * @throws WirelabError with the code of the first server that could not start, after what had started was stopped:
 *   `ADDRESS_IN_USE`, `ADDRESS_DENIED`, `ADDRESS_UNAVAILABLE`; `BAD_OPTION` or `BAD_ACCOUNT` before anything starts.
 *
 * @example
 * ```ts
 * import { ftp, http, startLab } from "wirelab";
 *
 * await using lab = await startLab({ files: ftp(), web: http() });
 * const page = await fetch(lab.servers.web.url);
 * console.log(await page.text()); // Hello, world!
 * ```
 */
export async function startLab<const T extends Readonly<Record<string, Service>>>(
  services: T,
  options: LabOptions = {},
): Promise<Lab<keyof T & string, ServersOf<T>>> {
  const accounts = accountTable(options.accounts ?? DEFAULT_ACCOUNTS);
  const clock = clockFrom(options.clock);
  const base = await secluded(await storeOf(options, clock, services), services);
  const own = options.watch && new (await import("./store/own.ts")).OwnChanges();
  const store = inspected(own ? own.of(base) : base);
  for (const { home } of accounts) await makePath(store, home);
  const tls = new LabTls(options.tls);
  const events = new EventStream();
  const recording = recordingFor(options.transcript, options.capture);
  const transcript = transcriptOf(events, recording);
  const log = options.log ? await logger(options.log) : SILENT;
  if (options.log) logEvents(events, log, options.log.level);

  const seed = options.seed ?? randomInt(2 ** 32);
  const faults = new FaultTable(seed, options.faults, () =>
    log.info({ seed }, `faults are drawn from seed ${seed}`),
  );
  const watch = own && (await watching(base, own, events));
  const initial = options.store || options.root !== undefined ? undefined : await store.snapshot();
  const writers = options.record && (await import("./capture/record.ts"));
  const lab = new RunningLab({
    accounts,
    store,
    events,
    faults,
    clock,
    tap: options.tap,
    captures: [
      ...(options.capture ? [(passage: Passage) => recording.witness(passage)] : []),
      ...(options.record?.packets && writers ? [writers.recordPackets(options.record.packets)] : []),
    ],
    recordBytes: options.record?.events && writers?.recordEvents(events, options.record.events),
    tls,
    watch,
    log,
    host: options.host ?? "127.0.0.1",
    lab: () => running,
  });
  const started = await Promise.allSettled(
    Object.entries(services).map(async ([name, service]) => [name, await lab.start(name, service)] as const),
  );
  const failed = started.find((result) => result.status === "rejected");
  if (failed) {
    await lab.stop({ grace: 0 });
    throw failed.reason;
  }
  const servers = Object.fromEntries(
    started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])),
  );
  for (const { name: server, protocol, url } of Object.values(servers)) {
    events.emit({ server, protocol }, { type: "listening", url });
  }
  const toStart = async () => {
    await lab.reset();
    if (initial) await store.restore(initial);
    faults.reset();
    clock.reset();
    accounts.reset();
    transcript.clear();
  };
  let resetting = Promise.resolve();
  const running: Lab<keyof T & string, ServersOf<T>> = {
    servers: servers as ServersOf<T>,
    events,
    transcript,
    faults,
    store,
    clock,
    accounts,
    ca: tls.ca,
    clientCertificate: (name, broken) => tls.clientCertificate(name, broken),
    reset() {
      // One after another: two at once would remove the same files.
      resetting = resetting.then(toStart, toStart);
      return resetting;
    },
    stop: (stopOptions) => lab.stop(stopOptions),
    [Symbol.asyncDispose]: async () => void (await lab.stop()),
  };
  return running;
}

/** What the servers of one lab share. */
interface Shared {
  readonly accounts: Accounts;
  readonly store: Store;
  readonly events: EventStream;
  readonly faults: FaultTable;
  readonly clock: Clock;
  readonly tap: Tap | undefined;
  /** Who is shown all that passes. */
  readonly captures: readonly ((passage: Passage) => void)[];
  /** Who is shown what passes where events do not tell it. */
  readonly recordBytes: ((passage: Passage) => void) | undefined;
  readonly tls: LabTls;
  readonly watch: Watch | undefined;
  readonly log: Logger;
  readonly host: string;
  readonly lab: () => Lab;
}

/** The servers of one lab, and their common end. */
class RunningLab {
  readonly #shared: Shared;
  readonly #rooms = rooms();
  readonly #roster: Omit<Roster, "tls">;
  readonly #servers = new Set<RunningServer>();
  readonly #engines = new Map<string, Engine>();
  #connections = 0;
  #stopped: Promise<LabReport> | undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
    const { events, faults, tap, captures, recordBytes } = shared;
    const redact = (origin: Required<Origin>) => this.#engines.get(origin.server)?.redaction?.(origin);
    const witness = together([
      tap && (({ origin }) => ({ passed: (direction, bytes) => tap({ ...origin, direction, bytes }) })),
      ...captures.map((take) => passagesTo(take, redact)),
      recordBytes && passagesTo(recordBytes, redact, RECORDED_AS_BYTES),
    ]);
    this.#roster = { events, faults, witness, open: new Set(), ports: new Set() };
  }

  async start(name: string, service: Service): Promise<Server> {
    const { accounts, store, events, clock, log, host, lab } = this.#shared;
    const { protocol, listen } = service;
    const tls = await this.#shared.tls.of(name, service, host);
    const roster: Roster = { ...this.#roster, tls };
    const stopping = new AbortController();
    const site: Site = {
      server: name,
      log,
      store,
      accounts,
      rooms: this.#rooms,
      tls: tls?.start,
      clock,
      signal: stopping.signal,
      emit: (event) => events.emit({ server: name, protocol }, event),
      listenOnce: (parent, ports) => listenOnce(ours(parent), roster, ports),
      dial: (parent, to, options) => dial(ours(parent), roster, to, options),
      reach: (to, ms) => reach(to, stopping.signal, ms),
    };
    const engine = await service.open(site);
    if (!("receive" in engine)) this.#engines.set(name, engine);
    const nextId = () => {
      this.#connections += 1;
      return `c${this.#connections}`;
    };
    const served = { server: name, protocol, nextId };
    const options = { host, ...listen };
    const intake = await ("receive" in engine
      ? import("./datagrams.ts").then(({ Datagrams }) =>
          Datagrams.open(options, { ...served, engine }, roster),
        )
      : Listener.open(options, { ...served, engine }, roster)
    ).catch(async (error) => {
      await engine.close?.();
      throw error;
    });
    const running = new RunningServer(name, protocol, intake, engine, stopping, roster, lab);
    this.#servers.add(running);
    return Object.defineProperties(running, Object.getOwnPropertyDescriptors(engine.own ?? {}));
  }

  /** Ends every session, and lets the engines forget them. */
  async reset(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.reset()));
    this.#connections = 0;
  }

  stop(options?: StopOptions): Promise<LabReport> {
    this.#stopped ??= this.#stop(options);
    return this.#stopped;
  }

  async #stop(options: StopOptions | undefined): Promise<LabReport> {
    const reports = await Promise.all([...this.#servers].map((server) => server.stop(options)));
    this.#shared.watch?.close();
    this.#shared.events.stop();
    return {
      open: reports.flatMap((report) => report.open),
      cut: reports.flatMap((report) => report.cut),
      seed: this.#shared.faults.seed,
      unusedFaults: this.#shared.faults.unused(),
    };
  }
}

/** The connection behind the interface; nothing else can be a parent. */
function ours(connection: Connection): SocketConnection {
  if (connection instanceof SocketConnection) return connection;
  throw new WirelabError("BAD_OPTION", "A data connection needs a parent that core has accepted or dialled.");
}

/** Tells what others do to the files of the folder. */
async function watching(store: Store, own: OwnChanges, events: EventStream): Promise<Watch> {
  const { folder } = store;
  if (folder === undefined)
    throw new WirelabError(
      "BAD_OPTION",
      "watch: the lab's files are in memory; give root, a folder to watch.",
    );
  const origin: Origin = { server: STORE, protocol: "file" };
  const { watchFolder } = await import("./store/watch.ts");
  return watchFolder(
    folder,
    store,
    own,
    (change) => events.emit(origin, { type: "file", ...change }),
    (error) => events.emit(origin, { type: "error", code: codeOf(error) ?? "IO", message: messageOf(error) }),
  );
}

async function storeOf(
  { store, root, files, copy }: LabOptions,
  clock: Clock,
  services: Readonly<Record<string, Service>>,
): Promise<Store> {
  const given = Object.entries({ store, root, files, copy }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  if (given.length > 1) throw new WirelabError("BAD_OPTION", `Give one of ${given.join(" and ")}, not both.`);
  if (store) return store;
  if (root !== undefined) return directoryStore(root, { clock });
  const now = () => clock.now();
  if (copy === undefined) return memoryStore({ files: files ?? DEFAULT_FILES, now });
  const { copyStore } = await import("./store/copy.ts");
  const source = typeof copy === "string" ? { folder: copy } : copy;
  const filled = memoryStore({ now });
  await copyStore(await secluded(await directoryStore(source.folder), services), filled, source);
  return filled;
}
