import type { Connection, Site } from "../../core/service.ts";

/** How many requests came on how many connections, for the log: nothing else shows whether clients keep connections alive. */
export class Tally {
  readonly #site: Pick<Site, "log" | "server">;
  #connections = 0;
  #requests = 0;

  constructor(site: Pick<Site, "log" | "server">) {
    this.#site = site;
  }

  /** A connection is closed that carried so many. */
  add({ id }: Connection, requests: number): void {
    if (requests === 0) return;
    this.#connections += 1;
    this.#requests += requests;
    const { log, server } = this.#site;
    const fields = { server, connection: id, event: "keep-alive", requests };
    log.info(fields, `carried ${counted(requests, "request")}`);
  }

  /** The figures of all connections. */
  close(): void {
    if (this.#connections === 0) return;
    const { log, server } = this.#site;
    const [requests, connections] = [this.#requests, this.#connections];
    const each = (requests / connections).toFixed(1);
    log.info(
      { server, event: "keep-alive", requests, connections },
      `${counted(requests, "request")} on ${counted(connections, "connection")}, ${each} on each`,
    );
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
