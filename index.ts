export { type Control, type ControlOptions, serveControl } from "./control/index.ts";
export {
  type Account,
  type Accounts,
  type BytesPerSecond,
  type GuardedStore,
  guarded,
  type KnownAccount,
} from "./core/accounts.ts";
export { type ListenAddress, parseAddress } from "./core/address.ts";
export type { RecordedBytes, RecordOptions } from "./core/capture/record.ts";
export { type RecordedLine, readRecording } from "./core/capture/recorded.ts";
export type { Redaction } from "./core/capture/redaction.ts";
export type { Clock, Moment } from "./core/clock.ts";
export type { PassedBytes, Tap } from "./core/connection.ts";
export { type ErrorCode, WirelabError } from "./core/errors.ts";
export type * from "./core/events/events.ts";
export type { Transcript, TranscriptView } from "./core/events/transcript.ts";
export type { DatagramFault } from "./core/faults/fate.ts";
export type { Fault, Faults, Rule, StandingFault, Step } from "./core/faults/faults.ts";
export type { ByteFault, Shaper } from "./core/faults/shapers.ts";
export type { GateOptions } from "./core/gate.ts";
export { type Lab, type LabOptions, type LabReport, type ServersOf, startLab } from "./core/lab.ts";
export type { Logger, LogLevel, LogOptions } from "./core/log.ts";
export { resolvePath } from "./core/path.ts";
export { type PathPermissions, type PathRule, PERMISSIONS } from "./core/permissions.ts";
export type { RoomMessage, Rooms, Seat } from "./core/rooms.ts";
export type { Mismatch, Scripted } from "./core/script/results.ts";
export type * from "./core/script/steps.ts";
export type { OpenConnection, Server, StopOptions, StopReport } from "./core/server.ts";
export type * from "./core/service.ts";
export type { Copied, CopyOptions } from "./core/store/copy.ts";
export { directoryStore } from "./core/store/directory.ts";
export type { Change, Diff, InspectedStore, Snapshot } from "./core/store/inspect.ts";
export { type MemoryStoreOptions, memoryStore } from "./core/store/memory.ts";
export type { ByteRange, Entry, Reading, Store, WriteOptions } from "./core/store/store.ts";
export type { TlsClient, TlsClientOptions } from "./core/tls/client.ts";
export type * from "./core/tls/options.ts";
export {
  BROKEN_CERTIFICATES,
  type BrokenCertificate,
  type KeyPair,
  type TlsOptions,
  type TlsSetting,
  type TlsStart,
  type TlsVersion,
} from "./core/tls/options.ts";
export { defineLab, type LabConfig, type ServerConfig } from "./launch/config/define.ts";
export type { ForwardTarget } from "./servers/forward/address.ts";
export { FORWARD_BALANCES, type ForwardBalance } from "./servers/forward/balance.ts";
export type { HealthOptions } from "./servers/forward/health.ts";
export { type Forwarding, type ForwardOptions, forward } from "./servers/forward/index.ts";
export { PROXY_PROTOCOLS, type ProxyProtocol } from "./servers/forward/proxy-protocol.ts";
export type { TargetFigures, TargetState } from "./servers/forward/target.ts";
export {
  FTP_FEATURES,
  FTP_LISTINGS,
  type FtpDialect,
  type FtpFeature,
  type FtpListing,
} from "./servers/ftp/dialect.ts";
export { FTP_DIALECTS, type FtpDialectName } from "./servers/ftp/dialects.ts";
export { type FtpOptions, type FtpTls, type FtpTlsMode, ftp } from "./servers/ftp/index.ts";
export type { CgiOptions } from "./servers/http/cgi/options.ts";
export { type HttpApp, type HttpOptions, http } from "./servers/http/index.ts";
export type * from "./servers/http/stubs/stub.ts";
export { type Difference, type Replaying, type ReplayOptions, replay } from "./servers/replay/index.ts";
export { TCP_BEHAVIOURS, type TcpBehaviour, type TcpOptions, tcp } from "./servers/tcp/index.ts";
export {
  type Device,
  type DeviceAnswer,
  type DeviceCommands,
  type DeviceFunction,
  type DeviceLogin,
  type DeviceMode,
  type DevicePaging,
  type DevicePlaying,
  type DevicePrompt,
  type DeviceQuestion,
  type DeviceSession,
  type DialogueStep,
  type Login,
  type Pace,
  type ReadLineOptions,
  type ShellCommand,
  type ShellOptions,
  type ShellProgram,
  type ShellSession,
  type TelnetOptions,
  type TelnetSession,
  type Terminal,
  telnet,
} from "./servers/telnet/index.ts";
export { UDP_BEHAVIOURS, type UdpBehaviour, type UdpOptions, udp } from "./servers/udp/index.ts";
export {
  WEBSOCKET_BEHAVIOURS,
  type WebSocketBehaviour,
  type WebSocketClosing,
  type WebSocketHandler,
  type WebSocketMessage,
  type WebSocketOptions,
  type WebSocketSession,
  websocket,
} from "./servers/websocket/index.ts";
