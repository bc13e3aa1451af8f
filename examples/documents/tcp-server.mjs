// The socket server: answers `Hello, world!` to whoever sends something, and closes. It serves everybody, at the same time, and
// answers before it closes; the tutorial's served one client, and one version of it closed first.
//
//     node examples/documents/tcp-server.mjs [PORT]
import { startLab, tcp } from "wirelab";

const port = Number(process.argv[2] ?? 1234);
const lab = await startLab({ greeter: tcp({ port, behaviour: "hello" }) });
lab.events.subscribe((event) => {
  if (event.type === "opened") console.log(`Connection from: ${event.peer.host}:${event.peer.port}`);
  if (event.type === "frame") console.log(`Received: ${event.preview}`);
});
console.log(`Listening on ${lab.servers.greeter.url}`);
process.once("SIGINT", () => lab.stop());
