import {
  WEBSOCKET_BEHAVIOURS,
  type WebSocketHandler,
  type WebSocketOptions,
} from "../../servers/websocket/index.ts";
import { kind, listening } from "../kind.ts";

export const ws = kind({
  protocol: "websocket",
  port: 9000,
  flag: listening("ws", 9000),
  settings: {},
  shape: ({ text, list, record, either, oneOf, callable, whole, bytes, ms }) => {
    const handler = callable<WebSocketHandler>();
    return {
      handler,
      routes: record(either(oneOf(...WEBSOCKET_BEHAVIOURS), handler)),
      subprotocols: list(text),
      origins: list(text),
      compression: oneOf("on", "off"),
      maxPayload: whole(1),
      maxFragments: whole(1),
      maxBuffered: whole(1),
      pingInterval: ms,
      handshakeTimeout: ms,
      maxHeaderSize: bytes,
    };
  },
  service: async (options: WebSocketOptions) =>
    (await import("../../servers/websocket/index.ts")).websocket(options),
  commands: ({ url, path }) =>
    path ? [`npx wscat -c ws+unix:${path}:/`] : [`npx wscat -c ${url}/`, `npx wscat -c ${url}/chat`],
});
