// The client that only reads: for a server that speaks first. To one that waits for a question it would wait for ever, as the
// tutorial's asynchronous pair did; so it gives up after two seconds.
//
//     node examples/documents/greeting-client.mjs [PORT]
import { connect } from "node:net";

const socket = connect(Number(process.argv[2] ?? 8080), "127.0.0.1");
socket.setTimeout(2000, () => {
  console.error("The server says nothing by itself: it waits for us, and we for it.");
  process.exitCode = 1;
  socket.destroy();
});
for await (const bytes of socket) console.log(`Received: ${bytes}`);
