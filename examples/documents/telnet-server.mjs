// The Telnet server: commands and text chat for everybody who comes, each in a session of their own; `quit` leaves. The tutorial's
// promised both and had neither, and took negotiation for text.
//
//     node examples/documents/telnet-server.mjs [PORT]      and telnet 127.0.0.1 2323, twice
import { startLab, telnet } from "wirelab";

const uptime = { summary: "how long the server runs", run: () => `${Math.round(process.uptime())} seconds` };
const lab = await startLab({
  shell: telnet({ port: Number(process.argv[2] ?? 2323), shell: { commands: { uptime } } }),
});
lab.events.subscribe((event) => {
  if (event.type === "command") console.log(`${event.connection}: ${event.verb} ${event.target ?? ""}`);
});
console.log(`Listening on ${lab.servers.shell.url}`);
process.once("SIGINT", () => lab.stop());
