// A WebSocket client: JSON, bytes, and text that is neither.
//
//     node examples/documents/websocket-client.mjs [PORT]
import { once } from "node:events";
import { WebSocket } from "ws";

const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2] ?? 9000}/`);
await once(socket, "open");
for (const message of ['{"greeting":"Hello, world!"}', Buffer.from([0, 1, 2]), "no JSON"]) {
  socket.send(message);
  const [answer] = await once(socket, "message");
  console.log(`${answer}`);
}
socket.close(1000, "that is all");
