// Datagrams: no connection, no order, and none is sent again. The server sends each one back.
//
//     node examples/documents/udp-server.mjs [PORT]
import { startLab, udp } from "wirelab";

const lab = await startLab({ echo: udp({ port: Number(process.argv[2] ?? 1235) }) });
lab.events.subscribe((event) => {
  if (event.type === "frame" && event.direction === "in") console.log(`Received: ${event.preview}`);
});
console.log(`Listening on ${lab.servers.echo.url}`);
process.once("SIGINT", () => lab.stop());
