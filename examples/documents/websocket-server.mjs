// The WebSocket server: a text message is taken for JSON and answered, a binary one is counted. Text that is no JSON gets an answer,
// too; the tutorial's broke the connection.
//
//     node examples/documents/websocket-server.mjs [PORT]
import { startLab, websocket } from "wirelab";

const lab = await startLab({ ws: websocket({ port: Number(process.argv[2] ?? 9000) }) });
lab.events.subscribe((event) => {
  if (event.type === "opened") console.log(`Client connecting: ${event.peer.host}:${event.peer.port}`);
  if (event.type === "reply" && event.code === 101) console.log("WebSocket connection open.");
  if (event.type === "frame" && event.kind === "text" && event.direction === "in")
    console.log(`Client said: ${event.preview}`);
  if (event.type === "closed") console.log(`WebSocket connection closed: ${event.reason}`);
});
console.log(`Listening on ${lab.servers.ws.url}`);
process.once("SIGINT", () => lab.stop());
