import type { Server as NetServer, ListenOptions as NodeListenOptions } from "node:net";
import { authority } from "./address.ts";
import { codeOf, type ErrorCode, messageOf, WirelabError } from "./errors.ts";

const BIND_ERRORS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  EADDRINUSE: ["ADDRESS_IN_USE", "the address is in use; choose another one, or port 0 for any free one"],
  EEXIST: ["ADDRESS_IN_USE", "a file that is no socket is there, and is left as it is"],
  EACCES: [
    "ADDRESS_DENIED",
    "permission denied; ports below 1024 and foreign folders need rights, others do not",
  ],
  EPERM: ["ADDRESS_DENIED", "permission denied"],
  EADDRNOTAVAIL: ["ADDRESS_UNAVAILABLE", "this machine has no such address"],
  ENOTFOUND: ["ADDRESS_UNAVAILABLE", "no such host; write a literal address"],
  EAFNOSUPPORT: ["ADDRESS_UNAVAILABLE", "this machine does not speak that family of addresses"],
  ENOENT: ["ADDRESS_UNAVAILABLE", "the folder of the socket does not exist"],
  ENOTDIR: ["ADDRESS_UNAVAILABLE", "what should be the folder of the socket is none"],
};

/** Why a server cannot listen at an address, said so that its user knows what to do. */
export function bindError(error: Error, at: string, name: string): WirelabError {
  const cause = codeOf(error) ?? "IO";
  const [code, why] = BIND_ERRORS[cause] ?? ["ADDRESS_UNAVAILABLE", messageOf(error)];
  return new WirelabError(code, `${name} cannot listen on ${at}: ${why} (${cause}).`, { cause: error });
}

/** Makes a server listen, or says why it cannot. */
export function bind(server: NetServer, wanted: NodeListenOptions, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      const at =
        wanted.path !== undefined ? `unix:${wanted.path}` : authority(wanted.host ?? "", wanted.port ?? 0);
      reject(bindError(error, at, name));
    };
    server.once("error", refuse);
    server.listen(wanted, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
