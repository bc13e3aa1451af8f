import type { Request } from "express";
import type { GuardedStore } from "../../core/accounts.ts";
import { codeOf } from "../../core/errors.ts";
import { isWithin, nameOf, resolvePath } from "../../core/path.ts";
import type { Store } from "../../core/store/store.ts";
import { checkConditions, isConditional, type Validators } from "./conditions.ts";
import { type Content, contents } from "./content.ts";
import { type Encoder, encoder, type Place } from "./encodings.ts";
import { receiveForm } from "./form.ts";
import { unknownMethod } from "./head.ts";
import { listing } from "./listing.ts";
import { POLICY } from "./page.ts";
import { Refusal } from "./refusal.ts";
import { respond } from "./respond.ts";
import type { Settings } from "./settings.ts";
import { encodePath, isHidden, type Target } from "./target.ts";
import type { Turn } from "./turn.ts";
import { checkBody, checkCoding, notWritable, receive } from "./upload.ts";
import { CHALLENGE, type Visitor, type Visitors } from "./visitor.ts";

const NOTHING_ASKED: ReadonlyMap<string, string> = new Map();
const OF_FILES = "GET, HEAD, OPTIONS, PUT, DELETE";
const OF_DIRECTORIES = "GET, HEAD, OPTIONS, POST, DELETE";

/** The methods of RFC 9110 and 5789: those that a resource does not have are refused with 405, all others with 501. */
const METHODS = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH", "TRACE"]);

/** The methods of HTTP on the files of a lab. */
export function serveFiles(settings: Settings, visitors: Visitors): (turn: Turn) => Promise<void> {
  const contentOf = contents();
  const encode = settings.compression === "on" ? encoder(contentOf) : asItIs;

  function get(turn: Turn, visitor: Visitor, { path, kind, query }: Target): Promise<void> {
    return kind === "directory"
      ? getDirectory(turn, visitor, path, query)
      : getFile(turn, visitor, path, query);
  }

  async function getFile(turn: Turn, { store }: Visitor, path: string, query: string): Promise<void> {
    let content: Content;
    try {
      const found = contentOf(store, path);
      content = found instanceof Promise ? await found : found;
    } catch (error) {
      if (codeOf(error) !== "IS_DIRECTORY") throw error;
      return redirect(turn, `${encodePath(path)}/${query}`);
    }
    await answer(turn, content, { store, path });
  }

  /** What comes from a place in the store, in the form that the client likes best. */
  function answer(turn: Turn, content: Content, place: Place): Promise<void> {
    if (!content.negotiable) return respond(turn, content, place.path);
    return encode(turn.request, content, place).then((form) => respond(turn, form, place.path));
  }

  async function getOrInstead(turn: Turn, visitor: Visitor, target: Target): Promise<void> {
    try {
      await get(turn, visitor, target);
    } catch (error) {
      await insteadOf(error, turn, visitor, target.path);
    }
  }

  /** RFC 9110 knows nothing of it: a page at every path, for an app that looks at the path itself. */
  async function insteadOf(error: unknown, turn: Turn, { store }: Visitor, path: string): Promise<void> {
    const { fallback } = settings;
    const missing = ["NOT_FOUND", "NOT_DIRECTORY", "BAD_PATH"].includes(codeOf(error) ?? "");
    if (fallback === undefined || !missing || nameOf(path).includes(".") || !acceptsPages(turn.request))
      throw error;
    let content: Content;
    try {
      content = await contentOf(store, fallback);
    } catch {
      throw error;
    }
    turn.response.vary("Accept");
    return answer(turn, content, { store, path: fallback });
  }

  function getDirectory(turn: Turn, visitor: Visitor, path: string, query: string): Promise<void> {
    const { store } = visitor;
    // Nearly always there is none.
    const asked = query === "" ? NOTHING_ASKED : new URLSearchParams(query);
    // A slash that is written as %2F is none to a browser, for which relative links would lead elsewhere.
    if (/^[^?]*%2f/i.test(turn.request.url)) return redirect(turn, `${directoryUrl(path)}${query}`);
    if (path === "/" && asked.has("login")) return login(turn, visitor, asked.get("login") ?? "/");
    if (!acceptsPages(turn.request) || asked.has("list")) return list(turn, visitor, path);
    const index = path === "/" ? "/index.html" : `${path}/index.html`;
    const found = contentOf(store, index);
    if (!(found instanceof Promise)) return answer(turn, found, { store, path: index });
    return found.then(
      (content) => answer(turn, content, { store, path: index }),
      // Without an index that can be read there is still a listing, or a better reason why not.
      () => list(turn, visitor, path),
    );
  }

  async function list(turn: Turn, visitor: Visitor, path: string): Promise<void> {
    const entries = await visitor.store.list(path);
    const shown =
      settings.dotfiles === "allow" ? entries : entries.filter(({ name }) => !name.startsWith("."));
    turn.response.set("Content-Security-Policy", POLICY).vary("Accept");
    return respond(turn, await encode(turn.request, listing(turn.request, path, shown, visitor)));
  }

  async function put(turn: Turn, store: GuardedStore, { path, kind }: Target): Promise<void> {
    checkBody(turn, settings.maxBody);
    const old = await unlessMissing(store.stat(path, "w"));
    if (old?.type === "directory") throw notAllowed(turn, OF_DIRECTORIES);
    if (kind === "directory")
      throw new Refusal(409, `${path}/: a PUT makes files, and this names a directory.`);
    const file = await store.write(path).catch((error) => {
      throw notWritable(error, path);
    });
    // Now, so that nobody sends in vain, and again at the end: of two who would create a file only one shall.
    const verify = () => verifyConditions(turn, store, path);
    await verify().catch((error) => {
      file.destroy();
      throw error;
    });
    await receive(turn, file, { path, maxBody: settings.maxBody, beforeFinish: verify });
    if ((await turn.announce(old ? 204 : 201)) === "go") turn.response.end();
  }

  async function post(turn: Turn, store: GuardedStore, { path }: Target): Promise<void> {
    const entry = await unlessMissing(store.stat(path));
    if (entry?.type !== "directory") throw notAllowed(turn, OF_FILES);
    const { maxBody, dotfiles } = settings;
    checkCoding(turn);
    const outcome = await receiveForm(turn, { path, store, maxBody, dotfiles });
    const asJson = turn.request.accepts(["html", "json"]) === "json";
    if ((await turn.announce(asJson ? 200 : 303)) !== "go") return;
    if (asJson) {
      turn.response.json(outcome);
      return;
    }
    const told = [`Stored: ${outcome.stored.length}`, `deleted: ${outcome.deleted.length}`].join(", ");
    turn.response
      .location(`${directoryUrl(path)}?list`)
      .type("txt")
      .send(`${told}.\n`);
  }

  async function remove(turn: Turn, store: GuardedStore, { path, kind }: Target): Promise<void> {
    const { type } = await store.stat(path, "d");
    if (kind === "directory" && type === "file") throw notThere(path);
    await verifyConditions(turn, store, path);
    await store.remove(path);
    if ((await turn.announce(204)) === "go") turn.response.end();
  }

  async function verifyConditions({ request }: Turn, store: Store, path: string): Promise<void> {
    if (isConditional(request)) checkConditions(request, await validatorsOf(store, path));
  }

  async function validatorsOf(store: Store, path: string): Promise<Validators | undefined> {
    try {
      const content = await unlessMissing(contentOf(store, path));
      await content?.close?.();
      return content;
    } catch (error) {
      // A directory is there, and has no versions.
      if (codeOf(error) === "IS_DIRECTORY") return { etag: "" };
      throw error;
    }
  }

  async function allowedOn(store: GuardedStore, path: string): Promise<string> {
    const entry = await store.stat(path).catch((error) => {
      if (codeOf(error) === "FORBIDDEN") throw error;
    });
    return entry?.type === "directory" ? OF_DIRECTORIES : OF_FILES;
  }

  return async (turn) => {
    const { method, url } = turn.request;
    const visitor = visitors.of(turn);
    const { store } = visitor;
    if (url === "*") return options(turn, OF_FILES);
    const { target } = turn;
    const { path } = target;
    const hidden = settings.dotfiles === "hide" && isHidden(path);
    try {
      switch (method) {
        case "GET":
        case "HEAD":
          if (hidden) throw notThere(path);
          return await (settings.fallback === undefined ? get : getOrInstead)(turn, visitor, target);
        case "PUT":
          if (hidden) throw new Refusal(403, `${path}: names that begin with a dot are not served.`);
          return await put(turn, store, target);
        case "POST":
          if (hidden) throw notAllowed(turn, OF_FILES);
          return await post(turn, store, target);
        case "DELETE":
          if (hidden) throw notThere(path);
          return await remove(turn, store, target);
        case "OPTIONS":
          return await options(turn, hidden ? OF_FILES : await allowedOn(store, path));
        default:
          if (!METHODS.has(method)) throw unknownMethod(method);
          throw notAllowed(turn, hidden ? OF_FILES : await allowedOn(store, path));
      }
    } catch (error) {
      const code = codeOf(error);
      // A name that no store could have, or one in what is no directory.
      const nowhere =
        (code === "NOT_DIRECTORY" || code === "BAD_PATH") && method !== "PUT" && method !== "POST";
      throw nowhere ? notThere(path) : visitors.orLogIn(error, turn, path);
    }
  };
}

const asItIs: Encoder = async (_request, content) => content;

/** Whether a page is of use to the client; a program that accepts JSON alone wants a listing even where there is an index. */
function acceptsPages(request: Request): boolean {
  return request.headers.accept === undefined || request.accepts("html") !== false;
}

/** RFC 9110 §9.3.7. */
async function options(turn: Turn, allow: string): Promise<void> {
  if ((await turn.announce(200)) !== "go") return;
  turn.response.set({ Allow: allow, "Content-Length": "0" }).end();
}

/** Whoever opens this is asked for name and password, and is then led back to where he came from, or home where that is not his. */
async function login(turn: Turn, { user, home }: Visitor, back: string): Promise<void> {
  if (user === undefined) throw new Refusal(401, "Log in to do more here.", CHALLENGE);
  // A path as it is, since a query has been decoded.
  const path = resolvePath(back);
  if ((await turn.announce(303)) !== "go") return;
  turn.response.location(`${directoryUrl(isWithin(path, home) ? path : home)}?list`).end();
}

function directoryUrl(path: string): string {
  return path === "/" ? "/" : `${encodePath(path)}/`;
}

async function redirect(turn: Turn, location: string): Promise<void> {
  if ((await turn.announce(301)) !== "go") return;
  turn.response.location(location).type("txt").send(`The directory is at ${location}\n`);
}

function notThere(path: string): Refusal {
  return new Refusal(404, `${path}: there is nothing of that name.`, {}, "NOT_FOUND");
}

function notAllowed({ request }: Turn, allow: string): Refusal {
  return new Refusal(405, `${request.method} has no meaning here; what is possible is ${allow}.`, {
    Allow: allow,
  });
}

async function unlessMissing<T>(found: T | Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}
