import type { WebSocketOptions } from "../../servers/websocket/index.ts";
import { kind, listening } from "../kind.ts";

export const ws = kind<WebSocketOptions>({
  protocol: "websocket",
  port: 9000,
  flag: listening("ws", 9000),
  settings: {},
  service: async (options) => (await import("../../servers/websocket/index.ts")).websocket(options),
  commands: ({ url, path }) =>
    path ? [`npx wscat -c ws+unix:${path}:/`] : [`npx wscat -c ${url}/`, `npx wscat -c ${url}/chat`],
});
