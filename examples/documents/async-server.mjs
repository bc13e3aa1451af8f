// The asynchronous server: answers a request of HTTP by hand. It waits until the request's head is complete, and says how long its
// answer is; the tutorial's answered whatever came first, and left browsers to guess where its answer ended.
//
//     node examples/documents/async-server.mjs [PORT]
import { startLab, tcp } from "wirelab";

const lab = await startLab({ web: tcp({ port: Number(process.argv[2] ?? 1234), behaviour: "http" }) });
lab.events.subscribe((event) => {
  if (event.type === "frame") console.log(`Received '${event.preview}'`);
});
console.log(`Listening on http://127.0.0.1:${lab.servers.web.port}`);
process.once("SIGINT", () => lab.stop());
