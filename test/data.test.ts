import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import {
  type Connection,
  type DataPort,
  type PortRange,
  type Service,
  type Site,
  startLab,
  tcp,
} from "../index.ts";

/** A server that hands its connections to the test: what an engine with data connections does, the test does by hand. */
async function controlled(listen: Service["listen"] = {}) {
  const accepted = new Map<number, Connection>();
  let reach: Site | undefined;
  const service: Service = {
    protocol: "ftp",
    listen,
    open: (site) => {
      reach = site;
      return {
        accept(connection) {
          connection.stream.resume().once("end", () => connection.end("client"));
          if ("port" in connection.peer) accepted.set(connection.peer.port, connection);
        },
      };
    },
  };
  const lab = await startLab({ files: service });
  const { host, port } = lab.servers.files;
  return {
    lab,
    site: reach!,
    /** A client, and its connection as the server has it. */
    async client(localAddress?: string): Promise<{ socket: Socket; connection: Connection }> {
      const socket = connect({ host, port, allowHalfOpen: true, ...(localAddress && { localAddress }) });
      const opened = lab.events.next("opened", (event) => event.parent === undefined);
      await Promise.all([once(socket, "connect"), opened]);
      return { socket, connection: accepted.get(socket.localPort!)! };
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

const dial = ({ host, port }: DataPort, localAddress = "127.0.0.1") => connect({ host, port, localAddress });

describe("a data port", () => {
  test("takes one connection of the parent's peer, early or late", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    for (const order of ["early", "late"]) {
      const port = await server.site.listenOnce(connection);
      expect(port.host).toBe("127.0.0.1");
      const waiting = order === "late" ? port.connection() : undefined;
      const opened = server.lab.events.next("opened");
      const data = dial(port);
      expect(await opened).toMatchObject({ parent: connection.id });
      const accepted = await (waiting ?? port.connection());
      expect(accepted.id).toMatch(new RegExp(`^${connection.id}\\.\\d$`));
      accepted.stream.end("data");
      expect(await text(data)).toBe("data");
      // Nobody listens there any more.
      const [error] = await once(dial(port), "error");
      expect(error.code).toBe("ECONNREFUSED");
    }
    socket.destroy();
  });

  test("whoever comes between the stop and the end of the client is told to be closed", async () => {
    const server = await controlled();
    const told: string[] = [];
    server.lab.events.subscribe(({ type, connection }) =>
      told.push(connection ? `${connection} ${type}` : type),
    );
    const { socket, connection } = await server.client();
    const port = await server.site.listenOnce(connection);
    const stopped = new Promise((resolve) => {
      connection.stream.once("data", () => resolve(server.lab.stop({ grace: 0 })));
    });
    // Both within one turn, so that the system reports them together, in this order.
    socket.write("stop");
    const data = dial(port).on("error", () => {});
    await stopped;
    socket.destroy();
    data.destroy();
    const { id } = connection;
    expect(told).toEqual([`${id} opened`, `${id}.1 opened`, `${id} closed`, `${id}.1 closed`, "stopped"]);
  });

  test("drops a stranger who comes first, and still serves the owner", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    const port = await server.site.listenOnce(connection);
    const refused = server.lab.events.next("refused");
    const stranger = dial(port, "127.0.0.2").on("error", () => {});
    expect(await refused).toMatchObject({ reason: "stranger", peer: { host: "127.0.0.2" } });
    const owner = dial(port);
    (await port.connection()).stream.end("yours");
    expect(await text(owner)).toBe("yours");
    stranger.destroy();
    socket.destroy();
  });

  test("gives up after a while, and when it is closed", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    const port = await server.site.listenOnce(connection);
    await expect(port.connection(20)).rejects.toMatchObject({ code: "TIMED_OUT" });
    const waiting = port.connection();
    port.close();
    port.close();
    await expect(waiting).rejects.toMatchObject({ code: "STOPPED" });
    await expect(port.connection()).rejects.toMatchObject({ code: "STOPPED" });
    socket.destroy();
  });

  test("goes with its parent, and so does a connection that nobody took", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    const waiting = await server.site.listenOnce(connection);
    const taken = await server.site.listenOnce(connection);
    const opened = server.lab.events.next("opened");
    const data = dial(taken).resume();
    const { connection: id } = await opened;
    const closed = server.lab.events.next("closed", { connection: id! });
    data.on("error", () => {});
    socket.resetAndDestroy();
    expect((await closed).reason).toBe("reset");
    const [error] = await once(dial(waiting), "error");
    expect(error.code).toBe("ECONNREFUSED");
  });

  test("does not stay open for a parent that is gone already", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    connection.cut("server");
    await connection.closed;
    await expect(server.site.listenOnce(connection)).rejects.toMatchObject({ code: "STOPPED" });
    socket.destroy();
  });

  test("a connection that is reset before it is taken disturbs nobody", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    const port = await server.site.listenOnce(connection);
    const closed = server.lab.events.next("closed");
    const data = dial(port);
    await once(data, "connect");
    data.resetAndDestroy();
    expect(await closed).toMatchObject({ connection: `${connection.id}.1` });
    const accepted = await port.connection();
    expect(accepted.stream.destroyed).toBe(true);
    socket.destroy();
  });

  test("comes out of a range, every port of it and then none", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    // Below the ports that the kernel gives to clients.
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const ports: PortRange = { from: base, to: base + 3 };
    const open: DataPort[] = [];
    for (let count = 0; count < 4; count += 1) open.push(await server.site.listenOnce(connection, ports));
    expect(open.map(({ port }) => port).sort()).toEqual([base, base + 1, base + 2, base + 3]);
    await expect(server.site.listenOnce(connection, ports)).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    for (const port of open) port.close();
    (await server.site.listenOnce(connection, ports)).close();
    socket.destroy();
  });

  test("over IPv6", async () => {
    await using server = await controlled({ host: "::1" });
    const { socket, connection } = await server.client("::1");
    const port = await server.site.listenOnce(connection);
    expect(port.host).toBe("::1");
    const data = dial(port, "::1");
    (await port.connection()).stream.end("six");
    expect(await text(data)).toBe("six");
    socket.destroy();
  });
});

describe("dialling", () => {
  test("from the address that the client knows", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    const client = createServer((incoming) => incoming.end(incoming.remoteAddress ?? "")).listen(
      0,
      "127.0.0.1",
    );
    await once(client, "listening");
    const { port } = client.address() as { port: number };
    const data = await server.site.dial(connection, { host: "127.0.0.1", port });
    expect(await text(data.stream)).toBe("127.0.0.1");
    data.end();
    client.close();
    socket.destroy();
  });

  test("for a client that is gone already", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    connection.cut("server");
    await connection.closed;
    const to = { host: server.lab.servers.files.host, port: server.lab.servers.files.port };
    await expect(server.site.dial(connection, to)).rejects.toMatchObject({ code: "UNREACHABLE" });
    socket.destroy();
  });

  test("where nobody listens", async () => {
    await using server = await controlled();
    const { socket, connection } = await server.client();
    await using gone = await startLab({ one: tcp() });
    const { port } = gone.servers.one;
    await gone.stop();
    await expect(server.site.dial(connection, { host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "UNREACHABLE",
    });
    socket.destroy();
  });
});

describe("clocks", () => {
  test("data is traffic of its parent; what stands still is cut though commands go on", async () => {
    await using server = await controlled({ gate: { idle: 200 } });
    const { socket, connection } = await server.client();
    const port = await server.site.listenOnce(connection);
    const data = dial(port).on("error", () => {});
    const stuck = await port.connection();
    const ticking = setInterval(() => socket.write("NOOP\r\n"), 20);
    expect(await stuck.closed).toBe("idle");
    expect(socket.readableEnded).toBe(false);
    clearInterval(ticking);
    data.destroy();
    socket.destroy();
  });
});
