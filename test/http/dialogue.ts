import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Where to connect to: a running server is one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A response as it came over the wire. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** A character for each byte. */
  readonly body: string;
}

/** All that the server says to `request` until it closes. The client sends FIN behind its request, as `nc -N` does. */
export async function say(to: Address, request: string | Uint8Array): Promise<string> {
  const socket = await open(to);
  const answer = heard(socket);
  socket.end(typeof request === "string" ? Buffer.from(request, "latin1") : request);
  return answer;
}

/** The same, but nothing is sent behind the request: the server is to close by itself. */
export async function sayAndWait(to: Address, request: string): Promise<string> {
  const socket = await open(to);
  const answer = heard(socket);
  socket.write(Buffer.from(request, "latin1"));
  return answer;
}

/** A connected socket that can be half-closed; errors show as its end. */
export async function open({ host, port }: Address): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  socket.on("error", () => {});
  return socket;
}

/** What a socket receives until the server ends it, a character for each byte; the client then ends its side too. */
export async function heard(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.once("end", () => socket.end());
  await once(socket, "close");
  return text;
}

/** The text received from now on, as soon as it satisfies `enough`. */
export function hears(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const more = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!enough(text)) return;
      socket.off("data", more);
      socket.off("close", close);
      resolve(text);
    };
    const close = () => resolve(text);
    socket.on("data", more);
    socket.once("close", close);
  });
}

/** A whole request with a Host header. */
export function request(line: string, headers: Readonly<Record<string, string>> = {}, body = ""): string {
  const length = body === "" ? {} : { "Content-Length": String(Buffer.byteLength(body, "latin1")) };
  const fields = Object.entries({ Host: "127.0.0.1", ...headers, ...length });
  return `${line} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}

/** Takes the responses of one connection apart; the last may have no length, and then ends where the text ends. */
export function answersIn(text: string, options: { readonly bodies?: "sent" | "none" } = {}): Answer[] {
  const answers: Answer[] = [];
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) throw new Error(`No whole response: ${JSON.stringify(rest.slice(0, 200))}`);
    const [line = "", ...fields] = rest.slice(0, end).split("\r\n");
    const [, status = "", reason = ""] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(line) ?? [];
    if (status === "") throw new Error(`No status line: ${JSON.stringify(line)}`);
    const headers: Record<string, string> = {};
    for (const field of fields) {
      const colon = field.indexOf(":");
      headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
    }
    const bodiless = options.bodies === "none" || /^(1..|204|304)$/.test(status);
    const length = bodiless ? 0 : Number(headers["content-length"] ?? rest.length);
    const body = rest.slice(end + 4, end + 4 + length);
    answers.push({ status: Number(status), reason, headers, body });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

/** The only response to a request, on a connection of its own. */
export async function ask(
  to: Address,
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): Promise<Answer> {
  const text = await say(to, request(line, headers, body));
  const [answer, ...more] = answersIn(text, { bodies: line.startsWith("HEAD ") ? "none" : "sent" });
  if (!answer || more.length > 0) throw new Error(`Not one response: ${JSON.stringify(text)}`);
  return answer;
}

/** Credentials of the account that every lab has. */
export const FOO = { Authorization: `Basic ${Buffer.from("foo:bar").toString("base64")}` };

export function basic(name: string, password: string): { Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}` };
}
