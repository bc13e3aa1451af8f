// telnetlib 1.0.2 comes without types: these are the parts that client.ts uses.
declare module "telnetlib" {
  import type { EventEmitter } from "node:events";
  import type { Socket } from "node:net";

  export interface TelnetSocket extends EventEmitter {
    readonly socket: Socket;
    readonly options: Map<number, TelnetOption>;
    readonly localOptions: Set<number>;
    readonly remoteOptions: Set<number>;
    readonly reader: { readonly flushPolicy: { endOfChunk: boolean } };
    readonly writer: { __writeRaw(bytes: Uint8Array): void };
    end(): void;
  }

  class TelnetOption {
    constructor(socket: TelnetSocket, code: number);
    readonly code: number;
    readonly socket: TelnetSocket;
    us: string;
    him: string;
    handleWill(): void;
    enabled(at: string): void;
    subnegotiation(payload: Uint8Array): void;
  }

  const telnetlib: {
    createConnection(
      options: { host: string; port: number; receiveBufferMax: number },
      connected: () => void,
    ): TelnetSocket;
    readonly TelnetOption: typeof TelnetOption;
  };
  export default telnetlib;
}
