// A server step by step, with what the tutorial's steps are here: the socket, the address (used again at once, as SO_REUSEADDR has
// it), the queue of those who wait (the backlog), accepting, reading, answering, closing.
//
//     node examples/documents/step-by-step.mjs [PORT]
import { createServer } from "node:net";

const server = createServer((socket) => {
  console.log(`4. accepted ${socket.remoteAddress}:${socket.remotePort}`);
  socket.once("data", (bytes) => {
    console.log(`5. Received: ${bytes}`);
    socket.end("Hello, client!");
    console.log("6. answered, and closed");
    server.close(() => console.log("7. closed the listening socket"));
  });
});
console.log("1. created the socket");
server.listen({ host: "127.0.0.1", port: Number(process.argv[2] ?? 9999), backlog: 5 }, () => {
  const { address, port } = server.address();
  console.log(`2. bound it to ${address}, port ${port}; Node sets SO_REUSEADDR`);
  console.log("3. listening, five may wait to be accepted");
});
