import type { IncomingMessage, ServerResponse } from "node:http";
import { WirelabError } from "../../core/errors.ts";
import type { ListenOptions, Service } from "../../core/service.ts";
import type { CgiOptions } from "./cgi/options.ts";
import type { HttpStubbing, Stub } from "./stubs/stub.ts";

/**
 * A request listener of one's own: an Express app or router, or a function that calls `next` for what it leaves alone.
 * (Written as a method, so that listeners typed with Express's richer requests fit.)
 */
export type HttpApp = {
  listener(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown;
}["listener"];

/** What {@link http} can be told. */
export interface HttpOptions extends ListenOptions {
  /**
   * What those may do who do not log in, where the lab has no account `anonymous`: letters as in `Account.permissions`.
   * Default `elr`, look and read. An empty text asks everybody to log in.
   */
  readonly public?: string;
  /** Whether files and directories are served whose names begin with a dot. Default `hide`: as if there were none. */
  readonly dotfiles?: "hide" | "allow";
  /**
   * Whether texts of 256 bytes and more go out packed by gzip or brotli to those who accept it: from a sibling that is not older
   * (`app.js.gz`, `app.js.br`), or, up to a MiB, packed on the fly. Ranges are of the file itself, and each form has its own
   * ETag. Default `on`.
   */
  readonly compression?: "on" | "off";
  /** The longest body that a PUT may have, in bytes; a longer one is refused with 413. Default 1,073,741,824, a GiB. */
  readonly maxBody?: number;
  /** How long a request's target and headers may be together, in bytes; 414 or 431 above that. Default 16,384. */
  readonly maxHeaderSize?: number;
  /** Milliseconds that a client has to send the head of a request; 408 after that. Default 10,000; 0 for no limit. */
  readonly headersTimeout?: number;
  /** Milliseconds that a client has to send a whole request; 408 after that. Default 300,000; 0 for no limit. */
  readonly requestTimeout?: number;
  /**
   * Milliseconds that a client has for each 4,096 bytes of its body, 408 after that, and to take something of a response, or it
   * is cut. Whoever is slowed down by a fault rule is not slow. Default 15,000; 0 for no limit.
   */
  readonly bodyTimeout?: number;
  /** Milliseconds that a connection waits for its next request. Default 5,000; 0 leaves it to `gate.idle`. */
  readonly keepAliveTimeout?: number;
  /** Requests on one connection, the last of which is answered with `Connection: close`. Default 0, no limit. */
  readonly maxRequestsPerSocket?: number;
  /**
   * A folder of programs to run (RFC 3875), as `/cgi-bin/NAME`, or how to run them. They start without a shell, in their own
   * folder, for everybody who may read. Default: none.
   */
  readonly cgi?: string | CgiOptions;
  /**
   * Where the endpoints are that clients are tried on: `echo`, `status/CODE`, `delay/MS`, `bytes/N`, `drip`, `redirect/N`,
   * `cookies`, `cache`, `basic-auth`, `sse`, `chunked`, `trailers`, `gzip`, `range/N`, `stream/N` and more, listed at the path
   * itself. They hide files of the same path. Default `/_/`; `false` for none.
   */
  readonly inspect?: string | false;
  /**
   * Answers for requests that they match, before the files; `lab.servers.NAME.stub()` adds others while the server runs. They
   * are for every client: nobody is asked to log in. Default: none.
   */
  readonly stubs?: readonly Stub[];
  /**
   * Whose pages may use this server from a browser, ranges and uploads included: origins as `http://127.0.0.1:3000`, which may
   * send the password that the browser remembers as well, or `*` for all, which may not. Default: nobody's but its own.
   */
  readonly cors?: "*" | readonly string[];
  /**
   * The file that is sent where there is none, for an app that finds its way by itself: `/index.html`. For GETs and HEADs of
   * those who accept a page, of paths whose last name has no dot. Default: none, and they get a 404.
   */
  readonly fallback?: string;
  /**
   * The WebSockets of this port, as `websocket()` describes them: requests to upgrade are theirs, at their own paths and below
   * `/ws`. Where it listens does not matter, nor whom its gate lets in. Default: none, and a wish to upgrade is not heard.
   */
  readonly websocket?: Service;
  /**
   * Is asked before the files: an Express app, a router, or a function. A client that has closed its side, and is sent nothing for
   * a second, counts as gone, and the app hears of it. Default: none.
   */
  readonly app?: HttpApp;
}

/**
 * An HTTP/1.1 server of the lab's files: GET, HEAD, PUT, DELETE and OPTIONS (RFC 9110), with ranges, validators, listings
 * and Basic authentication against the lab's accounts.
 *
 * @throws WirelabError `BAD_OPTION` where `websocket` is another protocol's service, or `app` no function.
 *
 * Opening it throws `BAD_OPTION` for a limit that is no whole number, a letter of `public` that is no permission, or a CGI
 * folder that is none or holds the lab's files.
 *
 * @example
 * ```ts
 * import { http, startLab } from "wirelab";
 *
 * await using lab = await startLab({ web: http() });
 * const { url } = lab.servers.web;
 * const headers = { authorization: `Basic ${btoa("foo:bar")}` };
 * await fetch(`${url}/note.txt`, { method: "PUT", body: "Hello!", headers });
 * console.log(await (await fetch(`${url}/note.txt`)).text()); // Hello!
 * ```
 */
export function http(options: HttpOptions = {}): Service<HttpStubbing> {
  const { app, cgi, websocket } = options;
  if (websocket && websocket.protocol !== "websocket") {
    throw new WirelabError("BAD_OPTION", `http: websocket is ${websocket.protocol}(); give it websocket().`);
  }
  if (app && typeof app !== "function") {
    throw new WirelabError("BAD_OPTION", "http: app is no function of a request and a response.");
  }
  return {
    protocol: "http",
    listen: options,
    alpn: ["http/1.1"],
    ...(cgi !== undefined && { secludes: [typeof cgi === "string" ? cgi : cgi.folder] }),
    open: async (site) => (await import("./engine.ts")).httpEngine(site, options),
  };
}
