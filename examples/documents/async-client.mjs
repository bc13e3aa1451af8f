// The asynchronous client: asks first, and then reads to the end of the answer. The tutorial's read before it had asked.
//
//     node examples/documents/async-client.mjs [PORT]
import { connect } from "node:net";

const socket = connect(Number(process.argv[2] ?? 1234), "127.0.0.1");
socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
for await (const bytes of socket) console.log(bytes.toString());
