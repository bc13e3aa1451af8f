// The server that speaks first: greets each client and closes, whatever it has to say.
//
//     node examples/documents/greeting-server.mjs [PORT]
import { startLab, tcp } from "wirelab";

const lab = await startLab({ greeter: tcp({ port: Number(process.argv[2] ?? 8080), behaviour: "greet" }) });
lab.events.subscribe(({ type, peer }) => {
  if (type === "opened") console.log(`Connection from: ${peer.host}:${peer.port}`);
}, "milestones");
console.log(`Listening on ${lab.servers.greeter.url}`);
process.once("SIGINT", () => lab.stop());
