import { randomBytes } from "node:crypto";
import { WirelabError } from "../core/errors.ts";
import { type Lab, startLab } from "../core/lab.ts";
import type { ListenOptions } from "../core/service.ts";

/** Where the control API listens, and whom it lets in. */
export interface ControlOptions extends Pick<ListenOptions, "port" | "host" | "path" | "gate"> {
  /** What clients have to send as `Authorization: Bearer …`. Default: 32 random bytes, told by {@link Control.token}. */
  readonly token?: string;
  /** Names, beside the address that it listens on and those of loopback, that clients may call it by. Default: none. */
  readonly hosts?: readonly string[];
}

/** A running control API. */
export interface Control extends AsyncDisposable {
  /** Where it is, `http://127.0.0.1:4000` for example. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** The path of its Unix-domain socket, if it has one. */
  readonly path?: string;
  readonly token: string;
  /** Stops it; the lab goes on. It stops by itself with the lab. */
  stop(): Promise<void>;
}

/** The shortest token, in characters: one that can be guessed is none. */
const SHORTEST_TOKEN = 16;

/**
 * Lets programs in any language have a lab by HTTP: servers, files, events, transcript, faults, stubs, devices, accounts, clock,
 * reset and stop. `GET /openapi.json` describes it (OpenAPI 3.1). It listens on 127.0.0.1 unless it is told otherwise, asks for a
 * token, and answers only to the names of the machine itself, so that no web page can use it by a name of its own.
 *
 * It runs beside the lab's servers, not among them: its clients are in no event, and a reset leaves them alone.
 *
 * @throws WirelabError `ADDRESS_IN_USE` and the like as {@link startLab}; `BAD_OPTION` for a token of less than 16 characters.
 *
 * @example
 * ```ts
 * import { http, serveControl, startLab } from "wirelab";
 *
 * await using lab = await startLab({ web: http() });
 * await using control = await serveControl(lab);
 * const headers = { authorization: `Bearer ${control.token}` };
 * await fetch(`${control.url}/v1/files/note.txt`, { method: "PUT", body: "by control", headers });
 * console.log(await (await fetch(`${lab.servers.web.url}/note.txt`)).text()); // by control
 * ```
 */
export async function serveControl(lab: Lab, options: ControlOptions = {}): Promise<Control> {
  const { token = randomBytes(32).toString("hex"), hosts = [], ...listen } = options;
  if (token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token)) {
    throw new WirelabError(
      "BAD_OPTION",
      `control: the token has to have ${SHORTEST_TOKEN} printable characters at least, without blanks.`,
    );
  }
  // A lab of its own: the same sockets, limits and end as any server, and none of its events among those of the other.
  const own = await startLab(
    {
      control: {
        protocol: "http",
        listen,
        open: async (site) => (await import("./engine.ts")).controlEngine(lab, site, { token, hosts }),
      },
    },
    { transcript: 0, accounts: [], files: {} },
  );
  const stop = async () => void (await own.stop());
  // It waits for nothing but the lab's end.
  lab.events.next("stopped", () => false, Number.POSITIVE_INFINITY).catch(stop);
  const { url, host, port, path } = own.servers.control;
  return { url, host, port, ...(path !== undefined && { path }), token, stop, [Symbol.asyncDispose]: stop };
}
