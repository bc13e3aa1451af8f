import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { plainAddress } from "../core/address.ts";
import { Refusal } from "./refusal.ts";

/** What every machine calls itself. */
const OWN_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Lets in requests to the machine's own names alone. A web page of somebody else's can be made to reach a server on loopback by
 * a name of its own that it lets point there (DNS rebinding); that name then stands in `Host`.
 *
 * @param hosts further names.
 */
export function ownNamesOnly(hosts: readonly string[]): RequestHandler {
  const names = [...OWN_NAMES, ...hosts.map((host) => host.toLowerCase())];
  return (request, _response, next) => {
    const name = (request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
    // The address that this very client has reached us by.
    const address = plainAddress(request.socket.localAddress ?? "");
    if (names.includes(name) || name === address || name === `[${address}]`) return next();
    throw new Refusal(
      403,
      "FORBIDDEN",
      `This server is not called ${JSON.stringify(name)}: use its address, or 127.0.0.1.`,
    );
  };
}

/** Lets in requests with the token alone; the time that it takes does not tell how much of it was right. */
export function bearersOnly(token: string): RequestHandler {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(token);
  return (request, _response, next) => {
    const [, given = ""] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (timingSafeEqual(digest(given), wanted)) return next();
    throw new Refusal(
      401,
      "UNAUTHORIZED",
      "Send the token of the ready record: Authorization: Bearer TOKEN.",
      {
        "WWW-Authenticate": 'Bearer realm="wirelab"',
      },
    );
  };
}
