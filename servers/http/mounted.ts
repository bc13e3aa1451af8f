import type { Express, Request, RequestHandler } from "express";
import type { HttpApp } from "./index.ts";
import type { Turn } from "./turn.ts";

/**
 * How long an app may be silent when its client has sent FIN, in milliseconds: such a client may be waiting for its answer, or
 * gone, which apps want to hear of.
 */
const HALF_CLOSED = 1000;

/**
 * An app of somebody's own, in front of what the server itself has.
 *
 * @param app what it hands back to.
 */
export function mounted(own: HttpApp, app: Express, turnOf: (request: Request) => Turn): RequestHandler {
  return async (request, response, next) => {
    const turn = turnOf(request);
    if (await turn.isScripted()) return;
    const attended = attend(turn);
    const takeBack = () => {
      attended[Symbol.dispose]();
      // An Express app leaves its own prototypes behind.
      Object.setPrototypeOf(request, app.request);
      Object.setPrototypeOf(response, app.response);
    };
    try {
      await own(request, response, (error) => {
        takeBack();
        next(error);
      });
    } catch (error) {
      takeBack();
      throw error;
    }
  };
}

/**
 * Lends a turn until it is over or disposed of. Meanwhile the connection of a client is cut that has closed its side and is sent
 * nothing.
 */
function attend(turn: Turn): Disposable {
  const { response, connection } = turn;
  const { stream } = connection;
  turn.lent = true;
  const { socket } = response;
  let clock: NodeJS.Timeout | undefined;
  const begin = () => {
    let sent = socket?.bytesWritten;
    clock = setInterval(() => {
      if (socket?.bytesWritten === sent && stream.writableLength === 0) connection.cut("client");
      sent = socket?.bytesWritten;
    }, HALF_CLOSED);
  };
  const over = () => {
    turn.lent = false;
    clearInterval(clock);
    stream.off("end", begin);
    response.off("close", over);
  };
  if (stream.readableEnded) begin();
  else stream.once("end", begin);
  response.once("close", over);
  return { [Symbol.dispose]: over };
}
