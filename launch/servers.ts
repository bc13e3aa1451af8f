import type { Kind } from "./kind.ts";
import { forward } from "./servers/forward.ts";
import { ftp } from "./servers/ftp.ts";
import { http } from "./servers/http.ts";
import { tcp } from "./servers/tcp.ts";
import { telnet } from "./servers/telnet.ts";
import { udp } from "./servers/udp.ts";
import { ws } from "./servers/ws.ts";

/** The servers that the command can start, by the names that they have there, in the order of help and banner. */
export const KINDS = { ftp, telnet, http, ws, tcp, udp, forward } as const satisfies Readonly<
  Record<string, Kind>
>;
