import { STATUS_CODES } from "node:http";

// What methods and status codes mean, for people who read a conversation: RFC 9110 §9 and §15, RFC 5789, RFC 6585.

const METHODS: Readonly<Record<string, string>> = {
  GET: "give me this",
  HEAD: "tell me about this, without its content",
  POST: "take this in",
  PUT: "store this here",
  DELETE: "remove this",
  OPTIONS: "what may be done here?",
  PATCH: "change this",
  CONNECT: "open a tunnel",
  TRACE: "send back what you got",
};

const CODES: Readonly<Record<number, string>> = {
  100: "go on and send the body",
  101: "from here on another protocol is spoken",
  200: "here it is",
  201: "it was made",
  204: "done, and there is nothing to say",
  206: "here is the part that was asked for",
  301: "it has moved for good: ask there",
  302: "it is elsewhere for now: ask there",
  303: "look there for the answer",
  304: "what you have is still right",
  307: "ask there, in the same way",
  308: "it has moved for good: ask there, in the same way",
  400: "that is no request",
  401: "who are you? Name and password, please",
  403: "you may not",
  404: "there is no such thing",
  405: "not with that method",
  406: "not in a form that you accept",
  408: "the request took too long",
  409: "that does not fit what is there",
  411: "say how long the body is",
  412: "your condition does not hold",
  413: "that is too much",
  414: "the address is too long",
  415: "not that kind of content",
  416: "there is no such part of it",
  417: "what you expect cannot be done",
  421: "this server is not the one you mean",
  426: "speak another protocol",
  429: "too many requests: slower, please",
  431: "the headers are too long",
  500: "an error in the server",
  501: "this server does not do that",
  502: "what stands behind the server gave no right answer",
  503: "not now",
  504: "what stands behind the server took too long",
  505: "not that version of HTTP",
  507: "there is no room for it",
};

/** What a method asks for, in plain words. */
export function methodWords(method: string): string | undefined {
  return METHODS[method];
}

/** What a status code says, in plain words. */
export function statusWords(code: number): string | undefined {
  return CODES[code] ?? STATUS_CODES[code]?.toLowerCase();
}
