import type { IncomingMessage } from "node:http";
import { Refusal } from "./refusal.ts";

/** A host as a Host header or an authority names it, with or without a port (RFC 3986 §3.2.2). */
const HOST = /^(?:(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+)(?::\d{0,5})?)?$/i;

/** A target in absolute form (RFC 9112 §3.2.2): host and port, and the rest but for a fragment. */
const ABSOLUTE = /^https?:\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/i;

/**
 * What RFC 9112 asks of a request's head, before anybody serves it. The target becomes its path and query, whatever form it
 * was sent in (§3.2.2: a server must accept the absolute form too).
 *
 * @throws Refusal 400 for a Host header that is missing, doubled or no host, for chunks from a client of HTTP/1.0 (§6.1), and
 *   for a strange target; 417 for an unknown expectation; 501 for an unknown transfer coding; 505 for HTTP/0.9 and 2.0. Node's parser has
 *   refused the rest by then.
 */
export function checkHead(request: IncomingMessage): void {
  const { method = "", url = "", headers, httpVersion } = request;
  if (request.httpVersionMajor !== 1) throw unknownVersion();
  checkHost(request);
  const coding = headers["transfer-encoding"];
  if (coding !== undefined) checkCoding(coding, httpVersion);
  if (headers.expect !== undefined && httpVersion !== "1.0" && !/^100-continue$/i.test(headers.expect)) {
    throw new Refusal(417, "The only expectation that can be met is 100-continue.");
  }
  request.url = originForm(url, method);
  // RFC 9112 §3.2.2: what the target says counts, and not the Host header.
  if (request.url !== url && !url.startsWith("/")) headers.host = ABSOLUTE.exec(url)?.[1] ?? "";
}

/** RFC 9112 §6.1, §6.3. */
function checkCoding(coding: string, httpVersion: string): void {
  if (httpVersion === "1.0") {
    throw new Refusal(400, "HTTP/1.0 knows no Transfer-Encoding, so nobody can tell where this body ends.");
  }
  if (!/(?:^|[ ,\t])chunked$/i.test(coding)) {
    throw new Refusal(
      400,
      "The last transfer coding is not chunked, so nobody can tell where this body ends.",
    );
  }
  if (coding.length > "chunked".length) {
    throw new Refusal(501, "The only transfer coding that is known here is chunked.");
  }
}

/** RFC 9112 §3.2: exactly one in HTTP/1.1, and a valid one in any version; Node drops a second one silently. */
function checkHost({ rawHeaders, httpVersion, headers }: IncomingMessage): void {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  if (hosts === 0 && httpVersion === "1.1") {
    throw new Refusal(400, "An HTTP/1.1 request needs a Host header.");
  }
  if (hosts > 1) throw new Refusal(400, "A request has one Host header, not several.");
  if (headers.host !== undefined && !HOST.test(headers.host)) {
    throw new Refusal(400, "The Host header is no host: write name, name:port or [IPv6]:port.");
  }
}

/**
 * The target as path and query, in whatever form it was sent.
 *
 * @throws Refusal 400 for a strange one.
 */
export function originForm(url: string, method: string): string {
  if (url === "*" && method === "OPTIONS") return url;
  const target = url.startsWith("/") ? url : absolute(url);
  const fragment = target.indexOf("#");
  return fragment < 0 ? target : target.slice(0, fragment);
}

function absolute(url: string): string {
  const parts = ABSOLUTE.exec(url);
  const [, host = "", path = ""] = parts ?? [];
  if (host === "" || !HOST.test(host)) {
    throw new Refusal(400, "The request's target is neither a path nor an http URL.");
  }
  return path.startsWith("/") ? path : `/${path}`;
}

export function unknownVersion(): Refusal {
  return new Refusal(505, "This server speaks HTTP/1.1 and HTTP/1.0, and a request's first line says which.");
}

export function unknownMethod(method: string): Refusal {
  const name = method.length > 20 ? `${method.slice(0, 20)}…` : method;
  return new Refusal(501, `The method ${name} is not known here.`);
}
