import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** A UDP client: what it has received waits until it is asked for. */
export class Peer {
  readonly socket: Socket;
  readonly #to: { readonly host: string; readonly port: number };
  readonly #received: Buffer[] = [];
  #wake = () => {};

  private constructor(socket: Socket, to: { readonly host: string; readonly port: number }) {
    this.socket = socket;
    this.#to = to;
    socket.on("message", (bytes) => {
      this.#received.push(bytes);
      this.#wake();
    });
  }

  /** A client of a server, with a port of its own; on another address than the server's loopback, if it is told to. */
  static async of(to: { readonly host: string; readonly port: number }, host = to.host): Promise<Peer> {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.bind(0, host);
    await once(socket, "listening");
    return new Peer(socket, to);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Resolves when the system has it. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(bytes, this.#to.port, this.#to.host, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The next datagram, whether it has come already or comes later. */
  async receive(): Promise<Buffer> {
    for (;;) {
      const first = this.#received.shift();
      if (first) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ask(bytes: string | Uint8Array): Promise<string> {
    await this.send(bytes);
    return String(await this.receive());
  }

  /** How many datagrams have come and were not asked for. */
  get unread(): number {
    return this.#received.length;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}
