import { IncomingMessage, ServerResponse } from "node:http";
import express, { type Express } from "express";
import { assignable } from "../../core/assignable.ts";

/** An Express app, and the constructors of the requests and responses that it is to get. */
export interface Application {
  readonly app: Express;
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

/**
 * Express changes the prototype of every request and response, which costs a server most of its speed: V8 gives up what it
 * knows of them. With these constructors they are born with the prototypes that Express is about to set, so that setting
 * changes nothing.
 */
export function application(): Application {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // Express 4's way.
  app.set("query parser", "extended");
  letAssign(app.request);
  keepQuery(app.request);
  return {
    app,
    IncomingMessage: bornAs(app.request, IncomingMessage) as typeof IncomingMessage,
    ServerResponse: bornAs(app.response, ServerResponse) as typeof ServerResponse,
  };
}

/**
 * Lets requests be given what Express makes of them, `query` for example: listeners that are no Express apps do so, and would
 * fail where there is only a getter.
 */
function letAssign(request: object): void {
  const made = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(request));
  for (const [name, { get }] of Object.entries(made)) {
    if (get) assignable(request, name, get);
  }
}

/**
 * Lets a request keep its query once somebody has looked at it. Express 4 parses none where it finds one, and then takes the
 * prototype away that had it.
 */
function keepQuery(request: Express["request"]): void {
  const { get } = Object.getOwnPropertyDescriptor(request, "query") ?? {};
  Object.defineProperty(request, "query", {
    get(this: Express["request"]) {
      this.query = get?.call(this);
      return this.query;
    },
  });
}

/** A constructor like `parent`, of objects with another prototype. */
function bornAs(prototype: object, parent: unknown): unknown {
  // Node's constructors are functions, and can be called on an object that is there already. Letting them make one and
  // changing its prototype would be the very loss that this is to avoid.
  // (Were they classes one day, that would no longer do, and Express would be as slow as it is elsewhere.)
  if (/^class\b/.test(String(parent))) return parent;
  const construct = parent as (this: object, ...args: readonly unknown[]) => void;

  function Born(this: Record<string, unknown>, first?: unknown, second?: unknown): void {
    // Never so: V8 makes room in an object for as many properties as the text of its constructor assigns (and takes back
    // what the first objects leave unused). Without this text each object would be enlarged a dozen times while Node and
    // Express fill it, which is a third of the time that a request takes.
    if (first === undefined) {
      this.a = this.b = this.c = this.d = this.e = this.f = this.g = this.h = 0;
      this.i = this.j = this.k = this.l = this.m = this.n = this.o = this.p = 0;
      this.q = this.r = this.s = this.t = this.u = this.v = this.w = this.x = 0;
    }
    construct.call(this, first, second);
  }
  Born.prototype = prototype;
  return Born;
}
