import { once } from "node:events";
import {
  type AddressInfo,
  connect,
  createServer,
  type ListenOptions,
  type Server,
  type Socket,
} from "node:net";
import { Worker } from "node:worker_threads";
import { type ForwardOptions, forward, type LabOptions, startLab } from "../../index.ts";

/** A server to forward to: any program that listens. */
export class Backend implements AsyncDisposable {
  readonly port: number;
  /** Its address, as the forwarder names it. */
  readonly name: string;
  /** Connections that have come, the open and the closed. */
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    const at = server.address();
    const { address, port, family } = (typeof at === "string" ? { port: 0 } : at) as AddressInfo;
    this.#server = server;
    this.port = port;
    this.name =
      typeof at === "string" ? `unix:${at}` : `${family === "IPv6" ? `[${address}]` : address}:${port}`;
    server.on("connection", (socket) => this.sockets.push(socket.on("error", () => {})));
  }

  /** Listens on a free port of 127.0.0.1, or where it is told. */
  static async start(serve: (socket: Socket) => void, listen: ListenOptions = {}): Promise<Backend> {
    const server = createServer({ allowHalfOpen: true }, serve);
    const where = listen.path === undefined ? { host: "127.0.0.1", port: 0, ...listen } : listen;
    await once(server.listen(where), "listening");
    return new Backend(server);
  }

  /** The next connection that comes. */
  async next(): Promise<Socket> {
    const [socket] = await once(this.#server, "connection");
    return socket;
  }

  /** Listens no more, and drops whom it has. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** All that comes until the end; unlike node:stream/consumers it leaves the other direction open. */
export async function heard(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

/** A backend that says who it is, and ends. */
export const named = (name: string, listen?: ListenOptions) =>
  Backend.start((socket) => socket.resume().end(name), listen);

/** A backend that sends back what it gets. */
export const echo = () => Backend.start((socket) => socket.pipe(socket));

/** An address where nobody listens: it was free a moment ago. */
export async function nobody(): Promise<Backend> {
  await using backend = await Backend.start(() => {});
  return backend;
}

/** An address where connections are never accepted, nor refused: its queue is full, and its thread sleeps. */
export async function deaf() {
  const asleep = new Worker(
    `const { workerData, parentPort } = require("node:worker_threads");
     const server = require("node:net").createServer();
     server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       setImmediate(() => Atomics.wait(workerData, 0, 0));
     });`,
    { eval: true, workerData: new Int32Array(new SharedArrayBuffer(4)) },
  );
  const [port] = await once(asleep, "message");
  // Linux takes one more than the backlog says.
  const queue = [0, 1].map(() => connect({ host: "127.0.0.1", port }));
  await Promise.all(queue.map((socket) => once(socket, "connect")));
  return {
    name: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of queue) socket.on("error", () => {}).destroy();
      await asleep.terminate();
    },
  };
}

/** A forwarder, and clients that connect to it. */
export async function forwarding(options: ForwardOptions, labOptions: LabOptions = {}) {
  const lab = await startLab({ proxy: forward(options) }, labOptions);
  const { proxy } = lab.servers;
  return {
    lab,
    proxy,
    host: proxy.host,
    port: proxy.port,
    dial: (localAddress?: string): Socket =>
      connect({
        host: proxy.host,
        port: proxy.port,
        allowHalfOpen: true,
        ...(localAddress && { localAddress }),
      }),
    [Symbol.asyncDispose]: () => lab.stop({ grace: 0 }).then(() => {}),
  };
}
