// The socket client: sends `Hello, world!`, prints what comes back, and says so in words if nobody listens.
//
//     node examples/documents/tcp-client.mjs [PORT] [MESSAGE]
import { connect } from "node:net";

const [port = "1234", message = "Hello, world!"] = process.argv.slice(2);
const socket = connect(Number(port), "127.0.0.1");
socket.on("connect", () => socket.write(message));
socket.on("data", (bytes) => console.log(`Received: ${bytes}`));
socket.on("error", (error) => {
  console.error(
    `No conversation with 127.0.0.1:${port}: ${error.code === "ECONNREFUSED" ? "nobody listens there" : error.message}`,
  );
  process.exitCode = 1;
});
