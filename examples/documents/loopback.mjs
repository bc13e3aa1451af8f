// A message to oneself: a server and a client in one program, on 127.0.0.1. The tutorial bound one socket and connected it to
// itself; a conversation has two ends.
//
//     node examples/documents/loopback.mjs
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { startLab, tcp } from "wirelab";

const lab = await startLab({ echo: tcp({ behaviour: "echo" }) });
const { host, port } = lab.servers.echo;
console.log(`Received: ${await text(connect(port, host).end("Hello, World!"))}`);
await lab.stop();
