// A client of datagrams: asks again when nothing comes back, because nobody else would notice that one was lost.
//
//     node examples/documents/udp-client.mjs [PORT]
import { createSocket } from "node:dgram";

const port = Number(process.argv[2] ?? 1235);
const socket = createSocket("udp4");
let attempts = 0;

function ask() {
  attempts += 1;
  if (attempts > 5) {
    console.error(`No answer from 127.0.0.1:${port} to five datagrams.`);
    process.exitCode = 1;
    socket.close();
    return;
  }
  socket.send("Hello, world!", port, "127.0.0.1");
  again = setTimeout(ask, 500);
}

let again;
socket.once("message", (bytes) => {
  clearTimeout(again);
  console.log(`Received: ${bytes}`);
  socket.close();
});
ask();
