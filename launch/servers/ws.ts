import type { WebSocketHandler, WebSocketOptions } from "../../servers/websocket/index.ts";
import { kind, listening } from "../kind.ts";

export const ws = kind({
  protocol: "websocket",
  port: 9000,
  flag: listening("ws", 9000),
  settings: {},
  shape: async ({ text, list, record, either, oneOf, callable, whole, bytes, ms }) => {
    const { WEBSOCKET_BEHAVIOURS } = await import("../../servers/websocket/index.ts");
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
  commands({ url, path, tls, caFile }) {
    const trust = caFile === undefined ? "--no-check" : `--ca ${caFile}`;
    const wscat = tls === "on" ? `npx wscat ${trust} -c` : "npx wscat -c";
    return path ? [`${wscat} ws+unix:${path}:/`] : [`${wscat} ${url}/`, `${wscat} ${url}/chat`];
  },
});
