// A client of a Unix-domain socket.
//
//     node examples/documents/unix-client.mjs [PATH]
import { connect } from "node:net";
import { text } from "node:stream/consumers";

console.log(`Received: ${await text(connect(process.argv[2] ?? "/tmp/wirelab.sock").end("Hello!"))}`);
